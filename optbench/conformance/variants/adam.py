"""Adam, AMSGrad, AdamW, LAMB and their kin with knobs: every place where one may go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, lerp

from optbench.conformance.variants.family import Family, Turn
from optbench.core.optimizer import Oracle, State


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """Where an Adam may differ; the defaults are Adam.

    Attributes:
        first: Bias correction of the first moment: `yes`, `no`.
        second: Of the second moment.
        eps: `outside` the root after the correction, `inside` it, `before` the correction, `inside
            before`, `largest` (the larger of root and eps), `none`.
        first_moment: `average`; `sum` (m+ = beta1 m + g); `latest` (the gradient itself).
        second_moment: `squares`; `deviations` from m; `old`, without the latest gradient.
        maximum: Of what AMSGrad's maximum is: `none`, `raw`, `corrected`.
        ratio: LAMB's trust ratio: `none`; `whole`, with decay; `bare`, without; `limited` to |x| at
            most 10, eps added to the norm.
        decay: `none`, or `inside` the direction, as AdamW and LAMB have it.
    """

    first: str = "yes"
    second: str = "yes"
    eps: str = "outside"
    first_moment: str = "average"
    second_moment: str = "squares"
    maximum: str = "none"
    ratio: str = "none"
    decay: str = "none"


def _step(
    knobs: Knobs, x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any
) -> tuple[Tensor, State]:
    """Take one step; the state is m, v and the largest v so far."""
    m, v, w = state
    b1, b2, k = hyper["beta1"], hyper["beta2"], t + 1
    g = oracle.gradient(x)
    m = {"average": lerp(m, g, 1 - b1), "sum": b1 * m + g, "latest": g}[knobs.first_moment]
    old = v
    v = lerp(v, (g - m).square() if knobs.second_moment == "deviations" else g * g, 1 - b2)
    used = old if knobs.second_moment == "old" else v
    correction = 1 - b2**k if knobs.second == "yes" else 1.0
    if knobs.maximum == "raw":
        used = w = torch.maximum(w, used)
    elif knobs.maximum == "corrected":
        w = torch.maximum(w, used / correction)
        used = w * correction
    m_hat = m / (1 - b1**k) if knobs.first == "yes" else m
    direction = m_hat / _denominator(knobs.eps, used, correction, hyper["eps"])
    return _moved(knobs, x, direction, oracle, hyper), (m, v, w)


def _denominator(place: str, v: Tensor, correction: Any, eps: Any) -> Tensor:
    v_hat = v / correction
    root = v_hat.sqrt()
    denominators: dict[str, Tensor] = {
        "outside": root + eps,
        "inside": (v_hat + eps).sqrt(),
        "before": (v.sqrt() + eps) / correction**0.5,
        "inside before": ((v + eps) / correction).sqrt(),
        "largest": torch.clamp(root, min=eps),
        "none": root,
    }
    return denominators[place]


def _moved(
    knobs: Knobs, x: Tensor, direction: Tensor, oracle: Oracle, hyper: Mapping[str, Any]
) -> Tensor:
    lr, decay = hyper["lr"], hyper.get("weight_decay", 0.0)
    layout = oracle.layout
    whole = direction if knobs.decay == "none" else direction + decay * x
    if knobs.ratio == "none":
        step = whole
    elif knobs.ratio == "limited":
        size, length = layout.norms(x).clamp_max(10), layout.norms(whole)
        ratio = torch.where((size > 0) & (length > 0), size / (length + hyper["eps"]), 1.0)
        step = ratio * whole
    else:
        step = layout.trust_ratio(x, whole if knobs.ratio == "whole" else direction) * whole
    return torch.sub(x, lr * step)


_TURNS = (
    Turn("no bias correction", {"first": "no", "second": "no"}),
    Turn("no bias correction of the first moment", {"first": "no"}),
    Turn("no bias correction of the second moment", {"second": "no"}),
    Turn("epsilon inside the square root", {"eps": "inside"}),
    Turn(
        "epsilon added before the bias correction",
        {"eps": "before"},
        "the order at the end of section 2 of Kingma and Ba 2015, with an epsilon of its own",
    ),
    Turn("epsilon inside the square root, before the bias correction", {"eps": "inside before"}),
    Turn("the larger of the root and epsilon in the denominator", {"eps": "largest"}),
    Turn("no epsilon", {"eps": "none"}),
    Turn("the first moment is a sum, not an average", {"first_moment": "sum"}),
    Turn("no momentum", {"first_moment": "latest"}),
    Turn(
        "the second moment is of deviations from the first",
        {"second_moment": "deviations"},
        "AdaBelief (Zhuang et al. 2020), but for its epsilon",
    ),
    Turn("the second moment lags one step behind", {"second_moment": "old"}),
)
_AMSGRAD = (
    Turn("the maximum is taken after the bias correction", {"maximum": "corrected"}),
    Turn("no maximum: it is Adam", {"maximum": "none"}),
)
_MAXIMUM = (Turn("the largest second moment is used: it is AMSGrad", {"maximum": "raw"}),)
_LAMB = (
    Turn("the trust ratio leaves out the decay", {"ratio": "bare"}),
    Turn(
        "|x| is limited to 10 and epsilon added to the update's norm",
        {"ratio": "limited"},
        "phi(z) = min(z, 10) is one of the choices that You et al. 2020 allow",
    ),
    Turn("no trust ratio", {"ratio": "none"}),
)


def _family(base: Knobs, *turns: Turn) -> Family:
    return Family(base=base, step=_step, memory=3, turns=(*_TURNS, *turns))


FAMILIES = {
    "adam": _family(Knobs(), *_MAXIMUM),
    "amsgrad": _family(Knobs(maximum="raw"), *_AMSGRAD),
    "adamw": _family(Knobs(decay="inside"), *_MAXIMUM),
    "lamb": _family(Knobs(decay="inside", ratio="whole"), *_MAXIMUM, *_LAMB),
}
"""Each equation among the knobs."""
