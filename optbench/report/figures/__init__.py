"""Figures by kind: what each is about, and where it is drawn.

One function draws a kind, for papers and pages alike; the look makes the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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
}
"""What else may be chosen of a kind, with the values; without a choice it is the first `x`, and the
measure that the runs are compared by."""


def draw(kind: str, rows: Sequence[Row], look: Look, **choices: str) -> Made:
    """Draw a figure.

    Args:
        kind: One of `KINDS`.
        rows: Rows of `summarize`.
        look: Sizes and inks, see `optbench.report.looks`.
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

    chosen = {name: value for name, value in choices.items() if value}
    with rc_context(look.rc):
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
