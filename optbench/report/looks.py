"""The look of a figure where it is to be printed or shown: a venue's widths and font sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from optbench.core.errors import OptbenchError, unknown
from optbench.report.style import INK, RC

SANS = ("DejaVu Sans",)
SERIF = ("STIXGeneral", "DejaVu Serif")
"""Fonts that matplotlib brings along. STIX is a Times; the other has the letters that it lacks."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a figure is drawn for one place.

    Attributes:
        name: What the place is called.
        width: Inches.
        columns: Widths by name where the place has two columns of text; empty otherwise.
        text: Points of labels and titles.
        small: Points of ticks, legends and notes.
        family: Names of fonts; the next one has what the first one lacks.
        line: Points of a curve's width.
        ink: Colour of text, axes and reference lines.
        ground: Colour behind it all; `none` is transparent.
        title: Whether the figure says above what it shows; in papers the caption does.
        height: Height of a single plot as a share of its width.
    """

    name: str
    width: float
    columns: tuple[tuple[str, float], ...] = ()
    text: float
    small: float
    family: tuple[str, ...] = SANS
    line: float = 1.2
    ink: str = "#000000"
    ground: str = "white"
    title: bool = False
    height: float = 0.618

    @property
    def rc(self) -> dict[Any, Any]:
        """The settings of matplotlib while such a figure is drawn and saved."""
        parts = "text.color axes.labelcolor axes.edgecolor axes.titlecolor xtick.color ytick.color"
        inks = f"{parts} grid.color".split()
        grounds = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
        sizes: dict[Any, Any] = {"font.size": self.text, "font.family": self.family}
        sizes |= dict.fromkeys(("axes.labelsize", "axes.titlesize"), self.text)
        sizes |= dict.fromkeys(
            ("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), self.small
        )
        lines = {"lines.linewidth": self.line, "lines.markersize": 2.6 * self.line**0.5 + 0.9}
        saved = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.hashsalt": "optbench"}
        colours = dict.fromkeys(inks, self.ink) | dict.fromkeys(grounds, self.ground)
        return RC | sizes | lines | saved | colours | {"figure.dpi": 300, "savefig.dpi": 300}


WEB = Look(
    name="web",
    width=5.6,
    text=9.0,
    small=8.5,
    line=1.6,
    ink=INK,
    ground="none",
    title=True,
    height=0.65,
)
"""Of pages: transparent, in the page's own ink. On a phone a figure shrinks to about 60 %, where 9
points are still read."""

NEURIPS = Look(name="neurips", width=5.5, text=9.0, small=8.0, family=SERIF)

LOOKS = {
    "neurips": NEURIPS,
    "icml": Look(
        name="icml",
        width=3.25,
        columns=(("column", 3.25), ("text", 6.75)),
        text=8.0,
        small=7.0,
        family=SERIF,
        line=1.0,
    ),
    "jmlr": Look(name="jmlr", width=6.0, text=9.95, small=8.95, family=SERIF),
    "thesis": Look(name="thesis", width=5.9, text=10.0, small=8.0, line=1.3),
    "slides": Look(
        name="slides", width=9.6, text=16.0, small=13.0, line=2.4, title=True, height=0.5
    ),
    "web": replace(WEB, ink="#1b1f24", ground="white"),
}
"""Places by name. Widths and sizes of venues are those of their style files; a file for the web is
opaque, as it does not know what it will lie on."""


def find_look(style: str, width: str = "") -> Look:
    """Return the look of a place.

    Args:
        style: One of `LOOKS`.
        width: `column` or `text` where the place has two columns; the first when empty.

    Raises:
        OptbenchError: For an unknown place, or a width that it does not have.
    """
    if style not in LOOKS:
        raise unknown("style", style, LOOKS)
    look = LOOKS[style]
    if not width:
        return look
    widths = dict(look.columns)
    if not widths:
        several = ", ".join(name for name, other in LOOKS.items() if other.columns)
        raise OptbenchError(f"style {style} has one width, {look.width:g} in; two have: {several}")
    if width not in widths:
        raise unknown(f"width of style {style}", width, widths)
    return replace(look, width=widths[width])
