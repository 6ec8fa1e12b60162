"""Curves in characters: braille dots, or stars where there is no such letter."""

from __future__ import annotations

import numpy as np

HEIGHT = 13
"""Lines of a plot; odd, so that one is in the middle."""

WIDEST = 100
NARROWEST = 8
"""Characters across the plot, whatever the terminal says."""

DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of a braille letter, four dots high and two wide (Unicode, block 2800)."""


def draw(title: str, values: np.ndarray, width: int, *, braille: bool) -> str:
    """Draw values against their index, each held until the next.

    Args:
        title: The line above the plot.
        values: Shape (T + 1,), finite.
        width: Characters of the terminal.
        braille: Whether braille letters can be shown; stars if not.

    Returns:
        Lines, none longer than `width` if that leaves room for a plot at all.
    """
    low, high = float(values.min()), float(values.max())
    # From 0 on, but a momentum of .85 to .95 shall fill the plot.
    low = np.floor(10 * low) / 10 if high / 2 < low < high else 0.0
    high = high if high > low else 1.0
    marks = {0: f"{high:.4g}", HEIGHT // 2: f"{(low + high) / 2:.4g}", HEIGHT - 1: f"{low:.4g}"}
    margin = max(map(len, marks.values())) + 1
    columns = max(NARROWEST, min(width, WIDEST) - margin - 1)
    tall, wide = (4, 2) if braille else (1, 1)
    dots = _dots((values - low) / (high - low), HEIGHT * tall, columns * wide)
    side, corner, floor = ("│", "└", "─") if braille else ("|", "+", "-")
    cells = dots.reshape(HEIGHT, tall, columns, wide)
    lines = [title]
    for row in range(HEIGHT):
        letters = map(_letter if braille else _star, cells[row].transpose(1, 0, 2))
        lines.append(f"{marks.get(row, ''):>{margin - 1}} {side}{''.join(letters)}".rstrip())
    lines.append(f"{'':{margin}}{corner}{floor * columns}")
    last = f"{len(values) - 1}"
    middle = "step" if columns > len(last) + 6 else ""
    lines.append(f"{'':{margin}} 0{middle:^{columns - 1 - len(last)}}{last}")
    return "\n".join(lines)


def _dots(heights: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return which dots are set, (rows, columns), the top row first, without gaps."""
    n = len(heights)
    level = np.rint((1 - heights) * (rows - 1)).astype(np.int64)
    dots = np.zeros((rows, columns), dtype=bool)
    before = level[0]
    for column in range(columns):
        first = column * n // columns
        here = level[first : max(first + 1, (column + 1) * n // columns)]
        reached = np.append(here, before)
        dots[reached.min() : reached.max() + 1, column] = True
        before = here[-1]
    return dots


def _letter(cell: np.ndarray) -> str:
    bits = int((DOTS * cell).sum())
    return chr(0x2800 + bits) if bits else " "


def _star(cell: np.ndarray) -> str:
    return "*" if cell.any() else " "
