"""Tables say what the runs say: means, intervals, misses, ties, computed here in another way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from optbench.analysis.summary import summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.report.tables import KINDS, table_of
from optbench.report.tables.latex import latex
from optbench.report.tables.table import Cell, Mark, Table
from optbench.report.tables.ties import marks
from tests.analysis.conftest import make
from tests.learning_runs import learning_run
from tests.report.tables.conftest import solved

SEEDS = range(5)


def table(kind: str, runs: Sequence[Run]) -> Table:
    """Return a table of runs."""
    return table_of(kind, summarize(runs))


def cells(made: Table) -> dict[tuple[str, str], Cell]:
    """Return a table's cells by the names of row and column."""
    return {
        (label, column): cell
        for label, row in made.rows
        for column, cell in zip(made.columns, row, strict=True)
    }


def named(made: Table) -> dict[str, Mapping[str, Any]]:
    """Return a table's records by optimizer, in their order."""
    return {row["optimizer"]: row for row in made.records}


def t_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return geometric mean and the t-interval of the logarithm, as scipy has them."""
    logs = np.log(values)
    low, high = stats.t.interval(0.95, len(logs) - 1, logs.mean(), stats.sem(logs))
    return math.exp(logs.mean()), math.exp(low), math.exp(high)


def test_steps_are_geometric_means_with_their_intervals() -> None:
    """Cells and records hold the numbers of scipy; the caption names target, seeds and interval."""
    fast, slow = [10, 12, 11, 14, 9], [100, 130, 90, 110, 95]
    made = table("steps", [*solved("a", fast), *solved("b", slow), *solved("a", fast, "q")])
    found = cells(made)
    record = {(row["problem"], row["optimizer"]): row for row in made.records}

    for name, calls in (("a", fast), ("b", slow)):
        cell = found["p", name]
        assert (cell.value, cell.low, cell.high) == pytest.approx(t_interval(calls))
        row = record["p", name]
        numbers = [row["gradient_calls"], row["gradient_calls_low"], row["gradient_calls_high"]]
        assert numbers == [cell.value, cell.low, cell.high]
        assert row["steps"] == pytest.approx(t_interval([int(c / 2) for c in calls])[0])
        assert (row["reached"], row["seeds"], row["target"]) == (5, 5, 1e-3)
    assert made.corner == "problem"
    assert made.columns == ("a", "b")
    assert found["q", "b"].words == ""
    assert "Empty: not run." in made.notes
    for words in ("target 1e-03", "5 seeds", "95% t-interval", "geometric mean"):
        assert words in made.caption


def test_misses_keep_their_denominator() -> None:
    """Two of five that miss are no mean of three; all that miss are none of five."""
    made = table(
        "steps",
        [
            *solved("all", [10] * 5),
            *solved("some", [1, 1, 1, math.inf, math.inf]),
            *solved("none", [math.inf] * 5),
        ],
    )
    found = cells(made)

    assert found["some", "p"].words == "— (3/5)"
    assert found["none", "p"].words == "— (0/5)"
    assert found["some", "p"].value is None
    assert found["all", "p"].mark is Mark.BEST
    assert {found[name, "p"].mark for name in ("some", "none")} == {Mark.NONE}
    row = named(made)["some"]
    low, high = row["reached_share_low"], row["reached_share_high"]
    wilson = stats.binomtest(3, 5).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((wilson.low, wilson.high))


def test_failures_are_named() -> None:
    """Runs that all diverged say so, in both tables, and those that were refused too."""
    lost = [make(seed=s, name="lost", gaps=(1.0, 5.0), status=Status.DIVERGED) for s in range(3)]
    refused = [make(seed=s, name="no", gaps=(), status=Status.REFUSED) for s in range(3)]
    runs = [*solved("a", [10] * 3), *lost, *refused]

    for kind in ("steps", "final"):
        found = cells(table(kind, runs))
        assert "diverged" in found["lost", "p"].words
        assert found["no", "p"].words == "refused"


def test_a_lost_run_is_counted_beside_the_mean_of_the_others() -> None:
    """The final value of four of five says that one is missing, and is not the best."""
    four = [make(seed=s, name="most", gaps=(1.0, 1e-6)) for s in range(4)]
    four.append(make(seed=4, name="most", gaps=(1.0,), status=Status.NAN))
    whole = [make(seed=s, name="whole", gaps=(1.0, 1e-2)) for s in SEEDS]
    found = cells(table("final", [*four, *whole]))

    assert found["most", "p"].value == pytest.approx(1e-6)
    assert found["most", "p"].words == "(1/5 lost)"
    assert found["most", "p"].mark is Mark.NONE
    assert found["whole", "p"].mark is Mark.BEST


def test_final_values_have_the_intervals_of_the_logarithm() -> None:
    """Of a relative suboptimality the geometric mean, of a value whose f* is unknown the mean."""
    gaps = [1e-3, 2e-3, 5e-3, 1e-2, 4e-3]
    known = [make(seed=s, gaps=(2.0, 2 * gap)) for s, gap in enumerate(gaps)]
    unknown = [
        make(seed=s, gaps=(2.0, gap), known=False, problem="q") for s, gap in enumerate(gaps)
    ]
    found = cells(table("final", [*known, *unknown]))
    relative, value = (cell for _, cell in sorted(found.items()))

    assert (relative.value, relative.low, relative.high) == pytest.approx(t_interval(gaps))
    ends = np.array(gaps) + 5
    low, high = stats.t.interval(0.95, 4, ends.mean(), stats.sem(ends))
    assert (value.value, value.low, value.high) == pytest.approx((ends.mean(), low, high))


def test_who_reaches_the_last_target_is_best_however_far_below() -> None:
    """Runs stop at their last target: an overshoot is no merit."""
    far = [make(seed=s, name="far", gaps=(1.0, 1e-9), status=Status.CONVERGED) for s in SEEDS]
    near = [make(seed=s, name="near", gaps=(1.0, 9e-4), status=Status.CONVERGED) for s in SEEDS]
    late = [make(seed=s, name="late", gaps=(1.0, 2e-3)) for s in SEEDS]
    made = table("final", [*far, *near, *late])

    assert {name: cell.mark for (name, _), cell in cells(made).items()} == {
        "far": Mark.BEST,
        "near": Mark.BEST,
        "late": Mark.NONE,
    }
    assert any("last target" in note for note in made.notes)


@pytest.mark.parametrize(
    ("other", "mark"),
    [
        ([11, 9, 12, 11, 10], Mark.TIED),  # ratios on both sides of 1
        ([11, 11, 11, 11, 11], Mark.NONE),  # 10 % more with every seed
        ([10, 10, 10, 10, 10], Mark.BEST),
        ([40, 9, 9, 9, 9], Mark.TIED),
    ],
)
def test_ties_are_told_by_pairs(other: Sequence[float], mark: Mark) -> None:
    """Tied is who scipy's paired t-test on the logarithms does not tell from the best."""
    numbers = {"best": dict.fromkeys(SEEDS, 10.0), "other": dict(enumerate(map(float, other)))}
    if mark is not Mark.BEST:
        with np.errstate(all="ignore"):
            differences = np.log(other) - np.log(10)
            p = stats.ttest_1samp(differences, 0).pvalue if np.ptp(differences) else 0.0
        assert (p >= 0.05) == (mark is Mark.TIED)

    assert marks(numbers, logarithmic=True) == {"best": Mark.BEST, "other": mark}


def test_pairs_and_not_two_clouds_are_compared() -> None:
    """A spread over seeds that both share does not hide that one is always better."""
    spread = {seed: 10.0 ** (seed + 1) for seed in SEEDS}
    worse = {seed: spread[seed] * (1.1 + seed / 1000) for seed in reversed(SEEDS)}

    assert marks({"a": spread, "b": worse}, logarithmic=True)["b"] is Mark.NONE
    assert marks({"a": spread, "b": {9: 2e3, 8: 2e3}}, logarithmic=True)["b"] is Mark.NONE


def test_who_pays_with_hessian_products_is_not_the_best() -> None:
    """Seven gradients and a hundred products are not less than eight gradients."""
    newton = [
        replace(run, curve={**run.curve, "hvp_calls": 50 * run.curve["step"]})
        for run in solved("newton", [7, 7, 7])
    ]
    made = table("steps", [*newton, *solved("gd", [8, 8, 8]), *solved("adam", [9, 9, 9])])

    assert {name: row["mark"] for name, row in named(made).items()} == {
        "newton": "",
        "gd": "best",
        "adam": "",
    }
    assert any("no mark for who uses them, newton" in note for note in made.notes)


def test_two_seeds_tie_nobody() -> None:
    """Below three pairs nothing is known of the spread."""
    assert marks({"a": {0: 1.0, 1: 2.0}, "b": {0: 2.0, 1: 1.5}}, logarithmic=False) == {
        "a": Mark.BEST,
        "b": Mark.NONE,
    }


def test_problems_are_rows_unless_optimizers_are_more() -> None:
    """Two optimizers on three problems stand side by side; three on two below each other."""
    down = table("steps", [r for p in "xyz" for n in "ab" for r in solved(n, [10], p)])
    across = table("steps", [r for p in "xy" for n in "abc" for r in solved(n, [10], p)])

    assert (down.corner, down.columns, [label for label, _ in down.rows]) == (
        "problem",
        ("a", "b"),
        ["x", "y", "z"],
    )
    assert (across.corner, across.columns) == ("optimizer", ("x", "y"))
    assert "too few for an interval" in down.caption


def test_a_rate_at_the_edge_and_unequal_tuning_are_told() -> None:
    """Who was tuned over too narrow a grid has a dagger; unequal numbers of rates are a note."""
    runs = [
        make(lr=lr, name="a", gaps=(1.0, lr), hits={0.1: 10 / lr, 1e-3: 20 / lr})
        for lr in (1, 2, 4)
    ]
    runs.append(make(name="b", hits={0.1: 5, 1e-3: 9}, status=Status.CONVERGED))
    made = table("steps", runs)

    assert cells(made)["a", "p"].words == "†"
    assert cells(made)["b", "p"].words == ""
    assert any("1 to 3 learning rates" in note for note in made.notes)
    assert any(note.startswith("†") for note in made.notes)


def test_a_problem_whose_target_cannot_be_measured_is_named() -> None:
    """Without f* there is no relative suboptimality: the problem is left out and named."""
    unknown = [make(name="a", known=False, problem="dark")]
    made = table("steps", [*solved("a", [10]), *unknown])

    assert [label for label, _ in made.rows] == ["p"]
    assert any("dark" in note for note in made.notes)
    with pytest.raises(OptbenchError, match="no problem here has a target"):
        table("steps", unknown)


def test_where_nobody_arrives_the_easiest_target_is_shown() -> None:
    """All miss: the row names the easiest target, and nobody is best."""
    runs = [make(name=n, seed=s, gaps=(1.0, 0.5)) for n in "ab" for s in range(3)]
    made = table("steps", runs)

    assert "target 1e-01" in made.caption
    assert {cell.words for cell in cells(made).values()} == {"— (0/3)"}
    assert made.marks == {Mark.NONE}


def costs_of(costs: Mapping[str, Sequence[float]]) -> list[Run]:
    """Return runs of optimizers with so many evaluations on problems 0, 1, 2 ..."""
    return [
        run
        for name, calls in costs.items()
        for i, cost in enumerate(calls)
        for run in solved(name, [cost], f"problem {i}")
    ]


def test_ranks_are_those_of_scipy() -> None:
    """Mean ranks, Friedman's p and the number of first places; best first, in bold."""
    generator = np.random.default_rng(0)
    costs = {name: (10 * i + generator.integers(1, 25, 8)).tolist() for i, name in enumerate("abc")}
    made = table("ranks", costs_of(costs))
    matrix = np.apply_along_axis(stats.rankdata, 0, np.array(list(costs.values())))
    found = named(made)
    mean = {name: row["mean_rank"] for name, row in found.items()}

    assert [mean[name] for name in "abc"] == pytest.approx(matrix.mean(axis=1))
    p = stats.friedmanchisquare(*costs.values()).pvalue
    assert [row["friedman_p"] for row in found.values()] == pytest.approx([p] * 3)
    assert sum(row["first"] for row in found.values()) >= 8
    assert [label for label, _ in made.rows] == [*found] == sorted("abc", key=lambda n: mean[n])
    assert made.rows[0][1][0].mark is Mark.BEST
    difference = found["a"]["critical_difference"]
    for label, row in made.rows[1:]:
        near = mean[label] - min(mean.values()) < difference
        assert (row[0].mark is Mark.TIED) == (near or p >= 0.05)


def test_ranks_that_tie_are_all_the_best() -> None:
    """Two of equal mean rank are both in bold, whoever comes first by name."""
    costs = {"a": [1, 2] * 4, "b": [2, 1] * 4, "c": [3] * 8}
    made = table("ranks", costs_of(costs))

    assert [record["mark"] for record in made.records][:2] == ["best", "best"]
    assert made.records[2]["mark"] != "best"


def test_ranks_say_what_they_need() -> None:
    """Four problems are too few, in one line."""
    with pytest.raises(OptbenchError, match="ranks need 5 problems"):
        table("ranks", costs_of({"a": [1] * 4, "b": [2] * 4}))


def test_ranks_name_who_is_left_out() -> None:
    """An optimizer that ran on some of the problems is no rank, and is named."""
    runs = costs_of({"a": [1] * 6, "b": [2] * 6, "rare": [1]})
    made = table("ranks", runs)

    assert any("rare" in note for note in made.notes)
    assert "rare" not in [label for label, _ in made.rows]


def test_costs_are_those_of_the_runs() -> None:
    """Time a step, calls and memory; an amortised time is marked, and unknown is no zero."""
    runs = [
        Run(
            spec=run.spec,
            status=run.status,
            curve={**run.curve, "hvp_calls": np.zeros(2), "value_calls": np.array([0.0, 2.0])},
            hits=run.hits,
            hyper=run.hyper,
            facts={"state_bytes": 16.0},
            engine="batched" if run.spec.optimizer.name == "a" else "step",
            seconds=0.25,
        )
        for run in [*solved("a", [10] * 3), *solved("b", [20] * 3)]
    ]
    made = table("costs", runs)
    rows, found = list(named(made).values()), cells(made)

    assert [row["seconds_per_step"] for row in rows] == pytest.approx([0.25, 0.25])
    assert [row["value_calls_per_step"] for row in rows] == [2, 2]
    assert [row["state_bytes"] for row in rows] == [16, 16]
    assert [row["batched"] for row in rows] == [True, False]
    assert found["a", "s/step"].words == "‡"
    assert found["b", "s/step"].words == ""
    assert found["a", "s to target"].words == "—"
    assert {cell.mark for cell in found.values()} == {Mark.NONE}  # amortised and not: no contest


def test_the_caption_of_costs_says_what_was_averaged() -> None:
    """Seeds on one problem, means of problems on two; no word of an interval that is not there."""
    runs = [*solved("a", [10] * 3), *solved("a", [10] * 3, "q")]
    alone, shared = (
        [replace(run, engine=engine, seconds=0.5) for run in runs] for engine in ("step", "batched")
    )

    assert (
        "geometric mean over its seeds, with the 95% t-inter" in table("costs", alone[:3]).caption
    )
    for made in (table("costs", alone), table("costs", shared)):
        assert "over 2 problems of each one's geometric mean over its seeds; " in made.caption
    assert any("no interval" in note for note in table("costs", shared).notes)
    assert "interval" not in table("costs", shared[:3]).caption


def test_training_does_not_end_at_its_targets() -> None:
    """Of two that reached every target the lower loss is the best, and the other is not."""
    runs = [
        learning_run(seed=seed, optimizer=name, end=end + 1e-3 * seed, status=Status.CONVERGED)
        for name, end in (("muon", 0.1), ("lion", 0.2))
        for seed in range(3)
    ]
    made = table("final", runs)

    assert {name: row["mark"] for name, row in named(made).items()} == {"muon": "best", "lion": ""}
    assert not any("last target" in note for note in made.notes)


def test_the_floor_is_an_upper_bound() -> None:
    """A run at zero is not said to be at 64 roundings; one just above is said to be where it is."""
    runs = [make(name="zero", gaps=(1.0, 0.0)), make(name="near", gaps=(1.0, 2e-14))]
    found = cells(table("final", runs))

    assert (found["zero", "p"].words, found["near", "p"].words) == ("or less", "")


@pytest.mark.parametrize("kind", ["steps", "final", "costs"])
def test_values_of_every_size_and_runs_that_start_at_the_end(kind: str) -> None:
    """From 1e-300 to 1e300, zero, and a start at the solution: a table, and no warning."""
    runs = [
        make(name="tiny", gaps=(1e-300, 1e-303), hits={0.1: 1}),
        make(name="huge", gaps=(1e300, 1e297), hits={0.1: 1}),
        make(name="done", gaps=(0.0, 0.0), hits={0.1: 0, 1e-3: 0}, status=Status.CONVERGED),
        make(name="zero", gaps=(1.0, 0.0), hits={0.1: 1, 1e-3: 1}, status=Status.CONVERGED),
        make(name="lone", gaps=(1.0,)),
    ]
    made = table(kind, runs)

    assert len(made.rows) == 5
    assert isinstance(made.to_pandas(), pd.DataFrame)


def test_nobody_is_best_of_one() -> None:
    """An optimizer alone on a problem has no mark; nor the shortest time over other problems."""
    runs = [*solved("a", [10] * 3), *solved("b", [20] * 3), *solved("a", [10] * 3, "q")]
    for kind in ("steps", "final"):
        found = {
            (row["problem"], row["optimizer"]): row["mark"] for row in table(kind, runs).records
        }
        assert (found["p", "a"], found["q", "a"]) == ("best", "")
    timed = [replace(run, seconds=len(run.spec.problem.name)) for run in runs]
    made = table("costs", timed)
    assert made.marks == {Mark.NONE}
    assert any("same problems" in note for note in made.notes)
    assert Mark.BEST in table("costs", timed[:6]).marks


def test_latex_has_every_sign_that_tables_use() -> None:
    """No sign of ours is spelt out by its code point."""
    runs = [
        r for n, c in (("a", 10), ("b", math.inf)) for p in "vwxyz" for r in solved(n, [c] * 3, p)
    ]
    runs += [make(name="c", known=False, problem="q"), make(name="c", lr=1), make(name="c", lr=2)]
    runs = [replace(run, engine="batched", seconds=1.0) for run in runs]
    for kind in ("steps", "final", "costs", "ranks"):
        assert "(U+" not in latex(table(kind, runs)), kind


def test_every_kind_is_made_of_one_run_or_says_why() -> None:
    """A single run gives a table, or for ranks one line."""
    runs = solved("a", [10])
    for kind in KINDS:
        if kind == "ranks":
            with pytest.raises(OptbenchError, match="ranks need 2 optimizers"):
                table(kind, runs)
        else:
            assert len(table(kind, runs).rows) == 1
