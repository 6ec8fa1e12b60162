"""Rows of `optbench verify` as text and as plain data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from optbench.theory.finding import Finding, Value, Verdict
from optbench.theory.verify import Row

COLUMNS = ("id", "statement", "theory", "measured", "tolerance", "tightness", "verdict")


def cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells, in the order of `COLUMNS`."""
    finding = row.finding
    return (
        row.claim.id,
        row.claim.statement,
        number(finding.theory),
        number(finding.measured),
        tolerance(row),
        "" if finding.tightness is None else f"{finding.tightness:.4g}",
        str(finding.verdict),
    )


def number(value: Value) -> str:
    """Return a value of a finding as tables show it."""
    return value if isinstance(value, str) else f"{value:.7g}"


def tolerance(row: Row) -> str:
    """Return the interval of what was measured, or how far it may lie from theory."""
    interval = row.finding.interval
    if interval is not None:
        return f"[{interval[0]:.5g}, {interval[1]:.5g}]"
    return str(row.claim.tolerance)


def as_data(row: Row) -> dict[str, Any]:
    """Return a row as plain data, for JSON."""
    claim, finding = row.claim, row.finding
    return {
        "id": claim.id,
        "statement": claim.statement,
        "formula": claim.formula,
        "assumptions": claim.assumptions,
        "source": claim.source,
        "kind": str(claim.kind),
        "optimizer": row.optimizer or None,
        "theory": finding.theory,
        "measured": finding.measured,
        "interval": finding.interval,
        "tolerance": str(claim.tolerance),
        "reason_of_tolerance": claim.tolerance.reason,
        "tightness": finding.tightness,
        "window": finding.window,
        "verdict": str(finding.verdict),
        "reason": finding.reason,
        "long": claim.long,
        "textbooks": [
            {
                "text": str(quote.text),
                "statement": quote.statement,
                "ruling": str(quote.ruling),
                "truth": quote.truth,
            }
            for quote in claim.says
        ],
    }


def summary(rows: Iterable[Row]) -> str:
    """Return how many rows have which verdict, in a line."""
    count = Counter(row.finding.verdict for row in rows)
    order = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.SKIPPED)
    parts = [f"{count[verdict]} {verdict}" for verdict in order if count[verdict]]
    return f"{sum(count.values())} claims: {', '.join(parts)}"


def settles(finding: Finding) -> bool:
    """Return whether a finding leaves nothing to be looked at: exit status 0."""
    return finding.verdict in (Verdict.PASS, Verdict.SKIPPED)


def is_tight(finding: Finding) -> bool:
    """Return whether a bound came within a factor of ten of its value."""
    tightness = finding.tightness
    return tightness is None or math.isnan(tightness) or tightness >= 0.1
