"""What a stored curve does: geometric, a power law, at a floor, oscillating, diverging, undecided.

It needs no facts: without f* the gradient's norm is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from optbench.core.run import Run, Status
from optbench.theory.diagnosis.guarantees import Guarantee, guarantee_of
from optbench.theory.estimators.sequences import (
    NAN,
    NOWHERE,
    GeometricRate,
    geometric_rate,
    power_slope,
)
from optbench.theory.estimators.windows import ROUNDINGS, Array, floor_of, sound

PLATEAU = 100.0
"""A floor this many times above rounding is a plateau of the method, not of the arithmetic."""

SWING = 2.0
"""A tail whose ninth decile is this many times its first one swings."""

MIN_TAIL = 8
"""Points that the last half of a curve needs to be seen rising."""

MIN_FALL = float(np.sqrt(10))
"""A curve that never fell by this factor has no rate."""

WRONG_MINIMUM = -1e-8
"""A gap below this share of the first one is no rounding: f* is not the infimum."""


class Kind(StrEnum):
    """What a curve does."""

    GEOMETRIC = "geometric"
    POWER_LAW = "power law"
    FLOOR = "floor"
    OSCILLATING = "oscillating"
    DIVERGING = "diverging"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What a run's curve does, with its rate.

    Attributes:
        kind: What it does at the end.
        measure: The column that was looked at: `suboptimality`, f - f*, where f* is known; else
            `gradient_norm`, which is 0 at a solution whatever f* is, as f minus the best value seen
            is not: that one falls ever faster towards the end of every run.
        value: Geometric: -ln rho per step, negative for growth; power law: the exponent of t; at a
            floor or oscillating: -ln rho of the fall that led there. NaN where there is none.
        error: Its uncertainty.
        window: First and last step of the fit.
        points: Points in it.
        level: The floor, or the median of an oscillation; NaN otherwise.
        range: First and ninth decile of the tail at a floor or oscillation.
        reason: Why there is no rate; empty when there is one.
        theory: What theory says of this run, where it says anything.
    """

    kind: Kind
    measure: str = ""
    value: float = NAN
    error: float = NAN
    window: tuple[float, float] = NOWHERE
    points: int = 0
    level: float = NAN
    range: tuple[float, float] = NOWHERE
    reason: str = ""
    theory: Guarantee | None = None

    @property
    def rho(self) -> float:
        """The factor per step of a geometric curve; NaN for a power law."""
        return NAN if self.kind is Kind.POWER_LAW else float(np.exp(-self.value))

    @property
    def steps_per_decade(self) -> float:
        """Steps in which a geometric curve falls by a factor of ten; NaN for others."""
        falls = self.kind is not Kind.POWER_LAW and self.value > 0
        return float(np.log(10) / self.value) if falls else NAN

    @property
    def short(self) -> str:
        """The rate in a word, for a cell of a table; a dash for none."""
        if self.kind is Kind.UNDECIDED:
            return "—"
        if self.kind is Kind.POWER_LAW:
            return f"t^{self.value:.3g}"
        return f"{self.rho:.4g}^t" if self.kind is Kind.GEOMETRIC else str(self.kind)

    @property
    def text(self) -> str:
        """What it does, in one line."""
        low, high = self.range
        if self.kind is Kind.UNDECIDED or (self.reason and np.isnan(self.level)):
            return self.reason
        if self.kind is Kind.POWER_LAW:
            return f"t^({self.value:.4g} ± {self.error:.1g})"
        if self.kind is Kind.DIVERGING:
            return f"times {self.rho:.5g} a step, ln {-self.value:.3g} ± {self.error:.1g}"
        fall = f"-ln rho = {self.value:.4g} ± {self.error:.1g}"
        if self.kind is Kind.GEOMETRIC:
            return f"{fall}, {self.steps_per_decade:.4g} steps a decade"
        stays = f"{self.level:.2g}, mostly in [{low:.2g}, {high:.2g}]"
        return stays if self.reason else f"{stays}, after {fall}"


def diagnose(run: Run) -> Diagnosis:
    """Say what a run's recorded curve does, and how fast.

    Every step or a log-spaced record serve alike. The windows are those of
    `optbench.theory.estimators.sequences`; what does not fit is undecided, with the reason.

    Args:
        run: Any run, from a store or fresh.

    Returns:
        The diagnosis, with what theory says of the run.
    """
    found = behaviour_of(run)
    return replace(found, theory=guarantee_of(run, found.measure)) if run.curve else found


def behaviour_of(run: Run) -> Diagnosis:
    """Return the diagnosis of a run from its numbers alone, for which its problem is not built."""
    if not run.curve:
        return Diagnosis(kind=Kind.UNDECIDED, reason=run.message or f"the run was {run.status}")
    measure = _measure(run)
    t, e = sound(run.curve["step"], np.asarray(run.curve[measure], dtype=np.float64))
    if not len(t):
        reason = f"{measure} is unknown from the start"
        return Diagnosis(kind=Kind.UNDECIDED, measure=measure, reason=reason)
    grown = e[-1] > MIN_FALL * e[t <= (t[0] + t[-1]) / 2].max()
    if run.status is Status.DIVERGED or grown:
        found = _growth(t, e)
    elif run.status is Status.NAN:
        found = Diagnosis(kind=Kind.UNDECIDED, reason=f"not a number at step {run.first_bad_step}")
    else:
        found = _fall(t, e, _rounding(run, measure, e))
    return replace(found, measure=measure)


def _measure(run: Run) -> str:
    """Return the honest measure of progress: the gap if f* holds, else the gradient's norm."""
    gap = np.asarray(run.curve["suboptimality"], dtype=np.float64)
    if np.isfinite(gap[:1]).any() and np.nanmin(gap) >= WRONG_MINIMUM * abs(gap[0]):
        return "suboptimality"
    return "gradient_norm"


def _rounding(run: Run, measure: str, e: Array) -> float:
    """Return the size of what is rounded: |f*| where the gap is a difference."""
    f_star = run.facts.get("f_star")
    if measure != "suboptimality" or f_star is None:
        return float(e.max())
    # The square of a rounded x limits even a gap that nothing is subtracted from.
    return max(abs(float(f_star)), 1e-16 * float(e.max()))


def _growth(t: Array, e: Array) -> Diagnosis:
    positive = e > 0
    found = geometric_rate(t[positive], 1 / e[positive], floor=0.0)
    return _of(Kind.DIVERGING, replace(found, value=-found.value))


def _fall(t: Array, e: Array, scale: float) -> Diagnosis:
    floor = floor_of(t, e, scale=scale)
    if floor > PLATEAU * ROUNDINGS * e.max() or _rises_again(t, e):
        return _plateau(t, e, floor)
    if not e.min() * MIN_FALL < e[0]:
        return Diagnosis(kind=Kind.UNDECIDED, reason="it fell by less than half a decade")
    rate = geometric_rate(t, e, floor=floor)
    if not rate.reason:
        return _of(Kind.GEOMETRIC, rate)
    power = power_slope(t, e, floor=floor)
    if power.reason:
        reason = f"not geometric ({rate.reason}), no power law ({power.reason})"
        return Diagnosis(kind=Kind.UNDECIDED, reason=reason)
    return Diagnosis(
        kind=Kind.POWER_LAW,
        value=power.value,
        error=power.error,
        window=power.window,
        points=power.points,
    )


def _rises_again(t: Array, e: Array) -> bool:
    """Return whether the last half of the steps is, at its height, no lower than what led there."""
    tail, before = e[t >= t[-1] / 2], e[(t >= t[-1] / 4) & (t < t[-1] / 2)]
    if len(tail) < MIN_TAIL or not len(before):
        return False
    height = float(np.quantile(tail, 0.9))
    above_rounding = height > PLATEAU * ROUNDINGS * float(e.max())
    return above_rounding and bool((np.diff(tail) > 0).any()) and height >= np.median(before)


def _plateau(t: Array, e: Array, floor: float) -> Diagnosis:
    """Tell a floor from an oscillation by how far its tail swings."""
    tail = e[t >= t[-1] / 2]
    low, high = (float(np.quantile(tail, share)) for share in (0.1, 0.9))
    kind = Kind.OSCILLATING if high > SWING * low else Kind.FLOOR
    level = float(np.median(tail))
    led = geometric_rate(t, e, floor=max(floor, level))
    return replace(_of(kind, led), level=level, range=(low, high))


def _of(kind: Kind, rate: GeometricRate) -> Diagnosis:
    return Diagnosis(
        kind=kind,
        value=rate.value,
        error=rate.error,
        window=rate.window,
        points=rate.points,
        reason=rate.reason,
    )
