"""How fast batched sweeps are, as ratios measured side by side.

    python tests/benchmarks/ratios.py [--pairs 5] [--only dense,rosenbrock,diagonal]

Each line compares optbench with the numpy loop that a careful user would write for one run at a
time: 101 learning rates x 5 seeds, 1,000 steps, the value recorded at every step. optbench's time
is
`engine_seconds` (advancing and recording); the pairs are interleaved, so that a machine whose speed
drifts slows down both, and the median ratio is what counts. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

STEPS = 1000
SEEDS = 5
RATES = "1e-5..1:101"

Oracle = Callable[[np.ndarray], tuple[float, np.ndarray]]


def numpy_gd(oracle: Oracle, x: np.ndarray, lr: float) -> np.ndarray:
    """Gradient descent as a loop."""
    values = np.empty(STEPS + 1)
    for t in range(STEPS):
        values[t], g = oracle(x)
        x = x - lr * g
    values[STEPS], _ = oracle(x)
    return values


def numpy_adam(oracle: Oracle, x: np.ndarray, lr: float) -> np.ndarray:
    """Adam as a loop, in place where that is faster."""
    b1, b2, eps = 0.9, 0.999, 1e-8
    m, v = np.zeros_like(x), np.zeros_like(x)
    values = np.empty(STEPS + 1)
    for t in range(STEPS):
        values[t], g = oracle(x)
        m *= b1
        m += (1 - b1) * g
        v *= b2
        v += (1 - b2) * g * g
        x = x - lr / (1 - b1 ** (t + 1)) * m / (np.sqrt(v / (1 - b2 ** (t + 1))) + eps)
    values[STEPS], _ = oracle(x)
    return values


def dense(matrix: np.ndarray) -> Oracle:
    """Quadratic with a full matrix."""

    def oracle(x: np.ndarray) -> tuple[float, np.ndarray]:
        g = matrix @ x
        return 0.5 * (x @ g), g

    return oracle


def diagonal(values: np.ndarray) -> Oracle:
    """Quadratic along the axes."""

    def oracle(x: np.ndarray) -> tuple[float, np.ndarray]:
        g = values * x
        return 0.5 * (x @ g), g

    return oracle


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Rosenbrock in n variables, b = 100."""
    r, s = x[1:] - x[:-1] ** 2, 1 - x[:-1]
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * r - 2 * s
    g[1:] += 200 * r
    return 100 * (r @ r) + s @ s, g


def loop_seconds(problem: str, optimizer: str) -> float:
    """Time the numpy loop over the whole sweep."""
    import torch

    from optbench.core.spec import parse_one, parse_values
    from optbench.families.find import build_problem, complete_problem

    built = build_problem(complete_problem(parse_one(problem)))
    dim = built.facts.dim
    rows = built.oracle(torch.eye(dim, dtype=torch.float64))[1].numpy()
    if problem.startswith("rosenbrock"):
        oracle: Oracle = rosenbrock
    elif "rotated=false" in problem:
        oracle = diagonal(np.ascontiguousarray(np.diag(rows)))
    else:
        oracle = dense(np.ascontiguousarray(rows))
    loop = {"gd": numpy_gd, "adam": numpy_adam}[optimizer]
    starts = [built.start(seed).numpy() for seed in range(SEEDS)]
    started = time.perf_counter()
    with np.errstate(all="ignore"):
        for rate in parse_values(RATES):
            for start in starts:
                loop(oracle, start.copy(), float(rate))
    return time.perf_counter() - started


def engine_seconds(problem: str, optimizer: str, record: str = "every") -> float:
    """Time optbench on the same sweep."""
    import optbench

    result = optbench.run(
        problem,
        optimizer,
        lr=RATES,
        seeds=SEEDS,
        budget=STEPS,
        targets=(),
        record=record,
        record_x=False,
        jobs=min(2, os.cpu_count() or 1),
    )
    return result.engine_seconds


def product_seconds(dim: int) -> float:
    """Time the sweep's matrix products alone, on the same number of threads."""
    import torch

    torch.set_num_threads(min(2, os.cpu_count() or 1))
    x, a = (
        torch.randn(101 * SEEDS, dim, dtype=torch.float64),
        torch.randn(dim, dim, dtype=torch.float64),
    )
    x @ a
    started = time.perf_counter()
    for _ in range(STEPS):
        x @ a
    return time.perf_counter() - started


def compare(name: str, ours: Callable[[], float], other: Callable[[], float], pairs: int) -> float:
    """Measure two things in turn and print the median ratio of the second to the first."""
    ratios, times = [], []
    for _ in range(pairs):
        a, b = ours(), other()
        ratios.append(b / a)
        times.append((a, b))
    ratio = statistics.median(ratios)
    mine, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{name:<58} {mine:8.3f} s {theirs:8.3f} s   ratio {ratio:6.2f}  ({spread})", flush=True)
    return ratio


def sweeps(only: set[str], pairs: int) -> Iterator[None]:
    """Print the comparisons that were asked for."""
    problems = {
        "dense": "quadratic:dim=100",
        "diagonal": "quadratic:dim=10,rotated=false",
        "rosenbrock": "rosenbrock:dim=10",
    }
    for key, problem in problems.items():
        if key not in only:
            continue
        for optimizer in ("gd", "adam"):
            for record in ("every", "log"):
                name = f"{optimizer} on {problem}, record={record}: numpy loop / optbench"
                compare(
                    name,
                    lambda o=optimizer, r=record, p=problem: engine_seconds(p, o, r),  # type: ignore[misc]
                    lambda o=optimizer, p=problem: loop_seconds(p, o),  # type: ignore[misc]
                    pairs,
                )
                if key == "dense":
                    compare(
                        f"{optimizer} on {problem}, record={record}: optbench / products alone",
                        lambda: product_seconds(100),
                        lambda o=optimizer, r=record, p=problem: engine_seconds(p, o, r),  # type: ignore[misc]
                        pairs,
                    )
        yield


def single(dim: int, pairs: int) -> None:
    """Compare one run with the plain torch loop that records the same."""
    import torch

    import optbench
    from optbench.core.spec import parse_one
    from optbench.engines.recorder import log_steps
    from optbench.families.find import build_problem, complete_problem

    steps, text = 300, f"quadratic:dim={dim}"
    built = build_problem(complete_problem(parse_one(text)))

    def ours() -> float:
        return optbench.run(text, "gd", lr=0.5, budget=steps, targets=()).engine_seconds

    def plain() -> float:
        torch.set_num_threads(1)
        x, logged = built.start(0)[None], frozenset(log_steps(steps))
        matrix = built.oracle(torch.eye(dim, dtype=torch.float64))[1]
        values, rows = [], []
        started = time.perf_counter()
        for t in range(steps + 1):
            g = x @ matrix
            values.append(0.5 * (x * g).sum(-1))
            if t in logged:
                rows.append((g.norm(dim=-1), x.norm(dim=-1)))
            x = x - 0.5 * g
        torch.stack(values).numpy()
        torch.stack([torch.stack(row) for row in rows]).numpy()
        return time.perf_counter() - started

    compare(f"one run, gd on {text}: optbench / plain torch loop", plain, ours, pairs)


def tuned_sweep() -> None:
    """Print the CPU time of 3 methods x 20 learning rates x 5 seeds, each to 1e-6.

    benchopt 1.10 took 12.4 CPU seconds beyond its start-up for such a sweep, a numpy loop 2.9.
    """
    import optbench

    optbench.run("quadratic", "gd", lr=1.0, budget=1)
    started = time.process_time()
    result = optbench.run(
        "quadratic:kappa=100",
        ["gd", "heavy_ball", "nesterov"],
        lr="1e-3..1:20",
        seeds=SEEDS,
        budget=STEPS,
        targets=(1e-6,),
    )
    cpu = time.process_time() - started
    print(
        f"3 methods x 20 learning rates x 5 seeds to 1e-6: {cpu:.2f} CPU s, {len(result.runs)} runs"
    )


def overhead() -> None:
    """Print what planning, hashing, storing and tables cost for one run of a sweep."""
    import tempfile

    import optbench

    with tempfile.TemporaryDirectory() as folder:
        # What is imported once belongs to the start-up.
        optbench.run("quadratic", "gd", lr=1.0, budget=9, seeds=3, results=f"{folder}/w").summary()
        started = time.process_time()
        result = optbench.run(
            "quadratic", "gd", lr=RATES, seeds=SEEDS, budget=STEPS, targets=(), results=folder
        )
        result.summary()
        cpu = time.process_time() - started
    count = len(result.runs)
    each = (cpu - result.engine_seconds) / count * 1e3
    print(f"planning, hashing, storing and tables: {each:.3f} ms a run, {count} runs")


def main() -> None:
    """Parse the options and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", default="dense,rosenbrock,diagonal,single,overhead,sweep")
    options = parser.parse_args()
    only = set(options.only.split(","))
    for _ in sweeps(only, options.pairs):
        pass
    if "single" in only:
        for dim in (100, 2000, 4000):
            single(dim, options.pairs)
    if "overhead" in only:
        overhead()
    if "sweep" in only:
        tuned_sweep()


if __name__ == "__main__":
    main()
