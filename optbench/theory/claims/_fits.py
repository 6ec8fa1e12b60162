"""What a fitted exponent says, where there is a window to fit it in."""

from __future__ import annotations

from typing import Protocol

from optbench.theory import verdicts
from optbench.theory.finding import Finding
from optbench.theory.tolerance import Tolerance


class Fit(Protocol):
    """An estimate, or the reason why there is none."""

    @property
    def value(self) -> float:
        """The exponent."""

    @property
    def reason(self) -> str:
        """Why nothing was fitted; empty where something was."""


def judged(fit: Fit, exact: float, tolerance: Tolerance) -> Finding:
    """Compare a fitted exponent with the exact one; inconclusive where nothing was fitted."""
    if fit.reason:
        return verdicts.inconclusive(exact, fit.reason)
    return verdicts.equals(fit.value, exact, tolerance)
