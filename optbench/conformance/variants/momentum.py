"""Gradient descent and momentum with knobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, lerp

from optbench.conformance.variants.family import Family, Turn
from optbench.core.optimizer import Oracle, State


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """Where a momentum method may differ; the defaults are the heavy ball in the sum form.

    Attributes:
        velocity: `sum` (m+ = beta m + g), `average` (1 - beta on g), `dampened` (an average whose
            first value is the whole gradient), `damped first` (a sum whose first is not).
        use: What the point moves along: the `new` velocity, the `old` one, the `look-ahead` g +
            beta m+, the `look-ahead average`, the `gradient` alone.
        at: Where the gradient is taken: the `point`, or `ahead` of it.
    """

    velocity: str = "sum"
    use: str = "new"
    at: str = "point"


def _step(
    knobs: Knobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    (m,) = state
    lr, beta = hyper["lr"], hyper["beta"]
    g = oracle.gradient(x - lr * beta * m if knobs.at == "ahead" else x)
    first = g if t == 0 else lerp(m, g, 1 - beta)
    new = {
        "sum": beta * m + g,
        "average": lerp(m, g, 1 - beta),
        "dampened": first,
        "damped first": beta * m + (1 - beta if t == 0 else 1) * g,
    }[knobs.velocity]
    along = {
        "new": new,
        "old": m,
        "look-ahead": g + beta * new,
        "look-ahead average": lerp(g, new, beta),
        "gradient": g,
    }[knobs.use]
    return x - lr * along, (new,)


_TURNS = (
    Turn(
        "the velocity is an average, not a sum: steps are 1 - beta as long",
        {"velocity": "average"},
        "the moving-average form: the sum form with the learning rate (1 - beta) eta",
    ),
    Turn("the velocity is a sum, not an average", {"velocity": "sum"}, "Polyak 1964"),
    Turn(
        "the velocity is an average whose first value is the whole gradient",
        {"velocity": "dampened"},
        "torch's SGD with dampening = momentum",
    ),
    Turn(
        "the first gradient is damped by 1 - beta, the others are not",
        {"velocity": "damped first"},
    ),
    Turn("the point moves along the velocity before its update", {"use": "old"}),
    Turn(
        "the point moves along g + beta m: it is Nesterov's momentum",
        {"use": "look-ahead"},
        "torch's SGD with nesterov=True",
    ),
    Turn(
        "the point moves along the average of gradient and velocity",
        {"use": "look-ahead average"},
    ),
    Turn("the point moves along the velocity alone: it is the heavy ball", {"use": "new"}),
    Turn("no momentum: it is gradient descent", {"use": "gradient"}),
    Turn("the gradient is taken at the look-ahead point", {"at": "ahead"}),
)


def _family(base: Knobs) -> Family:
    return Family(base=base, step=_step, memory=1, turns=_TURNS)


@dataclass(frozen=True, kw_only=True)
class SignKnobs:
    """Where a sign method may differ; the defaults are Lion's without its decay.

    Attributes:
        sign: Of what: the `mixture`; the `kept` average, after its update; the `gradient`.
        zero: What the sign of 0 is.
        smooth: `no`; `clip` to [-1, 1] instead of the sign; `tanh`.
    """

    sign: str = "mixture"
    zero: float = 0.0
    smooth: str = "no"


def _sign_step(
    knobs: SignKnobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    del t
    (m,) = state
    g = oracle.gradient(x)
    b1 = hyper.get("beta1", hyper.get("beta", 0.0))
    b2 = hyper.get("beta2", hyper.get("beta", 0.0))
    new = lerp(m, g, 1 - b2)
    along = {"mixture": lerp(m, g, 1 - b1), "kept": new, "gradient": g}[knobs.sign]
    sign = {"no": along.sign(), "clip": along.clamp(-1, 1), "tanh": torch.tanh(along)}[knobs.smooth]
    sign = torch.where(along == 0, knobs.zero, sign)
    decay = hyper.get("weight_decay", 0.0)
    return x - hyper["lr"] * (sign + decay * x), (new,)


_SIGN_TURNS = (
    Turn("the sign is of the kept average, after its update", {"sign": "kept"}),
    Turn("the sign is of the gradient: there is no momentum", {"sign": "gradient"}),
    Turn("the sign of 0 is 1", {"zero": 1.0}),
    Turn("the sign of 0 is -1", {"zero": -1.0}),
    Turn("the sign is replaced by a clip to [-1, 1]", {"smooth": "clip"}),
)


def _sign_family(base: SignKnobs) -> Family:
    return Family(base=base, step=_sign_step, memory=1, turns=_SIGN_TURNS)


FAMILIES = {
    "heavy_ball": _family(Knobs()),
    "heavy_ball_ema": _family(Knobs(velocity="average")),
    "nesterov": _family(Knobs(use="look-ahead")),
    "lion": _sign_family(SignKnobs()),
    "signum": _sign_family(SignKnobs(sign="kept")),
    "signsgd": _sign_family(SignKnobs(sign="gradient")),
}
"""Each equation among the knobs."""
