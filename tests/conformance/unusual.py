"""Honest optimizers in unusual styles, and bugs that hide: late, small, or behind a name."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from tests.conformance.mutants import (
    ADAM,
    LAMB,
    MOMENTUM,
    Hyper,
    State,
    Update,
    adam,
    ema,
    kept,
    old,
    steps,
    total,
)


def _efficient_adam(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """Adam in the order of the paper's section 2, whose epsilon is scaled for it."""
    late = math.sqrt(1 - h["beta2"] ** steps(s))
    m = kept(s, "m", old(s, "m", g) + (1 - h["beta1"]) * (g - old(s, "m", g)))
    v = ema(s, "v", g.square(), h["beta2"])
    rate = h["lr"] * late / (1 - h["beta1"] ** steps(s))
    return p - rate * m / (v.sqrt() + h["eps"] * late)


def _displacement(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """The heavy ball by the last two points, without a velocity."""
    before: Tensor = s.get("before", p)
    s["before"] = p
    return p - h["lr"] * g + h["momentum"] * (p - before)


def _folded(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """Nesterov's sequence y, worked out from x."""
    x = p - h["lr"] * g
    ahead: Tensor = x + h["momentum"] * (x - s.get("x", p))
    s["x"] = x
    return ahead


def _numpy_lamb(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    """LAMB in numpy, moments kept as sums."""
    m = total(s, "m", g, h["beta1"]).numpy() * (1 - h["beta1"])
    v = total(s, "v", g * g, h["beta2"]).numpy() * (1 - h["beta2"])
    m, v = m / (1 - h["beta1"] ** steps(s)), v / (1 - h["beta2"] ** steps(s))
    u = torch.from_numpy(m / (v**0.5 + h["eps"])) + h["weight_decay"] * p
    top, below = math.sqrt(float((p * p).sum())), math.sqrt(float((u * u).sum()))
    return p - h["lr"] * (top / below if top > 0 and below > 0 else 1.0) * u


HONEST: dict[str, tuple[str, Update, dict[str, float]]] = {
    "efficient adam": ("adam", _efficient_adam, ADAM),
    "displacements": ("heavy_ball", _displacement, MOMENTUM),
    "folded Nesterov": ("nesterov", _folded, MOMENTUM),
    "LAMB in numpy": ("lamb", _numpy_lamb, LAMB),
}
"""What to an equation, and an implementation of it that conforms."""


def _rounded_count(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    exact = s["k"]
    s["k"] = float(torch.tensor(exact).bfloat16())
    step: Tensor = h["lr"] * _direction(g, s, h, s["k"])
    s["k"] = exact
    return p - step


def _direction(g: Tensor, s: State, h: Hyper, k: float) -> Tensor:
    m, v = ema(s, "m", g, h["beta1"]), ema(s, "v", g * g, h["beta2"])
    m_hat, v_hat = m / (1 - float(h["beta1"] ** k)), v / (1 - float(h["beta2"] ** k))
    return m_hat / (v_hat.sqrt() + h["eps"])


def _correction_ends(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return p - h["lr"] * _direction(g, s, h, steps(s) if steps(s) < 50 else 10**6)


def _restarts(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    if steps(s) % 100 == 0:
        s["m"] = torch.zeros_like(p)
    return p - h["lr"] * total(s, "m", g, h["momentum"])


def _small_gradients_dropped(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    g = torch.where(g.abs() < 1e-7, 0.0, g)
    return p - h["lr"] * g / (total(s, "v", g * g, 1.0).sqrt() + h["eps"])


def _short_lamb(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    u = _direction(g, s, h, steps(s)) + h["weight_decay"] * p
    ratio = float(p.norm() / u.norm()) if p.norm() > 0 and u.norm() > 0 else 1.0
    return p - h["lr"] * min(1.0, ratio) * u


def _this_momentum_twice(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    k = steps(s)
    mu: float = h["beta1"] * (1 - 0.5 * 0.96 ** (k * h["momentum_decay"]))
    s["product"] = mu * s.get("product", 1.0)
    m, v = ema(s, "m", g, h["beta1"]), ema(s, "v", g * g, h["beta2"])
    product: float = s["product"]
    ahead = mu * m / (1 - product * mu) + (1 - mu) * g / (1 - product)
    return p - h["lr"] * ahead / ((v / (1 - h["beta2"] ** k)).sqrt() + h["eps"])


def _shrinking(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return (1 - 1e-6) * adam(p, g, s, h)


def _double_eps(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    return adam(p, g, s, {**h, "eps": 2 * h["eps"]})


def _no_number(p: Tensor, g: Tensor, s: State, h: Hyper) -> Tensor:
    del g, s, h
    return torch.full_like(p, math.nan)


HIDDEN: dict[str, tuple[str, Update, dict[str, float], str]] = {
    "a step count in bfloat16": ("adam", _rounded_count, ADAM, ""),
    "bias correction ends at 50": ("adam", _correction_ends, ADAM, ""),
    "velocity restarts at 100": ("heavy_ball", _restarts, MOMENTUM, ""),
    "gradients below 1e-7 dropped": (
        "adagrad",
        _small_gradients_dropped,
        {"lr": 1e-2, "eps": 1e-10},
        "",
    ),
    "lamb: ratio at most 1": ("lamb", _short_lamb, LAMB, ""),
    "nadam: mu for the next mu": (
        "nadam",
        _this_momentum_twice,
        {**ADAM, "lr": 2e-3, "momentum_decay": 4e-3},
        "",
    ),
    "points shrink by 1e-6": ("adam", _shrinking, ADAM, ""),
    "eps counts twice": ("adam", _double_eps, ADAM, "eps counts twice"),
    "not a number": ("heavy_ball", _no_number, MOMENTUM, ""),
}
"""Bug to its equation, the update, the defaults, and the diagnosis; empty where none is known."""


class AnyKeyword(torch.optim.Optimizer):
    """Gradient descent whose constructor hides its learning rate."""

    def __init__(self, params: Any, **hyper: float) -> None:
        """Start."""
        super().__init__(params, {"lr": 0.1, **hyper})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad)


class OtherKey(AnyKeyword):
    """Gradient descent whose groups call the learning rate otherwise than its constructor."""

    def __init__(self, params: Any, learning_rate: float = 0.1) -> None:
        """Start."""
        super().__init__(params, lr=learning_rate)
