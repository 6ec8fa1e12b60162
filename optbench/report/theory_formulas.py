"""Formulas on a page: LaTeX to SVG that takes the page's ink and needs no network."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from markupsafe import Markup
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

FONT = FontProperties(math_fontfamily="cm")
"""Computer Modern: a formula looks as it does in a paper."""

EM = text_to_path.FONT_SCALE
"""Units of a path to an em."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A formula's outline, 100 units to an em, its baseline at y = 0.

    Attributes:
        path: The outline.
        width: Of its box.
        height: Of its box, from the lowest point up.
        depth: Of its box below the baseline.
    """

    path: Path
    width: float
    height: float
    depth: float


def outline(latex: str) -> Outline:
    """Return a formula's outline.

    Args:
        latex: The formula without dollar signs, as matplotlib's mathtext reads it.

    Raises:
        ValueError: When mathtext cannot read it.
    """
    source = _displayed(latex)
    vertices, codes = text_to_path.get_text_path(FONT, source, ismath=True)
    width, height, depth = _box(source)
    path = Path(np.asarray(vertices), codes)
    return Outline(path=path, width=width, height=height, depth=depth)


def _box(source: str) -> tuple[float, float, float]:
    """Return width, height and depth of a formula's box."""
    # The sizes that come back are those of the font's own size.
    sizes = text_to_path.get_text_width_height_descent(source, FONT, True)
    width, height, depth = (size / FONT.get_size_in_points() * EM for size in sizes)
    return width, height, depth


def _displayed(latex: str) -> str:
    """Return the source of a formula that stands by itself, where fractions are not small."""
    # To mathtext a bare * is an operator, with space round it, even as an exponent.
    # Nor does it leave the space that TeX leaves before the name of a function.
    latex = re.sub(r"(?<=[\w})])\s*\\(max|min|ln|log|exp|sup|lim)\b", r"\\,\\\1", latex)
    parts = re.split(r"([{}])", latex.replace("^*", "^{*}"))
    depths = accumulate({"{": 1, "}": -1}.get(part, 0) for part in parts)
    shown = (
        part if depth else part.replace(r"\frac", r"\dfrac")
        for part, depth in zip(parts, depths, strict=True)
    )
    return f"${''.join(shown)}$"


def typeset(formulas: Iterable[str]) -> tuple[dict[str, Markup], Markup]:
    """Return formulas as inline SVG, and the glyphs that they share, which the page holds once.

    Args:
        formulas: LaTeX without dollar signs.

    Returns:
        `<svg>` by formula, with the LaTeX as its label, sized in ems of the text around it; and the
        `<svg>` of glyphs that they refer to.

    Raises:
        ValueError: When mathtext cannot read a formula.
    """
    glyphs: dict[str, str] = {}
    made = {latex: _svg(latex, glyphs) for latex in sorted(set(formulas))}
    paths = (f'<path id="{name}" d="{d}"/>' for name, d in sorted(glyphs.items()))
    shared = f'<svg class="glyphs" aria-hidden="true"><defs>{"".join(paths)}</defs></svg>'
    return made, Markup(shared)


def _svg(latex: str, glyphs: dict[str, str]) -> Markup:
    """Return a formula's SVG, and add its glyphs to those of the page."""
    source = _displayed(latex)
    width, height, depth = _box(source)
    places, outlines, rules = text_to_path.get_glyphs_mathtext(FONT, source)
    glyphs |= {f"g-{name}": _d(Path(*outline)) for name, outline in outlines.items()}
    drawn = [
        f'<use href="#g-{name}" transform="translate({x:.4g} {y:.4g}) scale({scale:.4g})"/>'
        for name, x, y, scale in places
    ]
    drawn += [f'<path d="{_d(Path(*rule))}"/>' for rule in rules]
    return Markup(
        '<svg class="formula" role="img" aria-label="{latex}" viewBox="0 {top:.4g} {w:.5g} {h:.4g}"'
        ' style="width:{em_w:.4g}em;vertical-align:{em_d:.3g}em"><title>{latex}</title>'
        '<g transform="scale(1 -1)">{drawn}</g></svg>'
    ).format(
        latex=latex,
        top=depth - height,
        w=width,
        h=height,
        em_w=width / EM,
        em_d=-depth / EM,
        drawn=Markup("".join(drawn)),
    )


LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


def _d(path: Path) -> str:
    """Return a path as SVG's `d`, to a thousandth of an em."""
    parts = []
    for vertices, code in path.iter_segments(simplify=False):
        if code == Path.CLOSEPOLY:
            parts.append("Z")
        else:
            parts.append(LETTERS[code] + " ".join(f"{v:.1f}".removesuffix(".0") for v in vertices))
    return "".join(parts)
