"""Over all problems: the share solved within a factor of the best, or within a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optbench.analysis.contest import Contest, complete, cost_matrix
from optbench.analysis.curves import Array
from optbench.analysis.statistics import wilson
from optbench.analysis.summary import Row


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A share of solved problems for each entrant, as step functions.

    Attributes:
        names: The entrants.
        x: Where a step function rises, ascending, the same for all.
        shares: By name, the share solved at x or below; it holds up to the next x, and is 0 before
            the first.
        low: By name, lower ends of Wilson's 95 % intervals ...
        high: ... and upper ends, with the problems as trials: problems are what a suite draws.
        problems: Number of problems.
        instances: Number of things that can be solved: problems, or problems x targets x seeds.
        left_out: Entrants and problems that do not count -> why, in words.
    """

    names: tuple[str, ...]
    x: Array
    shares: Mapping[str, Array]
    low: Mapping[str, Array]
    high: Mapping[str, Array]
    problems: int
    instances: int
    left_out: Mapping[str, str]


def performance_profile(contest: Contest) -> Profile:
    """Return for each entrant the share of problems on which it costs at most tau times the best.

    rho_s(tau) = |{p: t_(p,s) <= tau min_s' t_(p,s')}| / |P|, with t the median of gradient
    evaluations over seeds to the problem's target (`Contest.target`), at the best learning rate. A
    problem that nobody solves stays in the denominator.

    Only the comparison with the best is safe to read: without it, the order of the others can
    change (Gould and Scott 2016).

    Source: Dolan and More 2002, "Benchmarking optimization software with performance profiles".

    Args:
        contest: Any contest; what counts is its complete part, on problems that have a target.

    Returns:
        The profile against tau >= 1.
    """
    part, left_out = _with_targets(contest)
    costs = cost_matrix(part)
    best = costs.min(axis=1, keepdims=True, initial=np.inf)
    # A start that is a solution costs nothing, for all who stay there: no ratio, but a tie.
    ratios = np.where(np.isfinite(costs) & (costs == best), 1.0, np.inf)
    np.divide(costs, best, out=ratios, where=np.isfinite(costs) & (best > 0))
    return _profile(part, ratios, left_out, x=[1.0])


def data_profile(contest: Contest) -> Profile:
    """Return for each entrant the share of (problem, target, seed) solved within a budget.

    Every problem counts the targets that all aim at, and the seeds that all ran.

    Source: More and Wild 2009, "Benchmarking derivative-free optimization algorithms"; over
    several targets it is the runtime distribution of Hansen et al. 2016, "COCO".

    Args:
        contest: Any contest; what counts is its complete part, on problems that have a target.

    Returns:
        The profile against gradient evaluations.
    """
    part, left_out = _with_targets(contest)
    blocks = []
    for title in part.problems:
        rows = [part.rows[title, name] for name in part.names]
        seeds = set.intersection(*({run.spec.seed for run in row.best} for row in rows))
        if others := {seed for row in rows for seed in row.seeds} - seeds:
            listed = ", ".join(map(str, sorted(others)))
            left_out[f"{title}, seed {listed}"] = "not run by all at their best learning rate"
        blocks.append(_instances(rows, sorted(seeds), part.targets(title)))
    costs = np.concatenate([np.empty((0, len(part.names))), *blocks])
    return _profile(part, costs, left_out, x=[])


def profile_score(profile: Profile, r_max: float = 4.0) -> Mapping[str, float]:
    """Return the mean height of performance profiles between the best and `r_max` times it.

    B_s = (1/(r_max - 1)) int_1^r_max rho_s(tau) dtau, the integral of the step function as it is;
    it equals (1/n) sum_p max(0, r_max - r_(p,s))/(r_max - 1).

    Source: Dahl et al. 2023, "Benchmarking neural network training algorithms".

    Args:
        profile: A performance profile.
        r_max: Where the integral ends, above 1.

    Returns:
        Name -> score in [0, 1].
    """
    widths = np.diff(np.clip(np.append(profile.x, np.inf), 1.0, r_max))
    return {name: float(profile.shares[name] @ widths) / (r_max - 1) for name in profile.names}


def _with_targets(contest: Contest) -> tuple[Contest, dict[str, str]]:
    """Return the complete part without the problems at which nothing can be reached."""
    part, left_out = complete(contest)
    without = [title for title in part.problems if not part.targets(title)]
    left_out |= dict.fromkeys(
        without, "no target that all optimizers aim at and that can be measured"
    )
    kept = tuple(title for title in part.problems if title not in without)
    rows = {pair: row for pair, row in part.rows.items() if pair[0] in kept}
    return Contest(problems=kept, names=part.names, rows=rows), left_out


def _instances(rows: Sequence[Row], seeds: Sequence[int], targets: Sequence[float]) -> Array:
    """Return costs of shape (seeds x targets, rows)."""
    columns = []
    for row in rows:
        by_seed = {
            run.spec.seed: {h.target: h.gradient_calls for h in run.hits} for run in row.best
        }
        columns.append([by_seed[seed].get(level, np.inf) for seed in seeds for level in targets])
    return np.array(columns, dtype=np.float64).T


def _profile(
    contest: Contest, costs: Array, left_out: Mapping[str, str], x: Sequence[float]
) -> Profile:
    """Count what costs at most x; `costs` has shape (instances, names)."""
    steps = np.unique([*x, *costs[np.isfinite(costs)]])
    total, problems = len(costs), len(contest.problems)
    intervals = np.array(
        [wilson(count / total * problems, problems) for count in range(total + 1) if total]
        or [(0.0, 1.0)]
    )
    shares, low, high = {}, {}, {}
    for name, column in zip(contest.names, costs.T, strict=True):
        counts = np.searchsorted(np.sort(column), steps, side="right")
        shares[name] = counts / max(total, 1)
        low[name], high[name] = intervals[counts].T
    return Profile(
        names=contest.names,
        x=steps,
        shares=shares,
        low=low,
        high=high,
        problems=problems,
        instances=total,
        left_out=left_out,
    )
