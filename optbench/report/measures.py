"""How figures and pages call what runs are compared by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optbench.analysis.summary import Row
from optbench.analysis.tables import is_learning, measure_shown, measure_words
from optbench.core.target import SUBOPTIMALITY

SYMBOLS = {
    SUBOPTIMALITY: "(f(x) - f*) / (f(x₀) - f*)",
    "distance": "|x - x*|",
    "gradient_norm": "|∇f(x)|",
    "value": "f(x)",
}
"""Each measure of a function as a formula."""

NAMES = {
    SUBOPTIMALITY: "Relative suboptimality",
    "distance": "Distance to the minimisers",
    "gradient_norm": "Norm of the gradient",
    "value": "Function value",
}
"""Each measure of a function in words."""

SHARED = "of a batch, divided by its runs"
"""What an amortised time is."""

CALLS = "gradient evaluations (full gradients)"
STEPS = "gradient evaluations (minibatches)"


def has_both_times(rows: Iterable[Row]) -> bool:
    """Return whether some times are amortised and some are not."""
    return len({row.is_amortised for row in rows}) > 1


def budget_name(rows: Sequence[Row], against: str = "gradient_calls") -> str:
    """Return the name of the axis that shows what runs spend.

    Where only some times are amortised it is the figure that says which.

    Args:
        rows: The runs' rows.
        against: What of it, one of `optbench.analysis.curves.AGAINST`.
    """
    if against == "seconds":
        return f"seconds ({SHARED})" if all(row.is_amortised for row in rows) else "seconds"
    if against != "gradient_calls":
        return against
    return STEPS if is_learning(rows) else CALLS


def axis_name(rows: Sequence[Row], measure: str = "") -> str:
    """Return the name of the axis that shows a measure of rows of one title.

    Args:
        rows: The rows.
        measure: The measure, or a column of a task; by default what the rows are compared by.
    """
    measure = measure or measure_shown(rows)
    if is_learning(rows):
        words = measure_words(rows, measure)
        return f"{words} (mean over minibatches)" if measure == "train_loss" else words
    missing = " (f* is unknown)" if measure == "value" != rows[0].target_measure else ""
    return SYMBOLS[measure] + missing


def in_words(rows: Sequence[Row], measure: str) -> str:
    """Return a measure of rows of one title in words, as a sentence begins."""
    return measure_words(rows, measure).capitalize() if is_learning(rows) else NAMES[measure]
