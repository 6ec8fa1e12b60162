"""How far theory and measurement may lie apart, and why."""

from __future__ import annotations

from dataclasses import dataclass

EPS = 2.0**-52
"""Spacing of the floats at 1, double precision."""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """|measured - theory| <= absolute + relative |theory|.

    Attributes:
        relative: Relative part.
        absolute: Absolute part.
        reason: Why it is so large and no larger.
    """

    relative: float = 0.0
    absolute: float = 0.0
    reason: str

    def __str__(self) -> str:
        """Return it as tables show it."""
        parts = [f"{self.relative:.3g} relative"] if self.relative else []
        parts += [f"{self.absolute:.3g}"] if self.absolute else []
        return " + ".join(parts) or "exact"


E0 = Tolerance(reason="every number of the recurrence is a float: nothing is rounded")
E1 = Tolerance(relative=1e-12, reason="at most about 100 roundings of 2e-16")
E2 = Tolerance(
    relative=1e-9, reason="1e3 to 1e5 steps, whose roundings add up to steps times 2e-16"
)
E3 = Tolerance(relative=3e-7, reason="a double root moves by the square root of a rounding, 1.5e-8")
B = Tolerance(relative=1e-9, reason="summation error in f and in f - f*")
P = Tolerance(relative=2e-5, reason="duality gap of the semidefinite program's solver")
M = Tolerance(reason="4.5 standard errors, and a failure must show at a second seed")


def asymptotic(relative: float, reason: str) -> Tolerance:
    """Return the tolerance of a limit: at least 1.5 times the first term that it leaves out."""
    return Tolerance(relative=relative, reason=reason)
