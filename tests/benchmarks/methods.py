"""How fast batched sweeps are, for each coordinate-wise method, as ratios measured side by side.

    python tests/benchmarks/methods.py [--only adam,lion] [--record log]

For each method: 101 learning rates x 5 seeds, 1,000 steps, on a dense quadratic of 100 variables,
against the loop in numpy that a careful user would write for one run at a time, the value recorded
at every step. The loop is timed on every tenth rate of one seed and scaled up. Both take the same
50 steps, which is checked, so that the loops are what they are called.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable

import numpy as np

State = dict[str, np.ndarray]
Step = Callable[[np.ndarray, np.ndarray, State, int, float], np.ndarray]

DIM, SEEDS, STEPS, RATES, EVERY = 100, 5, 1000, "1e-5..1:101", 10
PROBLEM = f"quadratic:dim={DIM},kappa=100"


def _ema(s: State, name: str, value: np.ndarray, decay: float) -> np.ndarray:
    m = s.setdefault(name, np.zeros_like(value))
    m *= decay
    m += (1 - decay) * value
    return m


def _sum(s: State, name: str, value: np.ndarray, decay: float) -> np.ndarray:
    m = s.setdefault(name, np.zeros_like(value))
    m *= decay
    m += value
    return m


def _root(value: np.ndarray) -> np.ndarray:
    root: np.ndarray = np.sqrt(value)
    return root


def _adam(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    m, v = _ema(s, "m", g, 0.9), _ema(s, "v", g * g, 0.999)
    k = t + 1
    return x - lr / (1 - 0.9**k) * m / (_root(v / (1 - 0.999**k)) + 1e-8)


def _amsgrad(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    m, v = _ema(s, "m", g, 0.9), _ema(s, "v", g * g, 0.999)
    top = s.setdefault("top", np.zeros_like(x))
    np.maximum(top, v, out=top)
    k = t + 1
    return x - lr / (1 - 0.9**k) * m / (_root(top / (1 - 0.999**k)) + 1e-8)


def _adamw(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    return _adam(x * (1 - lr * 1e-2), g, s, t, lr)


def _adamax(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    m = _ema(s, "m", g, 0.9)
    u = s.setdefault("u", np.zeros_like(x))
    np.maximum(0.999 * u, np.abs(g) + 1e-8, out=u)
    return x - lr / (1 - 0.9 ** (t + 1)) * m / u


def _nesterov(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    return x - lr * (g + 0.9 * _sum(s, "m", g, 0.9))


def _adagrad(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    return x - lr * g / (_root(_sum(s, "s", g * g, 1.0)) + 1e-10)


def _rmsprop(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    return x - lr * g / (_root(_ema(s, "v", g * g, 0.99)) + 1e-8)


def _rmsprop_momentum(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    return x - lr * _sum(s, "m", g / (_root(_ema(s, "v", g * g, 0.99)) + 1e-8), 0.9)


def _adadelta(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    v = _ema(s, "v", g * g, 0.9)
    d = s.setdefault("d", np.zeros_like(x))
    step: np.ndarray = _root(d + 1e-6) / _root(v + 1e-6) * g
    _ema(s, "d", step * step, 0.9)
    return x - lr * step


def _lion(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    m = s.setdefault("m", np.zeros_like(x))
    step = np.sign(0.9 * m + 0.1 * g)
    _ema(s, "m", g, 0.99)
    return x - lr * step


def _schedule_free(x: np.ndarray, g: np.ndarray, s: State, t: int, lr: float) -> np.ndarray:
    # x is where the gradient is taken; z is the fast sequence, "x" the average that is recorded.
    z = s.setdefault("z", x.copy())
    average = s.setdefault("x", x.copy())
    z -= lr * g
    average += (z - average) / (t + 1)
    return 0.9 * average + 0.1 * z


METHODS: dict[str, Step] = {
    "gd": lambda x, g, s, t, lr: x - lr * g,
    "heavy_ball": lambda x, g, s, t, lr: x - lr * _sum(s, "m", g, 0.9),
    "heavy_ball_ema": lambda x, g, s, t, lr: x - lr * _ema(s, "m", g, 0.9),
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "rmsprop_momentum": _rmsprop_momentum,
    "adadelta": _adadelta,
    "adam": _adam,
    "amsgrad": _amsgrad,
    "adamw": _adamw,
    "adamax": _adamax,
    "signsgd": lambda x, g, s, t, lr: x - lr * np.sign(g),
    "signum": lambda x, g, s, t, lr: x - lr * np.sign(_ema(s, "m", g, 0.9)),
    "lion": _lion,
    "schedule_free_sgd": _schedule_free,
}


def loop(step: Step, A: np.ndarray, x: np.ndarray, lr: float, steps: int = STEPS) -> np.ndarray:
    """Return the last point of one run; the value is recorded at every step."""
    values = np.empty(steps + 1)
    state: State = {}
    for t in range(steps):
        g = A @ x
        values[t] = 0.5 * (x @ g)
        x = step(x, g, state, t, lr)
    return state.get("x", x)


def measure(method: str, record: str) -> None:
    """Print the ratio for one method, after a look at where both end."""
    import torch

    import optbench
    from optbench.core.spec import parse_one, parse_values
    from optbench.families.find import build_problem, complete_problem

    problem = build_problem(complete_problem(parse_one(PROBLEM)))
    A = problem.oracle(torch.eye(DIM, dtype=torch.float64))[1].numpy().copy()
    rates = [float(rate) for rate in parse_values(RATES)]
    started = time.perf_counter()
    with np.errstate(all="ignore"):
        for rate in rates[::EVERY]:
            loop(METHODS[method], A, problem.start(0).numpy().copy(), rate)
    looped = (time.perf_counter() - started) / len(rates[::EVERY]) * len(rates) * SEEDS

    run = functools.partial(optbench.run, PROBLEM, method, targets=(), jobs=2)
    swept = run(lr=RATES, seeds=SEEDS, budget=STEPS, record=record).engine_seconds
    # At the floor of a constant rate methods that normalise are chaotic, so this is over before.
    (short,) = run(lr="1e-3", budget=50, record_x=True).runs
    assert short.points is not None
    last = loop(METHODS[method], A, problem.start(0).numpy().copy(), 1e-3, steps=50)
    np.testing.assert_allclose(short.points[-1], last, atol=1e-10)
    print(f"{method:<20} {swept:7.3f} s  loop {looped:7.3f} s  ratio {looped / swept:6.1f}")


def main() -> None:
    """Measure the methods that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(METHODS))
    parser.add_argument("--record", default="log", choices=("log", "every"))
    arguments = parser.parse_args()
    for method in arguments.only.split(","):
        measure(method, arguments.record)


if __name__ == "__main__":
    main()
