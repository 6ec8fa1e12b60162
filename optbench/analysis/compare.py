"""Two optimizers, versions or result sets: what can be concluded about which is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

import numpy as np

from optbench.analysis.conclusion import MIN_SIGNED, conclude
from optbench.analysis.contest import Contest
from optbench.analysis.curves import FLOOR, LOGARITHMIC, Array, final, levels
from optbench.analysis.significance import advantage, holm, leaning, signed_rank, student
from optbench.analysis.statistics import MIN_SEEDS, Estimate, from_logarithms, geometric_mean
from optbench.analysis.summary import Row, natural
from optbench.core.errors import OptbenchError
from optbench.core.run import Run

Verdict = Literal["better", "worse", "same", "undecided"]

SAME = 1.05
"""Two sides whose ratio has its whole interval within this factor of 1 are the same."""

LEVEL = 0.05
"""Probability of a verdict where there is no difference."""

OVER_PROBLEMS = "Wilcoxon signed-rank"
PAIRED_T = "paired t on the logarithm"
PAIRED_T_ENDS = "paired t on the logarithm of the final values"
PAIRED_RANKS = "signed-rank over pairs"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What b changes against a on one problem; pairs are runs of one seed.

    Attributes:
        problem: Title of the problem.
        target: The smallest target that one of them reaches with the majority of its seeds; None
            when neither does, and the final measure is what is compared.
        ratio_calls: Gradient evaluations to the target, b over a: geometric mean over the pairs in
            which both reach it, with the t-interval on the logarithm. None without such a pair.
        ratio_final: The final measure, b over a, likewise over the pairs in which neither is lost;
            None where it is not positive, or `stopped`.
        stopped: Whether both reach the last target with the majority of their seeds. Runs stop
            there, unless they train: how far below it they end is the last step's doing.
        p: p-value of `test`; None below `MIN_SEEDS` pairs.
        p_holm: The same after Holm's correction for all problems.
        test: `PAIRED_T` on the ratios where every pair has one. Where the target is missed,
            `PAIRED_RANKS`, with a target that one side alone reaches as the largest difference: on
            such pairs alone it is McNemar's exact test, which decides nothing below `MIN_SIGNED`
            pairs; there it is `PAIRED_T_ENDS` if one side reaches the target with every seed, the
            other with none, and every pair has a ratio of ends.
        a_reached: Number of runs of a that reach the target.
        b_reached: Of b.
        runs_a: Number of runs of a, at its best learning rate.
        runs_b: Of b.
        pairs: Number of seeds that both ran.
        difference: How much dearer b is, see `advantage`; its sign counts as a win of b or a loss.
        verdict: Of b: `better` or `worse` if `p_holm` is below 5 %; `same` if no pair differs or
            the interval lies within `SAME`; `undecided` else.
    """

    problem: str
    target: float | None
    ratio_calls: Estimate | None
    ratio_final: Estimate | None
    stopped: bool
    p: float | None
    p_holm: float | None
    test: str
    a_reached: int
    b_reached: int
    runs_a: int
    runs_b: int
    pairs: int
    difference: float
    verdict: Verdict

    @property
    def ratio(self) -> Estimate | None:
        """The ratio that decides: of evaluations if there is a target, else of the end."""
        return self.ratio_final if self.target is None else self.ratio_calls

    @property
    def reached(self) -> tuple[bool, bool]:
        """Whether a, and whether b, reaches the target with the majority of its seeds."""
        return 2 * self.a_reached > self.runs_a, 2 * self.b_reached > self.runs_b


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What b changes against a on all problems.

    Attributes:
        a: Name of the one side.
        b: Name of the other.
        changes: By problem.
        wins: Problems on which b is cheaper, or ends lower where costs cannot tell, decided or not.
        losses: Problems on which a is.
        ties: Problems on which neither is.
        overall: Geometric mean of the ratios of evaluations, b over a, on the problems whose target
            both reach with the majority of their seeds, with the t-interval over problems; of the
            final measure where no problem has a target. Of one problem alone it is that problem's.
        p: p-value of `test`.
        test: `OVER_PROBLEMS`, on the problems' differences; of one problem alone, that problem's.
        sentence: What can be concluded, and what cannot.
        unpaired: Problems that only one side has, or without a seed in common.
    """

    a: str
    b: str
    changes: tuple[Change, ...]
    wins: int
    losses: int
    ties: int
    overall: Estimate | None
    p: float | None
    test: str
    sentence: str
    unpaired: tuple[str, ...]


def compare(rows_a: Sequence[Row], rows_b: Sequence[Row], *, a: str, b: str) -> Comparison:
    """Compare two sides on the problems and the seeds that both ran, at their best learning rates.

    Args:
        rows_a: Rows of the one side, at most one a title.
        rows_b: Rows of the other.
        a: What to call the one side.
        b: What to call the other.

    Returns:
        The comparison; every ratio is b over a.

    Raises:
        OptbenchError: When a side has two rows of one title.
    """
    side_a, side_b = _by_title(rows_a, a), _by_title(rows_b, b)
    shared = [
        (side_a[title], side_b[title])
        for title in sorted(side_a.keys() & side_b.keys(), key=natural)
    ]
    meetings = [_meeting(*rows) for rows in shared if _pairs(*rows)]
    corrected = iter(holm([met.p for met in meetings if met.p is not None]))
    changes = tuple(_change(m, None if m.p is None else next(corrected)) for m in meetings)
    lone = changes[0] if len(changes) == 1 else None
    differences, ratios = _differences(changes), _ratios(changes)
    overall = None
    if ratios:
        overall = ratios[0] if lone else geometric_mean([ratio.center for ratio in ratios])
    found = Comparison(
        a=a,
        b=b,
        changes=changes,
        wins=sum(d < 0 for d in differences),
        losses=sum(d > 0 for d in differences),
        ties=sum(d == 0 for d in differences),
        overall=overall,
        p=lone.p if lone else signed_rank(differences) if changes else None,
        test=lone.test if lone else OVER_PROBLEMS,
        sentence="",
        unpaired=tuple(sorted((side_a.keys() | side_b.keys()) - {c.problem for c in changes})),
    )
    return replace(found, sentence=conclude(found, [(m.row_a, m.row_b) for m in meetings]))


def _by_title(rows: Sequence[Row], side: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        if row.title in found:
            names = f"{found[row.title].name!r} and {row.name!r}"
            raise OptbenchError(f"{side} is two optimizers on {row.title}: {names}; name one")
        found[row.title] = row
    return found


def _pairs(row_a: Row, row_b: Row) -> list[tuple[Run, Run]]:
    """Return the runs of each seed that both sides ran; one where seeds change nothing."""
    by_seed = {run.spec.seed: run for run in row_b.best}
    pairs = [(run, by_seed[run.spec.seed]) for run in row_a.best if run.spec.seed in by_seed]
    # A deterministic problem with one start for all seeds is no sample, however often it is run.
    different = {tuple((run.hits, tuple(levels(run, "value"))) for run in pair) for pair in pairs}
    return pairs if len(different) > 1 else pairs[:1]


@dataclass(frozen=True, kw_only=True)
class _Meeting:
    """Both sides on one problem: costs and ends of shape (pairs, 2), and what they are tested by.

    What ends have below the last target is cut off. `apart` has one `advantage` a pair.
    """

    row_a: Row
    row_b: Row
    target: float | None
    costs: Array
    ends: Array
    apart: list[float]
    ratio_calls: Estimate | None
    ratio_final: Estimate | None
    stopped: bool
    p: float | None
    test: str


def _meeting(row_a: Row, row_b: Row) -> _Meeting:
    title, pairs = row_a.title, _pairs(row_a, row_b)
    rows = {(title, "a"): row_a, (title, "b"): row_b}
    contest = Contest(problems=(title,), names=("a", "b"), rows=rows)
    target = contest.target(title)
    costs = np.array([[_cost(run, target) for run in pair] for pair in pairs])
    # Where f* is known to one side only, both have at least their values.
    measure = row_a.measure if row_a.measure == row_b.measure else "value"
    ends = np.array([[final(run, measure) for run in pair] for pair in pairs])
    if measure in LOGARITHMIC:
        ends = np.maximum(ends, FLOOR)
    calls, finals = _log_ratios(costs), _log_ratios(ends)
    ends = np.maximum(ends, contest.floor(title))
    apart = [advantage(*c, *e) for c, e in zip(costs.tolist(), ends.tolist(), strict=True)]
    stopped = target is not None and all(_stops(row) for row in (row_a, row_b))
    p, test = _tested(finals if target is None else calls, finals, apart)
    return _Meeting(
        row_a=row_a,
        row_b=row_b,
        target=target,
        costs=costs,
        ends=ends,
        apart=apart,
        ratio_calls=from_logarithms(calls) if calls else None,
        ratio_final=from_logarithms(finals) if finals and not stopped else None,
        stopped=stopped,
        p=p,
        test=test,
    )


def _tested(
    logs: Sequence[float], finals: Sequence[float], apart: Sequence[float]
) -> tuple[float | None, str]:
    """Return the p-value, None below `MIN_SEEDS` pairs, and the test that suits the pairs."""
    n = len(apart)
    test = PAIRED_T if len(logs) == n else PAIRED_RANKS
    if n < MIN_SEEDS:
        return None, test
    if test == PAIRED_T:
        return student(logs), test
    # As many wins as pairs; the ends must not say the opposite, as those of tasks may.
    one_sided = abs(sum(apart)) == math.inf and len(set(apart)) == 1
    if n < MIN_SIGNED and one_sided and len(finals) == n and sum(finals) * apart[0] > 0:
        return student(finals), PAIRED_T_ENDS
    return signed_rank(apart), test


def _stops(row: Row) -> bool:
    """Whether the majority of runs end because they reach their last target."""
    if row.is_task:
        return False
    last = [run for run in row.best if run.spec.targets and run.hit(min(run.spec.targets))]
    return 2 * len(last) > len(row.best)


def _cost(run: Run, target: float | None) -> float:
    hit = None if target is None else run.hit(target)
    return np.inf if hit is None else hit.gradient_calls


def _log_ratios(values: Array) -> list[float]:
    """Return log(b/a) of the pairs in which both are finite and positive."""
    both = (np.isfinite(values) & (values > 0)).all(axis=1)
    return [round(float(b - a), 12) for a, b in np.log(values[both])]


def _change(met: _Meeting, p_holm: float | None) -> Change:
    ratio = met.ratio_final if met.target is None else met.ratio_calls
    difference = advantage(*map(median, met.costs.T.tolist()), *map(median, met.ends.T.tolist()))
    if met.target is not None and met.test == PAIRED_T and ratio is not None:
        difference = round(math.log(ratio.center), 12)
    return Change(
        problem=met.row_a.title,
        target=met.target,
        ratio_calls=met.ratio_calls,
        ratio_final=met.ratio_final,
        stopped=met.stopped,
        p=met.p,
        p_holm=p_holm,
        test=met.test,
        a_reached=sum(math.isfinite(_cost(run, met.target)) for run in met.row_a.best),
        b_reached=sum(math.isfinite(_cost(run, met.target)) for run in met.row_b.best),
        runs_a=len(met.row_a.best),
        runs_b=len(met.row_b.best),
        pairs=len(met.apart),
        difference=difference,
        verdict=_verdict(met, ratio, p_holm),
    )


def _verdict(met: _Meeting, ratio: Estimate | None, p_holm: float | None) -> Verdict:
    if not np.isfinite(met.ends).any():
        return "undecided"  # two that are lost are not told apart, and not found to be the same
    ratio = ratio if met.test == PAIRED_T else None
    if not any(met.apart) or (ratio is not None and _is_close(ratio)):
        return "same"
    if p_holm is None or p_holm >= LEVEL:
        return "undecided"
    dearer = leaning(met.apart) if ratio is None else ratio.center - 1
    return "better" if dearer < 0 else "worse"


def _is_close(ratio: Estimate) -> bool:
    known = ratio.low is not None and ratio.high is not None
    return known and (ratio.low or 0.0) >= 1 / SAME and (ratio.high or np.inf) <= SAME


def _differences(changes: Sequence[Change]) -> list[float]:
    """Return how much dearer b is on each problem; by the ends, where no problem has a target."""
    if any(change.target is not None for change in changes):
        return [change.difference for change in changes]
    return [
        change.difference if change.ratio is None else round(math.log(change.ratio.center), 12)
        for change in changes
    ]


def _ratios(changes: Sequence[Change]) -> list[Estimate]:
    """Return the ratios of evaluations on the problems that both reach with most of their seeds.

    Where no problem has a target, or only one problem is compared, the ratio that there is.
    """
    if len(changes) == 1 or not any(change.target is not None for change in changes):
        ratios = [change.ratio for change in changes]
    else:
        ratios = [change.ratio_calls for change in changes if all(change.reached)]
    return [ratio for ratio in ratios if ratio is not None]
