"""Numbers as tables show them: with as many digits as the interval warrants."""

from __future__ import annotations

import math

from optbench.analysis.tables import count_text
from optbench.report.tables.table import Cell, Form

FEWEST, MOST = 3, 6
"""Significant digits of a number."""

PLAIN = (1e-3, 1e5)
"""Between these a number is written without a power of ten."""


def digits(cell: Cell) -> int:
    """Return how many digits of a cell's number mean something: two of the interval's half."""
    if cell.value is None or cell.low is None or cell.high is None or not cell.value:
        return FEWEST
    half = max(abs(cell.high - cell.value), abs(cell.value - cell.low)) / abs(cell.value)
    if not 0 < half < math.inf:
        return FEWEST
    return min(max(math.floor(-math.log10(half)) + 2, FEWEST), MOST)


def plain(value: float, form: Form, figures: int = FEWEST) -> str:
    """Return a number in characters: `1,234`, `0.0123`, `1.23e-06`."""
    if not math.isfinite(value):
        return str(value)
    if is_count(value, form):
        return count_text(value)
    mantissa, exponent = parts(value, figures)
    return mantissa if exponent is None else f"{mantissa}e{exponent:+03d}"


def is_count(value: float, form: Form) -> bool:
    """Return whether a number is written out in full, or with three digits where it is small."""
    return form is Form.COUNT and (value == 0 or PLAIN[0] <= abs(value) < 1e15)


def parts(value: float, figures: int) -> tuple[str, int | None]:
    """Return a finite number as mantissa and power of ten; None where it needs no power."""
    text = f"{value:.{figures - 1}e}"
    mantissa, _, exponent = text.partition("e")
    rounded = abs(float(text))
    if rounded == 0:
        return "0", None
    if not PLAIN[0] <= rounded < PLAIN[1]:
        return mantissa, int(exponent)
    return f"{float(text):.{max(figures - 1 - int(exponent), 0)}f}", None


def interval(cell: Cell) -> tuple[float, float] | None:
    """Return a cell's interval where it has a width."""
    if cell.low is None or cell.high is None or not cell.low < cell.high:
        return None
    return cell.low, cell.high


def text(cell: Cell, sign: str = "") -> str:
    """Return a cell in characters: number, interval, a sign, words."""
    found, ends = [], interval(cell)
    if cell.value is not None:
        found.append(plain(cell.value, cell.form, digits(cell)))
        if ends is not None:
            low, high = (plain(end, cell.form, digits(cell)) for end in ends)
            found.append(f"[{low}, {high}]")
        found[-1] += sign
    return " ".join([*found, cell.words]).strip()
