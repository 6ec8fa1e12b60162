"""Tables for papers: one kind a file, one format a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optbench.analysis.summary import Row
from optbench.core.errors import unknown
from optbench.report.tables.costs import costs
from optbench.report.tables.final import final
from optbench.report.tables.latex import latex
from optbench.report.tables.markdown import markdown
from optbench.report.tables.ranks import ranks
from optbench.report.tables.steps import steps
from optbench.report.tables.table import Table
from optbench.report.tables.text import text

CLAIMS = "claims"
"""The kind that is made of what `optbench verify` says, not of runs."""

KINDS: dict[str, Callable[[Sequence[Row]], Table]] = {
    "steps": steps,
    "final": final,
    "ranks": ranks,
    "costs": costs,
}
"""Kinds of tables of runs."""


def csv(table: Table) -> str:
    """Return the numbers behind a table as CSV, with all their digits; what is unknown is empty."""
    return table.to_pandas().to_csv(index=False)


FORMATS: dict[str, Callable[[Table], str]] = {
    "text": text,
    "latex": latex,
    "markdown": markdown,
    "csv": csv,
}

ENDINGS = {".txt": "text", ".tex": "latex", ".md": "markdown", ".csv": "csv"}
"""How the names of files end, and the format of their tables."""


def check_kind(kind: str) -> None:
    """Refuse a name that no kind of table has.

    Raises:
        OptbenchError: With the closest ones.
    """
    if kind not in (*KINDS, CLAIMS):
        raise unknown("kind of table", kind, [*KINDS, CLAIMS])


def table_of(kind: str, rows: Sequence[Row]) -> Table:
    """Make a table of runs.

    Args:
        kind: One of `KINDS`.
        rows: Rows of `summarize`, one or more.

    Returns:
        The table.

    Raises:
        OptbenchError: For runs of which it cannot be made.
    """
    return KINDS[kind](rows)
