"""A sheet for one plot: title above, complete legend below, as SVG in the page's own ink."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from optbench.analysis.tables import printable
from optbench.report.style import INK, LineStyle, PowerFormatter

Array = NDArray[np.float64]

WIDTH = 5.6
"""Inches; on a phone a figure shrinks to about 60 %, where 9 points are still read."""

PLOT_HEIGHT = 3.1
LEFT, RIGHT, TOP, BOTTOM = 0.68, 0.12, 0.12, 0.5
LINE = 0.158
"""Height of a line of the legend in inches."""

CHARACTER = 0.068
"""Width of a character in inches, on the wide side."""

TITLE = FontProperties(weight="bold", size=9)
"""Of the title; its lines are measured, as bold letters differ much in width."""

WRAP = 70
"""Characters; longer texts of a legend go on in the next line."""

MISSING = "Glyph .* missing"
"""A warning. The SVG holds the text itself: a letter that this machine's font lacks is no loss."""

Entry = tuple[Artist, str]
"""What a legend shows: a sample and its text."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure ready for the page.

    Attributes:
        svg: The figure, `<svg ...>` to `</svg>`; text in `currentColor`.
        alt: What it shows, for those who do not see it.
    """

    svg: str
    alt: str


class Canvas:
    """One figure with one plot, a title above it and a complete legend below it.

    Attributes:
        axes: The plot.
        lines: Legend of the optimizers, in as many columns as fit.
        keys: Legend of marks and reference lines, likewise, below.
    """

    def __init__(self, title: str, above: float = 0.0) -> None:
        """Start an empty figure; the legends decide its height at the end.

        Args:
            title: Words above the plot.
            above: Inches that stay free between the two.
        """
        self._figure = Figure()
        self._title = _wrapped(printable(title))
        self._above = above
        self.axes: Axes = self._figure.add_axes((0.1, 0.1, 0.8, 0.8))
        self.lines: list[Entry] = []
        self.keys: list[Entry] = []

    def drawing(self, alt: str) -> Drawing:
        """Lay the figure out and return it as SVG."""
        return Drawing(svg=to_svg(self.figure(), alt), alt=alt)

    def figure(self) -> Figure:
        """Lay the figure out, once, and return it."""
        legends = [_Legend.of(entries) for entries in (self.lines, self.keys) if entries]
        head = TOP + 1.2 * LINE * len(self._title) + self._above
        foot = BOTTOM + sum(legend.height for legend in legends) + 0.08
        height = head + PLOT_HEIGHT + foot
        self._figure.set_size_inches(WIDTH, height)
        self.axes.set_position(
            (LEFT / WIDTH, foot / height, (WIDTH - LEFT - RIGHT) / WIDTH, PLOT_HEIGHT / height)
        )
        top = 1 - 0.06 / height
        self._figure.text(0.01, top, "\n".join(self._title), va="top", fontproperties=TITLE)
        top = foot - BOTTOM
        for legend in legends:
            legend.draw(self._figure, (0.01, top / height))
            top -= legend.height
        return self._figure


@dataclass(frozen=True, kw_only=True)
class _Legend:
    """A legend whose size is known before it is drawn: matplotlib would need a second pass."""

    samples: Sequence[Artist]
    labels: Sequence[str]
    columns: int
    height: float

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> _Legend:
        labels = [textwrap.fill(printable(text), WRAP) or " " for _, text in entries]
        longest = max(map(len, labels))
        columns = max(1, min(4, int((WIDTH - 0.1) / (longest * CHARACTER + 0.6))))
        # A text that is wrapped fills its line, so there is one column then.
        rows = sum(text.count("\n") + 1 for text in labels)
        rows = rows if columns == 1 else math.ceil(len(labels) / columns)
        samples = [sample for sample, _ in entries]
        height = LINE * rows + 0.04
        return cls(samples=samples, labels=labels, columns=columns, height=height)

    def draw(self, figure: Figure, corner: tuple[float, float]) -> None:
        # matplotlib leaves out labels that begin with an underscore, so the texts come afterwards.
        legend = figure.legend(
            self.samples,
            [str(i) for i in range(len(self.labels))],
            loc="upper left",
            bbox_to_anchor=corner,
            ncols=self.columns,
            borderpad=0,
            borderaxespad=0,
            handlelength=2.6,
            labelspacing=0.3,
            columnspacing=1.2,
        )
        for text, label in zip(legend.get_texts(), self.labels, strict=True):
            text.set_text(label)


def _wrapped(title: str) -> list[str]:
    """Return a title's lines, each as long as the figure is wide at most."""
    # An overlong word, a path say, is cut.
    words = [part for word in title.split() for part in textwrap.wrap(word, 60)]
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        # Letters that are fitted to pixels are up to 5 % wider.
        if lines and _inches(longer) <= 0.93 * WIDTH:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _inches(words: str) -> float:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=MISSING)
        return float(text_to_path.get_text_width_height_descent(words, TITLE, ismath=False)[0]) / 72


def to_svg(figure: Figure, alt: str) -> str:
    """Return a figure as `<svg ...>` to `</svg>`, in the page's ink; `alt` says what it shows."""
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=MISSING)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
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
    axis.set_major_locator(LogLocator(numticks=9))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(PowerFormatter())


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
