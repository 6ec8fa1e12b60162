"""Names beside and below a grid: in a few lines, and where that is not enough by a number."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.lines import Line2D

from optbench.analysis.tables import printable
from optbench.report.canvas import Canvas
from optbench.report.lettering import fold, inches

LINE = 1.25
"""Height of a line in letters' sizes."""

SHORT = 1.2
"""Inches up to which a turned name stays in one line ..."""

DEEPEST = 1.9
"""... and those below a grid that names may take."""


def row_labels(canvas: Canvas, names: Sequence[str], width: float, lines: int = 2) -> list[str]:
    """Return the labels of rows; a name that needs more lines is a number, explained in the keys.

    Args:
        canvas: Gets the explanations.
        names: The rows' names.
        width: Inches of a line.
        lines: Lines of a label.
    """
    folded = [fold(printable(name), width, canvas.look.small) for name in names]
    return _numbered(canvas, names, ["\n".join(f) if len(f) <= lines else "" for f in folded])


def column_labels(canvas: Canvas, names: Sequence[str], cell: float) -> tuple[list[str], bool]:
    """Return the labels of columns and whether they are turned by a right angle.

    Args:
        canvas: Gets the explanations of names that are too long.
        names: The columns' names.
        cell: Inches of a column.
    """
    size = canvas.look.small
    flat = ["\n".join(fold(printable(name), 0.95 * cell, size)) for name in names]
    words = [(word, text) for name, text in zip(names, flat, strict=True) for word in name.split()]
    if all(word in text for word, text in words) and max(t.count("\n") for t in flat) < 3:
        return flat, False
    lines = max(1, int(cell * 72 / (LINE * size)))
    turned = []
    for name in map(printable, names):
        width = max(SHORT, 1.02 * inches(name, size) / lines)
        parts = fold(name, width, size)
        while len(parts) > lines and width < DEEPEST:
            width *= 1.15
            parts = fold(name, width, size)
        fits = len(parts) <= lines and width <= DEEPEST
        turned.append("\n".join(parts) if fits else "")
    return _numbered(canvas, names, turned), True


def height_of(labels: Sequence[str], size: float) -> float:
    """Return the inches that the highest of some labels needs."""
    return (max(label.count("\n") for label in labels) + 1) * LINE * size / 72 + 0.03


def _numbered(canvas: Canvas, names: Sequence[str], labels: Sequence[str]) -> list[str]:
    found = []
    for name, label in zip(names, labels, strict=True):
        if not label:
            label = f"({1 + sum(text.startswith('(') for _, text in canvas.keys)})"
            canvas.keys.append((Line2D([], [], linestyle="none"), f"{label} {name}"))
        found.append(label)
    return found
