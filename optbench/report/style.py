"""How figures look: a colour per name, the same everywhere, with a dash and a marker."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.ticker import Formatter, Locator

PALETTE = (
    "#3f90da",
    "#f08908",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e93e07",
    "#b8a074",
    "#717581",
    "#0bb2d5",
)
"""Ten colours that stay apart in the three kinds of colour blindness: Petroff's (2021), of which
orange, sand and cyan are darkened to a contrast of 2.5 on white, and pumpkin to one more than
that from orange."""

BLUE, ORANGE, RED, SILVER, PURPLE, BROWN, PUMPKIN, SAND, GREY, CYAN = PALETTE

GREEN = "#009e73"
"""A hue that the ten do not have, for an eleventh name beside the usual ones (Okabe & Ito 2008)."""

Dash = Literal["-"] | tuple[float, tuple[float, ...]]
"""A line style as matplotlib takes it: solid, or (offset, lengths on and off in line widths)."""

SOLID: Dash = "-"
DASHED: Dash = (0, (5, 1.8))
DOTTED: Dash = (0, (1, 1.5))
DASH_DOT: Dash = (0, (6, 1.4, 1, 1.4))
DASH_DOTS: Dash = (0, (3, 1.2, 1, 1.2, 1, 1.2))
LONG: Dash = (4, (9, 2))  # a legend's marker would hide the only gap
SHORT: Dash = (0, (2.4, 1.2))
LONG_SHORT: Dash = (0, (7, 1.4, 2.4, 1.4))

DASHES = (SOLID, DASHED, DOTTED, DASH_DOT, DASH_DOTS, LONG, SHORT, LONG_SHORT)
MARKERS = "osD^vPX*<>"

KNOWN = {
    "gd": (BLUE, SOLID),
    "sgd": (CYAN, DOTTED),
    "heavy_ball": (ORANGE, DASHED),
    "nesterov": (RED, DASH_DOT),
    "adagrad": (BROWN, DASH_DOTS),
    "rmsprop": (SAND, SHORT),
    "adam": (PURPLE, LONG),
    "adamw": (PUMPKIN, LONG_SHORT),
    # Momentum by other names and rules.
    "heavy_ball_ema": (ORANGE, SHORT),
    "nesterov_convex": (RED, LONG),
    "nesterov_strongly_convex": (RED, DASH_DOTS),
    "fista": (PUMPKIN, DASH_DOTS),
    "ogm": (PURPLE, DOTTED),
    "chebyshev": (BROWN, SHORT),
    # Quadratics, curvature, no smoothness.
    "conjugate_gradient": (GREY, LONG_SHORT),
    "closed_form": (SILVER, LONG),
    "coordinate_descent": (CYAN, LONG_SHORT),
    "newton": (SAND, DASH_DOT),
    "natural_gradient": (BROWN, DASHED),
    "subgradient": (CYAN, DASH_DOT),
    "scipy": (GREY, LONG),
    "scipy.BFGS": (SILVER, DOTTED),
    "scipy.CG": (CYAN, DASHED),
    "scipy.L-BFGS-B": (GREY, SOLID),
    "scipy.Newton-CG": (GREEN, LONG_SHORT),
    # Adam's relatives, beside Adam and AdamW.
    "adamax": (SAND, DASH_DOTS),
    "amsgrad": (RED, SOLID),
    "nadam": (ORANGE, DASH_DOT),
    "radam": (BLUE, DASHED),
    "adadelta": (GREY, SHORT),
    "adafactor": (SILVER, SOLID),
    "adagrad_norm": (BROWN, DOTTED),
    "rmsprop_centered": (SAND, DOTTED),
    "rmsprop_momentum": (SAND, LONG),
    # What networks are trained with, beside SGD, momentum, Adam and AdamW.
    "lion": (BROWN, SOLID),
    "signsgd": (SAND, DASHED),
    "signum": (BROWN, DASH_DOT),
    "muon": (BLUE, DASH_DOT),
    "shampoo": (GREY, DASH_DOTS),
    "soap": (RED, SHORT),
    "kfac": (SILVER, DASHED),
    "sophia_g": (SAND, SOLID),
    "sophia_h": (SAND, LONG_SHORT),
    "lamb": (GREY, DASHED),
    "lars": (SILVER, DASH_DOT),
    "schedule_free_adamw": (BLUE, LONG),
    "schedule_free_sgd": (BLUE, SHORT),
    "dadapt_adam": (BROWN, LONG),
    "dadapt_sgd": (SILVER, DASH_DOTS),
    "prodigy": (RED, DOTTED),
    "polyak_averaging": (GREY, DASH_DOT),
}
"""Colour and dash of each optimizer, such that those usually shown together differ in both, as far
as there are dashes; any other has a colour by its name's checksum. A name alone decides, so that it
looks the same in every figure."""

INK = "#010203"
"""Stands for the reader's text colour; the page puts its own in its place."""

RC: dict[Any, Any] = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.12,
    "grid.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "path.simplify_threshold": 0.3,
    # A problem may be called $\alpha_1$ or $: names are text, and mathtext is slow besides.
    "text.parse_math": False,
    # Letters stay letters: a fifth of the bytes, can be searched, and take the page's colour.
    "svg.fonttype": "none",
}
"""matplotlib settings of every figure."""


@dataclass(frozen=True)
class LineStyle:
    """Colour, dash and marker of one name."""

    colour: str
    dash: Dash
    marker: str


def line_styles(names: Iterable[str]) -> dict[str, LineStyle]:
    """Give every name a look of its own.

    A known name looks as `KNOWN` says. Any other has the colour of `colour_of`, `torch.Adam` that
    of `adam`, and of the dashes the one that its colour, and then all others, use least, the known
    one first; `torch.Adam` never has that. Names of one dash differ in their markers.

    Args:
        names: Names as the figures show them, in any order.

    Returns:
        Style by name; it depends on the set of names, not on their order.
    """
    used: Counter[tuple[str | Dash, ...]] = Counter()
    styles = {}
    for name in sorted(set(names), key=lambda n: (n not in KNOWN, _is_twin(n), n)):
        colour = colour_of(name)
        dash = KNOWN[name][1] if name in KNOWN else _free_dash(name, colour, used)
        marker = _free_marker(colour, dash, used)
        used.update([(dash,), (colour, dash), (dash, marker), (colour, dash, marker)])
        styles[name] = LineStyle(colour, dash, marker)
    return styles


def _free_dash(name: str, colour: str, used: Counter[tuple[str | Dash, ...]]) -> Dash:
    known = _known(name)
    first = DASHES.index(KNOWN[known][1]) if known else 0
    places = range(first + _is_twin(name), first + len(DASHES))
    dashes = [DASHES[place % len(DASHES)] for place in places]
    return min(dashes, key=lambda dash: (used[colour, dash], used[dash,]))


def _free_marker(colour: str, dash: Dash, used: Counter[tuple[str | Dash, ...]]) -> str:
    first = (*PALETTE, GREEN).index(colour) + 3 * DASHES.index(dash)
    markers = [MARKERS[(first + i) % len(MARKERS)] for i in range(len(MARKERS))]
    return min(markers, key=lambda marker: (used[colour, dash, marker], used[dash, marker]))


def colour_of(name: str) -> str:
    """Return an optimizer's colour, which depends on nothing but its name.

    Args:
        name: A name as figures show it, with parameters and schedule or without.
    """
    known = _known(name)
    return KNOWN[known][0] if known else PALETTE[zlib.crc32(_base(name).encode()) % len(PALETTE)]


def _known(name: str) -> str:
    """Return the known name that one is a variant or a twin of, or nothing."""
    base = _base(name)
    candidates = (base, base.split(".")[0], base.split(".")[-1].lower())
    return next((known for known in candidates if known in KNOWN), "")


def _base(name: str) -> str:
    """Return a name without parameters and schedule, and a twin's as its equation has it."""
    whole = re.split(r":(?=[^:,=]*=)|,", name)[0]
    return whole.removeprefix("torch.").lower() if _is_twin(name) else whole


def _is_twin(name: str) -> bool:
    return name.startswith("torch.")


SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def power_of_ten(exponent: int) -> str:
    """Return a power of ten as text, e.g. 10⁻⁶."""
    return f"10{str(exponent).translate(SUPERSCRIPTS)}"


class PowerFormatter(Formatter):
    """Labels the powers of ten on a logarithmic axis, and nothing else."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of the tick at x."""
        del pos
        mantissa, _, exponent = f"{x:.6e}".partition("e")
        return self.power(int(exponent)) if float(mantissa) == 1 else ""

    def power(self, exponent: int) -> str:
        """Return the label of a power of ten."""
        return power_of_ten(exponent)


class MathPowerFormatter(PowerFormatter):
    """The same for ticks that mathtext sets: not every font has all superscripts."""

    def power(self, exponent: int) -> str:
        """Return the label of a power of ten, e.g. $10^{-6}$."""
        return f"$10^{{{exponent}}}$"


class PowerLocator(Locator):
    """Puts ticks at powers of ten, as many as there is room for, evenly."""

    MOST = 9

    def __call__(self) -> list[float]:
        """Return the ticks of the axis as it is."""
        return self.tick_values(*self.axis.get_view_interval())  # type: ignore[union-attr]

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return the ticks between two ends."""
        low, high = math.ceil(math.log10(vmin) - 1e-9), math.floor(math.log10(vmax) + 1e-9)
        room = min(max(self.axis.get_tick_space(), 2), self.MOST) if self.axis else self.MOST
        steps = (s for s in (1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, 1000))
        step = next(s for s in steps if high // s - math.ceil(low / s) < room)
        return [10.0**e for e in range(math.ceil(low / step) * step, high + 1, step)]
