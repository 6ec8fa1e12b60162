"""A table before it has a format: cells with their numbers, and what the caption must say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Mark(StrEnum):
    """How a cell stands out among those that it is compared with."""

    NONE = ""
    BEST = "best"
    TIED = "tied"


class Form(StrEnum):
    """How a number is written."""

    COUNT = "count"
    NUMBER = "number"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: a number with its interval, or words.

    Attributes:
        value: The number; None where there is none.
        low: Lower end of its interval; None where there is none.
        high: Upper end, likewise.
        form: How the numbers are written.
        words: In place of the number, or after it.
        mark: Whether it is the best, or not told apart from it.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    form: Form = Form.NUMBER
    words: str = ""
    mark: Mark = Mark.NONE


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows and columns of cells.

    Attributes:
        kind: One of `KINDS`, which also names it in LaTeX.
        caption: What the numbers are, in sentences.
        corner: Heading of the column of labels.
        columns: The other headings.
        rows: Label and cells of each row.
        notes: What stands below: who is missing and why, tests, warnings.
        texts: Places of the columns that hold sentences and not numbers.
        said: What the marks mean; `{best}` and `{tied}` stand for how a format shows them.
        records: The numbers in full, one mapping an optimizer on a problem: what CSV has.
    """

    kind: str
    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    notes: tuple[str, ...] = ()
    texts: tuple[int, ...] = ()
    said: str = ""
    records: tuple[Mapping[str, Any], ...] = ()

    def to_pandas(self) -> pd.DataFrame:
        """Return the records as a frame."""
        import pandas as pd

        return pd.DataFrame(self.records)

    @property
    def marks(self) -> frozenset[Mark]:
        """The marks that are in use."""
        return frozenset(cell.mark for _, cells in self.rows for cell in cells)
