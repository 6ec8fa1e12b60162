"""Plots in rows and columns, with the room that their ticks, labels and titles turn out to need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure

EDGE = 0.06
"""Inches that stay free round everything ..."""

BETWEEN = 0.14
"""... and between plots."""

NARROWEST = 0.4
"""Inches of a plot at least: names as ticks may leave next to nothing."""

BESIDE = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 3}
"""Number of plots to how many stand side by side where there is room; 4 of more."""

LETTERS = 14.0
"""Width of one of several plots with its ticks, in letters' sizes, at least."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where plots go.

    Attributes:
        plots: The plots, row by row.
        columns: How many stand side by side.
        width: Inches of the sheet.
        height: Inches of a plot; None for a share of its width.
        share: That share.
        left: Inches that stay free left of all.
    """

    plots: Sequence[Axes]
    columns: int
    width: float
    height: float | None
    share: float
    left: float = 0.0

    def place(self, figure: Figure, renderer: RendererAgg, head: float, foot: float) -> float:
        """Put the plots between head and foot.

        Args:
            figure: Their figure; it gets the height that is needed.
            renderer: Measures texts.
            head: Inches above the plots.
            foot: Inches below.

        Returns:
            The figure's height in inches.
        """
        rows = math.ceil(len(self.plots) / self.columns)
        margins = _Margins([0.5] * self.columns, [0.1] * self.columns, [0.1] * rows, [0.5] * rows)
        self._place_once(figure, margins, head, foot)
        margins = self._measure(renderer, rows)
        # Ticks depend on the plot's size, and the size on the room for ticks, which never shrinks.
        for _ in range(2):
            self._place_once(figure, margins, head, foot)
            margins = margins.with_room_for(self._measure(renderer, rows))
        return self._place_once(figure, margins, head, foot)

    def _place_once(self, figure: Figure, room: _Margins, head: float, foot: float) -> float:
        rows = len(room.top)
        taken = (
            sum(room.left) + sum(room.right) + BETWEEN * (self.columns - 1) + 2 * EDGE + self.left
        )
        wide = max((self.width - taken) / self.columns, NARROWEST)
        tall = self.height or self.share * wide
        total = head + foot + sum(room.top) + sum(room.bottom) + rows * tall + BETWEEN * (rows - 1)
        figure.set_size_inches(self.width, total)
        for i, axes in enumerate(self.plots):
            row, column = divmod(i, self.columns)
            x = EDGE + self.left + sum(room.left[: column + 1]) + sum(room.right[:column])
            x += column * (wide + BETWEEN)
            y = total - head - sum(room.top[: row + 1]) - sum(room.bottom[:row])
            y -= row * (tall + BETWEEN) + tall
            axes.set_position((x / self.width, y / total, wide / self.width, tall / total))
        return total

    def _measure(self, renderer: RendererAgg, rows: int) -> _Margins:
        left, right = [0.0] * self.columns, [0.0] * self.columns
        top, bottom = [0.0] * rows, [0.0] * rows
        for i, axes in enumerate(self.plots):
            row, column = divmod(i, self.columns)
            whole, plot = axes.get_tightbbox(renderer), axes.get_window_extent()
            if whole is None:
                continue
            sides = (plot.x0 - whole.x0, whole.x1 - plot.x1, whole.y1 - plot.y1, plot.y0 - whole.y0)
            for side, at, inches in zip(
                (left, right, top, bottom), (column, column, row, row), sides, strict=True
            ):
                side[at] = max(side[at], inches / renderer.dpi)
        return _Margins(left, right, top, bottom)


@dataclass(frozen=True)
class _Margins:
    """Inches beside the plots of each column, above and below those of each row."""

    left: Sequence[float]
    right: Sequence[float]
    top: Sequence[float]
    bottom: Sequence[float]

    def with_room_for(self, other: _Margins) -> _Margins:
        """Return what is enough for both."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return _Margins(*([*map(max, a, b)] for a, b in pairs))


def columns_for(plots: int, width: float, size: float) -> int:
    """Return how many plots stand side by side.

    Args:
        plots: Their number.
        width: Inches of the sheet.
        size: Points of its labels.
    """
    fit = max(1, int(width * 72 / (LETTERS * size)))
    return min(BESIDE.get(plots, 4), fit)
