"""What figures of several problems share: one plot a problem, common labels, the drawn numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from optbench.analysis.summary import Row, natural
from optbench.analysis.tables import printable
from optbench.core.errors import OptbenchError
from optbench.report.canvas import Canvas
from optbench.report.legend import Entry
from optbench.report.lettering import fold, inches
from optbench.report.looks import Look

if TYPE_CHECKING:
    import pandas as pd

MOST = 12
"""Problems in one figure."""


class Numbers:
    """Collects what is drawn, a line a point."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._frames: list[pd.DataFrame] = []

    def add(self, problem: str, series: str, part: str = "", **columns: Any) -> None:
        """Add some points.

        Args:
            problem: The plot in which they are.
            series: The optimizer, or whose line it is.
            part: What of it: `median`, `seed 0`, `theory`.
            columns: Arrays of one length, or numbers that are the same for all points.
        """
        import pandas as pd

        who = {"problem": problem, "series": series} | ({"part": part} if part else {})
        index = None if any(np.ndim(v) for v in columns.values()) else [0]
        self._frames.append(pd.DataFrame({**who, **columns}, index=index))

    def table(self) -> pd.DataFrame:
        """Return everything in one table."""
        import pandas as pd

        full = [frame for frame in self._frames if len(frame)]
        return pd.concat(full, ignore_index=True) if full else pd.DataFrame()


def by_problem(kind: str, rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of each plot.

    Args:
        kind: The kind of figure.
        rows: Rows sorted by their titles.

    Raises:
        OptbenchError: When there are more problems than one figure shows.
    """
    groups = [list(same) for _, same in groupby(rows, key=lambda row: row.title)]
    groups.sort(key=lambda same: natural(same[0].title))
    if len(groups) > MOST:
        names = ", ".join(group[0].problem for group in groups)
        raise OptbenchError(
            f"{kind} shows up to {MOST} problems and there are {len(groups)}; "
            f"pick some, -p {groups[0][0].problem} for one (there are: {names})"
        )
    return groups


def canvas_of(groups: Sequence[Sequence[Row]], look: Look, together: str) -> Canvas:
    """Return a canvas with a plot a problem, under the only problem's name or a common title.

    Args:
        groups: The rows of each problem, see `by_problem`.
        look: Sizes and inks.
        together: The title of several problems.
    """
    title = groups[0][0].problem if len(groups) == 1 else together
    return Canvas(title, look, plots=len(groups))


def name_plots(canvas: Canvas, titles: Sequence[str]) -> None:
    """Write each plot's problem above it, where there are several."""
    if len(titles) < 2:
        return
    room, size = canvas.look.width / canvas.columns - 0.5, canvas.look.small
    for axes, title in zip(canvas.plots, titles, strict=True):
        axes.set_title("\n".join(fold(printable(title), room, size)), fontsize=size, pad=4)


def label_plots(canvas: Canvas, x: Sequence[str], y: Sequence[str]) -> None:
    """Label the axes; what most plots share stands once, below or left of them all.

    Plots with another label have it as their own, in smaller type.

    Args:
        canvas: The canvas.
        x: Label of each plot's horizontal axis.
        y: Label of each plot's vertical axis.
    """
    for which, labels in (("x", x), ("y", y)):
        shared = _shared(labels)
        setattr(canvas, f"{which}_label", shared)
        size = canvas.look.small if shared else canvas.look.text
        share = 1.0 if which == "x" else 0.6 if len(labels) == 1 else 0.8
        room = share * (canvas.look.width / canvas.columns - 0.5)
        for axes, label in zip(canvas.plots, labels, strict=True):
            if label != shared:
                words = "\n".join(_folded(printable(label), room, size))
                getattr(axes, f"set_{which}label")(words, fontsize=size)


def _shared(labels: Sequence[str]) -> str:
    """Return the label of more than half of several plots; nothing where there is none."""
    label, count = Counter(labels).most_common(1)[0]
    return label if len(labels) > 1 and 2 * count > len(labels) else ""


def _folded(label: str, room: float, size: float) -> list[str]:
    """Return the lines of a label; a fraction breaks behind its bar before anywhere else."""
    if inches(label, size) <= room:
        return [label]
    parts = label.replace(" / ", " /\n").split("\n")
    return [line for part in parts for line in fold(part, room, size)]


def nothing(words: str) -> Entry:
    """Return a legend's entry without a sample."""
    return Line2D([], [], linestyle="none"), words


def keys_of(entries: Sequence[Entry]) -> list[Entry]:
    """Return each key once: several plots have the same ones."""
    return list({text: (artist, text) for artist, text in entries}.values())
