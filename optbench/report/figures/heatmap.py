"""Optimizer against problem: how many times the best one's cost to the target each one needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patches import Patch, Rectangle

from optbench.analysis.contest import Contest, contest, costs_to, hessian_users, median_cost
from optbench.analysis.curves import Array
from optbench.analysis.summary import Row
from optbench.core.errors import OptbenchError
from optbench.report.canvas import Canvas, Made
from optbench.report.figures.labels import column_labels, height_of, row_labels
from optbench.report.figures.panels import Numbers, nothing
from optbench.report.legend import Entry
from optbench.report.lettering import inches
from optbench.report.looks import Look

COLOURS = "viridis_r"
"""Of a factor: pale is close to the best; it is read in greyscale and colour blindness too."""

NAMES = 0.28
"""Share of the width that names of rows may have."""

HATCH = "/////"
"""Fills cells of those that ran and missed the target."""

TALL = 12
"""Problems from which on they are rows, if there are more of them than optimizers."""


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """One optimizer on one problem.

    Attributes:
        ratio: Its cost divided by the best one's; inf for a miss, NaN where it did not run.
        text: What is printed.
    """

    ratio: float
    text: str


def draw(rows: Sequence[Row], look: Look) -> Made:
    """Draw a cell for each optimizer on each problem, best optimizers first.

    The number is the median over seeds of gradient evaluations to the problem's target, divided by
    that of the best; hatched cells say how many seeds of how many reach the target.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.

    Returns:
        The figure.

    Raises:
        OptbenchError: When nobody has a target.
    """
    found = contest(rows)
    if not any(row.reach for row in rows):
        raise OptbenchError("a heatmap needs runs with targets; none here has one")
    numbers = Numbers()
    cells = {
        (title, name): _cell(found, title, name, numbers)
        for title in found.problems
        for name in found.names
    }
    names = sorted(found.names, key=lambda name: _order(found, cells, name))
    pairs = [[(title, name) for title in found.problems] for name in names]
    side, top = names, list(found.problems)
    if len(top) > max(TALL, len(side)):
        side, top, pairs = top, side, [list(line) for line in zip(*pairs, strict=True)]
    ratios = np.array([[cells[pair].ratio for pair in line] for line in pairs])
    texts = [[cells[pair].text for pair in line] for line in pairs]
    title = "Gradient evaluations to the target, relative to the best"
    canvas = draw_cells(title, look, side, top, ratios, texts)
    canvas.keys[:0] = _keys(look, ratios)
    users = hessian_users(found)
    if users:
        canvas.keys.append(nothing(f"Hessian products are not counted: {', '.join(users)}"))
    return Made(figure=canvas.figure(), data=numbers.table(), alt=_alt(found, cells, names))


def draw_cells(
    title: str,
    look: Look,
    side: Sequence[str],
    top: Sequence[str],
    values: Array,
    texts: Sequence[Sequence[str]],
) -> Canvas:
    """Draw a table of coloured cells with their texts.

    Args:
        title: Of the figure.
        look: Sizes and inks.
        side: Names of the rows.
        top: Names of the columns.
        values: What colours the cells, shape (rows, columns), on a logarithmic scale; inf is
            hatched, NaN is blank.
        texts: What is printed in them.

    Returns:
        The canvas, to be finished.
    """
    measure = Canvas("", look)
    labels = row_labels(measure, side, NAMES * look.width)
    longest = max(inches(line, look.small) for label in labels for line in label.split("\n"))
    cell = (look.width - longest - 0.3) / len(top)
    size = _size(look, texts, cell)
    tall = max(height_of(labels, look.small), 1.9 * size / 72)
    canvas = Canvas(title, look, height=tall * len(side))
    columns, turned = column_labels(canvas, top, cell)
    axes = canvas.axes
    drawn = np.where(np.isfinite(values), values, np.nan)
    finite = drawn[np.isfinite(drawn)]
    low, high = (finite.min(), finite.max()) if len(finite) else (1.0, 1.0)
    sns.heatmap(
        drawn,
        ax=axes,
        mask=~np.isfinite(drawn),
        norm=LogNorm(low, max(high, 10 * low)),
        cmap=COLOURS,
        cbar=False,
        annot=np.array(texts, dtype=object),
        fmt="",
        annot_kws={"size": size},
        linewidths=0.5,
        linecolor=look.ground if look.ground != "none" else "#ffffff00",
        xticklabels=columns,
        yticklabels=row_labels(canvas, side, NAMES * look.width),
    )
    _draw_others(axes, look, values, texts, size)
    axes.grid(visible=False)
    axes.tick_params(axis="x", rotation=90 if turned else 0, length=0, labelsize=look.small)
    axes.tick_params(axis="y", rotation=0, length=0, labelsize=look.small)
    return canvas


def _size(look: Look, texts: Sequence[Sequence[str]], cell: float) -> float:
    """Return the points at which every text fits into a cell."""
    widest = max(inches(text, look.small) for line in texts for text in line)
    return min(look.small, look.small * 0.92 * cell / widest) if widest else look.small


def _draw_others(
    axes: Axes, look: Look, values: Array, texts: Sequence[Sequence[str]], size: float
) -> None:
    """Draw the cells without a value: hatched for a miss, blank for what was not run."""
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            continue
        if np.isinf(value):
            box = Rectangle((j, i), 1, 1, facecolor="none", hatch=HATCH, lw=0)
            box.set(edgecolor=look.ink, alpha=0.28)
            axes.add_patch(box)
        middle: dict[str, Any] = {"ha": "center", "va": "center", "size": size}
        faint = 0.4 if np.isnan(value) else 1.0
        axes.text(j + 0.5, i + 0.5, texts[i][j], color=look.ink, alpha=faint, **middle)


def _cell(found: Contest, title: str, name: str, numbers: Numbers) -> _Cell:
    row, target = found.row(title, name), found.target(title)
    if row is None:
        refused = (title, name) in found.refused
        numbers.add(title, name, cell="refused" if refused else "not run")
        return _Cell(ratio=np.nan, text="ref." if refused else "n/a")
    costs = [] if target is None else costs_to(row, target)
    reached, runs = sum(map(np.isfinite, costs)), len(row.best)
    cost = median_cost(row, target)
    best = min(
        (median_cost(other, target) for other in _rows(found, title)),
        default=np.inf,
    )
    ratio = cost / best if np.isfinite(cost) and best > 0 else 1.0 if cost == best == 0 else np.inf
    text = _short(ratio) if np.isfinite(ratio) else f"{reached}/{runs}"
    more = {"target": target, "cost": cost, "ratio": ratio, "reached": reached, "runs": runs}
    numbers.add(title, name, cell=text, **more)
    return _Cell(ratio=ratio, text=text)


def _rows(found: Contest, title: str) -> list[Row]:
    return [row for (other, _), row in found.rows.items() if other == title]


def _short(ratio: float) -> str:
    """Return a ratio in four characters at most: 1, 1.2, 35, 2e3."""
    if ratio < 9.95:
        return f"{ratio:.1f}" if f"{ratio:.1f}" != "1.0" or ratio > 1 else "1"
    if ratio < 999.5:
        return f"{ratio:.0f}"
    mantissa, _, exponent = f"{ratio:.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _order(
    found: Contest, cells: Mapping[tuple[str, str], _Cell], name: str
) -> tuple[bool, float, str]:
    """Order by the mean logarithm of the ratios, where a miss is ten times the worst of all.

    Who ran on fewer than half of the problems stands below: it won no contest.
    """
    worst = 10 * max((c.ratio for c in cells.values() if np.isfinite(c.ratio)), default=1.0)
    own = [cells[title, name].ratio for title in found.problems]
    ran = [np.log(min(ratio, worst)) for ratio in own if not np.isnan(ratio)]
    return 2 * len(ran) < len(own), float(np.mean(ran or [np.inf])), name


def _keys(look: Look, ratios: Array) -> list[Entry]:
    keys: list[Entry] = [nothing("number: gradient evaluations to the target, best = 1")]
    if np.isinf(ratios).any():
        box = Patch(facecolor="none", edgecolor=look.ink, hatch=HATCH, lw=0, alpha=0.4)
        keys.append((box, "missed by half of the seeds or more: k of n reach it"))
    if np.isnan(ratios).any():
        keys.append(nothing("n/a: not run; ref.: refused"))
    return keys


def _alt(found: Contest, cells: Mapping[tuple[str, str], _Cell], names: Sequence[str]) -> str:
    parts = []
    for name in names:
        own = [cells[title, name].ratio for title in found.problems]
        best = sum(ratio == 1 for ratio in own)
        missed = sum(map(np.isinf, own))
        parts.append(f"{name} is best on {best} and misses {missed}")
    size = f"{len(found.names)} optimizers on {len(found.problems)} problems"
    return f"Cost to the target relative to the best, {size}: {'; '.join(parts)}."
