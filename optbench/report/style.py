"""How figures look: one colour, dash and marker per name, the same in every figure of a report."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib import color_sequences
from matplotlib.colors import to_hex
from matplotlib.ticker import Formatter

PALETTE = tuple(to_hex(colour) for colour in color_sequences["petroff10"])
"""Ten colours that stay apart in the three kinds of colour blindness (Petroff 2021)."""

BLUE, ORANGE, RED, SILVER, PURPLE, BROWN, PUMPKIN, SAND, GREY, CYAN = PALETTE

COLOURS = {
    "gd": BLUE,
    "sgd": CYAN,
    "heavy_ball": ORANGE,
    "nesterov": RED,
    "adagrad": BROWN,
    "rmsprop": SAND,
    "adam": PURPLE,
    "adamw": PUMPKIN,
    "scipy": GREY,
}
"""Colour of each optimizer that everybody knows; the others get one by their name."""

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

    The colour belongs to the optimizer's family, `torch.Adam` has that of `adam`. Names of one
    colour differ in dash and marker; solid is for the first that is not an adapter's.

    Args:
        names: Names as the figures show them, in any order.

    Returns:
        Style by name; it depends on the set of names, not on their order.
    """
    used: Counter[str] = Counter()
    styles = {}
    ordered = sorted(set(names), key=lambda n: (_is_twin(n), n))
    colours = _colours([_base(name) for name in ordered])
    for name in ordered:
        colour = colours[_base(name)]
        if _is_twin(name) and used[colour] == 0:
            used[colour] = 1
        place = used[colour]
        used[colour] += 1
        marker = MARKERS[(PALETTE.index(colour) + 3 * place) % len(MARKERS)]
        styles[name] = LineStyle(colour, DASHES[place % len(DASHES)], marker)
    return styles


def _is_twin(name: str) -> bool:
    return name.startswith("torch.")


def _base(name: str) -> str:
    base = re.split(r"[:,]", name)[0]
    return base.removeprefix("torch.").lower() if _is_twin(base) else base.split(".")[0]


def _colours(bases: Sequence[str]) -> dict[str, str]:
    """Return each family's colour; one without a colour of its own gets the least used one."""
    colours = {base: COLOURS[base] for base in bases if base in COLOURS}
    used = Counter(colours.values())
    for base in bases:
        if base not in colours:
            first = zlib.crc32(base.encode()) % len(PALETTE)
            colours[base] = min([*PALETTE[first:], *PALETTE[:first]], key=lambda c: used[c])
            used[colours[base]] += 1
    return colours


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
