"""A legend below the plots: complete, in as many columns as fit, long names in several lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from optbench.analysis.tables import printable
from optbench.report.lettering import fold, inches

Entry = tuple[Artist, str]
"""What a legend shows: a sample and its text."""

HANDLE, GAP, SPACE = 3.8, 0.8, 1.4
"""Length of a sample, where a dash must be seen beside the marker, between it and its text, and
between columns, in letters' sizes."""

MOST_COLUMNS = 8

MANY = 7
"""Entries from which on a few long ones stand apart, so that they do not decide the columns."""

FOLDED = 1.0
"""What a text that goes on in the next line costs beside its lines: rather one column fewer."""


def add_legend(figure: Figure, entries: Sequence[Entry], width: float, size: float) -> Legend:
    """Put a legend into the lower left corner of a figure.

    Args:
        figure: The figure.
        entries: What it shows, one or more.
        width: Inches that it may have.
        size: Points of its texts.

    Returns:
        The legend, to be moved by its `set_bbox_to_anchor`.
    """
    labels = [printable(text) for _, text in entries]
    choices = [_folded(labels, n, width, size) for n in range(1, MOST_COLUMNS + 1)]
    texts = min(choices, key=lambda choice: (_cost(choice), len(choice)))
    flat = [text for column in texts for text in column]
    legend = figure.legend(
        [sample for sample, _ in entries],
        # matplotlib leaves out labels that begin with an underscore, so the texts come afterwards.
        [str(i) for i in range(len(flat))],
        loc="upper left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=len(texts),
        borderpad=0,
        borderaxespad=0,
        handlelength=HANDLE,
        handletextpad=GAP,
        labelspacing=0.3,
        columnspacing=SPACE,
        fontsize=size,
    )
    for text, label in zip(legend.get_texts(), flat, strict=True):
        text.set_text(label)
    return legend


def by_length(
    entries: Sequence[Entry], width: float, size: float
) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of many that fit into a column, and those that need a line of their own.

    Args:
        entries: Entries of a legend.
        width: Inches that it may have.
        size: Points of its texts.
    """
    if len(entries) < MANY:
        return list(entries), []
    long = [inches(printable(text), size) > width / 2 for _, text in entries]
    pairs = list(zip(entries, long, strict=True))
    return [e for e, own in pairs if not own], [e for e, own in pairs if own]


def legend_height(legend: Legend, renderer: RendererAgg) -> float:
    """Return a legend's height in inches."""
    height: float = legend.get_window_extent(renderer).height
    return height / float(renderer.dpi)


def _folded(labels: Sequence[str], columns: int, width: float, size: float) -> list[list[str]]:
    """Return the texts by column, as matplotlib fills them: the first ones have one more."""
    columns = min(columns, len(labels))
    share = (width + SPACE * size / 72) / columns - (HANDLE + GAP + SPACE) * size / 72
    texts = ["\n".join(fold(label, max(share, 0.3), size)) for label in labels]
    each, more = divmod(len(texts), columns)
    ends = list(accumulate([each + (i < more) for i in range(columns)], initial=0))
    return [texts[a:b] for a, b in pairwise(ends)]


def _cost(columns: Sequence[Sequence[str]]) -> float:
    rows = max(sum(text.count("\n") + 1 for text in column) for column in columns)
    folds = sum(text.count("\n") for column in columns for text in column)
    return rows + FOLDED * folds
