"""Whatever became of the runs, a figure says so, or one line does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from optbench.analysis.summary import Row, summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.report.canvas import Made, to_svg
from optbench.report.figures import KINDS, draw
from optbench.report.looks import LOOKS
from tests.learning_runs import learning_runs


def _runs(rows: list[Row]) -> list[Run]:
    return [run for row in rows for run in row.runs]


def _with_gap(run: Run, change: Callable[[np.ndarray], np.ndarray]) -> Run:
    gap = change(np.asarray(run.curve["suboptimality"], dtype=float))
    norm = change(np.asarray(run.curve["gradient_norm"], dtype=float))
    curve = {**run.curve, "suboptimality": gap, "value": gap, "gradient_norm": norm}
    return replace(run, curve=curve)


def _unknown(run: Run) -> Run:
    curve = {**run.curve, "suboptimality": np.full_like(run.curve["suboptimality"], np.nan)}
    return replace(run, curve=curve, hits=(), facts={**run.facts, "f_star": None})


ODD: dict[str, Callable[[Run], Run]] = {
    "all diverged": lambda run: replace(run, status=Status.DIVERGED, hits=()),
    "refused": lambda run: replace(run, status=Status.REFUSED, curve={}, hits=(), points=None),
    "f* unknown": _unknown,
    "zero": lambda run: _with_gap(run, lambda gap: np.where(np.arange(len(gap)), 0.0, gap)),
    "zero from the start": lambda run: _with_gap(run, np.zeros_like),
    "huge": lambda run: _with_gap(run, lambda gap: np.geomspace(1e-300, 1e300, len(gap))),
    "tiny": lambda run: _with_gap(run, lambda gap: np.geomspace(1e300, 1e-300, len(gap))),
    "one point": lambda run: replace(
        run,
        curve={name: column[:1] for name, column in run.curve.items()},
        points=None if run.points is None else run.points[:1],
    ),
    "not a number": lambda run: replace(
        _with_gap(run, lambda gap: np.where(np.arange(len(gap)) > 1, np.nan, gap)),
        status=Status.NAN,
    ),
    "below f*": lambda run: _with_gap(run, lambda gap: gap - 0.5 * gap[0]),
}
"""What may have become of runs."""


def _made_or_line(kind: str, rows: list[Row]) -> Made | str:
    """Return the figure, or what is said in its place."""
    try:
        return draw(kind, rows, LOOKS["icml"])
    except OptbenchError as error:
        return str(error)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("kind", KINDS)
def test_odd_runs_are_drawn_or_refused_in_a_line(
    kind: str, odd: str, league: list[Row], plane: list[Row], noisy: list[Row]
) -> None:
    """No warning, no traceback: a figure that is whole, or one line that names the kind's need."""
    few = [row for row in league if row.problem in ("k4", "k30", "k300")]
    suits = dict.fromkeys(KINDS, few) | {"ranks": league, "trajectory": plane}
    suits |= {"schedule": noisy, "noise-floor": noisy}
    rows = summarize(ODD[odd](run) for run in _runs(suits[kind]))
    made = _made_or_line(kind, rows)
    if isinstance(made, str):
        assert kind in ("noise-floor", "trajectory", "profile", "ranks", "kappa-scaling")
        assert "\n" not in made
        return
    svg = to_svg(made.figure, made.alt)

    assert svg.endswith("</svg>")
    assert not re.search(r"[ \"](nan|inf)[ \"]", svg)
    for axes in made.figure.axes:
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
        assert axes.get_xlim()[0] < axes.get_xlim()[1]


@pytest.mark.parametrize("kind", KINDS)
def test_learning_problems_are_drawn_or_refused(kind: str) -> None:
    """Tasks have no f*, no kappa and no rate; whatever needs them says so."""
    made = _made_or_line(kind, summarize(learning_runs()))

    if isinstance(made, str):
        assert kind not in ("convergence", "sensitivity", "pareto", "heatmap")
        assert "\n" not in made
    else:
        assert "f*" not in made.alt


def test_one_run_is_enough_for_a_curve(run: Callable[..., Run]) -> None:
    """One optimizer, one rate, one seed: figures of one problem are drawn, without a band."""
    rows = summarize([run(budget=50)])
    for kind in ("convergence", "sensitivity", "rate", "pareto", "heatmap"):
        figure = draw(kind, rows, LOOKS["neurips"]).figure
        assert not [c for c in figure.axes[0].collections if c.get_alpha() == 0.16]


@pytest.mark.parametrize("kind", ["convergence", "rate"])
def test_a_run_of_one_point_has_a_marker(kind: str, run: Callable[..., Run]) -> None:
    """A curve that is a point is no line, and seen."""
    rows = summarize([ODD["one point"](run(budget=50))])
    drawn = draw(kind, rows, LOOKS["neurips"]).figure.axes[0].lines
    lines = [line for line in drawn if np.size(line.get_xdata()) == 1]
    assert [line for line in lines if line.get_marker() == "o" and line.get_markevery() is None]


def test_nothing_is_one_line() -> None:
    """No rows at all."""
    for kind in KINDS:
        with pytest.raises(OptbenchError, match="there are no runs to draw"):
            draw(kind, [], LOOKS["neurips"])
