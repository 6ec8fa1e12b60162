"""The figures of one problem, as a pure function: several processes may draw at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib import rc_context

from optbench.analysis.summary import Row
from optbench.report.canvas import Drawing
from optbench.report.convergence import draw_convergence
from optbench.report.sensitivity import draw_sensitivity
from optbench.report.style import RC, LineStyle


@dataclass(frozen=True, kw_only=True)
class ProblemFigures:
    """What is drawn of a problem.

    Attributes:
        convergence: The measure against gradient evaluations at each best learning rate.
        sensitivity: The final measure against the learning rate.
    """

    convergence: Drawing
    sensitivity: Drawing


def figures_for_problem(rows: Sequence[Row], styles: Mapping[str, LineStyle]) -> ProblemFigures:
    """Draw the figures of one problem.

    Args:
        rows: The problem's rows, best first; at least one.
        styles: Style by `Row.name`, see `line_styles`.

    Returns:
        The figures.
    """
    with rc_context(RC):
        return ProblemFigures(
            convergence=draw_convergence(rows, styles), sensitivity=draw_sensitivity(rows, styles)
        )
