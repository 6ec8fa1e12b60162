"""What claims about noise share: many independent chains in one run, and how they are judged."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbench.core.optimizer import UpdateRule
from optbench.core.run import Run
from optbench.core.spec import Spec
from optbench.optimizers.find import find_optimizer
from optbench.theory import verdicts
from optbench.theory.claim import Evidence
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Series, series
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance

Array = NDArray[np.float64]

Values = TypeVar("Values", float, Array)

CHAINS = 40_000
"""The variables of an isotropic quadratic do not interact: each is a chain of its own."""

SAMPLED = Tolerance(
    relative=0.06, reason="4.5 standard errors of the mean square of 40000 chains are 3.2 %"
)


ONE_SIDED = 3.4e-6
"""Probability of 4.5 standard errors on one side."""


def chains(setting: Setting, *, kappa: float = 1.0, variance: float = 1.0) -> str:
    """Return the text of a quadratic with L = 1 that stands for many chains, all started at 1.

    Args:
        setting: Its effort is a factor on their number.
        kappa: 1 for modes of curvature 1; else half of them have curvature 1/kappa.
        variance: Of the noise in each variable.
    """
    n = CHAINS * setting.effort
    return (
        f"quadratic:dim={n},kappa={kappa!r},spectrum=two_mode,rotated=false,start=equal,"
        f"radius={n**0.5!r},noise={variance * n!r}"
    )


def keyed(evidence: Evidence) -> list[tuple[tuple[Any, ...], Run]]:
    """Return the runs whose keys are tuples, with their keys."""
    return [(key, run) for key, run in evidence.runs.items() if isinstance(key, tuple)]


def count(run: Run) -> int:
    """Return the number of variables of a run."""
    return int(run.facts["dim"] or 0)


def mean_square(run: Run) -> Array:
    """Return the mean of x_t^2 over the variables, at each logged t."""
    square: Array = run.curve["distance"] ** 2 / count(run)
    return square


def error_of(mean: Values, n: int) -> Values:
    """Return the standard error of a mean of n squares of normal variables, or a larger number."""
    return mean * math.sqrt(2 / n)


def samples_agree(run: Run, expected: Array, at: tuple[int, ...]) -> Finding:
    """Judge the mean square of a run's chains by what theory expects of it.

    Args:
        run: Logged at every step.
        expected: E x_t^2 at each t, shape (T + 1,).
        at: The steps t to look at.
    """
    mean = mean_square(run)
    error = error_of(mean, count(run))
    return all_of(
        [
            verdicts.sampled_equals(float(mean[t]), float(error[t]), float(expected[t]), SAMPLED)
            for t in at
        ]
    )


def drawn_chains(label: str, run: Run) -> Series:
    """Return the mean square of a run's chains as points with their intervals, at most 30."""
    mean = mean_square(run)
    shown = np.unique(np.linspace(1, len(mean) - 1, min(len(mean), 30)).astype(int))
    half = verdicts.Z * error_of(mean, count(run))[shown]
    t, m = run.curve["step"][shown], mean[shown]
    return series(label, t, m, low=m - half, high=m + half, points=True)


def drawn_as_often(seen: ArrayLike, shares: ArrayLike, what: str) -> Finding:
    """Judge by Pearson's chi-square whether kinds of draws came up as often as they should.

    Args:
        seen: How often each kind came up, shape (n,).
        shares: Their probabilities, shape (n,), up to a factor.
        what: The kinds, in words.
    """
    from scipy.stats import chi2

    counts, wanted = np.asarray(seen, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    wanted = counts.sum() * wanted / wanted.sum()
    statistic = float(((counts - wanted) ** 2 / wanted).sum())
    limit = float(chi2.isf(ONE_SIDED, len(counts) - 1))
    return verdicts.holds(
        statistic <= limit,
        theory=f"chi-square below {limit:.4g}",
        measured=statistic,
        reason=f"some {what} come up too often: chi-square {statistic:.4g}, {limit:.4g} allowed",
    )


def shows_its_step(optimizer: Spec) -> bool:
    """Return whether a step can be probed; of a class only the runs are looked at."""
    return isinstance(find_optimizer(optimizer.name), UpdateRule)
