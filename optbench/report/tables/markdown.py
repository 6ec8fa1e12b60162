"""A table in Markdown, as GitHub and pandoc read it."""

from __future__ import annotations

import re

from optbench.report.tables import numbers
from optbench.report.tables.table import Cell, Mark, Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$#])")


def markdown(table: Table) -> str:
    """Return a table in Markdown: the best is bold, what is not told from it in italics."""
    head = [escape(cell) for cell in (table.corner, *table.columns)]
    sides = ["---", *(":--" if i in table.texts else "--:" for i in range(len(table.columns)))]
    lines = [head, sides]
    lines += [[escape(label), *map(_cell, cells)] for label, cells in table.rows]
    notes = [escape(note) for note in table.notes]
    if table.said and table.marks - {Mark.NONE}:
        notes.insert(0, escape(table.said.format(best="Bold", tied="italic")))
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([escape(table.caption), rows, *notes]) + "\n"


def escape(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    plain = _SPECIAL.sub(r"\\\1", text.replace("&", "&amp;"))
    return plain.replace("\n", " ")


def _cell(cell: Cell) -> str:
    number = numbers.text(cell)
    if cell.mark is Mark.NONE or cell.value is None:
        return escape(number)
    sign = "**" if cell.mark is Mark.BEST else "*"
    main, space, rest = number.partition(" ")
    return f"{sign}{escape(main)}{sign}{space}{escape(rest)}"
