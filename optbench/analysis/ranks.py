"""Mean ranks over problems, and which differences between them are more than luck."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from optbench.analysis.contest import Contest, complete, cost_matrix, median_final
from optbench.analysis.curves import Array
from optbench.analysis.significance import advantage, average_ranks, holm, signed_rank, six_digits
from optbench.core.errors import OptbenchError

MIN_PROBLEMS = 5
"""Below this number of problems mean ranks tell of the choice of problems."""

LEVEL = 0.05
"""Probability of the tests to see a difference where there is none."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two entrants, tested on all problems.

    Attributes:
        a: The one with the better mean rank.
        b: The other.
        p: p-value of Wilcoxon's signed-rank test on the logarithms of the ratios of their costs.
        p_holm: The same after Holm's correction for all pairs.
    """

    a: str
    b: str
    p: float
    p_holm: float


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """How entrants rank over problems.

    Attributes:
        names: The entrants, best mean rank first.
        mean: Their mean ranks, 1 the best, shape (names,).
        matrix: The rank on each problem, shape (problems, names); ties share the average rank.
        problems: Titles of the problems.
        friedman_p: p-value of Friedman's test that all rank alike.
        critical_difference: Nemenyi's, at 5 %: mean ranks closer than this are not told apart.
        cliques: Pairs (first, last) of indices of names: the longest stretches in which none is
            told apart from another; all names, where Friedman's test sees no difference at 5 %.
        pairs: Every pair of entrants.
        left_out: Entrants and problems that do not count -> why, in words.
    """

    names: tuple[str, ...]
    mean: Array
    matrix: Array
    problems: tuple[str, ...]
    friedman_p: float
    critical_difference: float
    cliques: tuple[tuple[int, int], ...]
    pairs: tuple[Pair, ...]
    left_out: dict[str, str]


def ranks(contest: Contest) -> Ranks:
    """Rank entrants on every problem by what its target costs them.

    The cost is the median of gradient evaluations over seeds at `Contest.target`; ties, and those
    that miss the target, are ranked by the median of the final measure, lost ones last; what lies
    below the last target (`Contest.floor`) ties. On a problem without a target the final measure
    decides alone.

    Source: Demsar 2006, "Statistical comparisons of classifiers over multiple data sets".

    Args:
        contest: Any contest; what counts is its complete part.

    Returns:
        The ranks.

    Raises:
        OptbenchError: For fewer than 5 problems or 2 entrants in the complete part.
    """
    part, left_out = _large_enough(contest)
    costs = cost_matrix(part)
    rows = [[part.rows[title, name] for name in part.names] for title in part.problems]
    floors = np.array([[part.floor(title)] for title in part.problems])
    ends = np.array([[six_digits(median_final(row)) for row in line] for line in rows])
    ends = np.maximum(ends, floors)
    matrix = np.array([_ranked(c, e) for c, e in zip(costs, ends, strict=True)])
    order = sorted(range(len(part.names)), key=lambda i: (matrix[:, i].mean(), part.names[i]))
    costs, ends, matrix = costs[:, order], ends[:, order], matrix[:, order]
    names, mean = tuple(part.names[i] for i in order), matrix.mean(axis=0)
    friedman_p = friedman(matrix)
    difference = critical_difference(len(names), len(matrix))
    return Ranks(
        names=names,
        mean=mean,
        matrix=matrix,
        problems=part.problems,
        friedman_p=friedman_p,
        critical_difference=difference,
        cliques=_cliques(mean, difference if friedman_p < LEVEL else math.inf),
        pairs=tuple(_pairs(names, costs, ends)),
        left_out=left_out,
    )


def _large_enough(contest: Contest) -> tuple[Contest, dict[str, str]]:
    part, left_out = complete(contest)
    if len(part.names) < 2:
        raise OptbenchError(f"ranks need 2 optimizers; there is {len(part.names) or 'none'}")
    if len(part.problems) < MIN_PROBLEMS:
        raise OptbenchError(
            f"ranks need {MIN_PROBLEMS} problems that all optimizers ran on; there are "
            f"{len(part.problems)}"
        )
    return part, left_out


def _ranked(costs: Array, ends: Array) -> Array:
    """Rank by cost, then by end."""
    order = {pair: i for i, pair in enumerate(sorted(set(zip(costs, ends, strict=True))))}
    return average_ranks(np.array([order[pair] for pair in zip(costs, ends, strict=True)]))


def friedman(matrix: Array) -> float:
    """Return the p-value of Friedman's test, corrected for ties.

    chi^2 = 12 n sum_j (R_j - (k + 1)/2)^2 / (k (k + 1)) / (1 - sum (t^3 - t)/(n k (k^2 - 1))), with
    k - 1 degrees of freedom, R_j the mean ranks and t the sizes of groups of ties.

    Args:
        matrix: Ranks, shape (problems, entrants).

    Returns:
        The p-value; 1 where all tie on every problem.
    """
    from scipy.special import chdtrc

    n, k = matrix.shape
    between = n * ((matrix.mean(axis=0) - (k + 1) / 2) ** 2).sum()
    # The variance of the ranks themselves is the closed form with its correction in one.
    within = ((matrix - (k + 1) / 2) ** 2).sum() / (n * (k - 1))
    return float(chdtrc(k - 1, between / within)) if within > 0 else 1.0


def critical_difference(entrants: int, problems: int, level: float = LEVEL) -> float:
    """Return Nemenyi's critical difference of mean ranks.

    CD = q / sqrt(2) sqrt(k (k + 1)/(6 n)), with q the quantile of the studentized range of k
    normals with infinitely many degrees of freedom.

    Source: Demsar 2006, "Statistical comparisons of classifiers over multiple data sets".

    Args:
        entrants: k, 2 or more.
        problems: n.
        level: Probability that any pair is further apart though all are alike.
    """
    q = _studentized_range(entrants, 1 - level)
    return q / math.sqrt(2) * math.sqrt(entrants * (entrants + 1) / (6 * problems))


def _studentized_range(k: int, probability: float) -> float:
    """Return the quantile of the range of k standard normals.

    P(range <= q) = k int phi(z) (Phi(z) - Phi(z - q))^(k-1) dz; the trapezoid rule is exact to
    roundings for so smooth an integrand. scipy.stats has this too, and takes a second to import.
    """
    from scipy.special import ndtr

    z = np.linspace(-9, 9, 721)
    weight = k * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    low, high = 0.0, 20.0
    while high - low > 1e-10:
        q = (low + high) / 2
        below = float(weight @ (ndtr(z) - ndtr(z - q)) ** (k - 1)) < probability
        low, high = (q, high) if below else (low, q)
    return high


def _cliques(mean: Array, difference: float) -> tuple[tuple[int, int], ...]:
    """Return the maximal stretches of two or more mean ranks that are closer than a difference."""
    last = [int(np.searchsorted(mean, m + difference, side="left")) - 1 for m in mean]
    return tuple((i, j) for i, j in enumerate(last) if j > i and (i == 0 or last[i - 1] < j))


def _pairs(names: Sequence[str], costs: Array, ends: Array) -> list[Pair]:
    pairs = list(combinations(range(len(names)), 2))
    values = [
        signed_rank(list(map(advantage, costs[:, i], costs[:, j], ends[:, i], ends[:, j])))
        for i, j in pairs
    ]
    return [
        Pair(a=names[i], b=names[j], p=p, p_holm=corrected)
        for (i, j), p, corrected in zip(pairs, values, holm(values), strict=True)
    ]
