"""Optimizers written once more, plainly, one tensor at a time; and the same with one bug each."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from optbench.conformance.equations import equations
from optbench.conformance.variants.general import with_step
from optbench.core.optimizer import Oracle, UpdateRule

State = dict[str, Any]
Hyper = dict[str, float]
Update = Callable[[Tensor, Tensor, State, Hyper], Tensor]
"""Parameter, gradient, its state (`k` counts steps from 1) and hyperparameters to the new one."""


def optimizer(update: Update, **defaults: float) -> type[torch.optim.Optimizer]:
    """Return a class in torch's form that applies an update to each parameter."""

    class Mine(torch.optim.Optimizer):
        def __init__(self, params: Any, **hyper: float) -> None:
            super().__init__(params, {**defaults, **hyper})

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            del closure
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        state = self.state[p]
                        state["k"] = state.get("k", 0) + 1
                        p.copy_(update(p.clone(), p.grad, state, group))

    keyword = inspect.Parameter.KEYWORD_ONLY
    arguments = [inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    arguments += [inspect.Parameter(n, keyword, default=v) for n, v in defaults.items()]
    Mine.__signature__ = inspect.Signature(arguments)  # type: ignore[attr-defined]
    return Mine


def steps(state: State) -> int:
    """Return the number of steps, this one included."""
    return int(state["k"])


def old(state: State, name: str, like: Tensor, start: float = 0.0) -> Tensor:
    """Return a tensor of the state, which starts as a constant."""
    found: Tensor = state.get(name, torch.full_like(like, start))
    return found


def kept(state: State, name: str, value: Tensor) -> Tensor:
    """Keep a tensor in the state and return it."""
    state[name] = value
    return value


def ema(state: State, name: str, value: Tensor, beta: float, start: float = 0.0) -> Tensor:
    """Update a moving average in the state and return it."""
    return kept(state, name, beta * old(state, name, value, start) + (1 - beta) * value)


def total(state: State, name: str, value: Tensor, beta: float, start: float = 0.0) -> Tensor:
    """Update a decaying sum in the state and return it."""
    return kept(state, name, beta * old(state, name, value, start) + value)


ADAM = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
ADAMW = {**ADAM, "weight_decay": 1e-2}
LAMB = {**ADAM, "eps": 1e-6, "weight_decay": 1e-2}
MOMENTUM = {"lr": 0.1, "momentum": 0.9}
RMSPROP = {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8}
LION = {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}
LARS = {"lr": 1.0, "momentum": 0.9, "trust": 1e-3, "weight_decay": 0.0}


def adam_direction(g: Tensor, s: State, h: Hyper) -> Tensor:
    """Return Adam's direction, as published."""
    m, v = ema(s, "m", g, h["beta1"]), ema(s, "v", g * g, h["beta2"])
    m_hat, v_hat = m / (1 - h["beta1"] ** steps(s)), v / (1 - h["beta2"] ** steps(s))
    return m_hat / (v_hat.sqrt() + h["eps"])


def adam(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """Adam."""
    return p - h["lr"] * adam_direction(g, s, h)


def adamw(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """AdamW."""
    return p - h["lr"] * adam_direction(g, s, h) - h["lr"] * h["weight_decay"] * p


def amsgrad(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """AMSGrad."""
    m, v = ema(s, "m", g, h["beta1"]), ema(s, "v", g * g, h["beta2"])
    w_hat = kept(s, "w", torch.maximum(old(s, "w", v), v)) / (1 - h["beta2"] ** steps(s))
    return p - h["lr"] * m / (1 - h["beta1"] ** steps(s)) / (w_hat.sqrt() + h["eps"])


def heavy_ball(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """Polyak's momentum."""
    return p - h["lr"] * total(s, "m", g, h["momentum"])


def nesterov(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """Nesterov's momentum."""
    return p - h["lr"] * (g + h["momentum"] * total(s, "m", g, h["momentum"]))


def rmsprop(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """RMSProp."""
    return p - h["lr"] * g / (ema(s, "v", g * g, h["alpha"]).sqrt() + h["eps"])


def adagrad(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """AdaGrad."""
    return p - h["lr"] * g / (total(s, "v", g * g, 1.0).sqrt() + h["eps"])


def lion(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """Lion."""
    mixture = h["beta1"] * old(s, "m", g) + (1 - h["beta1"]) * g
    ema(s, "m", g, h["beta2"])
    return p - h["lr"] * (mixture.sign() + h["weight_decay"] * p)


def lars(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """LARS."""
    top, below = p.norm(), g.norm() + h["weight_decay"] * p.norm()
    ratio = h["trust"] * top / below if top > 0 and below > 0 else 1.0
    return p - total(s, "m", h["lr"] * ratio * (g + h["weight_decay"] * p), h["momentum"])


def lamb(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """LAMB."""
    u = adam_direction(g, s, h) + h["weight_decay"] * p
    ratio = p.norm() / u.norm() if p.norm() > 0 and u.norm() > 0 else 1.0
    return p - h["lr"] * ratio * u


PLAIN: dict[str, tuple[Update, dict[str, float]]] = {
    "adam": (adam, ADAM),
    "amsgrad": (amsgrad, ADAM),
    "adamw": (adamw, ADAMW),
    "heavy_ball": (heavy_ball, MOMENTUM),
    "nesterov": (nesterov, MOMENTUM),
    "rmsprop": (rmsprop, RMSPROP),
    "adagrad": (adagrad, {"lr": 1e-2, "eps": 1e-10}),
    "lion": (lion, LION),
    "lars": (lars, LARS),
    "lamb": (lamb, LAMB),
}
"""Equation to an implementation of it that shares no code with ours."""


def _v(s: State, g: Tensor, h: Hyper) -> Tensor:
    return ema(s, "v", g * g, h["beta2"])


def _m(s: State, g: Tensor, h: Hyper) -> Tensor:
    return ema(s, "m", g, h["beta1"])


def _hats(s: State, g: Tensor, h: Hyper, k: int | None = None) -> tuple[Tensor, Tensor]:
    count = steps(s) if k is None else k
    return _m(s, g, h) / (1 - h["beta1"] ** count), _v(s, g, h) / (1 - h["beta2"] ** count)


def _eps_inside(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    m, v = _hats(s, g, h)
    return p - h["lr"] * m / (v + h["eps"]).sqrt()


def _eps_before(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    m, v = _m(s, g, h), _v(s, g, h)
    rate = h["lr"] * math.sqrt(1 - h["beta2"] ** steps(s)) / (1 - h["beta1"] ** steps(s))
    return p - rate * m / (v.sqrt() + h["eps"])


def _late_count(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    m, v = _hats(s, g, h, steps(s) + 1)
    return p - h["lr"] * m / (v.sqrt() + h["eps"])


def _no_bias_correction(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return p - h["lr"] * _m(s, g, h) / (_v(s, g, h).sqrt() + h["eps"])


def _swapped(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return adam(p, g, s, {**h, "beta1": h["beta2"], "beta2": h["beta1"]})


def _max_after(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    m, v = _hats(s, g, h)
    w = kept(s, "w", torch.maximum(old(s, "w", v), v))
    return p - h["lr"] * m / (w.sqrt() + h["eps"])


def _decay_after(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return adam(p, g, s, h) * (1 - h["lr"] * h["weight_decay"])


def _l2(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return adam(p, g + h["weight_decay"] * p, s, h)


def _unscaled_decay(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return adam(p, g, s, h) - h["weight_decay"] * p


def _squared_decay(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return adam(p, g, s, h) - h["lr"] ** 2 * h["weight_decay"] * p


def _ema_momentum(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return p - h["lr"] * ema(s, "m", g, h["momentum"])


def _damped_first(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    part = 1 - h["momentum"] if steps(s) == 1 else 1.0
    return p - h["lr"] * total(s, "m", part * g, h["momentum"])


def _dampened(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    average = h["momentum"] * old(s, "m", g) + (1 - h["momentum"]) * g
    return p - h["lr"] * kept(s, "m", g.clone() if steps(s) == 1 else average)


def _old_velocity(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    before = old(s, "m", g)
    total(s, "m", g, h["momentum"])
    return p - h["lr"] * before


def _corrected_rmsprop(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    v = ema(s, "v", g * g, h["alpha"]) / (1 - h["alpha"] ** steps(s))
    return p - h["lr"] * g / (v.sqrt() + h["eps"])


def _adadelta_outside(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    v, u = ema(s, "v", g * g, h["rho"]), old(s, "u", g)
    delta = g * (u.sqrt() + h["eps"]) / (v.sqrt() + h["eps"])
    ema(s, "u", delta * delta, h["rho"])
    return p - h["lr"] * delta


def _adadelta_rate(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    v, u = ema(s, "v", g * g, h["rho"]), old(s, "u", g)
    step = h["lr"] * g * ((u + h["eps"]) / (v + h["eps"])).sqrt()
    ema(s, "u", step * step, h["rho"])
    return p - step


def _adamax_outside(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    u = kept(s, "u", torch.maximum(h["beta2"] * old(s, "u", g), g.abs()))
    return p - h["lr"] * _m(s, g, h) / (1 - h["beta1"] ** steps(s)) / (u + h["eps"])


def _adamax_undecayed(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    u = kept(s, "u", torch.maximum(old(s, "u", g), g.abs() + h["eps"]))
    return p - h["lr"] * _m(s, g, h) / (1 - h["beta1"] ** steps(s)) / u


def _lion_kept(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return p - h["lr"] * (ema(s, "m", g, h["beta2"]).sign() + h["weight_decay"] * p)


def _lion_zero(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    mixture = h["beta1"] * old(s, "m", g) + (1 - h["beta1"]) * g
    ema(s, "m", g, h["beta2"])
    sign = torch.where(mixture >= 0, 1.0, -1.0).to(p)
    return p - h["lr"] * (sign + h["weight_decay"] * p)


def _sign_zero(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return p - h["lr"] * torch.where(g >= 0, 1.0, -1.0).to(p)


def _lars_without_decay(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    ratio = h["trust"] * p.norm() / g.norm() if p.norm() > 0 and g.norm() > 0 else 1.0
    return p - total(s, "m", h["lr"] * ratio * (g + h["weight_decay"] * p), h["momentum"])


def _lamb_uncorrected(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    u = _m(s, g, h) / (_v(s, g, h).sqrt() + h["eps"]) + h["weight_decay"] * p
    ratio = p.norm() / u.norm() if p.norm() > 0 and u.norm() > 0 else 1.0
    return p - h["lr"] * ratio * u


def _lamb_bare(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    adam_part = adam_direction(g, s, h)
    both = p.norm() > 0 and adam_part.norm() > 0
    ratio = p.norm() / adam_part.norm() if both else 1.0
    return p - h["lr"] * ratio * (adam_part + h["weight_decay"] * p)


def _single(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return p - (h["lr"] * adam_direction(g.float(), s, h)).double()


def _absolute(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    m = _m(s, g, h) / (1 - h["beta1"] ** steps(s))
    v = ema(s, "v", g.abs(), h["beta2"]) / (1 - h["beta2"] ** steps(s))
    return p - h["lr"] * m / (v + h["eps"])


def _with(update: Update, **values: float) -> Update:
    return lambda p, g, s, h: update(p, g, s, {**h, **values})


def _on(update: Update, gradient: Callable[[Tensor], Tensor]) -> Update:
    return lambda p, g, s, h: update(p, gradient(g), s, h)


DELTA = {"lr": 1.0, "rho": 0.9, "eps": 1e-6}
MAX = {**ADAM, "lr": 2e-3}

BUGS: dict[str, tuple[str, Update, dict[str, float], str]] = {
    "no bias correction": ("adam", _no_bias_correction, ADAM, "no bias correction"),
    "eps inside the root": ("adam", _eps_inside, ADAM, "epsilon inside the square root"),
    "eps before correction": ("adam", _eps_before, ADAM, "epsilon added before"),
    "count from two": ("adam", _late_count, ADAM, "the step count starts one too late"),
    "betas exchanged": ("adam", _swapped, ADAM, "beta1 and beta2 are exchanged"),
    "beta2 ignored": ("adam", _with(adam, beta2=0.999), ADAM, "beta2 is ignored"),
    "eps ignored": ("adam", _with(adam, eps=1e-8), ADAM, "eps is ignored"),
    "no eps": ("adam", _with(adam, eps=0.0), ADAM, "no epsilon"),
    "gradient ascent": ("adam", _on(adam, torch.neg), ADAM, "sign is flipped"),
    "absolute values for squares": ("adam", _absolute, ADAM, ""),
    "single precision inside": ("adam", _single, ADAM, "single precision"),
    "two mistakes at once": (
        "adam",
        lambda p, g, s, h: p - h["lr"] * _m(s, g, h) / (_v(s, g, h) + h["eps"]).sqrt(),
        ADAM,
        "no bias correction and epsilon inside the square root",
    ),
    "no maximum": ("amsgrad", adam, ADAM, "no maximum: it is Adam"),
    "maximum after correction": ("amsgrad", _max_after, ADAM, "maximum is taken after"),
    "decay after the step": ("adamw", _decay_after, ADAMW, "on the point after the step"),
    "L2 instead of decay": ("adamw", _l2, ADAMW, "added to the gradient (L2)"),
    "decay without lr": ("adamw", _unscaled_decay, ADAMW, "not multiplied by the learning rate"),
    "no decay": ("adamw", adam, ADAMW, "weight"),
    "decay times lr squared": ("adamw", _squared_decay, ADAMW, ""),
    "EMA momentum, lr not rescaled": ("heavy_ball", _ema_momentum, MOMENTUM, "an average"),
    "damped first momentum": ("heavy_ball", _damped_first, MOMENTUM, "first gradient"),
    "torch's dampening": ("heavy_ball", _dampened, MOMENTUM, "whole gradient"),
    "old velocity": ("heavy_ball", _old_velocity, MOMENTUM, "velocity before its update"),
    "Nesterov for heavy ball": ("heavy_ball", nesterov, MOMENTUM, "Nesterov's momentum"),
    "heavy ball for Nesterov": ("nesterov", heavy_ball, MOMENTUM, "it is the heavy ball"),
    "rmsprop: eps inside": (
        "rmsprop",
        lambda p, g, s, h: p - h["lr"] * g / (ema(s, "v", g * g, h["alpha"]) + h["eps"]).sqrt(),
        RMSPROP,
        "epsilon inside the square root",
    ),
    "rmsprop: bias corrected": ("rmsprop", _corrected_rmsprop, RMSPROP, "corrected for its bias"),
    "rmsprop: starts at 1": (
        "rmsprop",
        lambda p, g, s, h: (
            p - h["lr"] * g / (ema(s, "v", g * g, h["alpha"], 1.0).sqrt() + h["eps"])
        ),
        RMSPROP,
        "starts at 1",
    ),
    "rmsprop: alpha on the new": (
        "rmsprop",
        lambda p, g, s, h: rmsprop(p, g, s, {**h, "alpha": 1 - h["alpha"]}),
        RMSPROP,
        "1 - alpha stands in the place of alpha",
    ),
    "not centred": ("rmsprop_centered", rmsprop, RMSPROP, "takes the place of the variance"),
    "adagrad: starts at 0.1": (
        "adagrad",
        lambda p, g, s, h: p - h["lr"] * g / (total(s, "v", g * g, 1.0, 0.1).sqrt() + h["eps"]),
        {"lr": 1e-2, "eps": 1e-10},
        "starts at 0.1",
    ),
    "adagrad: no root": (
        "adagrad",
        lambda p, g, s, h: p - h["lr"] * g / (total(s, "v", g * g, 1.0) + h["eps"]),
        {"lr": 1e-2, "eps": 1e-10},
        "no square root",
    ),
    "adadelta: eps outside": ("adadelta", _adadelta_outside, DELTA, "outside the square roots"),
    "adadelta: lr in the average": ("adadelta", _adadelta_rate, DELTA, "averages the step"),
    "adamax: eps outside": ("adamax", _adamax_outside, MAX, "added to the maximum"),
    "adamax: maximum never decays": ("adamax", _adamax_undecayed, MAX, ""),
    "lion: betas exchanged": (
        "lion",
        lambda p, g, s, h: lion(p, g, s, {**h, "beta1": h["beta2"], "beta2": h["beta1"]}),
        LION,
        "exchanged",
    ),
    "lion: sign of the kept average": ("lion", _lion_kept, LION, "kept average"),
    "lion: sign of zero": ("lion", _lion_zero, LION, "the sign of 0 is 1"),
    "lion: L2": (
        "lion",
        lambda p, g, s, h: lion(p, g + h["weight_decay"] * p, s, {**h, "weight_decay": 0.0}),
        LION,
        "L2",
    ),
    "signsgd: sign of zero": ("signsgd", _sign_zero, {"lr": 1e-3}, "the sign of 0 is 1"),
    "lars: ratio without decay": ("lars", _lars_without_decay, LARS, "ratio leaves out the decay"),
    "lars: lr ignored": ("lars", _with(lars, lr=1.0), LARS, "lr is ignored"),
    "lamb: no bias correction": ("lamb", _lamb_uncorrected, LAMB, "no bias correction"),
    "lamb: ratio without decay": ("lamb", _lamb_bare, LAMB, "ratio leaves out the decay"),
    "lamb: no ratio": ("lamb", adamw, LAMB, "no trust ratio"),
    "clipped gradients": (
        "adagrad",
        _on(adagrad, lambda g: g.clamp(-1, 1)),
        {"lr": 1e-2, "eps": 1e-10},
        "",
    ),
}
"""Bug to its equation, the update with the bug, the defaults, and a part of the diagnosis."""


def _lean(rule: str, step: Callable[..., Any]) -> UpdateRule:
    return with_step(equations()[rule], step)


def _late_index(
    x: Tensor, state: Any, oracle: Oracle, t: int, **hyper: float
) -> tuple[Tensor, Any]:
    return equations()["nesterov_convex"].step(x, state, oracle, t + 1, **hyper)


def _hidden_look_ahead(
    x: Tensor, state: Any, oracle: Oracle, t: int, *, lr: float = 0.1, beta: float = 0.9
) -> tuple[Tensor, Any]:
    (m,) = state
    m = beta * m + oracle.gradient(x - lr * beta * m)
    return x - lr * m, (m,)


def _half_hessian(
    x: Tensor, state: Any, oracle: Oracle, t: int, *, lr: float = 1.0, damping: float = 0.0
) -> tuple[Tensor, Any]:
    matrix = oracle.hessian(x)
    return x - lr * torch.linalg.solve(2 * matrix, oracle.gradient(x)), state


def _wrong_exponent(
    x: Tensor, state: Any, oracle: Oracle, t: int, **hyper: float
) -> tuple[Tensor, Any]:
    x_next, state = equations()["shampoo"].step(x, state, oracle, t, **hyper)
    return x + 0.5 * (x_next - x), state


def _lost_column(
    x: Tensor, state: Any, oracle: Oracle, t: int, **hyper: float
) -> tuple[Tensor, Any]:
    x_next, new = equations()["shampoo"].step(x, state, oracle, t, **hyper)
    return x_next, (new[0], state[1], *new[2:])


def _mean_of_curvature(
    x: Tensor, state: Any, oracle: Oracle, t: int, **hyper: float
) -> tuple[Tensor, Any]:
    return equations()["sophia_h"].step(x, state, oracle, t, **{**hyper, "lr": 1.1 * hyper["lr"]})


def _early_average(
    x: Tensor, state: Any, oracle: Oracle, t: int, **hyper: float
) -> tuple[Tensor, Any]:
    z, largest, total = state
    x_next, (z, largest, total) = equations()["schedule_free_sgd"].step(
        x, (z, largest, total + (hyper["lr"] ** 2 if t == 0 else 0.0)), oracle, t, **hyper
    )
    return x_next, (z, largest, total)


RULE_BUGS: dict[str, tuple[str, UpdateRule, set[str]]] = {
    "NAG momentum index off by one": (
        "nesterov_convex",
        _lean("nesterov_convex", _late_index),
        {"NAG-03"},
    ),
    "look-ahead inside heavy ball": (
        "heavy_ball",
        UpdateRule(step=_hidden_look_ahead, memory=1),
        {"HB-02", "HB-03", "closed-loop"},
    ),
    "half a Newton step": ("newton", UpdateRule(step=_half_hessian), {"NT-01", "NT-07"}),
    "half a Shampoo step": ("shampoo", _lean("shampoo", _wrong_exponent), {"SH-01", "SH-04"}),
    "Shampoo forgets its columns": (
        "shampoo",
        _lean("shampoo", _lost_column),
        {"trajectory-matrices"},
    ),
    "Sophia steps too far": ("sophia_h", _lean("sophia_h", _mean_of_curvature), {"SP-01"}),
    "averaging counts the start twice": (
        "schedule_free_sgd",
        _lean("schedule_free_sgd", _early_average),
        {"first-step"},
    ),
}
"""Bug to its equation, a rule that has it, and checks that must catch it."""
