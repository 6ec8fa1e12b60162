"""Two sides compared: ratios and tests against scipy.stats, and what the sentence may say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from optbench.analysis.compare import (
    PAIRED_RANKS,
    PAIRED_T,
    PAIRED_T_ENDS,
    Comparison,
    compare,
)
from optbench.analysis.summary import Row, summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status

Made = Callable[..., Run]
inf = math.inf

Side = Mapping[str, Sequence[float]]
"""Costs to the target by problem, one a seed; inf is a miss."""

COSTS = st.lists(st.sampled_from([1.0, 2, 4, 9, 30, inf]), min_size=3, max_size=3)
SIDES = st.lists(st.tuples(COSTS, COSTS), min_size=1, max_size=4)


def rows(made: Made, side: Side) -> list[Row]:
    """Make a row a problem; a run that misses ends at 0.5, one that hits at 0.1."""
    runs = [
        made(
            problem=problem,
            seed=seed,
            targets=(0.1,),
            gaps=(1, 0.5 if math.isinf(cost) else 0.1),
            hits={} if math.isinf(cost) else {0.1: cost},
        )
        for problem, costs in side.items()
        for seed, cost in enumerate(costs)
    ]
    return summarize(runs)


def compared(made: Made, a: Side, b: Side) -> Comparison:
    """Compare gd with adam."""
    return compare(rows(made, a), rows(made, b), a="gd", b="adam")


def test_one_problem_is_a_paired_t_test_on_the_logarithm(made: Made) -> None:
    """Ratio, interval and p-value are scipy's of log b - log a; b is cheaper, so better."""
    a, b = [100.0, 200, 300, 400, 500], [55.0, 90, 160, 190, 260]
    change = compared(made, {"p": a}, {"p": b}).changes[0]
    logs = np.log(b) - np.log(a)
    low, high = stats.t.interval(0.95, 4, loc=logs.mean(), scale=stats.sem(logs))

    assert change.ratio_calls is not None
    ends = (change.ratio_calls.low, change.ratio_calls.center, change.ratio_calls.high)
    assert ends == pytest.approx(np.exp([low, logs.mean(), high]))
    assert change.p == pytest.approx(stats.ttest_1samp(logs, 0).pvalue)
    assert (change.test, change.verdict, change.target) == (PAIRED_T, "better", 0.1)
    assert (change.a_reached, change.runs_a, change.pairs) == (5, 5, 5)


def test_pairs_are_of_one_seed(made: Made) -> None:
    """Seeds that differ tenfold, and a factor of 0.5 in each: paired it is decided, not else."""
    a = [10.0, 100, 1000, 10_000]
    change = compared(made, {"p": a}, {"p": [5.0, 52, 490, 5100]}).changes[0]

    assert change.verdict == "better"
    assert change.ratio_calls is not None
    assert change.ratio_calls.center == pytest.approx((0.5 * 0.52 * 0.49 * 0.51) ** 0.25)


def test_a_pair_with_a_miss_is_never_dropped(made: Made) -> None:
    """Where b misses on 8 of 12 seeds and is 10 % cheaper on the others, it is worse."""
    a = [100.0] * 12
    b = [90.0] * 4 + [inf] * 8
    change = compared(made, {"p": a}, {"p": b}).changes[0]

    assert change.ratio_calls is not None
    assert change.ratio_calls.center == pytest.approx(0.9)
    assert change.ratio_calls.count == 4
    assert (change.a_reached, change.b_reached, change.test) == (12, 4, PAIRED_RANKS)
    ranked = stats.wilcoxon([-1.0] * 4 + [9.0] * 8, method=stats.PermutationMethod())
    assert change.p == pytest.approx(ranked.pvalue, abs=1e-12)
    assert (change.verdict, change.difference) == ("worse", inf)


def test_successes_of_one_side_alone_are_mcnemars_exact_test(made: Made) -> None:
    """Eight seeds that only b solves: p = 2/2^8, and no ratio."""
    solved = [7.0 + seed for seed in range(8)]
    change = compared(made, {"p": [inf] * 8}, {"p": solved}).changes[0]

    assert change.p == pytest.approx(2 / 256)
    assert (change.ratio_calls, change.verdict) == (None, "better")


def test_seeds_that_change_nothing_are_one(made: Made) -> None:
    """Five copies of one deterministic run are no sample: they decide nothing."""
    change = compared(made, {"p": [100.0] * 5}, {"p": [50.0] * 5}).changes[0]

    assert (change.pairs, change.p, change.verdict) == (1, None, "undecided")
    assert change.ratio_calls is not None
    assert change.ratio_calls.center == pytest.approx(0.5)
    assert change.ratio_calls.low is None


def test_over_problems_it_is_wilcoxon_and_the_geometric_mean(made: Made) -> None:
    """Of eight problems the logs of the ratios, one a problem, in scipy's tests."""
    rng = np.random.default_rng(2)
    a = {f"p{i}": [float(x)] for i, x in enumerate(rng.integers(50, 900, 8))}
    b = {
        p: [float(round(x * f))]
        for (p, [x]), f in zip(a.items(), rng.uniform(0.4, 1.1, 8), strict=True)
    }
    found = compared(made, a, b)
    logs = np.log([b[p][0] / a[p][0] for p in a])
    low, high = stats.t.interval(0.95, 7, loc=logs.mean(), scale=stats.sem(logs))

    assert found.overall is not None
    ends = (found.overall.low, found.overall.center, found.overall.high)
    assert ends == pytest.approx(np.exp([low, logs.mean(), high]))
    assert found.p == pytest.approx(stats.wilcoxon(logs, method="exact").pvalue)
    assert (found.wins, found.losses, found.ties) == ((logs < 0).sum(), (logs > 0).sum(), 0)


def test_who_reaches_it_on_one_seed_of_three_has_no_ratio_over_problems(made: Made) -> None:
    """What the sentence counts as reached by one side alone is not in the mean ratio besides."""
    a = {"p": [10.0] * 3, "q": [10.0] * 3}
    found = compared(made, a, {"p": [20.0] * 3, "q": [10.0, inf, inf]})

    assert found.overall is not None
    assert found.overall.center == pytest.approx(2)
    assert found.overall.count == 1
    assert "where both reach the target, on 1 problem, it needs 2 times" in found.sentence
    assert "on q only gd reaches the target" in found.sentence


def test_verdicts_are_corrected_for_many_problems(made: Made) -> None:
    """A p of 0.03 decides one problem, and none of ten of which nine are noise."""
    noise, shift = [0.8, 1.0, 1.25], [1.4, 1.5, 1.9]
    a = {f"p{i}": [100.0, 200, 300] for i in range(10)}
    b = {p: [c * f for c, f in zip(a[p], noise, strict=True)] for p in a}
    b["p0"] = [c * f for c, f in zip(a["p0"], shift, strict=True)]
    alone = compared(made, {"p0": a["p0"]}, {"p0": b["p0"]}).changes[0]
    among = compared(made, a, b).changes[0]

    assert alone.p is not None
    assert alone.p < 0.05 < 10 * alone.p
    assert (alone.verdict, among.verdict) == ("worse", "undecided")
    assert among.p_holm == pytest.approx(10 * alone.p)


@given(SIDES)
def test_a_side_is_the_same_as_itself(made: Made, sides: list[tuple[list[float], ...]]) -> None:
    """Whatever was reached or missed: no win, no loss, every verdict and the sentence say same."""
    side = {f"p{i}": pair[0] for i, pair in enumerate(sides)}
    found = compared(made, side, side)

    assert {change.verdict for change in found.changes} == {"same"}
    assert (found.wins, found.losses, found.ties) == (0, 0, len(side))
    assert found.sentence.startswith("adam does the same as gd o")
    assert all(c.ratio_calls is None or c.ratio_calls.center == 1 for c in found.changes)


@given(SIDES)
def test_exchanging_the_sides_inverts_everything(
    made: Made, sides: list[tuple[list[float], ...]]
) -> None:
    """Ratios become their inverses, wins losses, better worse; p-values stay."""
    a, b = ({f"p{i}": pair[k] for i, pair in enumerate(sides)} for k in (0, 1))
    one, other = compared(made, a, b), compared(made, b, a)
    turned = {"better": "worse", "worse": "better", "same": "same", "undecided": "undecided"}

    assert (one.wins, one.losses, one.ties) == (other.losses, other.wins, other.ties)
    assert (one.p, one.test) == (other.p, other.test)
    for x, y in zip(one.changes, other.changes, strict=True):
        assert (x.p_holm, x.a_reached) == (y.p_holm, y.b_reached)
        assert x.verdict == turned[y.verdict]
        assert (x.ratio_calls is None) == (y.ratio_calls is None)
        if x.ratio_calls and y.ratio_calls:
            assert x.ratio_calls.center * y.ratio_calls.center == pytest.approx(1)


def test_seeds_and_problems_of_one_side_alone_are_told(made: Made) -> None:
    """Pairs are the seeds in common; a problem without one, or of one side, is unpaired."""
    a = rows(made, {"p": [4.0, 6, 8, 10], "only": [3.0]})
    b = rows(made, {"p": [2.0, 3, 4]})
    late = summarize([made(problem="late", seed=7, hits={0.1: 3})])
    early = summarize([made(problem="late", seed=1, hits={0.1: 3})])
    found = compare([*a, *late], [*b, *early], a="gd", b="adam")

    (change,) = found.changes
    assert (change.pairs, change.runs_a, change.runs_b) == (3, 4, 3)
    assert found.unpaired == ("late", "only")
    assert "left out: 2 problems that the two did not run with a seed in common" in found.sentence


def test_a_difference_of_less_than_five_percent_is_the_same(made: Made) -> None:
    """Significant or not, an interval within a factor of 1.05 is no change."""
    change = compared(made, {"p": [1000.0] * 4}, {"p": [1001.0, 1002, 1001, 1003]}).changes[0]

    assert change.p is not None
    assert change.p < 0.05
    assert change.verdict == "same"


def test_without_a_target_the_ends_are_compared(made: Made) -> None:
    """Nobody reaches anything: the ratio of the final measure, and its t-test, decide."""
    ends = ([0.9, 0.5, 0.7], [0.3, 0.16, 0.25])
    a, b = (
        summarize([made(seed=i, gaps=(1, end), targets=()) for i, end in enumerate(side)])
        for side in ends
    )
    found = compare(a, b, a="gd", b="adam")
    (change,) = found.changes

    assert change.ratio_final is not None
    assert change.p == pytest.approx(stats.ttest_rel(*np.log(ends)).pvalue)
    assert (change.target, change.ratio_calls, change.verdict) == (None, None, "better")
    assert found.overall == change.ratio_final
    assert found.sentence.startswith("adam ends at 0.336 times [")
    assert "the final suboptimality of gd on p" in found.sentence


def test_where_one_side_alone_knows_f_star_the_values_are_compared(made: Made) -> None:
    """A gap of 0.5 is not divided by a value of 6: of both the values 5.5 and 6 are taken."""
    a = summarize([made(gaps=(1, 0.5), targets=())])
    b = summarize([made(gaps=(2, 1), targets=(), known=False)])
    (change,) = compare(a, b, a="gd", b="adam").changes

    assert change.ratio_final is not None
    assert change.ratio_final.center == pytest.approx(6 / 5.5)


def test_two_that_are_lost_are_neither_same_nor_told_apart(made: Made) -> None:
    """Both sides diverge on every seed: undecided, without a ratio and without an error."""
    lost = summarize([made(seed=s, gaps=(1, 9), status=Status.DIVERGED) for s in range(3)])
    found = compare(lost, lost, a="gd", b="adam")

    assert found.changes[0].verdict == "undecided"
    assert found.overall is None
    assert found.sentence.startswith("adam is not told apart from gd on p")


def test_ends_over_600_decades_have_a_ratio(made: Made) -> None:
    """1e300 against 1e-300, as values without an f*, is no overflow; the ratio is infinite."""
    a = summarize([made(gaps=(1, 1e-300 - 5), targets=(), known=False)])
    b = summarize([made(gaps=(1, 1e300), targets=(), known=False)])
    (change,) = compare(a, b, a="gd", b="adam").changes

    assert change.ratio_final is None or change.ratio_final.center > 1e299
    assert change.difference > 0


def test_a_side_is_one_optimizer(made: Made) -> None:
    """Two rows of a problem are an error that names them."""
    both = summarize([made(), made(schedule="cosine")])

    with pytest.raises(OptbenchError, match=r"gd is two optimizers on p: .*'gd, cosine'.*name one"):
        compare(both, both[:1], a="gd", b="adam")


def test_the_sentence_of_one_seed_a_problem(made: Made) -> None:
    """Ratio, interval, test; who alone reaches a target; and that no single problem is decided."""
    a = {f"p{i}": [100.0 + i] for i in range(8)} | {"hard": [50.0]}
    b = {f"p{i}": [50.0 + i] for i in range(8)} | {"hard": [inf]}
    found = compared(made, {p: c for p, c in a.items() if p != "hard"}, b)
    assert found.sentence == (
        "adam needs 0.517 times [0.507, 0.526] the gradient evaluations of gd over 8 problems "
        "(Wilcoxon signed-rank, p = 0.0078); with one run each no single problem is decided; "
        "left out: 1 problem that the two did not run with a seed in common."
    )
    found = compared(made, a, b)
    assert found.sentence == (
        "adam is not told apart from gd, ahead on 8 of 9 problems and behind on 1 (Wilcoxon "
        "signed-rank, p = 0.13: undecided); where both reach the target, on 8 problems, it needs "
        "0.517 times [0.507, 0.526] the gradient evaluations; on hard only gd reaches the target; "
        "with one run each no single problem is decided."
    )


def test_the_sentence_says_what_cannot_be_concluded(made: Made) -> None:
    """Too few problems, unequal tuning and uncounted Hessian products are in it."""
    a = rows(made, {"p": [9.0], "q": [9.0]})
    runs = [
        made(problem=p, lr=lr, targets=(0.1,), gaps=(1, 0.1), hits={0.1: 4.0 * lr})
        for p in "pq"
        for lr in (1.0, 2.0)
    ]
    used = np.array([0.0, 30.0])
    newton = [dataclasses.replace(run, curve={**run.curve, "hvp_calls": used}) for run in runs]
    said = compare(a, summarize(newton), a="gd", b="newton").sentence

    assert "p = 0.5: fewer than 6 problems that differ decide nothing" in said
    assert "the tuning was unequal: gd tried 1 learning rates, newton 2" in said
    assert "the Hessian products of newton are not counted" in said


def test_nothing_in_common_is_said(made: Made) -> None:
    """No problem, or no row at all, leaves a sentence and no number."""
    found = compared(made, {"p": [3.0]}, {"q": [3.0]})

    assert found.sentence == (
        "gd and adam have no problem and seed in common; nothing can be said."
    )
    assert (found.overall, found.p, found.unpaired) == (None, None, ("p", "q"))
    assert compare([], [], a="a", b="b").changes == ()


def ended(
    made: Made, ends: Sequence[float], reached: float = 1e-3, *, last: float = 1e-3
) -> list[Row]:
    """Make a row of runs that end so; those at or below `reached` have hit it after ten calls."""
    return summarize(
        made(seed=seed, gaps=(1, end), targets=(last,), hits={last: 10} if end <= reached else {})
        for seed, end in enumerate(ends)
    )


def test_the_overshoot_of_two_that_arrive_is_no_ratio(made: Made) -> None:
    """Runs stop at the last target: 400 times below it against just below it is no merit."""
    a, b = ended(made, [9e-4, 9.2e-4, 8e-4]), ended(made, [2e-6, 3e-6, 2e-6])
    (change,) = compare(a, b, a="gd", b="adam").changes

    assert (change.stopped, change.ratio_final, change.verdict) == (True, None, "same")
    (change,) = compare(a, ended(made, [2e-6, 0.5, 0.4]), a="gd", b="adam").changes
    assert not change.stopped
    assert change.ratio_final is not None


def test_tasks_train_on_past_their_targets(made: Made) -> None:
    """The end of a task's run is no overshoot, and its ratio is there."""
    a, b = (
        summarize(
            dataclasses.replace(run, engine="training")
            for row in ended(made, ends)
            for run in row.runs
        )
        for ends in ([9e-4, 9.2e-4, 8e-4], [2e-6, 3e-6, 2e-6])
    )
    (change,) = compare(a, b, a="gd", b="adam").changes

    assert change.ratio_final is not None
    assert not change.stopped


def test_five_seeds_of_five_against_none_are_decided_by_the_ends(made: Made) -> None:
    """The signed-rank test gives 0.0625 whatever happens; the ends, 40 times as high, decide."""
    low, high = [9e-4, 8e-4, 9.5e-4, 9e-4, 8.5e-4], [0.036, 0.034, 0.036, 0.034, 0.036]
    found = compare(ended(made, low), ended(made, high), a="gd", b="adam")
    (change,) = found.changes

    assert (change.a_reached, change.b_reached) == (5, 0)
    assert (change.test, change.verdict) == (PAIRED_T_ENDS, "worse")
    assert change.p == pytest.approx(stats.ttest_rel(np.log(low), np.log(high)).pvalue)
    assert "adam is worse than gd on p (paired t on the logarithm of the fin" in found.sentence
    assert (
        "it ends at 40.1 times [37.3, 43] the final suboptimality of gd; on p only"
        in found.sentence
    )
    turned = compare(ended(made, high), ended(made, low), a="adam", b="gd").changes[0]
    assert (turned.verdict, turned.p) == ("better", change.p)


def test_too_few_seeds_say_how_many_it_takes(made: Made) -> None:
    """Four of five against none: no sign can decide, and the sentence says so."""
    low, high = [9e-4, 8e-4, 0.9, 9e-4, 8.5e-4], [0.036, 0.034, 0.036, 0.034, 0.036]
    found = compare(ended(made, low), ended(made, high), a="gd", b="adam")

    assert (found.changes[0].test, found.changes[0].verdict) == (PAIRED_RANKS, "undecided")
    assert "fewer than 6 seeds decide nothing" in found.sentence
    lone = compare(ended(made, low[:1]), ended(made, high[:1]), a="gd", b="adam")
    assert "(no test of one run each)" in lone.sentence
    assert lone.changes[0].verdict == "undecided"


def test_what_overshoots_the_last_target_is_the_same(made: Made) -> None:
    """At equal costs the longer last step is no win: runs stop at the target. One seed misses."""
    hits = {1e-1: 5.0, 1e-3: 9.0}
    sides = [
        [made(seed=s, hits=hits, gaps=(1, end * (1 + s / 9))) for s in range(7)]
        + [made(seed=7, hits={1e-1: 5.0}, gaps=(1, 0.05))]
        for end in (1e-9, 5e-4)
    ]
    found = compare(*map(summarize, sides), a="long", b="short")

    assert found.changes[0].test == PAIRED_RANKS
    assert (found.changes[0].verdict, found.changes[0].difference) == ("same", 0)
    assert (found.wins, found.losses, found.ties) == (0, 0, 1)
