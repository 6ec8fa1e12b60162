"""The figures of one problem, as a pure function: several processes may draw at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context

from optbench.analysis.curves import levels
from optbench.analysis.summary import Row
from optbench.analysis.tables import is_learning, measure_shown
from optbench.report.canvas import Drawing
from optbench.report.convergence import draw_convergence
from optbench.report.sensitivity import draw_sensitivity
from optbench.report.style import RC, LineStyle

KINDS = ("convergence", "loss", "training", "accuracy", "sensitivity")
"""The figures of a problem, in the order of the page; those between are of tasks only.

`convergence` shows what runs are compared by against what they spend, at each best learning rate,
`loss`, `training` and `accuracy` other columns likewise; `sensitivity` the final measure against
the learning rate.
"""

COLUMNS = {"loss": "value", "training": "train_loss", "accuracy": "validation_accuracy"}
"""What of a task is drawn besides what its runs are compared by."""


def figures_for_problem(rows: Sequence[Row], styles: Mapping[str, LineStyle]) -> dict[str, Drawing]:
    """Draw the figures of one problem.

    Args:
        rows: The problem's rows, best first; at least one.
        styles: Style by `Row.name`, see `line_styles`.

    Returns:
        The figures, by their kinds in the order of `KINDS`.
    """
    with rc_context(RC):
        drawings = {kind: draw_convergence(rows, styles, COLUMNS[kind]) for kind in _others(rows)}
        drawings["convergence"] = draw_convergence(rows, styles)
        drawings["sensitivity"] = draw_sensitivity(rows, styles)
    return {kind: drawings[kind] for kind in KINDS if kind in drawings}


def _others(rows: Sequence[Row]) -> list[str]:
    """Return the kinds of figures that tell more of a task than what its runs are compared by."""
    if not is_learning(rows):
        return []
    shown, judged = measure_shown(rows), any(row.has_validation for row in rows)
    told = {
        "loss": shown != "value",
        "training": judged,  # else the training loss is what runs are compared by
        "accuracy": shown != "error",
    }
    best = [run for row in rows for run in row.best]
    known = {
        kind: any(np.isfinite(levels(run, column)).any() for run in best)
        for kind, column in COLUMNS.items()
    }
    return [kind for kind in COLUMNS if told[kind] and known[kind]]
