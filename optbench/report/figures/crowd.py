"""Many names in one figure: the best in colour, the others thin and grey under one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.lines import Line2D

from optbench.analysis.summary import Row
from optbench.report.canvas import sample
from optbench.report.figures.keys import ran
from optbench.report.legend import Entry
from optbench.report.looks import Look
from optbench.report.style import LineStyle, line_styles

MOST = 12
"""Names that are told apart in one plot; of more only ..."""

FIRST = 10
"""... so many."""

OTHERS = LineStyle("#9a9a9a", "-", "")
"""How the others look."""

THIN = 0.5
"""Width of the others' lines, in widths of a curve."""


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Who is told apart.

    Attributes:
        styles: Style by name, of those that ran; `OTHERS` for those that are not told apart.
        look: Sizes and inks.
    """

    styles: Mapping[str, LineStyle]
    look: Look

    def is_told(self, name: str) -> bool:
        """Return whether a name has a look of its own."""
        return self.styles[name] is not OTHERS

    def line(self, name: str) -> dict[str, Any]:
        """Return how a name's line is drawn, its marker excepted."""
        style = self.styles[name]
        width = self.look.line * (1.0 if self.is_told(name) else THIN)
        return {"color": style.colour, "linestyle": style.dash, "lw": width}

    def entries(self, texts: Mapping[str, str]) -> list[Entry]:
        """Return the legend of those in colour, and how many the others are.

        Args:
            texts: What the legend says, by name.
        """
        told: list[Entry] = [
            (sample(self.styles[name]), text) for name, text in texts.items() if self.is_told(name)
        ]
        if len(told) == len(texts):
            return told
        grey = Line2D([], [], color=OTHERS.colour, lw=THIN * self.look.line)
        return [*told, (grey, f"{len(texts) - len(told)} others (name them with --optimizer)")]


def crowd_of(groups: Sequence[Sequence[Row]], look: Look, *, named: bool) -> Crowd:
    """Return who is told apart: all that are few or were asked for by name, or else the best.

    Args:
        groups: The rows of each plot, the best ones first.
        look: Sizes and inks.
        named: Whether each was asked for by name.
    """
    places: dict[str, list[float]] = {}
    for same in groups:
        drawn = [row.name for row in same if ran(row)]
        for place, name in enumerate(drawn):
            places.setdefault(name, []).append(place / len(drawn))
    few = named or max(len([row for row in same if ran(row)]) for same in groups) <= MOST
    order = sorted(places, key=lambda name: (sum(places[name]) / len(places[name]), name))
    front = order if few else order[:FIRST]
    others = dict.fromkeys(order, OTHERS)
    return Crowd(styles=others | line_styles(front), look=look)
