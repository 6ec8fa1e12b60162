"""Who competes on what: entrants (optimizer and schedule), problems, and what a target costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from optbench.analysis.curves import Array, final
from optbench.analysis.statistics import Estimate, geometric_mean
from optbench.analysis.summary import Row, natural
from optbench.core.run import Status


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Rows arranged by problem and entrant.

    Attributes:
        problems: Titles of the problems, sorted by `natural`.
        names: Names of the entrants, sorted.
        rows: The rows by (title, name). A pair of which every run was refused has none.
        refused: Those pairs.
    """

    problems: tuple[str, ...]
    names: tuple[str, ...]
    rows: Mapping[tuple[str, str], Row]
    refused: frozenset[tuple[str, str]] = frozenset()

    def row(self, title: str, name: str) -> Row | None:
        """Return how an entrant did on a problem; None where it did not run."""
        return self.rows.get((title, name))

    def targets(self, title: str) -> tuple[float, ...]:
        """Return the levels that every entrant on a problem aims at, easiest first.

        What some stop short of because nobody asked them for it is no common target. Where what
        targets measure is unknown, as the suboptimality is for want of f*, there is none.
        """
        return self._targets.get(title, ())

    def is_measured(self, title: str) -> bool:
        """Return whether what a problem's targets measure is known; where all failed, it may be."""
        rows = self._by_title.get(title, [])
        known = any(row.measure == row.target_measure for row in rows)
        return known or all(row.final is None for row in rows)

    def target(self, title: str) -> float | None:
        """Return the level at which a problem is judged.

        Returns:
            The smallest common one that at least one entrant reaches with the majority of its
            seeds at its best learning rate; None when none is reached.
        """
        rows = self._by_title.get(title, [])
        reached = {r.target for row in rows for r in row.reach if 2 * r.reached > r.runs}
        return min(reached.intersection(self.targets(title)), default=None)

    def floor(self, title: str) -> float:
        """Return the level below which ends on a problem are alike; -inf where there is none.

        Runs stop at their last target, unless they train: how far below it one ends is the doing of
        its last step.
        """
        rows, targets = self._by_title.get(title, []), self.targets(title)
        return targets[-1] if targets and all(row.stop > -np.inf for row in rows) else -np.inf

    @cached_property
    def _by_title(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for (title, _), row in self.rows.items():
            found.setdefault(title, []).append(row)
        return found

    @cached_property
    def _targets(self) -> dict[str, tuple[float, ...]]:
        aims = {
            title: set.intersection(*({reach.target for reach in row.reach} for row in rows))
            for title, rows in self._by_title.items()
            if self.is_measured(title)
        }
        return {title: tuple(sorted(shared, reverse=True)) for title, shared in aims.items()}


def contest(rows: Iterable[Row]) -> Contest:
    """Arrange every row by problem and entrant.

    Args:
        rows: Rows of one call of `summarize`, so that a name means the same in all of them.

    Returns:
        The contest.
    """
    keyed = {(row.title, row.name): row for row in rows}
    refused = {pair for pair, row in keyed.items() if set(row.statuses) == {Status.REFUSED}}
    return Contest(
        problems=tuple(sorted({title for title, _ in keyed}, key=natural)),
        names=tuple(sorted({name for _, name in keyed})),
        rows={pair: row for pair, row in keyed.items() if pair not in refused},
        refused=frozenset(refused),
    )


def complete(contest: Contest) -> tuple[Contest, dict[str, str]]:
    """Return the largest part of a contest in which every entrant ran on every problem.

    Entrants are ordered by the number of problems that they ran on, most first, then by name; of
    this order the first k are kept, with the n problems that all of them ran on, for the k with the
    largest k n. One entrant alone is no contest: where two have a problem in common, k is 2 or
    more.

    Args:
        contest: Any contest.

    Returns:
        That part, and what it leaves out: name of an entrant or a problem -> why, in words.
    """
    ran = {
        name: {t for t in contest.problems if (t, name) in contest.rows} for name in contest.names
    }
    order = sorted(contest.names, key=lambda name: (-len(ran[name]), name))
    blocks: list[tuple[tuple[bool, int, int], set[str]]] = []
    shared = set(contest.problems)
    for k, name in enumerate(order, 1):
        shared = shared & ran[name]
        blocks.append(((k > 1 and bool(shared), k * len(shared), k), shared))
    (_, _, k), kept = max(blocks, key=lambda block: block[0], default=((False, 0, 0), set[str]()))
    names = tuple(sorted(order[:k]))
    part = Contest(
        problems=tuple(sorted(kept, key=natural)),
        names=names,
        rows={
            pair: row for pair, row in contest.rows.items() if pair[0] in kept and pair[1] in names
        },
    )
    left_out = {name: _why_entrant(contest, name, part) for name in order[k:]}
    for title in contest.problems:
        if title not in kept:
            missing = [name for name in names if title not in ran[name]]
            left_out[title] = f"without a run of {_listed(missing)}"
    return part, left_out


def _why_entrant(contest: Contest, name: str, part: Contest) -> str:
    missing = [title for title in part.problems if (title, name) not in contest.rows]
    if not missing:
        return "ran on none of the problems that the others share"
    refused = [title for title in missing if (title, name) in contest.refused]
    why = f"no run on {_listed(missing)}"
    return f"{why}, refused on {len(refused)} of them" if refused else why


def _listed(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def costs_to(row: Row, target: float, unit: str = "gradient_calls") -> tuple[float, ...]:
    """Return what each seed spent at the best learning rate until it reached a target.

    Args:
        row: Any row.
        target: One of its targets.
        unit: `gradient_calls` or `steps`.

    Returns:
        One number a run of `row.best`; inf where the target was not reached.
    """
    hits = [run.hit(target) for run in row.best]
    if unit == "steps":
        return tuple(np.inf if hit is None else float(hit.step) for hit in hits)
    return tuple(np.inf if hit is None else hit.gradient_calls for hit in hits)


def median_cost(row: Row, target: float | None, unit: str = "gradient_calls") -> float:
    """Return the median of `costs_to` over seeds.

    Args:
        row: Any row.
        target: One of its targets; None stands for a problem whose targets nobody reaches.
        unit: As for `costs_to`.

    Returns:
        inf when half of the seeds or more miss the target.
    """
    return np.inf if target is None else median(costs_to(row, target, unit))


def typical_cost(row: Row, target: float, unit: str = "gradient_calls") -> Estimate | None:
    """Return the geometric mean of `costs_to` over seeds, as tables and pages tell it.

    Args:
        row: Any row.
        target: One of its targets.
        unit: As for `costs_to`.

    Returns:
        The mean with the 95 % t-interval of the logarithm; None where a seed misses the target, and
        without an interval where it is reached at the start.
    """
    costs = costs_to(row, target, unit)
    if not np.isfinite(costs).all():
        return None
    if not all(costs):
        return Estimate(center=0.0, low=None, high=None, count=len(costs))
    return geometric_mean(costs)


def median_final(row: Row) -> float:
    """Return the median over seeds of the measure at the end; inf when half or more are lost."""
    return median(map(final, row.best))


def cost_matrix(contest: Contest) -> Array:
    """Return the costs at which entrants reach each problem's target.

    Args:
        contest: A complete one.

    Returns:
        Median gradient evaluations, shape (problems, names); inf for a miss.
    """
    targets = {title: contest.target(title) for title in contest.problems}
    costs = [
        [median_cost(contest.rows[title, name], targets[title]) for name in contest.names]
        for title in contest.problems
    ]
    return np.array(costs, dtype=np.float64).reshape(len(contest.problems), len(contest.names))


def trials(row: Row) -> int:
    """Return the number of learning rates that were tried: what the tuning was allowed to cost."""
    return max(len(row.learning_rates), 1)


def is_equal_tuning(contest: Contest) -> bool:
    """Return whether on each problem every entrant was tuned over as many learning rates."""
    tried: dict[str, set[int]] = {}
    for (title, _), row in contest.rows.items():
        tried.setdefault(title, set()).add(trials(row))
    return all(len(numbers) == 1 for numbers in tried.values())


def hessian_users(contest: Contest) -> tuple[str, ...]:
    """Return the entrants that use Hessian products, which gradient evaluations do not count."""
    rows = contest.rows.items()
    used = {name for (_, name), row in rows if any(run.last("hvp_calls") > 0 for run in row.best)}
    return tuple(sorted(used))
