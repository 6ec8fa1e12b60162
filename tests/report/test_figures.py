"""What is drawn is what the runs hold."""

from __future__ import annotations

import math
import pickle
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from optbench.analysis.curves import FLOOR, measured
from optbench.analysis.summary import summarize
from optbench.core.run import Run, Status
from optbench.core.spec import Spec
from optbench.report.canvas import Canvas, to_svg
from optbench.report.figures import draw as draw_kind
from optbench.report.looks import WEB

Maker = Callable[..., Run]


@pytest.fixture
def canvases(monkeypatch: pytest.MonkeyPatch) -> list[Canvas]:
    """Collect every canvas that is laid out."""
    made: list[Canvas] = []
    finish = Canvas.figure

    def figure(canvas: Canvas) -> Figure:
        made.append(canvas)
        return finish(canvas)

    monkeypatch.setattr(Canvas, "figure", figure)
    return made


def draw(runs: list[Run], kind: str, canvases: list[Canvas]) -> Canvas:
    """Draw the runs of one problem and return the canvas."""
    draw_kind(kind, summarize(runs), WEB)
    return canvases[-1]


def svg_of(kind: str, runs: Sequence[Run]) -> str:
    """Return the figure of some runs as pages show it."""
    made = draw_kind(kind, summarize(runs), WEB)
    return to_svg(made.figure, made.alt)


def line_with_marker(axes: Axes) -> np.ndarray:
    """Return the points, shape (n, 2), of the one curve with staggered markers."""
    (line,) = [line for line in axes.lines if line.get_markevery() is not None]
    return np.asarray(line.get_xydata())


def texts(svg: str) -> list[str]:
    """Return every text in a figure."""
    return ["".join(e.itertext()) for e in ET.fromstring(svg).iter() if e.tag.endswith("text")]


def test_the_curve_is_the_run(run: Maker, canvases: list[Canvas]) -> None:
    """Of a single run the plot holds every recorded point, unchanged."""
    one = run(lr=1.0)
    canvas = draw([one], "convergence", canvases)

    xy = line_with_marker(canvas.axes)
    assert xy[:, 0].tolist() == one.curve["gradient_calls"].tolist()
    assert xy[:, 1].tolist() == measured(one).tolist()


def test_the_curve_is_the_median_of_the_seeds_at_the_best_rate(
    run: Maker, canvases: list[Canvas]
) -> None:
    """At the last common point it is numpy's median; the band is there from three seeds on."""
    best = [run(lr=1.0, seed=s, budget=200, targets=()) for s in range(3)]
    canvas = draw(
        [*best, *(run(lr=0.01, seed=s, budget=200) for s in range(3))], "convergence", canvases
    )

    xy = line_with_marker(canvas.axes)
    assert xy[-1, 1] == pytest.approx(np.median([measured(r)[-1] for r in best]))
    assert len(canvas.axes.collections) == 1


@pytest.mark.parametrize("measure", ["distance", "gradient_norm", "value"])
def test_runs_are_drawn_in_the_measure_of_their_targets(
    run: Maker, canvases: list[Canvas], measure: str
) -> None:
    """Curve, ends and target lines are those of the measure, and no bound on f - f* is drawn."""
    runs = [run(lr=lr, budget=300) for lr in (0.1, 1.0)]
    runs = [
        replace(
            r,
            spec=replace(r.spec, target_measure=measure, targets=(3.0, 2.0)),
            curve={**r.curve, measure: 5 + np.cos(r.curve["step"])},
        )
        for r in runs
    ]
    best, final = draw(runs, "convergence", canvases), draw(runs, "sensitivity", canvases)

    xy = line_with_marker(best.axes)
    # The logarithmic axis has no 0.
    assert xy[1:, 1].tolist() in [r.curve[measure][1:].tolist() for r in runs]
    flat = [np.asarray(line.get_ydata()).tolist() for line in best.axes.lines]
    assert [level for level in (3.0, 2.0) if [level, level] in flat] == [3.0, 2.0]
    assert best.axes.get_ylim()[0] < 2
    assert not any("bound" in words for _, words in best.keys)
    assert measured(runs[0])[-1] in np.asarray(final.axes.lines[-2].get_ydata())


def test_two_seeds_are_drawn_as_they_are(run: Maker, canvases: list[Canvas]) -> None:
    """Below three seeds there is no band, but a thin line for every seed."""
    runs = [run(lr=1.0, seed=s) for s in range(2)]
    axes = draw(runs, "convergence", canvases).axes

    thin = [np.asarray(line.get_ydata()).tolist() for line in axes.lines if line.get_alpha() == 0.7]
    assert thin == [measured(r).tolist() for r in runs]
    assert not axes.collections


def test_the_theory_line_is_the_closed_form(run: Maker, canvases: list[Canvas]) -> None:
    """The dashed line is min(L R^2/(4 t + 2), (1 - mu/L)^(2 t) D_0) over D_0, with L = 1."""
    one = run(lr=1.0, kappa=100.0)
    axes = draw([one], "convergence", canvases).axes
    line = next(line for line in axes.lines if line.get_alpha() == 0.55)

    t, bound = np.asarray(line.get_xydata()).T
    start = float(one.curve["suboptimality"][0])
    radius = one.facts["radius"]
    assert radius is not None
    expected = np.minimum(radius**2 / (4 * t + 2) / start, 0.99 ** (2 * t))
    assert bound == pytest.approx(np.maximum(expected, FLOOR / 1e3))


def test_gradient_descent_stays_below_its_line(run: Maker, canvases: list[Canvas]) -> None:
    """At eta = 1/L every seed is below the bound that is drawn."""
    runs = [run(lr=1.0, seed=s, kappa=50.0) for s in range(4)]
    axes = draw(runs, "convergence", canvases).axes
    line = next(line for line in axes.lines if line.get_alpha() == 0.55)

    t, bound = np.asarray(line.get_xydata()).T
    for one in runs:
        at = np.interp(one.curve["step"], t, bound)
        inside = one.curve["step"] >= t[0]
        assert (measured(one)[inside] <= at[inside] * 1.01).all()  # 1 %: the line is interpolated


def test_values_below_the_floor_lie_on_it_and_it_is_said(
    run: Maker, canvases: list[Canvas]
) -> None:
    """Zeros and rounding below zero are drawn at the floor, with an entry in the legend."""
    gap = np.array([1.0, 1e-3, 0.0, -1e-17])
    zero = replace(
        run(),
        curve={"step": np.arange(4.0), "gradient_calls": np.arange(4.0), "suboptimality": gap},
    )
    canvas = draw([zero], "convergence", canvases)

    assert line_with_marker(canvas.axes)[:, 1].tolist() == [1, 1e-3, FLOOR, FLOOR]
    assert any("floor" in text for _, text in canvas.keys)


def test_a_diverged_end_is_marked_inside_the_plot(run: Maker, canvases: list[Canvas]) -> None:
    """A curve that leaves through the top has its cross there, and the legend explains it."""
    canvas = draw([run(lr=3.0)], "convergence", canvases)

    (cross,) = [line for line in canvas.axes.lines if line.get_marker() == "x"]
    assert float(np.asarray(cross.get_ydata())[0]) <= canvas.axes.get_ylim()[1]
    assert any("diverged" in text for _, text in canvas.keys)


def test_sensitivity_is_the_final_value_by_rate(run: Maker, canvases: list[Canvas]) -> None:
    """Medians of the final measure stand over their rates; a diverged rate is on the rail only."""
    runs = [run(lr=lr, seed=s, budget=100) for lr in (0.1, 1.0, 4.0) for s in range(3)]
    axes = draw(runs, "sensitivity", canvases).axes

    (line,) = [line for line in axes.lines if line.get_gid() == "median"]
    x, y = np.asarray(line.get_xydata()).T
    assert x.tolist() == [0.1, 1.0, 4.0]
    ends = [[measured(r)[-1] for r in runs if r.hyper["lr"] == lr] for lr in (0.1, 1.0)]
    assert y[:2] == pytest.approx(np.median(ends, axis=1))
    assert math.isnan(y[2])
    (rail,) = [c for c in axes.collections if isinstance(c, PathCollection)]
    assert np.asarray(rail.get_offsets())[:, 0].tolist() == [4.0]
    (fill,) = [c for c in axes.collections if c is not rail]
    assert np.asarray(fill.get_paths()[0].vertices)[:, 0].max() == 1.0


def test_every_optimizer_is_in_the_legend(small_suite: list[Run]) -> None:
    """All names are complete, in both figures, as text."""
    runs = [run for run in small_suite if run.spec.label == "k10"]
    rows = summarize(runs)
    best, final = (svg_of(kind, runs) for kind in ("convergence", "sensitivity"))

    for row in rows:
        assert f"{row.name} (lr {row.best_lr:.3g})" in texts(best)
        assert any(text.startswith(row.name) for text in texts(final))
        assert row.name in best.split(">")[0]


def test_long_and_strange_names_are_drawn_in_full(run: Maker) -> None:
    """300 letters are wrapped and none is lost; dollars, underscores and tags are text."""
    names = ["x" * 300, r"$\alpha_1$", "_hidden", "<script>alert(1)</script>", "$", "a&b\"'"]
    runs = [run(optimizer=Spec(name), label=names[3], budget=50) for name in names]
    svg = svg_of("sensitivity", runs)

    shown = texts(svg)
    assert "".join(text for text in shown if set(text) == {"x"}) == "x" * 300
    assert set(names[1:]) <= set(shown)
    assert "<script" not in svg


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("status", [Status.DIVERGED, Status.NAN, Status.ERROR, Status.REFUSED])
def test_nothing_to_draw_is_said(run: Maker, status: Status, known: bool) -> None:
    """Runs that failed before the first value still give two figures, which say so."""
    runs = [replace(run(lr=lr, known=known), status=status, curve={}, hits=()) for lr in (1.0, 2.0)]

    assert "no finite value was recorded" in texts(svg_of("convergence", runs))
    assert str(status) in " ".join(texts(svg_of("convergence", runs)))
    said = "no run here has both a learning rate and an end"
    assert any(text in (said, "diverged") for text in texts(svg_of("sensitivity", runs)))


@pytest.mark.parametrize(
    "gap",
    [
        np.array([1.0]),
        np.array([np.nan, np.nan]),
        np.array([np.inf]),
        np.zeros(3),
        np.array([1e-300, 1e-320]),
        np.array([1.0, 1e300]),
    ],
)
def test_any_curve_can_be_drawn(run: Maker, gap: np.ndarray) -> None:
    """One point, NaN only, infinity, zeros and the ends of the float range all give figures."""
    step = np.arange(len(gap), dtype=float)
    curve = {"step": step, "gradient_calls": step, "value": gap, "suboptimality": gap}
    runs = [replace(run(seed=s), curve=curve, hits=()) for s in range(3)]

    for kind in ("convergence", "sensitivity"):
        assert ET.fromstring(svg_of(kind, runs)).tag.endswith("svg")


def test_unknown_f_star_is_said_on_the_axis(run: Maker) -> None:
    """The value is drawn then, and the axis says why."""
    svg = svg_of("convergence", [run(lr=lr, known=False, budget=50) for lr in (0.1, 1.0)])

    assert "f(x) (f* is unknown)" in texts(svg)


def test_figures_are_reproducible_and_can_be_drawn_elsewhere(small_suite: list[Run]) -> None:
    """Rows survive pickling, and what they give is the same, byte for byte."""
    runs = [run for run in small_suite if run.spec.label == "k10"]

    assert svg_of("convergence", runs) == svg_of("convergence", pickle.loads(pickle.dumps(runs)))
