"""How the cost of a target grows with a parameter of the problem, such as the condition number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from optbench.analysis.contest import costs_to
from optbench.analysis.curves import Array, quartiles
from optbench.analysis.statistics import MIN_SEEDS, student
from optbench.analysis.summary import Row, short_names
from optbench.core.spec import Spec

KAPPA = "kappa"
"""The fact over which a sweep goes."""

FEWEST = 3
"""Condition numbers that make a sweep: a line through two points fits whatever they are."""


@dataclass(frozen=True, kw_only=True)
class Exponent:
    """The exponent p of N ~ C kappa^p, by least squares on logarithms.

    Attributes:
        value: p; NaN for fewer than two points.
        low: Lower end of its 95 % t-interval; None for fewer than three points.
        high: Upper end. The law bends at small kappa, and that is no noise: the interval says how
            well a line fits.
        factor: C.
    """

    value: float
    low: float | None
    high: float | None
    factor: float


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What one optimizer pays at each condition number; arrays of shape (kappas,).

    Attributes:
        name: The entrant.
        kappa: Condition numbers, ascending.
        steps: Median over seeds of the steps to the target; inf for a miss.
        low: Lower quartile; NaN below `MIN_SEEDS` seeds.
        high: Upper quartile, likewise.
        exponent: Fitted to the finite ones.
    """

    name: str
    kappa: Array
    steps: Array
    low: Array
    high: Array
    exponent: Exponent

    @property
    def is_sweep(self) -> bool:
        """Whether the target is reached at `FEWEST` condition numbers or more."""
        return int(np.isfinite(self.steps).sum()) >= FEWEST


def sweeps(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return rows whose problems differ in kappa alone, with three values of it or more.

    Args:
        rows: Any rows.

    Returns:
        Rows by the family, with those of its other parameters in which sweeps differ.
    """
    found: dict[tuple[Spec, str], list[Row]] = {}
    for row in rows:
        problem = row.runs[0].spec.problem
        if kappa_of(row) is not None and KAPPA in dict(problem.params):
            rest = {key: value for key, value in problem.params if key != KAPPA}
            found.setdefault((Spec.of(problem.name, rest), row.target_measure), []).append(row)
    kept = {key: own for key, own in found.items() if len({kappa_of(row) for row in own}) >= FEWEST}
    names = short_names(spec for spec, _ in kept)
    several = len({measure for _, measure in kept}) > 1
    return {
        names[spec] + (f" ({measure})" if several else ""): own
        for (spec, measure), own in kept.items()
    }


def kappa_of(row: Row) -> float | None:
    """Return the condition number of a row's problem, if it is known."""
    value = row.runs[0].facts.get(KAPPA)
    return None if value is None else float(value)


def telling_target(rows: Sequence[Row]) -> float | None:
    """Return the smallest target that an entrant reaches at `FEWEST` condition numbers or more.

    What everybody reaches is reached before the condition number matters, and is no answer.
    """
    reached: dict[tuple[float, str], set[float | None]] = {}
    for row in rows:
        for reach in row.reach:
            if math.isfinite(median(costs_to(row, reach.target))):
                reached.setdefault((reach.target, row.name), set()).add(kappa_of(row))
    return min((level for (level, _), at in reached.items() if len(at) >= FEWEST), default=None)


def scaling(rows: Sequence[Row], target: float) -> list[Scaling]:
    """Return what each entrant pays over a sweep.

    Args:
        rows: Rows of one sweep.
        target: A target of theirs.

    Returns:
        One item an entrant, in the order in which they first come.
    """
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    found = []
    for name, own in by_name.items():
        own = sorted(own, key=lambda row: kappa_of(row) or math.nan)
        kappa = np.array([kappa_of(row) for row in own], dtype=np.float64)
        costs = [np.array(costs_to(row, target, "steps")) for row in own]
        low, steps, high = np.array([np.ravel(quartiles(c[:, None])) for c in costs]).T
        few = np.array([len(c) < MIN_SEEDS for c in costs])
        low, high = np.where(few, np.nan, low), np.where(few, np.nan, high)
        fitted = exponent(kappa, steps)
        item = Scaling(name=name, kappa=kappa, steps=steps, low=low, high=high, exponent=fitted)
        found.append(item)
    return found


def exponent(kappa: Array, steps: Array) -> Exponent:
    """Fit the exponent of steps over kappa.

    Args:
        kappa: Condition numbers, shape (n,).
        steps: Steps, shape (n,); what is not finite and positive does not count.

    Returns:
        The exponent.
    """
    known = np.isfinite(steps) & (steps > 0)
    x, y = np.log(kappa[known]), np.log(steps[known])
    spread = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
    if len(x) < 2 or spread == 0:
        return Exponent(value=math.nan, low=None, high=None, factor=math.nan)
    slope = float((x - x.mean()) @ (y - y.mean())) / spread
    shift = float(y.mean() - slope * x.mean())
    if len(x) < 3:
        return Exponent(value=slope, low=None, high=None, factor=math.exp(shift))
    left = float(((y - shift - slope * x) ** 2).sum()) / (len(x) - 2)
    half = student(len(x) - 2, 0.95) * math.sqrt(left / spread)
    return Exponent(value=slope, low=slope - half, high=slope + half, factor=math.exp(shift))
