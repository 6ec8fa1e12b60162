"""LARS, Adafactor, Shampoo and Schedule-Free with knobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, lerp

from optbench.conformance.variants.family import Family, Turn
from optbench.core.optimizer import Oracle, State


@dataclass(frozen=True, kw_only=True)
class LarsKnobs:
    """Where a LARS may differ.

    Attributes:
        ratio: `whole`, the norm of g and lambda times that of x in the denominator; `bare`, the
            norm of g alone; `joint`, the norm of g + lambda x; `none`.
        order: What the momentum sums: `scaled` steps, or `raw` gradients that are scaled after.
    """

    ratio: str = "whole"
    order: str = "scaled"


def _lars_step(
    knobs: LarsKnobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    del t
    (m,) = state
    layout, decay = oracle.layout, hyper["weight_decay"]
    g = oracle.gradient(x)
    full = g + decay * x
    size = layout.norms(x)
    below = {
        "whole": layout.norms(g) + decay * size,
        "bare": layout.norms(g),
        "joint": layout.norms(full),
        "none": torch.zeros_like(size),
    }[knobs.ratio]
    ratio = torch.where((size > 0) & (below > 0), hyper["trust"] * size / below, 1.0)
    if knobs.order == "raw":
        m = hyper["beta"] * m + full
        return x - hyper["lr"] * ratio * m, (m,)
    m = hyper["beta"] * m + hyper["lr"] * ratio * full
    return x - m, (m,)


@dataclass(frozen=True, kw_only=True)
class FactorKnobs:
    """Where an Adafactor may differ; the defaults are torch's.

    Attributes:
        eps: `clamped`, sqrt(V) is at least the machine epsilon; `added`, 1e-30 to the squares.
        decay: What multiplies lambda: the `lr`, or the `effective` rate of the step.
        factored: Whether matrices are factored.
        relative: Whether the step is in proportion to the size of x.
    """

    eps: str = "clamped"
    decay: str = "lr"
    factored: bool = True
    relative: bool = True


def _factor_step(
    knobs: FactorKnobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    """Take one step; the state holds the squares in full, whose means are the factors."""
    (v,) = state
    k, layout = t + 1, oracle.layout
    g = oracle.gradient(x)
    floor = torch.finfo(x.dtype).eps if knobs.eps == "clamped" else 0.0
    v = lerp(v, g * g + (1e-30 if knobs.eps == "added" else 0.0), k ** hyper["beta2_decay"])
    parts = []
    for part in layout.split(v):
        if part.dim() > 2 and knobs.factored:
            rows, columns = part.mean(-1, keepdim=True), part.mean(-2, keepdim=True)
            part = rows @ columns / rows.mean(-2, keepdim=True).clamp_min(floor)
        parts.append(part)
    u = g * layout.join(parts).clamp_min(floor * floor).rsqrt()
    count = layout.norms(torch.ones_like(x))
    size = (layout.norms(x) / count).clamp_min(hyper["eps2"])
    rate = min(hyper["lr"], k**-0.5) * (size if knobs.relative else 1.0)
    excess = (layout.norms(u) / count / hyper["clip"]).clamp_min(1)
    decay = hyper["weight_decay"] * (hyper["lr"] if knobs.decay == "lr" else rate)
    return x - decay * x - rate * u / excess, (v,)


@dataclass(frozen=True, kw_only=True)
class FreeKnobs:
    """Where a Schedule-Free AdamW may differ; the defaults are the package's.

    Attributes:
        correction: Of the second moment's bias: in the `moment`, or in the `rate`, so that epsilon
            is added before it, decay is scaled by it, and the average's weights follow it.
        tiny: Added to the second moment, inside the root.
    """

    correction: str = "moment"
    tiny: float = 0.0


def _free_step(
    knobs: FreeKnobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    move, v, total = state  # z - x_0 would need x_0; z - x needs nothing
    z = x + move
    lr, correction = hyper["lr"], 1 - hyper["beta2"] ** (t + 1)
    y = lerp(z, x, hyper["beta1"])
    g = oracle.gradient(y)
    v = lerp(v, g * g, 1 - hyper["beta2"])
    if knobs.correction == "rate":
        lr, below = lr * correction**0.5, v.sqrt() + hyper["eps"]
    else:
        below = (v / correction + knobs.tiny).sqrt() + hyper["eps"]
    z = z - lr * (g / below + hyper["weight_decay"] * y)
    weight = torch.full_like(total, lr * lr) if not isinstance(lr, Tensor) else lr * lr + 0 * total
    total = total + weight
    x = lerp(x, z, weight / total)
    return x, (z - x, v, total)


FAMILIES = {
    "lars": Family(
        base=LarsKnobs(),
        step=_lars_step,
        memory=1,
        turns=(
            Turn("the trust ratio leaves out the decay", {"ratio": "bare"}),
            Turn("the trust ratio has the norm of gradient and decay together", {"ratio": "joint"}),
            Turn("no trust ratio", {"ratio": "none"}),
            Turn("the momentum is of raw gradients, scaled after", {"order": "raw"}),
        ),
    ),
    "adafactor": Family(
        base=FactorKnobs(),
        step=_factor_step,
        memory=1,
        turns=(
            Turn(
                "1e-30 is added to the squares, and nothing else bounds them",
                {"eps": "added"},
                "as published (Shazeer and Stern 2018, algorithm 4)",
            ),
            Turn("decay is multiplied by the effective rate of the step", {"decay": "effective"}),
            Turn("matrices are not factored", {"factored": False}),
            Turn("the step is not in proportion to the size of x", {"relative": False}),
        ),
    ),
    "schedule_free_adamw": Family(
        base=FreeKnobs(),
        step=_free_step,
        memory=3,
        turns=(
            Turn(
                "the bias correction is in the learning rate: epsilon comes before it, decay and "
                "averaging weights are scaled by it",
                {"correction": "rate"},
                "as published (Defazio et al. 2024, algorithm 1)",
            ),
            Turn("1e-15 is added to the second moment, inside the root", {"tiny": 1e-15}),
        ),
    ),
}
"""Each equation among the knobs."""
