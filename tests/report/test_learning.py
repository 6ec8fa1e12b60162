"""Figures and pages of learning problems show losses and accuracies, and talk of no f*."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from optbench.analysis.curves import levels
from optbench.analysis.summary import summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.report.canvas import Canvas, to_svg
from optbench.report.figures import convergence, draw, sensitivity
from optbench.report.looks import WEB
from optbench.report.pages import write_report
from tests.learning_runs import RATES, learning_run, learning_runs
from tests.report.folder import read

Maker = Callable[..., Run]


def drawn(runs: list[Run], kind: str = "convergence", measure: str = "") -> tuple[list[str], str]:
    """Return the texts of a figure and its alternative text."""
    made = draw(kind, summarize(runs), WEB, measure=measure)
    svg = ET.fromstring(to_svg(made.figure, made.alt))
    found = ["".join(e.itertext()) for e in svg.iter() if e.tag.endswith("text")]
    return found, made.alt


@pytest.fixture
def axes_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Axes]:
    """Return a function that draws and returns the plot."""
    made: list[Canvas] = []
    finish = Canvas.figure

    def figure(canvas: Canvas) -> Figure:
        made.append(canvas)
        return finish(canvas)

    def axes(runs: list[Run], measure: str = "", *, final: bool = False) -> Axes:
        rows = summarize(runs)
        with rc_context(WEB.rc):
            if final:
                sensitivity.draw(rows, WEB)
            else:
                convergence.draw(rows, WEB, measure=measure)
        return made[-1].axes

    monkeypatch.setattr(Canvas, "figure", figure)
    return axes


def marked(axes: Axes) -> list[np.ndarray]:
    """Return the points (n, 2) of each median curve, which alone have staggered markers."""
    return [np.asarray(x.get_xydata()) for x in axes.lines if x.get_markevery() is not None]


@pytest.mark.parametrize(
    ("kind", "measure", "label"),
    [
        ("convergence", "", "validation loss"),
        ("convergence", "train_loss", "training loss (mean over minibatches)"),
        ("convergence", "validation_accuracy", "validation accuracy"),
        ("sensitivity", "", "final validation loss"),
    ],
)
def test_each_figure_says_what_it_shows(kind: str, measure: str, label: str) -> None:
    """Each has its own axis, against minibatch gradients, and nothing is said of an f*."""
    texts, alt = drawn(learning_runs(), kind, measure)

    assert label in texts
    x = "learning rate" if kind == "sensitivity" else "gradient evaluations (minibatches)"
    assert x in texts
    assert not any("f*" in text or "f(x)" in text for text in [*texts, alt])
    assert label.removeprefix("final ").split(" (")[0] in alt.lower()


def test_a_target_of_error_is_drawn_and_other_columns_have_no_target() -> None:
    """Runs compared by their error show it with its targets; their loss has none."""
    runs = learning_runs(measure="error", targets=(0.3,))

    assert {"validation error", "targets"} <= set(drawn(runs)[0])
    assert "targets" not in drawn(runs, measure="value")[0]
    assert "validation loss" in drawn(runs, measure="value")[0]


def test_without_validation_data_the_training_loss_is_drawn() -> None:
    """What is not known is refused in one line, and nothing is called validation."""
    runs = learning_runs(validation=False, accuracy=False, targets=())

    assert "training loss" in drawn(runs)[0]
    assert not any("validation" in text for text in drawn(runs)[0])
    with pytest.raises(OptbenchError, match="no run here knows its validation accuracy"):
        drawn(runs, measure="validation_accuracy")


@pytest.mark.parametrize("column", ["", "value", "train_loss", "validation_accuracy"])
def test_curves_are_the_runs(axes_of: Callable[..., Axes], column: str) -> None:
    """Of a single run the plot holds every point that is known, unchanged, on linear axes."""
    run = learning_run(1e-2)
    axes = axes_of([run], column)

    (xy,) = marked(axes)
    known = np.isfinite(levels(run, column or "value"))
    assert xy[:, 0].tolist() == run.curve["gradient_calls"][known].tolist()
    assert xy[:, 1].tolist() == levels(run, column or "value")[known].tolist()
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")


def test_losses_that_span_decades_are_on_a_logarithmic_axis(axes_of: Callable[..., Axes]) -> None:
    """From 2.3 to .02 the axis is logarithmic, an accuracy's is linear whatever it spans."""
    run = learning_run(1e-2, end=0.0)

    assert axes_of([run], "value").get_yscale() == "log"
    assert axes_of([run], "validation_accuracy").get_yscale() == "linear"
    assert axes_of([run], final=True).get_yscale() == "linear"
    ends = [learning_run(lr, end=10 * lr) for lr in RATES]
    assert axes_of(ends, final=True).get_yscale() == "log"


def test_a_loss_that_explodes_does_not_flatten_the_others(axes_of: Callable[..., Axes]) -> None:
    """The plot ends at ten times the highest start; what is above leaves through its top."""
    wild = learning_run(1e-2, optimizer="sgd")
    wild = replace(wild, curve={**wild.curve, "value": 2.3 * 10 ** (wild.curve["step"] / 40)})
    both = [learning_run(1e-2), wild]

    assert 23 <= axes_of(both).get_ylim()[1] < 40
    ends = axes_of(both, final=True)
    assert ends.get_ylim()[1] < 3
    assert len(ends.collections) == 1
    assert np.asarray(ends.collections[0].get_offsets())[:, 0].tolist() == [1e-2]


def test_lost_runs_are_on_the_rail(axes_of: Callable[..., Axes]) -> None:
    """Every rate at which a seed diverged or became NaN has its cross."""
    axes = axes_of(learning_runs(), final=True)

    crosses = [c for c in axes.collections if len(np.asarray(c.get_offsets())) and c.get_paths()]
    rates = [sorted(np.asarray(c.get_offsets())[:, 0].tolist()) for c in crosses]
    assert rates.count([3e-2, 1e-1]) == 2


@pytest.mark.parametrize(
    "runs",
    [
        [learning_run(lr, status=Status.DIVERGED) for lr in RATES],
        [learning_run(lr, points=1) for lr in RATES],
        [learning_run(points=1, status=Status.NAN)],
        [replace(learning_run(), curve={}, trained={}, hits=(), status=Status.REFUSED)],
        [learning_run(accuracy=False)],
        [learning_run(), replace(learning_run(3e-3), curve={}, trained={}, status=Status.ERROR)],
    ],
    ids=["all lost", "one point", "lost at once", "refused", "no accuracy", "one failed"],
)
def test_odd_problems_have_whole_pages(runs: list[Run], tmp_path: Path) -> None:
    """Whatever became of the runs, their problem has its page, charts and tables."""
    write_report(runs, tmp_path, title="odd")
    (path,) = (tmp_path / "problems").iterdir()
    page, reader = path.read_text(encoding="utf-8"), read(path)

    assert [chart for _, chart in reader.charts] == ["convergence", "sensitivity", "pareto"]
    assert reader.tags.count("table") >= 3
    assert "validation loss" in page or "training loss" in page
    assert "f*" not in page
    assert "f(x)" not in page


def test_the_page_of_tasks(tmp_path: Path) -> None:
    """Its table has test figures with intervals and no rate; facts say what is trained on."""
    write_report(learning_runs(), tmp_path, title="learning")
    (path,) = (tmp_path / "problems").iterdir()
    page, text = path.read_text(encoding="utf-8"), " ".join(read(path).text.split())
    (row, _) = summarize(learning_runs())

    for sign, value in (("parameters", "4,810"), ("budget", "400 minibatches")):
        assert f"<dt>{sign}</dt><dd>{value}</dd>" in page
    assert "batch_size=64,data=digits" in page
    test = row.ends["test_accuracy"]
    assert f"<td>{test.center:.2%} [{test.low:.2%}, {test.high:.2%}]</td>" in page
    for heading in ("test<br>loss", "test<br>accuracy", "to loss 0.5"):
        assert heading in page
    assert '<th scope="col">rate</th>' not in page
    assert "Test data has no say" in text
    assert "f*" not in page
    assert "learning problems have none" in read(tmp_path / "theory.html").text


def test_tasks_and_functions_in_one_report(run: Maker, tmp_path: Path) -> None:
    """Each kind has its own columns and explanation."""
    functions = [run(lr=lr) for lr in (0.1, 1.0)]
    write_report([*learning_runs(), *functions], tmp_path, title="mixed")
    convex = (tmp_path / "problems" / "quadratic.html").read_text(encoding="utf-8")
    (path,) = (tmp_path / "problems").glob("digits*")
    learning = path.read_text(encoding="utf-8")

    assert ("test<br>accuracy" in learning, "test<br>accuracy" in convex) == (True, False)
    assert (">rate</th>" in learning, ">rate</th>" in convex) == (False, True)
    assert "f*" not in learning
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        lines = {line["problem"]: line for line in csv.DictReader(file)}
    assert lines["quadratic"]["test_accuracy"] == ""
    assert float(lines["digits-mlp"]["test_accuracy"]) > 0


def test_a_report_is_made_again_when_test_figures_change(tmp_path: Path) -> None:
    """The same runs leave the pages as they are; another test loss makes new ones."""
    runs = [learning_run(1e-2, s) for s in range(3)]
    page = write_report(runs, tmp_path, title="t")
    first = page.read_text(encoding="utf-8")
    assert write_report(runs, tmp_path, title="t").read_text(encoding="utf-8") == first
    other = {**runs[0].trained, "test_loss": runs[0].trained["test_loss"] + 1}
    write_report([replace(runs[0], trained=other), *runs[1:]], tmp_path, title="t")

    assert page.read_text(encoding="utf-8") != first
