"""How wide words are in print, and where they break, before anything is drawn."""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache

from matplotlib import rcParams
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from optbench.report.looks import SERIF

MISSING = "Glyph .* missing"
"""A warning. What is written holds the text itself where it can: a letter that this machine's font
lacks is no loss."""

WIDER, WIDER_IN_TEX = 1.05, 1.1
"""Letters that are fitted to pixels are up to 5 % wider; and those of a document, where TeX sets
them in place of Times, up to 10 %."""

BREAKS = (
    re.compile(r"[^:,]*[:,]?"),
    re.compile(r"(?:(?<=[=:,])-(?=\d)|\d[\d.]*(?:e-\d+)?|[^=_/-])*[=_/-]?"),
)
"""Parts of a word that is too long: a parameter with its value, and where that is too long itself,
whatever ends in a sign that is not within a number."""


def inches(words: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of text in the font that figures are drawn in now.

    Args:
        words: One line.
        size: Points.
        bold: Whether it is bold.
    """
    return _inches(words, size, "bold" if bold else "normal", tuple(rcParams["font.family"]))


@lru_cache(maxsize=4096)
def _inches(words: str, size: float, weight: str, family: tuple[str, ...]) -> float:
    font = FontProperties(family=family, weight=weight, size=size)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=MISSING)
        width = text_to_path.get_text_width_height_descent(words, font, ismath=False)[0]
    return (WIDER_IN_TEX if family == SERIF else WIDER) * float(width) / 72


def fold(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text into lines that fit; a word that is too long goes on in the next one.

    Args:
        text: Any text.
        width: Inches that a line may have.
        size: Points.
        bold: Whether it is bold.

    Returns:
        The lines, one or more; together they have every letter of the text.
    """
    lines = [""]
    for word in text.split():
        _add(lines, " " if lines[-1] else "", word, lambda t: inches(t, size, bold=bold) <= width)
    return lines if lines[0] else [" "]


def _add(lines: list[str], gap: str, part: str, fits: Callable[[str], bool]) -> None:
    """Write a part of a text on the last line, or a new one; what fits on neither is broken."""
    if fits(lines[-1] + gap + part):
        lines[-1] += gap + part
    elif fits(part):
        lines.append(part)
    else:
        broken = (list(filter(None, signs.findall(part))) for signs in BREAKS)
        parts = next((found for found in broken if len(found) > 1), [])
        for smaller in parts:
            _add(lines, gap, smaller, fits)
            gap = ""
        if not parts:
            lines[:] = [line for line in lines if line] + _cut(part, fits)


def _cut(part: str, fits: Callable[[str], bool]) -> list[str]:
    """Return a word without signs in pieces that fit."""
    pieces = []
    while part:
        kept = bisect_left(range(1, len(part) + 1), True, key=lambda n: not fits(part[:n])) or 1
        pieces.append(part[:kept])
        part = part[kept:]
    return pieces
