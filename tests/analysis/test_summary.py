"""The summary against cases worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from optbench.analysis.curves import FLOOR
from optbench.analysis.summary import Row, learning_rate, short_names, summarize
from optbench.analysis.tables import cells, targets_of
from optbench.core.run import Run, Status
from optbench.core.spec import Spec

Made = Callable[..., Run]


def only(runs: list[Run]) -> Row:
    """Return the one row of a group."""
    (row,) = summarize(runs)
    return row


def test_the_best_rate_reaches_the_last_target_first(made: Made) -> None:
    """Fewest evaluations to the last target win, not the lowest end and not the first target."""
    runs = [
        made(0.1, 0, (1, 1e-9), {1e-1: 4, 1e-3: 80}),
        made(0.2, 0, (1, 1e-3), {1e-1: 20, 1e-3: 60}),
        made(0.4, 0, (1, 1e-2), {1e-1: 2}),
    ]

    row = only(runs)
    assert row.best_lr == 0.2
    assert not row.edge
    assert [(r.target, r.steps, r.gradient_calls) for r in row.reach] == [
        (1e-1, 10, 20),
        (1e-3, 30, 60),
    ]


def test_medians_are_over_seeds(made: Made) -> None:
    """Seeds at 10, 20 and 90 evaluations count as 20, and beat three times 30 with less mean."""
    runs = [made(0.1, s, (1, 1e-3), {1e-1: 1, 1e-3: c}) for s, c in enumerate((10, 20, 90))]
    runs += [made(0.2, s, (1, 1e-3), {1e-1: 1, 1e-3: c}) for s, c in enumerate((30, 30, 30))]

    row = only(runs)
    assert (row.best_lr, row.reach[1].gradient_calls) == (0.1, 20)
    assert row.seeds == (0, 1, 2)
    assert row.learning_rates == (0.1, 0.2)


def test_a_rate_that_misses_on_one_seed_does_not_reach(made: Made) -> None:
    """A censored seed makes the cell empty, with the share that reached, and the rate second."""
    runs = [made(0.1, s, (1, 1e-3), {1e-1: 4, 1e-3: 900}) for s in range(3)]
    runs += [made(0.2, s, (1, 1e-3), {1e-1: 4, 1e-3: 10}) for s in range(2)]
    runs += [made(0.2, 2, (1, 0.05), {1e-1: 4})]

    assert only(runs).best_lr == 0.1
    reach = only(runs[3:]).reach[1]
    assert (reach.steps, reach.gradient_calls, reach.reached, reach.runs) == (None, None, 2, 3)


def test_without_the_target_the_smallest_geometric_mean_wins(made: Made) -> None:
    """Ends 1e-2 and 1e-4 (geometric mean 1e-3) beat 2e-3 twice, whose arithmetic mean is lower."""
    runs = [made(0.1, s, (1, end)) for s, end in enumerate((1e-2, 1e-4))]
    runs += [made(0.2, s, (1, 2e-3)) for s in range(2)]

    row = only(runs)
    assert row.best_lr == 0.1
    assert row.final is not None
    assert row.final.center == pytest.approx(1e-3)
    assert row.final.low is None


def test_final_is_relative_to_the_start(made: Made) -> None:
    """A run from 100 down to 1 ends at 1e-2."""
    final = only([made(0.1, 0, (100, 1))]).final

    assert final is not None
    assert final.center == pytest.approx(1e-2)


def test_diverged_counts_as_worst(made: Made) -> None:
    """A rate with one diverged seed loses to one without, whatever its other seeds did."""
    runs = [made(0.1, s, (1, 0.9)) for s in range(2)]
    runs += [made(0.2, 0, (1, 1e-6)), made(0.2, 1, (1, 1e9), status=Status.DIVERGED)]

    row = only(runs)
    assert row.best_lr == 0.1
    assert (row.diverged, row.diverged_share) == (1, 0.25)
    assert row.statuses == {Status.BUDGET: 3, Status.DIVERGED: 1}


def test_a_diverged_end_is_not_averaged(made: Made) -> None:
    """The mean is over the seeds that have an end; how many they are is said."""
    runs = [made(0.1, 0, (1, 1e-2)), made(0.1, 1, (1, 1e-9), status=Status.NAN)]

    final = only(runs).final
    assert final is not None
    assert final.center == pytest.approx(1e-2)
    assert final.count == 1


def test_everything_diverged(made: Made) -> None:
    """There is no final value, the share is one, and the grid's edge is flagged."""
    row = only([made(lr, 0, (1, 1e11), status=Status.DIVERGED) for lr in (0.1, 1.0, 10.0)])

    assert row.final is None
    assert row.diverged_share == 1
    assert (row.best_lr, row.edge) == (0.1, True)


def test_nan_at_the_end_is_no_value(made: Made) -> None:
    """A NaN that hides behind a harmless status loses too."""
    row = only([made(0.1, 0, (1, math.nan)), made(0.2, 0, (1, 0.9))])

    assert row.best_lr == 0.2


@pytest.mark.parametrize(("best", "edge"), [(0.1, True), (0.2, False), (0.4, True)])
def test_the_edge_of_the_grid_is_flagged(made: Made, best: float, edge: bool) -> None:
    """The first and the last of several rates are the edge; one alone has none."""
    runs = [made(lr, 0, (1, 1e-2 if lr == best else 0.5)) for lr in (0.4, 0.1, 0.2)]

    assert only(runs).edge is edge
    assert only([made(best)]).edge is False


def test_ties_go_to_the_smaller_rate(made: Made) -> None:
    """The order of the runs decides nothing."""
    runs = [made(lr, 0, (1, 1e-3), {1e-3: 7}) for lr in (0.4, 0.2, 0.3)]

    assert only(runs).best_lr == only(runs[::-1]).best_lr == 0.2


def test_without_f_star_the_value_is_compared(made: Made) -> None:
    """Values may be negative, their mean is arithmetic, and no target is reached."""
    runs = [made(0.1, s, (1, end), known=False) for s, end in enumerate((-7, -9, -11))]
    runs += [made(0.2, s, (1, 0), known=False) for s in range(3)]

    row = only(runs)
    assert (row.best_lr, row.measure) == (0.1, "value")
    assert row.final is not None
    assert row.final.center == pytest.approx(-9 + 5)
    assert row.reach[0].reached == 0


def _aiming(run: Run, measure: str, levels: Sequence[float]) -> Run:
    """Give a run another measure, with its level at every recorded step."""
    return replace(
        run,
        spec=replace(run.spec, target_measure=measure),
        curve={**run.curve, measure: np.array(levels, dtype=float)},
    )


def test_runs_are_compared_by_what_their_targets_measure(made: Made) -> None:
    """The nearest wins, not the lowest, and the final distance is absolute."""
    low, near = made(0.1, gaps=(1, 1e-6)), made(0.2, gaps=(1, 1e-1))
    row = only([_aiming(low, "distance", (8, 1e-1)), _aiming(near, "distance", (8, 1e-2))])

    assert (row.best_lr, row.measure, row.title) == (0.2, "distance", "p (distance)")
    assert row.final is not None
    assert row.final.center == pytest.approx(1e-2)


def test_values_are_targets_too(made: Made) -> None:
    """With a target in f the value is compared although f* is known."""
    row = only([_aiming(made(gaps=(1, 1e-6)), "value", (-3, -7))])

    assert row.final is not None
    assert (row.measure, row.final.center) == ("value", -7)


def test_two_measures_on_one_problem_do_not_mix(made: Made) -> None:
    """Runs that differ in what they aim at are neither seeds nor learning rates of one row."""
    runs = [made(0.1, hits={1e-3: 4}), _aiming(made(0.2, hits={1e-3: 9}), "distance", (1, 1e-4))]
    rows = summarize(runs)

    assert [(row.title, row.learning_rates) for row in rows] == [
        ("p (distance)", (0.2,)),
        ("p", (0.1,)),
    ]
    targets = targets_of(rows)
    assert [target.column for target in targets] == [
        "distance_0.1",
        "distance_0.001",
        "0.1",
        "0.001",
    ]
    assert cells(rows[0], targets).reach[1:] == ["9 (4 steps)", "", ""]
    assert cells(rows[1], targets).reach[3] == "4 (2 steps)"


def test_exact_zeros_do_not_break_the_logarithm(made: Made) -> None:
    """A gap of zero, or below zero by rounding, counts as the floor."""
    final = only([made(0.1, 0, (1, 0.0)), made(0.1, 1, (1, -1e-17))]).final

    assert final is not None
    assert final.center == pytest.approx(FLOOR)


def test_rows_are_sorted_by_problem_and_then_best_first(made: Made) -> None:
    """Who reaches the target comes before who ends low, and both before who diverged."""
    runs = [
        made(name="lost", status=Status.DIVERGED),
        made(name="low", gaps=(1, 0.01)),
        made(name="slow", hits={1e-3: 50}, gaps=(1, 1e-3)),
        made(name="fast", hits={1e-3: 5}, gaps=(1, 1e-3)),
        made(name="zzz", problem="a=20"),
        made(name="zzz", problem="a=3"),
    ]

    order = [(row.problem, row.optimizer) for row in summarize(runs)]
    assert order[:2] == [("a=3", "zzz"), ("a=20", "zzz")]
    assert order[2:] == [("p", "fast"), ("p", "slow"), ("p", "low"), ("p", "lost")]


def test_schedule_problem_and_precision_are_told_apart(made: Made) -> None:
    """What differs in more than rate and seed is another row, never another seed."""
    runs = [made(), made(schedule="cosine"), made(problem="q"), made(dtype="float32")]

    names = {(row.problem, row.name) for row in summarize(runs)}
    assert names == {("p", "gd"), ("p", "gd, cosine"), ("q", "gd"), ("p", "gd:dtype=float32")}


def test_names_show_only_what_differs() -> None:
    """Shared parameters are left out, and different specs have different names."""
    slow = Spec.of("adam", {"beta1": 0.9, "eps": 1e-8})
    fast = Spec.of("adam", {"beta1": 0.5, "eps": 1e-8})
    names = short_names([slow, fast, Spec.of("gd", {"x": 1})])

    assert set(names.values()) == {"adam:beta1=0.9", "adam:beta1=0.5", "gd"}


def test_what_is_off_is_not_told_unless_it_must_be() -> None:
    """Full gradients are the plain name; a zero that alone tells two apart is shown."""
    plain, small = ({"beta": 0.9, "batch_size": size} for size in (0, 16))
    names = short_names([Spec.of("adam", plain), Spec.of("adam", small)])
    twins = [Spec.of("gd", {"a": 0, "b": 1}), Spec.of("gd", {"b": 1}), Spec.of("gd", {"b": 2})]

    assert set(names.values()) == {"adam", "adam:batch_size=16"}
    assert len(set(short_names(twins).values())) == 3


def test_runs_without_a_rate_are_one_group(made: Made) -> None:
    """A method that has no learning rate, or was refused before it got one, still has its row."""
    row = only([made(None, s, (1, 0.1)) for s in range(2)])

    assert (row.best_lr, row.learning_rates, row.edge, len(row.best)) == (None, (), False, 2)
    refused = only([made(None, 0, (), status=Status.REFUSED)])
    assert (refused.final, refused.diverged) == (None, 0)


def test_a_rate_that_was_asked_for_twice_is_one(made: Made) -> None:
    """`1/L` beside the same number gives no second seed: intervals would come out too narrow."""
    runs = [made(0.5, s, (1, 1e-3 * (s + 1))) for s in range(3)]
    tuned = Spec.of("gd", {"lr": "1/L"})
    twice = only([*runs, *(replace(r, spec=replace(r.spec, optimizer=tuned)) for r in runs)])

    assert (len(twice.runs), len(twice.best), twice.seeds) == (3, 3, (0, 1, 2))
    assert twice.final == only(runs).final


def test_a_tuning_is_read_from_the_resolved_rate(made: Made) -> None:
    """`lr=1/L` counts as the number behind it; unresolved it is none."""
    run = made(0.25, params={"lr": "1/L"})

    assert learning_rate(run) == 0.25
    unresolved = Run(spec=made(None, params={"lr": "1/L"}).spec, status=Status.REFUSED)
    assert learning_rate(unresolved) is None


def test_nothing_to_summarise() -> None:
    """No runs, no rows."""
    assert summarize([]) == []


def test_what_the_final_value_costs_besides_stands_apart(made: Made) -> None:
    """Hessian products are no part of the number, and follow it where there is one line."""
    run = made(0.1, 0, (1.0, 1e-9), {1e-1: 4})
    newton = replace(run, curve={**run.curve, "hvp_calls": np.array([0.0, 64.0])})

    text = cells(only([newton]), ())
    assert (text.final, text.note) == ("1.00e-09", "64 Hessian products")
    assert text.final_in_full == "1.00e-09, 64 Hessian products"
    assert cells(only([run]), ()).note == ""
