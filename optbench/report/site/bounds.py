"""Bounds of theory as lines of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optbench.analysis.curves import FLOOR, sees_all, start_gap
from optbench.analysis.summary import Row
from optbench.core.target import SUBOPTIMALITY
from optbench.report.site.columns import Columns
from optbench.theory.formulas.rates import theory_lines

DASHES = ("10px,5px", "4px,3px")
POINTS = 200


def bounds(rows: Sequence[Row], axes: Sequence[str], columns: Columns) -> list[dict[str, Any]]:
    """Return the upper bounds that hold on a problem, relative to the starting gap.

    Args:
        rows: The rows of one title.
        axes: The budgets of the chart; bounds count steps, each of one gradient.
        columns: Where the numbers go.

    Returns:
        One line for each bound and budget; none where a fact that it needs is unknown.
    """
    whole = [run for row in rows for run in row.best if sees_all(run)]
    starts = [run for run in whole if start_gap(run) > 0]
    # Every start has its own bound; the largest one holds for them all.
    starts = list({(start_gap(run), run.facts.get("radius")): run for run in starts}.values())
    lines = [theory_lines(run.facts, start_gap(run)) for run in starts]
    if not lines or not all(lines):
        return []
    last = max(float(run.curve["step"][-1]) for row in rows for run in row.best if run.curve)
    t = np.union1d(np.linspace(0, last, POINTS), np.geomspace(1, max(last, 2), POINTS))
    found = []
    for i, dash in zip(range(len(lines[0])), DASHES, strict=False):
        gaps = [line[i].bound(t) / start_gap(run) for line, run in zip(lines, starts, strict=True)]
        places = [columns.add(t), columns.add(np.maximum(np.max(gaps, axis=0), FLOOR / 1e3))]
        for axis in axes:
            if axis in ("gradient_calls", "step"):
                line = {"x": axis, "y": SUBOPTIMALITY, "text": lines[0][i].label, "dash": dash}
                found.append(line | {"columns": places})
    return found
