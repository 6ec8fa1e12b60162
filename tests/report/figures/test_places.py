"""Trajectories, schedules and fronts show the runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.contour import QuadContourSet
from matplotlib.path import Path

from optbench.analysis.pareto import pareto
from optbench.analysis.summary import Row, summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.core.spec import Spec
from optbench.families.landscape import landscape, surroundings
from optbench.report.figures import draw
from optbench.report.figures.crowd import OTHERS
from optbench.report.figures.trajectory import levels_of
from optbench.report.looks import LOOKS, NEURIPS
from tests.report.figures.seen import look_at


def test_paths_are_the_recorded_points(plane: list[Row]) -> None:
    """Every point of a run, the start, the end and the four minimisers of Himmelblau's function."""
    made = draw("trajectory", plane, NEURIPS)
    seen = look_at(made.figure)
    himmelblau, rosenbrock = seen.figure.axes

    for axes, problem in ((himmelblau, "himmelblau-2d"), (rosenbrock, "rosenbrock-2d")):
        for row in (r for r in plane if r.problem == problem):
            (path,) = [a for a in axes.lines if a.get_gid() == f"path {row.name}"]
            points = np.asarray(row.best[0].points)
            points = points[np.isfinite(points).all(axis=1)]
            assert np.asarray(path.get_xydata()) == pytest.approx(np.clip(points, -1e6, 1e6))
            own = made.data.query(f"problem == '{problem}' and series == {row.name!r}")
            assert own[["x1", "x2"]].to_numpy() == pytest.approx(row.best[0].points, nan_ok=True)
    (stars,) = [a for a in himmelblau.lines if a.get_gid() == "minimisers"]
    assert len(np.asarray(stars.get_xdata())) == 4
    (start,) = [a for a in rosenbrock.lines if a.get_gid() == "start"]
    assert np.asarray(start.get_xydata()).tolist() == [[-1.2, 1.0]]


def test_a_path_that_diverges_does_not_blow_up_the_window(plane: list[Row]) -> None:
    """The window holds start and minimiser, and a cross where the path left."""
    rows = [row for row in plane if row.problem == "rosenbrock-2d"]
    figure = draw("trajectory", rows, NEURIPS).figure
    (low, high), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()

    assert low < -1.2 < 1 < high
    assert bottom < 1 < top
    assert high - low < 20
    (cross,) = [a for a in figure.axes[0].lines if a.get_marker() == "x"]
    x, y = np.asarray(cross.get_xydata())[0]
    assert low <= x <= high
    assert bottom <= y <= top


def test_contours_are_of_the_function_evenly_in_the_logarithm(plane: list[Row]) -> None:
    """Levels have one ratio, and the grid is Rosenbrock's function minus f*."""
    problem = next(row for row in plane if "rosen" in row.problem).best[0].spec.problem
    ground = landscape(problem, (-2, 2), (-1, 3), points=9)
    x, y = np.meshgrid(ground.x, ground.y)

    assert ground.values == pytest.approx((1 - x) ** 2 + 100 * (y - x * x) ** 2)
    levels = levels_of(ground)
    assert levels[1:] / levels[:-1] == pytest.approx(levels[1] / levels[0])
    assert levels[-1] < ground.values.max()
    assert surroundings(problem).minimisers.tolist() == [[1.0, 1.0]]


def test_paths_need_two_variables_and_points(plane: list[Row], league: list[Row]) -> None:
    """Other runs are refused in one line; those without points, too."""
    for rows in (
        league,
        [replace(r, best=tuple(replace(run, points=None) for run in r.best)) for r in plane],
    ):
        with pytest.raises(OptbenchError, match="two variables"):
            draw("trajectory", rows, NEURIPS)


def test_schedules_are_compared_a_row_an_optimizer(noisy: list[Row]) -> None:
    """Each cell has its final measure, its interval below, and the best of a row is bold."""
    seen = look_at(draw("schedule", noisy, NEURIPS).figure)
    axes = seen.figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    schedules = [label.get_text() for label in axes.get_xticklabels()]

    assert names == sorted({row.optimizer for row in noisy})
    assert schedules[0] == "constant"
    for text in axes.texts:
        j, i = (int(place) for place in text.get_position())
        pair = names[i], schedules[j]
        (row,) = [r for r in noisy if (r.optimizer, r.schedule) == pair]
        ends = {r.schedule: r.final.center for r in noisy if r.optimizer == pair[0] and r.final}
        assert row.final is not None
        if text.get_text().startswith("["):
            assert text.get_text() == f"[{row.final.low:.1e}, {row.final.high:.1e}]"
            assert float(text.get_fontsize()) < NEURIPS.small
            continue
        assert text.get_text() == f"{row.final.center:.1e}"
        assert (text.get_fontweight() == "bold") == (pair[1] == min(ends, key=lambda s: ends[s]))
    assert sum(text.get_text().startswith("[") for text in axes.texts) == len(axes.texts) / 2
    assert "[ ]: 95 % t-interval of the mean of 3 seeds" in seen.texts


def test_intervals_without_room_are_in_the_csv(noisy: list[Row]) -> None:
    """Six schedules in a narrow column have no second line, and a note; nor has a single seed."""
    several = [replace(row, schedule=f"{row.schedule}-{i}") for row in noisy for i in range(3)]
    texts = look_at(draw("schedule", several, LOOKS["icml"]).figure).texts
    single = summarize(r for row in noisy for r in row.runs if not r.spec.seed)
    lone = look_at(draw("schedule", single, NEURIPS).figure).texts

    assert not [text for text in [*texts, *lone] if text.startswith("[")]
    told = [" ".join(text.split()) for text in texts]
    assert "the 95 % t-interval of the mean of 3 seeds is in the CSV beside the figure" in told
    assert not [text for text in lone if "interval" in text]


def test_one_schedule_is_no_comparison(league: list[Row]) -> None:
    """The line names what there is."""
    with pytest.raises(OptbenchError, match="two schedules or more; there is: constant"):
        draw("schedule", league, NEURIPS)


@pytest.mark.parametrize("x", ["gradient_calls", "state_bytes"])
def test_points_and_front_are_those_of_the_analysis(noisy: list[Row], x: str) -> None:
    """Each entrant is where it ends and what it pays; the front passes through its own."""
    made = draw("pareto", noisy, NEURIPS, x=x)
    seen, points = look_at(made.figure), pareto(noisy, x)

    for point in points:
        (mark,) = [a for a in seen.lines("point") if a.get_gid() == f"point {point.name}"]
        assert np.asarray(mark.get_xydata()).tolist() == [[point.cost, point.value]]
        assert (mark.get_markerfacecolor() != "none") == point.on_front
    (front,) = seen.lines("front")
    corners = np.asarray(front.get_xydata()).tolist()
    assert all([p.cost, p.value] in corners for p in points if p.on_front)


def test_lost_and_unknown_costs_are_told(noisy: list[Row]) -> None:
    """An entrant whose runs diverged is on the edge; one without a known cost is named."""
    lost = replace(noisy[0], optimizer="lost", final=None)
    lost = replace(
        lost,
        best=tuple(
            replace(run, curve={**run.curve, "suboptimality": run.curve["suboptimality"] * np.nan})
            for run in lost.best
        ),
    )
    foreign = replace(
        noisy[1],
        optimizer="foreign",
        best=tuple(replace(run, facts={**run.facts, "state_bytes": None}) for run in noisy[1].best),
    )
    seen = look_at(draw("pareto", [*noisy, lost, foreign], NEURIPS, x="state_bytes").figure)

    assert any(a.get_marker() == "x" for a in seen.figure.axes[0].lines)
    assert any("not told what it costs: foreign" in text for text in seen.texts)


def test_contours_have_no_islands_in_the_valley(plane: list[Row]) -> None:
    """Every closed contour of Rosenbrock's function lies round its minimiser; all are at levels."""
    rows = [row for row in plane if row.problem == "rosenbrock-2d"]
    (axes,) = draw("trajectory", rows, NEURIPS).figure.axes
    (contours,) = [c for c in axes.collections if isinstance(c, QuadContourSet)]
    pieces = [
        np.asarray(piece)
        for path in contours.get_paths()
        for piece in path.to_polygons(closed_only=False)
    ]
    closed = [piece for piece in pieces if (piece[0] == piece[-1]).all()]
    islands = [piece for piece in closed if not Path(piece).contains_point((1.0, 1.0))]

    # What is smaller than a thousandth of the plot is a dot.
    assert not [piece for piece in islands if (np.ptp(piece, axis=0) > 3e-3).any()]
    levels = np.asarray(contours.levels) ** 2
    for piece in pieces:
        x, y = piece.T
        values = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        nearest = levels[np.argmin(abs(np.log(levels / np.median(values))))]
        assert np.quantile(values, 0.9) < 1.05 * nearest
        assert np.quantile(values, 0.1) > 0.95 * nearest


def test_the_best_ten_of_many_paths_are_told_apart(plane: list[Row]) -> None:
    """The others are grey and one entry, what diverged has its cross; named ones are all told."""
    (gd,) = [row for row in plane if (row.problem, row.name) == ("rosenbrock-2d", "gd")]
    (lost,) = [row for row in plane if (row.problem, row.name) == ("rosenbrock-2d", "heavy_ball")]
    rows = [replace(gd, optimizer=f"m{i}") for i in range(29)] + [replace(lost, optimizer="lost")]
    seen = look_at(draw("trajectory", rows, NEURIPS).figure)
    grey = [line for line in seen.lines("path") if line.get_color() == OTHERS.colour]

    assert len(grey) == 20
    assert {str(line.get_gid()) for line in grey} >= {"path m10", "path m28", "path lost"}
    texts = [" ".join(text.split()) for text in seen.texts]
    assert "20 others (name them with --optimizer)" in texts
    assert "m9 (lr 0.001)" in texts
    assert "m10 (lr 0.001)" not in texts
    assert any(line.get_marker() == "x" for line in seen.figure.axes[0].lines)
    named = look_at(draw("trajectory", rows, NEURIPS, named=True).figure)
    assert not [line for line in named.lines("path") if line.get_color() == OTHERS.colour]
    assert "m28 (lr 0.001)" in named.texts


def test_who_has_no_path_is_named(plane: list[Row]) -> None:
    """Refused on the problem, or without its points: a note says which."""
    rows = [row for row in plane if row.problem == "rosenbrock-2d"]
    refused = [replace(r, status=Status.REFUSED, curve={}, points=None) for r in rows[0].best]
    pointless = [replace(r, points=None) for r in rows[0].best]
    rows.append(replace(rows[0], optimizer="no", best=tuple(refused)))
    rows.append(replace(rows[0], optimizer="blind", best=tuple(pointless)))
    texts = look_at(draw("trajectory", rows, NEURIPS).figure).texts

    assert "refused: no" in texts
    assert "kept no points: blind" in texts


def _timed(run: Run, seconds: float, engine: str) -> Run:
    curve = {**run.curve, "seconds": seconds * run.curve["step"] / run.last("step")}
    return replace(run, seconds=seconds, engine=engine, curve=curve)


def test_times_of_batches_and_of_single_runs_have_a_front_each(run: Callable[..., Run]) -> None:
    """A batch's share does not beat a run's own time: both are best of their kind, and marked."""
    names = {"gd": ("batched", 0.001), "heavy_ball": ("batched", 0.002)}
    names |= {"torch.SGD": ("step", 1.0), "torch.Adam": ("step", 2.0)}
    rows = summarize(
        _timed(run(optimizer=Spec(name), budget=100), seconds, engine)
        for name, (engine, seconds) in names.items()
    )
    seen = look_at(draw("pareto", rows, NEURIPS, x="seconds").figure)
    filled = [a for a in seen.lines("point") if a.get_markerfacecolor() != "none"]

    assert {str(a.get_gid()) for a in filled} == {"point gd", "point torch.SGD"}
    assert len(seen.lines("front")) == 2
    (own,) = [line for line in seen.lines("front") if line.get_gid() == "front"]
    assert np.asarray(own.get_xdata())[0] == pytest.approx(1.0)
    assert {"gd ‡", "heavy_ball ‡", "torch.SGD", "torch.Adam"} <= set(seen.texts)
    assert seen.figure.axes[0].get_xlabel() == "seconds"
    assert [t for t in seen.texts if "‡: time of a batch, divided by its runs" in t]
    alike = [row for row in rows if row.best[0].engine == "batched"]
    seen = look_at(draw("pareto", alike, NEURIPS, x="seconds").figure)
    assert "gd" in seen.texts
    assert len(seen.lines("front")) == 1
    assert seen.figure.axes[0].get_xlabel() == "seconds (of a batch, divided by its runs)"


def test_ends_below_the_last_target_are_drawn_at_it(run: Callable[..., Run]) -> None:
    """How far below it a run stops is chance: the dearer one is not below the front."""
    quick, slow = run(lr=1.5), run(lr=1.0, optimizer=Spec("sgd"))
    assert quick.last("step") < slow.last("step")
    deep = {**slow.curve, "suboptimality": slow.curve["suboptimality"].copy()}
    deep["suboptimality"][-1] /= 10
    made = draw("pareto", summarize([quick, replace(slow, curve=deep)]), NEURIPS)
    seen = look_at(made.figure)

    heights = [float(np.asarray(a.get_ydata())[0]) for a in seen.lines("point")]
    assert heights == [1e-8, 1e-8]
    (front,) = seen.lines("front")
    assert np.asarray(front.get_ydata()).min() == 1e-8
    assert "ends below the last target, 1e-08, are drawn at it" in seen.texts


def test_bars_of_the_front_are_explained(noisy: list[Row]) -> None:
    """The legend says what they span and of how many seeds; without bars it does not."""
    told = "bar: 95 % t-interval of the mean of 3 seeds"
    assert told in look_at(draw("pareto", noisy, NEURIPS).figure).texts
    single = summarize(r for row in noisy for r in row.runs if not r.spec.seed)
    assert not [t for t in look_at(draw("pareto", single, NEURIPS).figure).texts if "bar:" in t]


@pytest.mark.parametrize("x", ["gradient_calls", "seconds"])
def test_a_front_says_that_all_were_lost(run: Callable[..., Run], x: str) -> None:
    """Where every run diverged there is no point, and the legend says why."""
    rows = summarize([replace(run(budget=20), status=Status.DIVERGED, hits=())])
    assert (
        "every run diverged or failed" in look_at(draw("pareto", rows, NEURIPS, x=x).figure).texts
    )
