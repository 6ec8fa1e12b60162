"""Figures by kind: what each is about, and where it is drawn.

One function draws a kind, for papers and pages alike; the look makes the difference.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optbench.core.errors import OptbenchError, unknown
from optbench.core.registry import Entry, load

if TYPE_CHECKING:
    from optbench.analysis.summary import Row
    from optbench.report.canvas import Made
    from optbench.report.looks import Look

KINDS = {
    "convergence": Entry(
        "who is best: the measure against what runs spend, at the best learning rates",
        "optbench.report.figures.convergence:draw",
    ),
    "sensitivity": Entry(
        "how much the learning rate matters: the final measure against it",
        "optbench.report.figures.sensitivity:draw",
    ),
    "profile": Entry(
        "who is best over all problems: the share solved within a factor of the best",
        "optbench.report.figures.profile:draw",
    ),
    "heatmap": Entry(
        "who is good where: each optimizer's cost on each problem, relative to the best",
        "optbench.report.figures.heatmap:draw",
    ),
    "ranks": Entry(
        "who is better than luck: mean ranks over problems with the critical difference",
        "optbench.report.figures.ranks:draw",
    ),
    "rate": Entry(
        "how fast it converges: measured curves with fitted rates and theory's",
        "optbench.report.figures.rate:draw",
    ),
    "kappa-scaling": Entry(
        "what the condition number costs: steps to the target against kappa",
        "optbench.report.figures.kappa_scaling:draw",
    ),
    "trajectory": Entry(
        "what it does: paths in two dimensions over the function's contours",
        "optbench.report.figures.trajectory:draw",
    ),
    "schedule": Entry(
        "whether the schedule matters: optimizer x schedule, the final measure",
        "optbench.report.figures.schedule:draw",
    ),
    "pareto": Entry(
        "what it costs: the final measure against cost, with the front",
        "optbench.report.figures.pareto:draw",
    ),
    "noise-floor": Entry(
        "where noise stops it: the end of constant learning rates, with theory's floor",
        "optbench.report.figures.noise_floor:draw",
    ),
}
"""Kinds of figures, each with what it tells and its function."""

CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "convergence": {
        "x": ("gradient_calls", "step", "epoch", "seconds"),
        "measure": (
            "suboptimality",
            "distance",
            "gradient_norm",
            "value",
            "error",
            "train_loss",
            "validation_accuracy",
        ),
    },
    "profile": {"x": ("ratio", "gradient_calls")},
    "pareto": {"x": ("gradient_calls", "seconds", "state_bytes")},
}
"""What else may be chosen of a kind, with the values; without a choice it is the first `x`, and the
measure that the runs are compared by."""


CROWDED = frozenset({"convergence", "sensitivity", "rate", "trajectory"})
"""Kinds in which of many optimizers only the best are in colour, unless they are asked for."""


def draw(
    kind: str, rows: Sequence[Row], look: Look, *, named: bool = False, **choices: str
) -> Made:
    """Draw a figure.

    Args:
        kind: One of `KINDS`.
        rows: Rows of `summarize`.
        look: Sizes and inks, see `optbench.report.looks`.
        named: Whether each optimizer was asked for by name, so that all of many are in colour.
        choices: Some of the kind's `CHOICES`; an empty one is none.

    Returns:
        The figure with its numbers and its words.

    Raises:
        OptbenchError: For an unknown kind or choice, and when the rows are not what the kind needs.
    """
    check_kind(kind, **choices)
    if not rows:
        raise OptbenchError("there are no runs to draw")
    from matplotlib import rc_context

    from optbench.report.lettering import MISSING

    chosen: dict[str, Any] = {name: value for name, value in choices.items() if value}
    chosen |= {"named": named} if kind in CROWDED else {}
    with rc_context(look.rc), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=MISSING)
        made: Made = load(KINDS[kind].target)(rows, look, **chosen)
    return made


def check_kind(kind: str, **choices: str) -> None:
    """Refuse a kind or a choice that does not exist.

    Raises:
        OptbenchError: For the first one.
    """
    if kind not in KINDS:
        raise unknown("kind of figure", kind, KINDS)
    for name, value in choices.items():
        known = CHOICES.get(kind, {}).get(name, ())
        if value and not known:
            several = ", ".join(other for other in CHOICES if name in CHOICES[other])
            raise OptbenchError(f"a figure {kind} has no choice of {name}; one with it: {several}")
        if value and value not in known:
            raise unknown(f"{name} of a figure {kind}", value, known)
