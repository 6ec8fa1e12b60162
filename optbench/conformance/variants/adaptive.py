"""AdaGrad, RMSProp in its forms, AdaDelta and Adamax with knobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, lerp

from optbench.conformance.variants.family import Family, Turn
from optbench.core.optimizer import Oracle, State


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """Where a method that divides by past squares may differ; the defaults are RMSProp.

    Attributes:
        moment: `average` of the squares, their `sum`, the `latest`, the average `corrected` for its
            bias, or `lagging` one step behind.
        start: Of the moment at the start; `first` for the first squares.
        eps: `outside` the root, `inside` it, `largest` of the two, `none`.
        centred: Whether the squared mean is subtracted.
        momentum: `none`; of the `steps`, scaled; of the steps with the `rate` inside; of the
            `gradients`, before they are scaled.
        root: `square`, or `none`: the squares themselves divide.
    """

    moment: str = "average"
    start: float | str = 0.0
    eps: str = "outside"
    centred: bool = False
    momentum: str = "none"
    root: str = "square"


def _step(
    knobs: Knobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    v, mean, m = state
    lr, alpha = hyper["lr"], hyper.get("alpha", 0.0)
    beta, eps = hyper.get("beta", 0.0), hyper["eps"]
    g = oracle.gradient(x)
    square = g * g
    if t == 0:
        v = square if knobs.start == "first" else torch.full_like(v, float(knobs.start))
    old, v = v, v + square if knobs.moment == "sum" else lerp(v, square, 1 - alpha)
    mean = lerp(mean, g, 1 - alpha)
    used = {"latest": square, "lagging": old}.get(knobs.moment, v)
    used = used / (1 - alpha ** (t + 1)) if knobs.moment == "corrected" else used
    used = (used - mean * mean).clamp_min(0) if knobs.centred else used
    root = used.sqrt() if knobs.root == "square" else used
    below = {
        "outside": root + eps,
        "inside": (used + eps).sqrt(),
        "largest": torch.clamp(root, min=eps),
        "none": root,
    }[knobs.eps]
    if knobs.momentum == "gradients":
        m = beta * m + g
        return x - lr * m / below, (v, mean, m)
    m = beta * m + g / below
    return x - lr * (m if knobs.momentum == "steps" else g / below), (v, mean, m)


_TURNS = (
    Turn("epsilon inside the square root", {"eps": "inside"}, "TensorFlow's RMSProp"),
    Turn("the larger of the root and epsilon in the denominator", {"eps": "largest"}),
    Turn("no epsilon", {"eps": "none"}),
    Turn("the second moment is corrected for its bias", {"moment": "corrected"}),
    Turn("the second moment lags one step behind", {"moment": "lagging"}),
    Turn("the squares are of the latest gradient alone", {"moment": "latest"}),
    Turn("the squares are summed: it is AdaGrad", {"moment": "sum"}),
    Turn("the second moment starts at 1", {"start": 1.0}, "TensorFlow's RMSProp"),
    Turn("the second moment starts at the first squares", {"start": "first"}),
    Turn("the second moment starts at 0.1", {"start": 0.1}, "TensorFlow's AdaGrad"),
    Turn("the variance takes the place of the second moment", {"centred": True}, "Graves 2013"),
    Turn("the second moment takes the place of the variance", {"centred": False}),
    Turn("the momentum is of the gradients, before they are scaled", {"momentum": "gradients"}),
    Turn("there is no momentum", {"momentum": "none"}),
    Turn("there is no square root", {"root": "none"}),
)


def _family(base: Knobs) -> Family:
    return Family(base=base, step=_step, memory=3, turns=_TURNS)


@dataclass(frozen=True, kw_only=True)
class DeltaKnobs:
    """Where an AdaDelta may differ.

    Attributes:
        eps: `inside` both roots, `outside` them.
        average: Of what the numerator is the average: `delta`, or the `step` eta delta.
        order: `before` the numerator's update, as published, or `after`.
    """

    eps: str = "inside"
    average: str = "delta"
    order: str = "before"


def _delta_step(
    knobs: DeltaKnobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    del t
    v, u = state
    lr, rho, eps = hyper["lr"], hyper["rho"], hyper["eps"]
    g = oracle.gradient(x)
    v = lerp(v, g * g, 1 - rho)
    if knobs.order == "after":
        u = lerp(u, g * g, 1 - rho)
    top, below = (u + eps).sqrt(), (v + eps).sqrt()
    if knobs.eps == "outside":
        top, below = u.sqrt() + eps, v.sqrt() + eps
    delta = g * top / below
    kept = lr * delta if knobs.average == "step" else delta
    return x - lr * delta, (v, lerp(u, kept * kept, 1 - rho))


@dataclass(frozen=True, kw_only=True)
class MaxKnobs:
    """Where an Adamax may differ.

    Attributes:
        eps: `in the gradient`, `outside` the maximum, `largest` of the two, `none`.
        first: Bias correction of the first moment.
        old: Whether the largest gradient so far lags one step behind.
    """

    eps: str = "in the gradient"
    first: bool = True
    old: bool = False


def _max_step(
    knobs: MaxKnobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    m, u = state
    b1, b2, eps = hyper["beta1"], hyper["beta2"], hyper["eps"]
    g = oracle.gradient(x)
    m, old = lerp(m, g, 1 - b1), u
    inner = eps if knobs.eps == "in the gradient" else 0.0
    u = torch.maximum(b2 * u, g.abs() + inner)
    below = old if knobs.old else u
    below = below + eps if knobs.eps == "outside" else below
    below = torch.clamp(below, min=eps) if knobs.eps == "largest" else below
    m_hat = m / (1 - b1 ** (t + 1)) if knobs.first else m
    return x - hyper["lr"] * m_hat / below, (m, u)


FAMILIES = {
    "rmsprop": _family(Knobs()),
    "rmsprop_centered": _family(Knobs(centred=True)),
    "rmsprop_momentum": _family(Knobs(momentum="steps")),
    "adagrad": _family(Knobs(moment="sum")),
    "adadelta": Family(
        base=DeltaKnobs(),
        step=_delta_step,
        memory=2,
        turns=(
            Turn("epsilon outside the square roots", {"eps": "outside"}),
            Turn(
                "the numerator averages the step, learning rate and all",
                {"average": "step"},
                "the same as published where eta = 1, as in the paper",
            ),
            Turn("the numerator averages gradients", {"order": "after"}),
        ),
    ),
    "adamax": Family(
        base=MaxKnobs(),
        step=_max_step,
        memory=2,
        turns=(
            Turn("epsilon is added to the maximum", {"eps": "outside"}),
            Turn("the larger of maximum and epsilon", {"eps": "largest"}),
            Turn("no epsilon", {"eps": "none"}, "as published (Kingma and Ba 2015, algorithm 2)"),
            Turn("no bias correction", {"first": False}),
            Turn("the maximum lags one step behind", {"old": True}),
        ),
    ),
}
"""Each equation among the knobs."""
