"""A table of coloured cells with their numbers printed in them."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Patch, Rectangle

from optbench.report.canvas import Array, Canvas
from optbench.report.figures.labels import column_labels, height_of, row_labels
from optbench.report.figures.panels import nothing
from optbench.report.legend import Entry
from optbench.report.lettering import inches
from optbench.report.looks import Look

COLOURS = "viridis_r"
"""Pale is good; it is read in greyscale and colour blindness too."""

NAMES = 0.28
"""Share of the width that names of rows may have, in two lines ..."""

TALLEST, WIDE = 7.0, 0.4
"""... and, where these rows would be higher than so many inches, in one line: a page has nine."""

SMALLER = 0.8
"""Size of a cell's second line, as a share of the first one's."""

HATCH = "/////"
"""Fills cells of those that failed."""


def draw_cells(
    title: str,
    look: Look,
    side: Sequence[str],
    top: Sequence[str],
    cells: tuple[Array, Sequence[Sequence[str]]],
    norm: Normalize,
    *,
    bold: AbstractSet[tuple[int, int]] = frozenset(),
    below: Sequence[Sequence[str]] = (),
) -> Canvas:
    """Draw a table of coloured cells with their texts.

    Args:
        title: Of the figure.
        look: Sizes and inks.
        side: Names of the rows.
        top: Names of the columns.
        cells: What colours them, shape (rows, columns), inf is hatched, NaN is blank; and what is
            printed in them.
        norm: From values to the range of colours.
        bold: Row and column of those that stand out.
        below: A second, smaller line of each cell, see `fits_below`.

    Returns:
        The canvas, to be finished.
    """
    values, texts = cells
    labels = _names(Canvas("", look), side)
    cell = _cell(look, labels, top)
    size = _size(look, texts, cell)
    roomy = min((3.1 if below else 1.9) * size / 72, TALLEST / len(side))
    tall = max(height_of(labels, look.small), roomy)
    canvas = Canvas(title, look, height=tall * len(side))
    columns, turned = column_labels(canvas, top, cell)
    axes, drawn = canvas.axes, np.where(np.isfinite(values), values, np.nan)
    sns.heatmap(
        drawn,
        ax=axes,
        mask=~np.isfinite(drawn),
        norm=norm,
        vmin=0,  # the norm decides; looking for ends warns where there is no number
        vmax=1,
        cmap=COLOURS,
        cbar=False,
        annot=np.array(texts, dtype=object),
        fmt="",
        annot_kws={"size": size},
        linewidths=0.5,
        linecolor=look.ground if look.ground != "none" else "#ffffff00",
        xticklabels=columns,
        yticklabels=_names(canvas, side),
    )
    for text in axes.texts:
        at = int(text.get_position()[1]), int(text.get_position()[0])
        text.set_fontweight("bold" if at in bold else "normal")
    _draw_below(axes, below, size)
    _draw_others(axes, look, cells, size)
    axes.grid(visible=False)
    axes.tick_params(axis="x", rotation=90 if turned else 0, length=0, labelsize=look.small)
    axes.tick_params(axis="y", rotation=0, length=0, labelsize=look.small)
    return canvas


def fits_below(
    look: Look, side: Sequence[str], top: Sequence[str], below: Sequence[Sequence[str]]
) -> bool:
    """Return whether cells have room for a second line that is read without a lens.

    Args:
        look: Sizes and inks.
        side: Names of the rows.
        top: Names of the columns.
        below: The lines.
    """
    widest = max(inches(text, SMALLER * look.small) for line in below for text in line)
    cell = _cell(look, _names(Canvas("", look), side), top)
    tall = 3.1 * look.small / 72 * len(side)
    return widest <= 0.92 * cell and tall <= TALLEST


def missed(look: Look, values: Array, words: str) -> list[Entry]:
    """Return what the legend says of hatched and of blank cells, as far as there are some.

    Args:
        look: Sizes and inks.
        values: As for `draw_cells`.
        words: What hatched cells are.
    """
    keys: list[Entry] = []
    if np.isinf(values).any():
        box = Patch(facecolor="none", edgecolor=look.ink, hatch=HATCH, lw=0, alpha=0.4)
        keys.append((box, words))
    return [*keys, nothing("n/a: not run")] if np.isnan(values).any() else keys


def _names(canvas: Canvas, side: Sequence[str]) -> list[str]:
    """Return the labels of the rows, as many lines of each as a page has room for."""
    look = canvas.look
    folded = row_labels(Canvas("", look), side, NAMES * look.width)
    if len(side) * height_of(folded, look.small) > TALLEST:
        return row_labels(canvas, side, WIDE * look.width, lines=1)
    return row_labels(canvas, side, NAMES * look.width)


def _cell(look: Look, labels: Sequence[str], top: Sequence[str]) -> float:
    """Return the inches of a cell's width."""
    longest = max(inches(line, look.small) for label in labels for line in label.split("\n"))
    return (look.width - longest - 0.3) / len(top)


def _draw_below(axes: Axes, below: Sequence[Sequence[str]], size: float) -> None:
    """Move the texts up and write the second lines below them, in their colours."""
    for text in list(axes.texts) if below else []:
        x, y = text.get_position()
        line = below[int(y)][int(x)]
        if line:
            text.set_y(y - 0.17)
            like: dict[str, Any] = {"color": text.get_color(), "ha": "center", "va": "center"}
            axes.text(x, y + 0.24, line, size=SMALLER * size, **like)


def _size(look: Look, texts: Sequence[Sequence[str]], cell: float) -> float:
    """Return the points at which every text fits into a cell."""
    widest = max(inches(text, look.small, bold=True) for line in texts for text in line)
    return min(look.small, look.small * 0.92 * cell / widest) if widest else look.small


def _draw_others(
    axes: Axes, look: Look, cells: tuple[Array, Sequence[Sequence[str]]], size: float
) -> None:
    """Draw the cells without a value: hatched for a failure, blank for what was not run."""
    values, texts = cells
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
