"""How figures and pages call what runs are compared by."""

from __future__ import annotations

from collections.abc import Sequence

from optbench.analysis.summary import Row
from optbench.analysis.tables import measure_shown
from optbench.core.target import SUBOPTIMALITY

SYMBOLS = {
    SUBOPTIMALITY: "(f(x) - f*) / (f(x₀) - f*)",
    "distance": "|x - x*|",
    "gradient_norm": "|∇f(x)|",
    "value": "f(x)",
}
"""Each measure as a formula."""

NAMES = {
    SUBOPTIMALITY: "Relative suboptimality",
    "distance": "Distance to the minimisers",
    "gradient_norm": "Norm of the gradient",
    "value": "Function value",
}
"""Each measure in words."""


def axis_name(rows: Sequence[Row]) -> str:
    """Return the name of the axis that shows what rows of one title are compared by."""
    measure = measure_shown(rows)
    missing = "   (f* is unknown)" if measure == "value" != rows[0].target_measure else ""
    return SYMBOLS[measure] + missing
