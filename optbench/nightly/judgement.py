"""What is thought of one metric in one night."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from optbench.nightly.record import Key, Kind, Value


class Verdict(StrEnum):
    """What is thought of a change, the worst first."""

    REGRESSION = "regression"
    SUSPICIOUS = "suspicious"
    IMPROVED = "improved"
    ROUNDING = "rounding"
    NO_CHANGE = "no_change"
    INSUFFICIENT = "insufficient_data"

    @property
    def is_change(self) -> bool:
        """Whether something has changed for good, and a series has a new level."""
        return self in (Verdict.REGRESSION, Verdict.IMPROVED)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A series and what is thought of its newest value.

    Attributes:
        key: The series.
        kind: How it was judged.
        verdict: What is thought.
        before: What it is compared with: of a noisy metric the median of the nights before.
        after: The newest value; of a noisy metric that was found to have changed, the median of the
            nights since.
        reason: Why, in a phrase.
        against: The night that `before` is from; empty for none, or for many.
    """

    key: Key
    kind: Kind
    verdict: Verdict
    before: Value = None
    after: Value = None
    reason: str = ""
    against: str = ""

    @property
    def change(self) -> float | None:
        """The relative change, .12 for 12 % more; None where there is no such number."""
        if isinstance(self.before, str) or isinstance(self.after, str):
            return None
        if not self.before or self.after is None:
            return None
        return self.after / self.before - 1
