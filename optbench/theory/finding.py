"""What came out of a check: a verdict, the two numbers behind it, and the picture that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from optbench.theory.plot import Plot

Value = float | str
"""A number, or words where there is none: `converges`, `period 3`."""


class Verdict(StrEnum):
    """What a check says of its claim, the worst last."""

    SKIPPED = "SKIPPED"
    PASS = "PASS"
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The outcome of one check.

    Attributes:
        verdict: PASS, FAIL, or INCONCLUSIVE when the data do not decide; SKIPPED when the check
            could not be made and says nothing.
        theory: What theory says.
        measured: What was measured.
        interval: Confidence interval of what was measured, where chance plays a part.
        tightness: Largest value over bound, for bounds.
        window: First and last step that an estimate was made from.
        reason: Why the verdict is not PASS, or what else a reader should know.
        plot: The picture.
    """

    verdict: Verdict
    theory: Value
    measured: Value
    interval: tuple[float, float] | None = None
    tightness: float | None = None
    window: tuple[float, float] | None = None
    reason: str = ""
    plot: Plot | None = None

    def drawn(self, plot: Plot) -> Finding:
        """Return the finding with its picture."""
        return replace(self, plot=plot)


_ORDER = list(Verdict)


def tightest_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings about a bound, the one that comes nearest to it first, for `all_of`."""
    return sorted(findings, key=lambda finding: -(finding.tightness or 0.0))


def all_of(findings: Sequence[Finding], *, plot: Plot | None = None) -> Finding:
    """Join the findings of a claim's parts: it holds when every part does.

    Args:
        findings: At least one; what the table is to show first.
        plot: The picture of all of them; the first part's picture unless given.

    Returns:
        The first among the worst, with every part's reason that belongs to that verdict, and the
        largest tightness.
    """
    worst = max(findings, key=lambda finding: _ORDER.index(finding.verdict))
    reasons = [f.reason for f in findings if f.verdict is worst.verdict and f.reason]
    tightness = [f.tightness for f in findings if f.tightness is not None]
    plots = [f.plot for f in findings if f.plot is not None]
    return replace(
        worst,
        reason="; ".join(dict.fromkeys(reasons)),
        tightness=max(tightness, default=None),
        plot=plot or next(iter(plots), None),
    )
