"""Runs of tasks are compared on validation data, and reported on test data."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from optbench.analysis.curves import band, final, levels, measure_of
from optbench.analysis.results import Results
from optbench.analysis.summary import ENDS, Row, summarize
from optbench.analysis.tables import (
    cells,
    csv_table,
    ends_shown,
    judged_targets,
    measure_words,
    target_label,
)
from optbench.core.run import Run, Status
from optbench.core.training import Training
from tests.learning_runs import RATES, learning_run, learning_runs


def only(runs: list[Run]) -> Row:
    """Return the one row of a group."""
    (row,) = summarize(runs)
    return row


def with_column(run: Run, name: str, end: float) -> Run:
    """Return a run of which a column ends at another number."""
    values = run.trained[name].copy()
    values[-1] = end
    return replace(run, trained={**run.trained, name: values})


def test_the_rate_is_chosen_on_validation_data() -> None:
    """The rate with the best test figures, but for validation, is not the best."""
    runs = [learning_run(lr, seed, targets=()) for lr in RATES for seed in range(3)]
    for column, end in (("test_loss", 0.0), ("test_accuracy", 1.0), ("train_loss", 0.0)):
        runs = [with_column(r, column, end) if r.hyper["lr"] == 0.1 else r for r in runs]

    row = only(runs)
    assert (row.best_lr, row.measure) == (1e-2, "value")
    assert row.ends["test_loss"].center > 0.4


def test_an_earlier_hit_does_not_beat_a_better_end() -> None:
    """Runs go on beyond their targets, so the rate is that of the best end, not of the first."""
    fast = replace(learning_run(1e-1, targets=(1.0,)), hits=())
    (hit,) = learning_run(1e-3, targets=(1.0,)).hits
    fast = replace(fast, hits=(replace(hit, step=1, gradient_calls=1.0),))
    slow = learning_run(1e-2, targets=(1.0,))

    row = only([fast, slow])
    assert row.best_lr == 1e-2
    assert row.reach[0].steps == slow.hits[0].step


def test_a_rate_at_which_a_seed_is_lost_comes_second() -> None:
    """The smallest loss at 3e-2 does not count where one of three seeds became NaN."""
    runs = [learning_run(1e-2, s) for s in range(3)]
    runs += [learning_run(3e-2, s, end=0.1) for s in range(2)]
    runs += [learning_run(3e-2, 2, status=Status.NAN)]

    assert only(runs).best_lr == 1e-2
    assert math.isinf(final(runs[-1]))


def test_test_figures_are_means_with_intervals_of_student() -> None:
    """They are those of scipy, over the seeds at the best rate that were not lost."""
    runs = [learning_run(1e-2, s, end=e) for s, e in enumerate((0.41, 0.44, 0.48, 0.52))]
    lost = learning_run(1e-2, 4, status=Status.DIVERGED)
    row = only([*runs, lost])

    for name in ("test_loss", "test_accuracy"):
        values = [run.trained[name][-1] for run in runs]
        estimate = row.ends[name]
        assert estimate.count == 4
        assert estimate.center == pytest.approx(np.mean(values))
        low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
        assert estimate.low == pytest.approx(low)
        assert estimate.high == pytest.approx(high)
    assert row.final is not None
    assert row.final.center == pytest.approx(np.mean([run.last("value") for run in runs]))
    assert cells(row, ()).note == "without 1 of 5 lost"


def test_error_is_one_minus_accuracy() -> None:
    """With a target of error runs are compared by it, on a linear scale, whatever the loss."""
    runs = [learning_run(lr, s, measure="error", targets=(0.3,)) for lr in RATES for s in range(3)]
    good = [with_column(r, "validation_accuracy", 0.99) for r in runs if r.hyper["lr"] == 3e-2]
    runs = [r for r in runs if r.hyper["lr"] != 3e-2] + good

    row = only(runs)
    assert measure_of(runs[0]) == row.measure == "error"
    assert (
        levels(good[0], "error").tolist() == (1 - good[0].trained["validation_accuracy"]).tolist()
    )
    assert row.best_lr == 3e-2
    assert row.final is not None
    assert row.final.center == pytest.approx(0.01)
    assert row.title == "digits-mlp (error)"
    assert measure_words([row]) == "validation error"


def test_no_error_at_all_is_not_rounded_up() -> None:
    """A mean error of 0 and .02 is .01: the floor of suboptimalities has no place here."""
    runs = [learning_run(1e-2, s, measure="error", targets=()) for s in range(2)]
    runs = [
        with_column(r, "validation_accuracy", 1 - e) for r, e in zip(runs, (0, 0.02), strict=True)
    ]

    row = only(runs)
    assert row.final is not None
    assert row.final.center == pytest.approx(0.01)


def test_without_validation_data_the_training_loss_decides() -> None:
    """The value is then called the training loss, and there is no validation figure."""
    rows = summarize(learning_runs(validation=False, accuracy=False, targets=()))

    assert measure_words(rows) == "training loss"
    assert {name for row in rows for name in row.ends} == {"test_loss", "train_loss", "epochs"}
    assert {row.best_lr for row in rows} == {1e-2, 3e-3}


def test_what_is_known_of_ends_is_shown_once() -> None:
    """The table has no column twice, none that is empty, and accuracies in per cent."""
    row = only([learning_run(1e-2, s) for s in range(3)])
    names = ends_shown([row])

    assert names == [name for name in ENDS if name != "validation_loss"]
    told = dict(zip(names, cells(row, (), names).ends, strict=True))
    assert told["validation_accuracy"] == f"{row.ends['validation_accuracy'].center:.2%}"
    assert told["epochs"] == "4"
    assert "[" in told["test_loss"]
    bare = only([learning_run(1e-2, accuracy=False)])
    assert not any("accuracy" in name for name in ends_shown([bare]))


def test_targets_are_named_for_people() -> None:
    """A target of a task is a loss or an error, in plain digits."""
    rows = summarize(learning_runs(targets=(1.0, 0.5)))
    assert [target_label(rows, t) for t in judged_targets(rows)] == ["loss 1", "loss 0.5"]
    rows = summarize(learning_runs(measure="error", targets=(0.3,)))
    assert [target_label(rows, t) for t in judged_targets(rows)] == ["error 0.3"]


def test_columns_of_tasks_are_there_only_with_tasks(made: object) -> None:
    """Tables of functions are as ever; mixed ones have the columns, empty for functions."""
    function = made()  # type: ignore[operator]
    tasks = [learning_run(1e-2, s) for s in range(3)]
    plain = csv_table(summarize([function]))[0]
    mixed, lines = csv_table(summarize([function, *tasks]))

    assert not set(ENDS) & set(plain)
    assert set(ENDS) | {"test_loss_low", "test_accuracy_high"} <= set(mixed)
    of_task, of_function = (dict(zip(mixed, line, strict=True)) for line in lines)
    assert of_function["test_accuracy"] is None
    assert of_task["test_accuracy"] == pytest.approx(
        np.mean([r.last("test_accuracy") for r in tasks])
    )
    assert of_task["epochs"] == 4
    assert not set(ENDS) & set(Results(runs=(function,)).to_pandas())
    assert not {"epoch", "train_loss"} & set(Results(runs=(function,)).curves())


def test_frames_of_tasks() -> None:
    """A run's row has its ends, a point's row all that was recorded there."""
    run = learning_run(1e-2)
    frame = Results(runs=(run,)).to_pandas()
    points = Results(runs=(run,)).curves()

    for name, column in ENDS.items():
        assert frame[name][0] == run.last(column)
        assert points[column].tolist() == pytest.approx(run.trained[column].tolist(), nan_ok=True)
    assert frame["steps_to_value_0.5"][0] == run.hits[1].step


def test_a_lost_run_has_the_worst_accuracy() -> None:
    """Of one good and two lost runs the median accuracy at the end is none, not the good one's."""
    good = [learning_run(1e-2, s) for s in range(3)]
    bad = [learning_run(1e-1, s, status=Status.DIVERGED) for s in range(2)]
    well, ill = (band(runs, "validation_accuracy") for runs in (good, [good[0], *bad]))

    ends = sorted(run.last("validation_accuracy") for run in good)
    assert well.median[-1] == ends[1]
    assert well.low[-1] == pytest.approx((ends[0] + ends[1]) / 2)
    assert well.low[-1] < well.median[-1] < well.high[-1]
    assert ill.median[-1] == -np.inf
    assert band(good, "validation_loss").median[-1] == sorted(r.last("value") for r in good)[1]


def test_a_column_that_begins_late_has_a_band_from_there() -> None:
    """No point is made up for the start, where no training loss is known."""
    run = learning_run(1e-2)
    assert band([run], "train_loss").x.tolist() == run.curve["step"][1:].tolist()


def test_other_training_is_another_variant() -> None:
    """Runs in bfloat16 or double precision do not pass for more seeds; float32 is the usual."""
    runs = [learning_run(), learning_run(training=Training(precision="bf16"))]
    runs += [replace(runs[0], spec=replace(runs[0].spec, dtype="float64"))]

    names = sorted(row.optimizer for row in summarize(runs))
    assert names == ["adam", "adam:dtype=float64", "adam:precision=bf16"]


@pytest.mark.parametrize("points", [1, 2])
def test_little_is_recorded(points: int) -> None:
    """One log point or two are summarised; all runs lost leave no number."""
    row = only([learning_run(1e-2, s, points=points, targets=()) for s in range(3)])
    assert row.final is not None
    lost = only([learning_run(lr, status=Status.DIVERGED) for lr in RATES])
    assert (lost.final, lost.ends, lost.diverged) == (None, {}, 5)
    assert cells(lost, (), ["test_loss"]).ends == [""]
    nothing = replace(learning_run(), curve={}, trained={}, status=Status.REFUSED, hits=())
    assert (
        measure_words(summarize([nothing, learning_run(3e-3, optimizer="sgd")]))
        == "validation loss"
    )


def test_what_is_only_looked_at_makes_no_variant() -> None:
    """More log points or a sharpness change no step; another precision does."""
    options = (Training(), Training(evaluations=5), Training(sharpness=True))
    looked = [learning_run(seed=seed, training=option) for seed, option in enumerate(options)]
    trained = learning_run(seed=3, training=Training(precision="bf16"))

    assert sorted(len(row.best) for row in summarize([*looked, trained])) == [1, 3]
