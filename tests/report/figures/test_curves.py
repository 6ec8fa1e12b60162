"""Convergence and sensitivity: axes to choose, several problems, the good region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from optbench.analysis.curves import band
from optbench.analysis.sensitivity import good_region
from optbench.analysis.summary import Row, summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.core.spec import Spec
from optbench.report.canvas import Canvas
from optbench.report.figures import draw
from optbench.report.figures.crowd import OTHERS
from optbench.report.figures.panels import label_plots
from optbench.report.looks import LOOKS, NEURIPS
from optbench.report.site.bounds import bounds
from optbench.report.site.columns import Columns
from tests.learning_runs import learning_runs
from tests.report.figures.seen import look_at


@pytest.mark.parametrize("x", ["gradient_calls", "step", "seconds"])
def test_curves_stand_against_what_is_asked(run: Callable[..., Run], x: str) -> None:
    """The line is the analysis' band against that column, and the axis says which it is."""
    runs = [run(seed=s, budget=50) for s in range(3)]
    clocks = [{**r.curve, "seconds": 0.01 + r.curve["step"] * (1 + s)} for s, r in enumerate(runs)]
    runs = [replace(r, curve=c) for r, c in zip(runs, clocks, strict=True)]
    made = draw("convergence", summarize(runs), NEURIPS, x=x)
    (line,) = [a for a in made.figure.axes[0].lines if a.get_markevery() is not None]

    found = band(runs, "suboptimality", x)
    assert np.asarray(line.get_xdata()).tolist() == found.x.tolist()
    assert np.asarray(line.get_ydata()).tolist() == found.median.tolist()
    assert x.removesuffix("_calls") in made.figure.axes[0].get_xlabel().replace("evaluations", "")
    median = made.data[made.data["part"] == "median"]
    assert median[x].tolist() == found.x.tolist()
    assert median["y"].tolist() == found.median.tolist()


def test_epochs_are_of_learning_problems_only(league: list[Row]) -> None:
    """A task has them; functions are refused in one line that says why."""
    made = draw("convergence", summarize(learning_runs()), NEURIPS, x="epoch")

    assert made.figure.axes[0].get_xlabel() == "epoch"
    with pytest.raises(OptbenchError, match="only learning problems have epochs"):
        draw("convergence", league, NEURIPS, x="epoch")


def test_theory_is_not_drawn_against_time(run: Callable[..., Run]) -> None:
    """A bound on steps says nothing of seconds."""
    one = run()
    one = replace(one, curve={**one.curve, "seconds": one.curve["step"]})
    parts = {
        x: set(draw("convergence", summarize([one]), NEURIPS, x=x).data["part"])
        for x in ("gradient_calls", "seconds")
    }

    assert "theory" in parts["gradient_calls"]
    assert "theory" not in parts["seconds"]


def test_theory_is_not_drawn_beside_minibatches(run: Callable[..., Run]) -> None:
    """Bounds suppose whole gradients: where all runs see parts of the data, they say nothing."""
    whole, parts = run(), run(optimizer=Spec.of("sgd", {"batch_size": 16}))

    for runs, drawn in (([parts], False), ([whole, parts], True)):
        rows = summarize(runs)
        assert ("theory" in set(draw("convergence", rows, NEURIPS).data["part"])) is drawn
        assert bool(bounds(rows, ["step"], Columns())) is drawn


@pytest.mark.parametrize("kind", ["convergence", "sensitivity"])
def test_problems_are_small_multiples_with_one_legend(kind: str, league: list[Row]) -> None:
    """Six problems have six plots in their numbers' order, names once, labels once."""
    seen = look_at(draw(kind, league, NEURIPS).figure)

    titles = [axes.get_title() for axes in seen.figure.axes]
    assert titles == ["k4", "k10", "k30", "k100", "k300", "k1000"]
    for name in ("gd", "heavy_ball", "nesterov"):
        assert [text.get_text() for text in seen.figure.legends[0].get_texts()].count(name) == 1
    labels = [text for text in seen.texts if text in ("learning rate",) or "evaluations" in text]
    assert len(labels) == 1
    colours = [
        {line.get_color() for line in axes.lines if line.get_markevery() is not None}
        for axes in seen.figure.axes
    ]
    assert all(colours[0] == others for others in colours)


@pytest.mark.parametrize("kind", ["convergence", "sensitivity", "rate", "pareto"])
def test_too_many_problems_are_refused(kind: str, league: list[Row]) -> None:
    """Thirteen do not fit; the line says how to pick and what there is."""
    many = [replace(league[0], problem=f"problem-{i}") for i in range(13)]

    with pytest.raises(OptbenchError) as caught:
        draw(kind, many, NEURIPS)
    assert "up to 12 problems and there are 13" in str(caught.value)
    assert "-p problem-0" in str(caught.value)
    assert "problem-12" in str(caught.value)


def test_the_good_region_is_thick_and_told(run: Callable[..., Run]) -> None:
    """The thick line ends where the analysis says, on the curve; so does divergence begin."""
    runs = [run(lr=lr, kappa=30.0, budget=40) for lr in np.geomspace(0.01, 5, 12)]
    (row,) = summarize(runs)
    made = draw("sensitivity", [row], NEURIPS)
    region = good_region(row)
    assert region is not None
    assert region.boundary is not None
    (thick,) = [line for line in made.figure.axes[0].lines if line.get_gid() == "good"]

    x, y = np.asarray(thick.get_xydata()).T
    assert (x[0], x[-1]) == (pytest.approx(region.low), pytest.approx(region.high))
    (median,) = [line for line in made.figure.axes[0].lines if line.get_gid() == "median"]
    lr, level = np.asarray(median.get_xydata()).T
    known = np.isfinite(level)
    on_curve = np.interp(np.log(x), np.log(lr[known]), np.log(level[known]))
    assert np.log(y) == pytest.approx(on_curve)
    assert thick.get_linewidth() > 2 * median.get_linewidth()
    legend = made.figure.legends[0].get_texts()[0].get_text()
    assert f"{region.decades:.2g} decades" in legend
    assert ("≥" in legend) == (not region.closed)
    (bar,) = [line for line in made.figure.axes[0].lines if line.get_marker() == "|"]
    assert np.asarray(bar.get_xdata()).tolist() == [region.boundary]


def test_ticks_stay_off_the_rail_and_are_powers_of_ten(league: list[Row]) -> None:
    """No number stands beside the rows of those that diverged, of twenty either."""
    (row,) = [row for row in league if (row.problem, row.name) == ("k100", "gd")]
    rows = [replace(row, optimizer=f"m{i}") for i in range(20)]
    for style in ("icml", "web"):
        (axes,) = draw("sensitivity", rows, LOOKS[style]).figure.axes
        lines = [line for line in axes.lines if line.get_alpha() == 0.5]
        rail = min(float(np.asarray(line.get_ydata())[0]) for line in lines)
        ticks = np.asarray(axes.get_yticks())
        assert (ticks < rail).all()
        assert axes.get_ylim()[1] > 100 * rail
        assert len(ticks) >= 2
        assert np.log10(ticks) == pytest.approx(np.round(np.log10(ticks)))


def test_the_legend_stands_below_its_columns_even(run: Callable[..., Run]) -> None:
    """One name of 300 letters does not make a column of fifty."""
    runs = [run(budget=20)]
    (row,) = summarize(runs)
    rows = [replace(row, optimizer="x" * 300 if i == 3 else f"m{i}") for i in range(20)]
    figure = draw("convergence", rows, NEURIPS, named=True).figure

    assert [len(legend.get_texts()) for legend in figure.legends][:2] == [19, 1]


def test_the_axis_of_budgets_is_decided_once_for_all_plots(run: Callable[..., Run]) -> None:
    """Curves alike in length are linear alone, and logarithmic beside a plot that needs it."""
    even = [run(label="even", kappa=300.0, budget=100, targets=())]
    early = [run(label="uneven", optimizer=Spec("gd"), kappa=4.0)]
    early.append(run(label="uneven", optimizer=Spec("sgd"), kappa=1000.0, lr=0.1))
    assert early[1].last("step") > 30 * early[0].last("step")
    # Straight in the logarithm, so that nothing happens early.
    t = even[0].curve["step"]
    even = [replace(even[0], curve={**even[0].curve, "suboptimality": np.exp(-t / 20)})]

    for runs, scales in ((even, ["linear"]), ([*even, *early], ["log", "log"])):
        axes = draw("convergence", summarize(runs), NEURIPS).figure.axes
        assert [a.get_xscale() for a in axes] == scales


def test_a_run_of_one_time_is_seen(run: Callable[..., Run]) -> None:
    """A run whose clock is read at its end only is a line from the start, not a lone dot."""
    timed = run(budget=100)
    timed = replace(timed, curve={**timed.curve, "seconds": 0.01 * timed.curve["step"]})
    other = run(optimizer=Spec("scipy.CG"), budget=100)
    other = replace(other, curve={**other.curve, "seconds": 0.5 + 0 * other.curve["step"]})
    made = draw("convergence", summarize([timed, other]), NEURIPS, x="seconds")
    own = made.data[made.data["series"] == "scipy.CG"]
    way = own[own["part"] == "from the start"]

    assert way["seconds"].tolist() == [made.figure.axes[0].get_xlim()[0], 0.5]
    end = other.curve["suboptimality"][-1] / other.curve["suboptimality"][0]
    assert way["y"].tolist() == pytest.approx([1.0, end])
    assert "dots: from the start, at 0" in look_at(made.figure).texts
    calls = draw("convergence", summarize([timed]), NEURIPS)
    assert "from the start" not in set(calls.data["part"])


@pytest.mark.parametrize(("seeds", "told"), [(1, ""), (2, "thin: each of 2 seeds"), (3, "shade")])
def test_the_legend_says_what_shades_are_and_of_how_many_seeds(
    run: Callable[..., Run], seeds: int, told: str
) -> None:
    """No band below three seeds; both kinds of curves say the same."""
    rows = summarize(run(seed=s, lr=lr, budget=50) for s in range(seeds) for lr in (0.3, 1.0))
    told = "shade: quartiles of 3 seeds" if told == "shade" else told
    notes = ("thin: each of 2 seeds", "shade: quartiles of 3 seeds")
    for kind in ("convergence", "sensitivity"):
        texts = look_at(draw(kind, rows, NEURIPS).figure).texts
        shown = [note for note in notes if note in texts]
        assert shown == ([told] if told and (kind, seeds) != ("sensitivity", 2) else [])


def test_no_line_comes_from_a_zero_that_the_axis_lacks(run: Callable[..., Run]) -> None:
    """Evaluations in parts: the curve begins at its first one, and dots lead there from the start.

    Neither the median nor its band may stand over the axis' left end.
    """
    runs = [run(seed=s, kappa=4.0) for s in range(3)]
    runs.append(run(optimizer=Spec("sgd"), kappa=1000.0, lr=0.1))
    runs = [replace(r, curve={**r.curve, "gradient_calls": r.curve["step"] / 40}) for r in runs]
    made = draw("convergence", summarize(runs), NEURIPS)
    (axes,) = made.figure.axes
    lines = [a for a in axes.lines if a.get_markevery() is not None]
    way = made.data[made.data["part"] == "from the start"]

    assert axes.get_xscale() == "log"
    for line in lines:
        x, y = np.asarray(line.get_xydata(), dtype=float).T
        assert x[np.isfinite(y)].min() == way["gradient_calls"].max() == 1 / 40
    assert way["gradient_calls"].min() == axes.get_xlim()[0] < 1 / 40
    (shade,) = axes.collections
    assert all(np.asarray(path.vertices).min(axis=0)[0] == 1 / 40 for path in shade.get_paths())


def test_shared_times_are_marked_among_others(run: Callable[..., Run]) -> None:
    """The name of a batched run has a mark where others ran alone, and the axis claims nothing."""
    runs = [run(optimizer=Spec(name), budget=50) for name in ("gd", "torch.SGD")]
    runs = [
        replace(r, engine=engine, curve={**r.curve, "seconds": r.curve["step"]})
        for r, engine in zip(runs, ("batched", "step"), strict=True)
    ]
    seen = look_at(draw("convergence", summarize(runs), NEURIPS, x="seconds").figure)

    assert {"gd ‡ (lr 1)", "torch.SGD (lr 1)"} <= set(seen.texts)
    assert seen.figure.axes[0].get_xlabel() == "seconds"
    assert [text for text in seen.texts if text.startswith("‡: time of a batch")]
    for runs_of_a_kind, label in (
        (runs[:1], "seconds (of a batch, divided by its runs)"),
        (runs[1:], "seconds"),
    ):
        rows = summarize(runs_of_a_kind)
        seen = look_at(draw("convergence", rows, NEURIPS, x="seconds").figure)
        assert seen.figure.axes[0].get_xlabel() == label
        assert not [text for text in seen.texts if "‡" in text]


@pytest.mark.parametrize("kind", ["convergence", "sensitivity", "rate"])
def test_of_many_the_best_ten_are_in_colour(kind: str, run: Callable[..., Run]) -> None:
    """Thirteen names: three are grey, without a band, under one entry; lost ones keep a cross."""
    (row,) = summarize(run(seed=s, lr=lr, budget=50) for s in range(3) for lr in (0.3, 1.0))
    lost = tuple(replace(r, status=Status.DIVERGED, hits=()) for r in row.runs)
    lost_best = tuple(replace(r, status=Status.DIVERGED, hits=()) for r in row.best)
    rows = [replace(row, optimizer=f"m{i}") for i in range(12)]
    rows.append(replace(row, optimizer="lost", runs=lost, best=lost_best, final=None))
    seen = look_at(draw(kind, rows, NEURIPS).figure)
    (axes,) = seen.figure.axes
    grey = [a for a in axes.lines if a.get_color() == OTHERS.colour and np.size(a.get_xdata()) > 1]

    assert len(grey) == 3
    texts = [" ".join(text.split()) for text in seen.texts]
    assert "3 others (name them with --optimizer)" in texts
    assert any(text.startswith("m9") for text in texts)
    assert not any(text.startswith(("m10", "m11", "lost")) for text in texts)
    crosses = sum(a.get_marker() == "x" for a in axes.lines)
    rails = sum(len(np.asarray(c.get_offsets())) == 2 for c in axes.collections)
    assert rails == 1 if kind == "sensitivity" else crosses == 1
    named = [
        " ".join(t.split()) for t in look_at(draw(kind, rows, NEURIPS, named=True).figure).texts
    ]
    assert any(text.startswith("m11") for text in named)


def test_what_most_plots_share_stands_once_and_exceptions_in_their_plot() -> None:
    """Of three labels two are alike; the third is small beside its plot, its fraction whole."""
    formula = "(f(x) - f*) / (f(x₀) - f*)"
    canvas = Canvas("", LOOKS["icml"], plots=3)
    label_plots(canvas, ["calls", "minibatches", "calls"], ["error", "error", formula])

    assert (canvas.x_label, canvas.y_label) == ("calls", "error")
    assert [axes.get_xlabel() for axes in canvas.plots] == ["", "minibatches", ""]
    ends = [axes.get_ylabel() for axes in canvas.plots]
    assert ends == ["", "", "(f(x) - f*) /\n(f(x₀) - f*)"]
    assert canvas.plots[2].yaxis.label.get_fontsize() == LOOKS["icml"].small
    different = Canvas("", LOOKS["icml"], plots=2)
    label_plots(different, ["a", "b"], ["c", "c"])
    assert (different.x_label, different.y_label) == ("", "c")
    assert [axes.get_xlabel() for axes in different.plots] == ["a", "b"]
    assert different.plots[0].xaxis.label.get_fontsize() == LOOKS["icml"].text
