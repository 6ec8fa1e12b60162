"""A sheet for plots: title above, complete legend below, whatever their ticks and names need."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from optbench.analysis.tables import printable
from optbench.report.grid import EDGE, Grid, columns_for
from optbench.report.legend import Entry, add_legend, by_length, legend_height
from optbench.report.lettering import MISSING, fold
from optbench.report.looks import SERIF, WEB, Look
from optbench.report.style import (
    INK,
    LineStyle,
    MathPowerFormatter,
    PowerFormatter,
    PowerLocator,
)

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

WIDTH = WEB.width
PLOT_HEIGHT = 3.1
"""Inches of a single plot on a page."""

PANEL = 0.82
"""Height of one of several plots as a share of its width."""

LINE = 1.3
"""Height of a line of the title in letters' sizes."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure ready for the page.

    Attributes:
        svg: The figure, `<svg ...>` to `</svg>`; text in `currentColor`.
        alt: What it shows, for those who do not see it.
    """

    svg: str
    alt: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """A figure with what it is made of.

    Attributes:
        figure: The figure, to be saved or edited further.
        data: Exactly what is drawn, a line a point.
        alt: What it shows, for those who do not see it.
    """

    figure: Figure
    data: pd.DataFrame
    alt: str


class Canvas:
    """One figure of one plot or several, with a title above and a complete legend below.

    Attributes:
        look: Its sizes and inks.
        plots: The plots, row by row.
        columns: How many of them stand side by side.
        x_label: Words below all plots ...
        y_label: ... and left of them.
        lines: Legend of the optimizers, in as many columns as fit.
        keys: Legend of marks and reference lines, likewise, below.
    """

    def __init__(
        self,
        title: str,
        look: Look = WEB,
        *,
        above: float = 0.0,
        plots: int = 1,
        height: float | None = None,
    ) -> None:
        """Start an empty figure; its words decide its height at the end.

        Args:
            title: Words above the plots, where the look has a title.
            look: Its sizes and inks.
            above: Inches that stay free between title and plots.
            plots: Number of plots.
            height: Inches of every plot; by default what suits its width.
        """
        self.look = look
        self._figure = Figure(figsize=(look.width, look.width))
        words = printable(title) if look.title else ""
        room = look.width - 2 * EDGE
        self._title = fold(words, room, look.text, bold=True) if words.strip() else []
        self._above = above
        self.plots: list[Axes] = [
            self._figure.add_axes((0.1, 0.1, 0.8, 0.8), label=str(i)) for i in range(plots)
        ]
        self._height = height
        self.columns = columns_for(plots, look.width, look.text)
        for axes in self.plots:
            # Ticks are made when they are needed, by then under other settings.
            axes.tick_params(labelsize=look.small, colors=look.ink)
        self.x_label = self.y_label = ""
        self.lines: list[Entry] = []
        self.keys: list[Entry] = []

    @property
    def axes(self) -> Axes:
        """The first plot."""
        return self.plots[0]

    def drawing(self, alt: str) -> Drawing:
        """Lay the figure out and return it as SVG."""
        return Drawing(svg=to_svg(self.figure(), alt), alt=alt)

    def figure(self) -> Figure:
        """Lay the figure out, once, and return it."""
        look, figure = self.look, self._figure
        renderer = RendererAgg(8, 8, figure.dpi)  # type: ignore[no-untyped-call]
        letter, room = look.text / 72, look.width - 2 * EDGE
        parts = (*by_length(self.lines, room, look.small), self.keys)
        shown = [entries for entries in parts if entries]
        legends = [add_legend(figure, entries, room, look.small) for entries in shown]
        if look.family == SERIF:
            _set_serif(figure)
        heights = [legend_height(legend, renderer) + 0.06 for legend in legends]
        head = EDGE + LINE * letter * len(self._title) + self._above
        foot = EDGE + sum(heights)
        grid = Grid(
            plots=self.plots,
            columns=self.columns,
            width=look.width,
            height=self._height,
            share=look.height if len(self.plots) == 1 else PANEL,
            left=(0.3 + 1.3 * len(self._turned())) * letter if self.y_label else 0.0,
        )
        below = foot + (1.6 * letter if self.x_label else 0.0)
        height = grid.place(figure, renderer, head, below)
        self._write(height, head, below, foot)
        top = sum(heights) + EDGE / 2
        for legend, tall in zip(legends, heights, strict=True):
            legend.set_bbox_to_anchor((EDGE / look.width, top / height))
            top -= tall
        return figure

    def _write(self, height: float, head: float, below: float, foot: float) -> None:
        """Write the title, and the labels that all plots share."""
        left, size = EDGE / self.look.width, self.look.text
        if self._title:
            words, top = "\n".join(self._title), 1 - EDGE / height
            self._figure.text(left, top, words, va="top", weight="bold", size=size)
        boxes = [axes.get_position() for axes in self.plots]
        if self.x_label:
            middle = (min(box.x0 for box in boxes) + max(box.x1 for box in boxes)) / 2
            at = (middle, (foot + 0.04) / height)
            self._figure.text(*at, self.x_label, ha="center", va="bottom", size=size)
        if self.y_label:
            at = (left, (1 - head / height + below / height) / 2)
            turned: dict[str, Any] = {"rotation": 90, "ha": "left", "va": "center"}
            self._figure.text(*at, "\n".join(self._turned()), size=size, **turned)

    def _turned(self) -> list[str]:
        """Return the lines of the label left of all plots, which is about as long as they are."""
        rows = math.ceil(len(self.plots) / self.columns)
        room = rows * PANEL * (self.look.width / self.columns - 0.6)
        return fold(self.y_label, room, self.look.text)


def to_svg(figure: Figure, alt: str) -> str:
    """Return a figure as `<svg ...>` to `</svg>`, in the page's ink; `alt` says what it shows."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # Letters stay letters, and the salt makes the ids the same each time.
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "optbench"}
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=MISSING)
        FigureCanvasSVG(figure).print_figure(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    svg = text[text.index("<svg") :].strip().replace(INK, "currentColor")
    return svg.replace("<svg", f"<svg role='img' aria-label={quoteattr(printable(alt))}", 1)


def log_axis(axes: Axes, which: str, low: float, high: float) -> None:
    """Make an axis logarithmic from low to high, widened to hold two labelled powers of ten."""
    powers = math.floor(math.log10(high)) - math.ceil(math.log10(low)) + 1
    if powers < 2:
        low = 10.0 ** math.floor(math.log10(low) + 1e-9)
        high = max(10.0 ** math.ceil(math.log10(high) - 1e-9), 10 * low)
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(PowerLocator())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(PowerFormatter())


def _set_serif(figure: Figure) -> None:
    """Bring lines as close together as in other fonts, and let mathtext set powers of ten.

    STIX asks for half a line between lines, and lacks some superscripts.
    """
    for text in figure.findobj(Text):
        text.set(linespacing=1.15)
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_formatter(), PowerFormatter):
            axis.set_major_formatter(MathPowerFormatter())
            # All that there may ever be: a tick that is made later would not know.
            for tick in axis.get_major_ticks(PowerLocator.MOST):
                tick.label1.set(parse_math=True, math_fontfamily="stix")


def value_axis(axes: Axes, y: Array, *, linear: bool = False) -> None:
    """Fit the vertical axis to finite values: linear, or logarithmic where they span decades.

    Args:
        axes: The plot.
        y: The values, one or more.
        linear: Whether it is linear in any case.
    """
    if spans_decades(y) and not linear:
        log_axis(axes, "y", y.min() / 1.5, y.max() * 1.5)
    else:
        pad = 0.05 * float(np.ptp(y)) or 0.1 * float(abs(y[0])) or 1.0
        axes.set_ylim(y.min() - pad, y.max() + pad)


def spans_decades(y: Array) -> bool:
    """Return whether positive values differ by more than a factor of ten."""
    return bool(len(y)) and bool(y.min() > 0 and y.max() > 10 * y.min())


def positive(*arrays: Array) -> Array:
    """Return the finite positive numbers of all arrays, in one."""
    values: Array = np.concatenate([np.ravel(a) for a in arrays]) if arrays else np.empty(0)
    return values[np.isfinite(values) & (values > 0)]


def sample(style: LineStyle) -> Line2D:
    """Return the legend's sample of a line."""
    return Line2D([], [], color=style.colour, linestyle=style.dash, marker=style.marker)


def nothing_to_draw(axes: Axes, why: str) -> None:
    """Say in the middle of an empty plot why it is empty."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", wrap=True)
    axes.set(xticks=[], yticks=[])
