"""How wide words are in print, and where they break, before anything is drawn."""

from __future__ import annotations

import warnings
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

MISSING = "Glyph .* missing"
"""A warning. What is written holds the text itself where it can: a letter that this machine's font
lacks is no loss."""

WIDER = 1.05
"""Letters that are fitted to pixels are up to 5 % wider."""


SIGNS = ",:_/=-."
"""Where a word that is too long breaks, rather than between any two letters."""


@lru_cache(maxsize=4096)
def inches(words: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of text.

    Args:
        words: One line.
        size: Points.
        bold: Whether it is bold.
    """
    font = FontProperties(weight="bold" if bold else "normal", size=size)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=MISSING)
        width = text_to_path.get_text_width_height_descent(words, font, ismath=False)[0]
    return WIDER * float(width) / 72


def fold(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text into lines that fit; a word that is too long goes on in the next line.

    Args:
        text: Any text.
        width: Inches that a line may have.
        size: Points.
        bold: Whether it is bold.

    Returns:
        The lines, one or more; together they have every letter of the text.
    """
    lines: list[str] = []
    for word in text.split():
        for part in _pieces(word, width, size, bold=bold):
            longer = f"{lines[-1]} {part}" if lines else part
            # Only the first piece of a word may share a line with the word before.
            if lines and word.startswith(part) and inches(longer, size, bold=bold) <= width:
                lines[-1] = longer
            else:
                lines.append(part)
    return lines or [" "]


def _pieces(word: str, width: float, size: float, *, bold: bool) -> list[str]:
    pieces: list[str] = []
    while word and inches(word, size, bold=bold) > width:
        kept = max(1, int(len(word) * width / inches(word, size, bold=bold)))
        while kept > 1 and inches(word[:kept], size, bold=bold) > width:
            kept -= 1
        sign = max(word.rfind(sign, 0, kept) for sign in SIGNS) + 1
        kept = sign if sign > kept / 3 else kept
        pieces.append(word[:kept])
        word = word[kept:]
    return [*pieces, word] if word else pieces
