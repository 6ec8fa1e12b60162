"""Charts hold the numbers of the analysis, for every measure and budget that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optbench.analysis.contest import contest
from optbench.analysis.curves import FLOOR, band, levels, relative_suboptimality
from optbench.analysis.sensitivity import good_region, sensitivity
from optbench.analysis.summary import Row, summarize
from optbench.analysis.tables import judged_targets
from optbench.core.run import Run, Status
from optbench.core.spec import Spec
from optbench.report.site import problem
from optbench.report.site.columns import Columns
from optbench.report.site.cost import cost_table, pareto_chart
from optbench.report.site.curves import bands_of, convergence, single_runs
from optbench.report.site.grid import schedule_grid
from optbench.report.site.heat import heat_map
from optbench.report.site.results import line
from optbench.report.site.sensitivity import sensitivity_chart
from optbench.report.site.thin import WIDTH
from optbench.report.style import line_styles
from optbench.report.tables import numbers
from optbench.report.tables.steps import steps
from tests.learning_runs import learning_runs
from tests.report.folder import column

Maker = Callable[..., Run]
Json = dict[str, Any]


def chart_of(rows: Sequence[Row]) -> tuple[Json, Json]:
    """Return the convergence chart of rows of one title, and its file."""
    columns = Columns()
    styles = line_styles(row.name for row in rows)
    files = {"runs": "runs/x", "seconds": "seconds/x"}
    chart = convergence(rows, bands_of(rows), styles, columns, files=files, width=WIDTH)
    return chart, {"columns": columns.written()}


def of(rows: Sequence[Row], title: str) -> list[Row]:
    """Return the rows of a title."""
    return [row for row in rows if row.title == title]


def test_curves_are_the_bands(small_suite: list[Run]) -> None:
    """Median and quartiles of every measure against every budget, to the digits shown."""
    rows = of(summarize(small_suite), "k100")
    chart, data = chart_of(rows)

    assert [axis["key"] for axis in chart["x"]] == ["gradient_calls", "step"]
    assert [y["key"] for y in chart["y"]] == ["suboptimality", "value", "gradient_norm"]
    assert len(chart["curves"]) == len(rows)
    for curve, row in zip(chart["curves"], rows, strict=True):
        assert chart["names"][curve["of"]]["text"] == row.name
        for axis in ("gradient_calls", "step"):
            for measure in ("suboptimality", "value", "gradient_norm"):
                found = band(row.best, measure, axis)
                x, *drawn = (column(data, place) for place in curve["at"][axis][measure])
                np.testing.assert_array_equal(x, found.x)
                wanted = [found.median, found.low, found.high]
                np.testing.assert_allclose(drawn, wanted, rtol=1e-7)


def test_two_seeds_are_drawn_without_a_band(run: Maker) -> None:
    """Below three seeds there are no quartiles: the median, and each seed with its own spec."""
    rows = summarize([run(seed=seed) for seed in range(2)])
    chart, data = chart_of(rows)
    median, *seeds = chart["curves"]

    assert len(median["at"]["step"]["value"]) == 2
    assert [curve["seed"] for curve in seeds] == [0, 1]
    for curve, one in zip(seeds, rows[0].best, strict=True):
        drawn = column(data, curve["y"]["suboptimality"])
        np.testing.assert_allclose(drawn, relative_suboptimality(one), rtol=1e-7)


def test_ends_targets_floor_and_theory_are_told(small_suite: list[Run], run: Maker) -> None:
    """How each median ends, the levels to reach, where zero is drawn, and the bounds."""
    rows = summarize(
        [
            *of_label(small_suite, "k10"),
            *(run(optimizer=Spec("x"), lr=9.0, label="k10") for _ in range(1)),
        ]
    )
    chart, data = chart_of(rows)

    ends = {chart["names"][c["of"]]["text"]: c.get("end") for c in chart["curves"] if "at" in c}
    assert ends["x"] == "lost"
    assert ends["gd"] == "converged"
    (first, *others) = chart["y"]
    assert [target["at"] for target in first["targets"]] == [1e-2, 1e-4, 1e-8]
    assert first["floor"] == FLOOR
    assert not any(other["targets"] for other in others)
    lines = [line for line in chart["references"] if line["x"] == "step"]
    assert len(lines) == 2
    x, bound = (column(data, place) for place in lines[0]["columns"])
    gd = next(row for row in rows if row.name == "gd")
    for one in (r for r in gd.runs if r.hyper["lr"] == 1.0):
        t = one.curve["step"]
        above = np.interp(t, x, np.log(bound))
        assert (np.log(np.maximum(relative_suboptimality(one), FLOOR)) <= above + 1e-6).all()


def of_label(runs: Sequence[Run], label: str) -> list[Run]:
    """Return the runs on a problem."""
    return [run for run in runs if run.spec.label == label]


def test_single_runs_are_all_runs(small_suite: list[Run]) -> None:
    """Every run at every learning rate with its spec, those of the best rate marked."""
    rows = of(summarize(small_suite), "k100")
    columns = Columns()
    found = single_runs(rows, columns, WIDTH)
    data = {"columns": columns.written()}

    assert len(found) == sum(len(row.runs) for row in rows)
    for place, row in enumerate(rows):
        best = {(one["lr"], one["seed"]) for one in found if one["of"] == place and one["best"]}
        assert best == {(row.best_lr, run.spec.seed) for run in row.best}
    by_spec = {(rows[one["of"]].name, one["lr"], one["seed"]): one for one in found}
    for row in rows:
        for run in row.runs:
            one = by_spec[row.name, run.hyper["lr"], run.spec.seed]
            assert one["status"].startswith(str(run.status))
            for name in ("gradient_norm", "value"):
                drawn = column(data, one["y"][name])
                np.testing.assert_allclose(drawn, levels(run, name), rtol=1e-7)
            assert len(data["columns"][one["y"]["value"]]) < 50, "f* and the gap tell f"


def test_tasks_have_their_own_measures_and_budgets() -> None:
    """Losses and accuracies against minibatches, epochs and seconds; no f* and no floor."""
    chart, _ = chart_of(summarize(learning_runs()))

    assert [axis["key"] for axis in chart["x"]] == ["gradient_calls", "step", "epoch", "seconds"]
    labels = {y["key"]: y["label"] for y in chart["y"]}
    assert labels["value"] == "validation loss"
    assert labels["train_loss"] == "training loss (mean over minibatches)"
    assert labels["validation_accuracy"] == "validation accuracy"
    assert not any("floor" in y for y in chart["y"] if y["key"] != "gradient_norm")
    assert chart["references"] == []
    assert not [label for label in labels.values() if "f(x)" in label or "f*" in label]


def test_a_large_file_is_thinned_until_it_is_small_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of pixels are halved until the file fits, but not below the least."""
    widths: list[int] = []

    def make(columns: Columns, width: int) -> dict[str, str]:
        widths.append(width)
        return {"x": "x" * width}

    monkeypatch.setattr(problem, "LIMIT", 300)
    assert 200 < len(problem.fitted("name", make)) < 300
    assert widths == [800, 400, 200]
    monkeypatch.setattr(problem, "LIMIT", 3)
    assert "x" * problem.LEAST in problem.fitted("name", make)


def test_sensitivity_has_medians_rail_boundary_and_best(small_suite: list[Run]) -> None:
    """The numbers of the analysis; lost rates on the rail and without a height."""
    rows = of(summarize(small_suite), "k10")
    columns = Columns()
    chart = sensitivity_chart(rows, line_styles(row.name for row in rows), columns)
    data = {"columns": columns.written()}

    for curve in chart["curves"]:
        row = rows[curve["of"]]
        found = sensitivity(row)
        lr, median = (column(data, place) for place in curve["at"]["lr"]["final"][:2])
        np.testing.assert_allclose(lr, found.lr, rtol=1e-7)
        finite = np.isfinite(found.median)
        np.testing.assert_allclose(median[finite], found.median[finite], rtol=1e-7)
        assert np.isnan(median[~finite]).all()
        assert found.lr[curve["ring"]] == row.best_lr
    rails = {
        rail["of"]: [column(data, place) for place in rail["columns"]] for rail in chart["rail"]
    }
    lost = {place for place, row in enumerate(rows) if sensitivity(row).lost.any()}
    assert set(rails) == lost
    bounds = {bound["of"]: bound["at"] for bound in chart["bounds"]}
    for place, at in bounds.items():
        region = good_region(rows[place])
        assert region is not None
        assert at == region.boundary


def test_the_grid_has_schedules_where_there_is_a_choice(run: Maker) -> None:
    """Columns are schedules, the best of an optimizer is marked; without a choice no grid."""
    plain = [run(lr=lr) for lr in (0.1, 1.0)]
    assert schedule_grid(summarize(plain)) is None
    cosine = [replace(r, spec=replace(r.spec, schedule=Spec("cosine"))) for r in plain[:1]]
    other = run(optimizer=Spec("heavy_ball"))
    grid = schedule_grid(summarize([*plain, *cosine, other]))

    assert grid is not None
    assert grid.schedules == ["constant", "cosine"]
    ((name, line),) = grid.lines
    assert name == "gd"
    assert [cell is not None and cell.best for cell in line] == [True, False]


def test_the_heat_map_has_ratios_misses_and_refusals(run: Maker) -> None:
    """1 is the best; a miss is a dash, a refused pair says so, a pair that did not run is empty."""
    none = replace(run(optimizer=Spec("d"), label="p"), curve={}, hits=(), hyper={})
    runs = [
        run(optimizer=Spec("a"), lr=1.0, label="p"),
        run(optimizer=Spec("b"), lr=0.5, label="p"),
        run(optimizer=Spec("c"), lr=1e-6, label="p"),
        replace(none, status=Status.REFUSED),
        run(optimizer=Spec("a"), lr=1.0, label="q"),
    ]
    rows = summarize(runs)
    heat = heat_map(contest(rows))
    cells = {name: dict(zip("pq", line, strict=True)) for name, line in heat.lines}

    assert [title for title, _ in heat.problems] == ["p", "q"]
    reach = {row.name: row.reach[-1].gradient_calls for row in rows if row.problem == "p"}
    a, b = reach["a"], reach["b"]
    assert a is not None
    assert b is not None
    assert (cells["a"]["p"].text, cells["b"]["p"].text) == ("1", f"{b / a:.3g}")
    assert (cells["c"]["p"].kind, cells["d"]["p"].kind) == ("miss", "refused")
    assert cells["b"]["q"].kind == "none"


def test_times_of_batches_are_marked_beside_those_of_single_runs(run: Maker) -> None:
    """Their names have the mark, the axis says what it means, and no front joins the two kinds."""
    a, b = (timed(run(optimizer=Spec(name), lr=lr)) for name, lr in (("a", 0.1), ("b", 1.0)))
    b = replace(b, seconds=a.seconds * 10)
    for engine, marked in (("single", True), ("batched", False)):
        rows = summarize([a, replace(b, engine=engine)])
        styles = line_styles(row.name for row in rows)
        pareto = pareto_chart(rows, styles, Columns())
        for chart in (chart_of(rows)[0], pareto):
            (axis,) = (axis for axis in chart["x"] if axis["key"] == "seconds")
            assert ("shares" in axis) == marked
            assert ("batch" in axis["label"]) != marked
            shared = {name["text"] for name in chart["names"] if name.get("shared")}
            assert shared == ({"a"} if marked else {"a", "b"})
        assert ("seconds" in {line["x"] for line in pareto["references"]}) != marked


def timed(run: Run) -> Run:
    """Return a run that took a millisecond a step."""
    seconds = run.curve["step"] / 1e3
    return replace(run, curve={**run.curve, "seconds": seconds}, seconds=float(seconds[-1]))


def test_a_row_tells_what_tables_tell(run: Maker) -> None:
    """The same mean with the same interval as `optbench table steps`; nothing of lost runs."""
    rows = summarize([run(seed=seed, lr=lr) for seed in range(3) for lr in (0.5, 1.0)])
    table = steps(rows)
    (cell,) = table.rows[0][1]
    text = line(rows[0], judged_targets(rows))

    assert text.reach[-1] == numbers.text(replace(cell, words=""))
    assert "[" in text.reach[-1]
    assert text.edge
    (lost,) = summarize([run(lr=lr) for lr in (3.0, 5.0)])
    assert (line(lost, ()).lr, line(lost, ()).edge) == ("—", False)


def test_steps_are_told_where_they_are_not_as_many(run: Maker) -> None:
    """A step of two gradients: the evaluations, then the steps."""
    one = run(lr=1.0)
    hits = tuple(replace(hit, gradient_calls=2.0 * hit.step) for hit in one.hits)
    (row,) = summarize([replace(one, hits=hits)])

    assert line(row, judged_targets([row])).reach[0] == f"{2 * hits[0].step} ({hits[0].step} steps)"


def test_costs_and_front(small_suite: list[Run]) -> None:
    """Points are the analysis's, those on the front are joined, the target is named."""
    rows = of(summarize(small_suite), "k100")
    columns = Columns()
    chart = pareto_chart(rows, line_styles(row.name for row in rows), columns)
    data = {"columns": columns.written()}

    assert chart["x"][0]["key"] == "gradient_calls"
    for curve in chart["curves"]:
        row = rows[curve["of"]]
        _, value, *_ = (column(data, place) for place in curve["at"]["gradient_calls"]["final"])
        assert row.final is not None
        assert value[0] == pytest.approx(row.final.center, rel=1e-6)
    assert cost_table(rows)["cost_target"] == "1e-08"
