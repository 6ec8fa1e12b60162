"""A table in characters, for a terminal."""

from __future__ import annotations

import textwrap
import unicodedata

from optbench.report.tables import numbers
from optbench.report.tables.table import Cell, Mark, Table

SIGNS = {Mark.NONE: "", Mark.BEST: "*", Mark.TIED: "="}
"""What stands after a cell."""

SENTENCE = 48
"""Characters of a column of sentences."""


def text(table: Table, width: int = 200) -> str:
    """Return a table in characters; columns that do not fit beside others follow below.

    Args:
        table: Any table.
        width: Characters in a line.
    """
    size = max(width, 40)
    lines = [*textwrap.wrap(table.caption, size), ""]
    for block in _blocks(table, size):
        lines += [*block, ""]
    notes = [*table.notes]
    if table.said and table.marks - {Mark.NONE}:
        notes.insert(0, table.said.format(best=SIGNS[Mark.BEST], tied=SIGNS[Mark.TIED]))
    lines += [line for note in notes for line in textwrap.wrap(note, size)]
    return "\n".join(lines).rstrip() + "\n"


def _blocks(table: Table, width: int) -> list[list[str]]:
    """Return the lines of each block of columns that fits."""
    labels = [table.corner, *(label for label, _ in table.rows)]
    columns = [
        [[table.columns[i]], *(_cell(cells[i], i in table.texts) for _, cells in table.rows)]
        for i in range(len(table.columns))
    ]
    sizes = [max(_width(line) for cell in column for line in cell) for column in columns]
    head = max(map(_width, labels))
    blocks: list[list[int]] = [[]]
    used = head
    for i, size in enumerate(sizes):
        if blocks[-1] and used + 2 + size > width:
            blocks.append([])
            used = head
        blocks[-1].append(i)
        used += 2 + size
    return [
        _lines(labels, [(columns[i], sizes[i], i in table.texts) for i in block], head)
        for block in blocks
    ]


def _cell(cell: Cell, is_text: bool) -> list[str]:
    shown = numbers.text(cell, SIGNS[cell.mark])
    return (textwrap.wrap(shown, SENTENCE) or [""]) if is_text else [shown]


def _lines(
    labels: list[str], columns: list[tuple[list[list[str]], int, bool]], head: int
) -> list[str]:
    lines = []
    for row, label in enumerate(labels):
        height = max((len(column[row]) for column, _, _ in columns), default=1)
        for part in range(height):
            cells = [_fill(label if part == 0 else "", head, left=True)]
            for column, size, left in columns:
                shown = column[row][part] if part < len(column[row]) else ""
                cells.append(_fill(shown, size, left=left))
            lines.append("  ".join(cells).rstrip())
        if row == 0:
            lines.append("-" * (head + sum(2 + size for _, size, _ in columns)))
    return lines


def _fill(shown: str, size: int, *, left: bool) -> str:
    room = " " * (size - _width(shown))
    return shown + room if left else room + shown


def _width(shown: str) -> int:
    """Return the places of a terminal that a text takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in shown)
    return len(shown) + wide - sum(unicodedata.combining(c) > 0 for c in shown)
