"""How figures look: a colour per name, the same everywhere, with a dash and a marker."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib import color_sequences
from matplotlib.colors import to_hex
from matplotlib.ticker import Formatter, Locator

PALETTE = tuple(to_hex(colour) for colour in color_sequences["petroff10"])
"""Ten colours that stay apart in the three kinds of colour blindness (Petroff 2021)."""

BLUE, ORANGE, RED, SILVER, PURPLE, BROWN, PUMPKIN, SAND, GREY, CYAN = PALETTE

GREEN = "#009e73"
"""A hue that the ten do not have, for an eleventh name beside the usual ones (Okabe & Ito 2008)."""

COLOURS = {
    "gd": BLUE,
    "sgd": CYAN,
    "heavy_ball": ORANGE,
    "nesterov": RED,
    "adagrad": BROWN,
    "rmsprop": SAND,
    "adam": PURPLE,
    "adamw": PUMPKIN,
    # Momentum by other names and rules.
    "heavy_ball_ema": ORANGE,
    "nesterov_convex": RED,
    "nesterov_strongly_convex": RED,
    "fista": PUMPKIN,
    "ogm": PURPLE,
    "chebyshev": BROWN,
    # Quadratics, curvature, no smoothness.
    "conjugate_gradient": GREY,
    "closed_form": SILVER,
    "coordinate_descent": CYAN,
    "newton": SAND,
    "natural_gradient": BROWN,
    "subgradient": CYAN,
    "scipy": GREY,
    "scipy.BFGS": SILVER,
    "scipy.CG": CYAN,
    "scipy.L-BFGS-B": GREY,
    "scipy.Newton-CG": GREEN,
    # Adam's relatives, beside Adam and AdamW.
    "adamax": SAND,
    "amsgrad": RED,
    "nadam": ORANGE,
    "radam": BLUE,
    "adadelta": GREY,
    "adafactor": SILVER,
    "adagrad_norm": BROWN,
    "rmsprop_centered": SAND,
    "rmsprop_momentum": SAND,
    # What networks are trained with, beside SGD, momentum, Adam and AdamW.
    "lion": BROWN,
    "signsgd": SAND,
    "signum": BROWN,
    "muon": BLUE,
    "shampoo": GREY,
    "soap": RED,
    "kfac": SILVER,
    "sophia_g": SAND,
    "sophia_h": SAND,
    "lamb": GREY,
    "lars": SILVER,
    "schedule_free_adamw": BLUE,
    "schedule_free_sgd": BLUE,
    "dadapt_adam": BROWN,
    "dadapt_sgd": SILVER,
    "prodigy": RED,
    "polyak_averaging": GREY,
}
"""Colour of each optimizer, such that those usually shown together differ; any other has one by its
name's checksum. A name alone decides, so that it has one colour in every figure."""

Dash = Literal["-"] | tuple[float, Sequence[float]]
"""A line style as matplotlib takes it: solid, or (offset, lengths on and off in points)."""

DASHES: tuple[Dash, ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1, 1.4)),
    (0, (6, 1.4, 1, 1.4)),
    (0, (3, 1.2, 1, 1.2, 1, 1.2)),
)
MARKERS = "osD^vPX*<>"

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

    The colour is that of `colour_of`, `torch.Adam` has that of `adam`. Names of one colour differ
    in dash and marker; solid is for the first that is not an adapter's.

    Args:
        names: Names as the figures show them, in any order.

    Returns:
        Style by name; it depends on the set of names, not on their order.
    """
    used: Counter[str] = Counter()
    styles = {}
    for name in sorted(set(names), key=lambda n: (_is_twin(n), n)):
        colour = colour_of(name)
        if _is_twin(name) and used[colour] == 0:
            used[colour] = 1
        place = used[colour]
        used[colour] += 1
        # Fifty names of one colour: as many pairs of a dash and a marker.
        marker = (*PALETTE, GREEN).index(colour) + 3 * place + place // len(MARKERS)
        styles[name] = LineStyle(
            colour, DASHES[place % len(DASHES)], MARKERS[marker % len(MARKERS)]
        )
    return styles


def colour_of(name: str) -> str:
    """Return an optimizer's colour, which depends on nothing but its name.

    Args:
        name: A name as figures show it, with parameters and schedule or without.
    """
    whole = re.split(r":(?=[^:,=]*=)|,", name)[0]
    base = whole.removeprefix("torch.").lower() if _is_twin(name) else whole
    for known in (base, base.split(".")[0], base.split(".")[-1].lower()):
        if known in COLOURS:
            return COLOURS[known]
    return PALETTE[zlib.crc32(base.encode()) % len(PALETTE)]


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
        return power_of_ten(int(exponent)) if float(mantissa) == 1 else ""


class PowerLocator(Locator):
    """Puts ticks at powers of ten, as many as there is room for, evenly."""

    def __call__(self) -> list[float]:
        """Return the ticks of the axis as it is."""
        return self.tick_values(*self.axis.get_view_interval())  # type: ignore[union-attr]

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return the ticks between two ends."""
        low, high = math.ceil(math.log10(vmin) - 1e-9), math.floor(math.log10(vmax) + 1e-9)
        room = min(max(self.axis.get_tick_space(), 2), 9) if self.axis else 9
        steps = (s for s in (1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, 1000))
        step = next(s for s in steps if high // s - math.ceil(low / s) < room)
        return [10.0**e for e in range(math.ceil(low / step) * step, high + 1, step)]
