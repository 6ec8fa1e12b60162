"""A claim's picture shows what ran, what theory says and what a textbook says, told apart."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D

from optbench.core.errors import OptbenchError
from optbench.report.canvas import Canvas
from optbench.report.style import PALETTE, RC, RED
from optbench.report.theory_figures import draw, figure_of, save_figures
from optbench.report.theory_formulas import EM, outline
from optbench.report.theory_plot import draw_plot
from optbench.theory.claim import Claim, Kind
from optbench.theory.finding import Finding, Verdict
from optbench.theory.plot import Plot, Scale, Series, quoted, series, theory
from optbench.theory.tolerance import E1
from optbench.theory.verify import Row

T = np.arange(1.0, 11.0)
RUN = series("run", T, 1 / T)
PLOT = Plot(
    x_label="steps t",
    y_label="f",
    x_scale="log",
    y_scale="log",
    series=(
        RUN,
        series("points", T, 0.5 / T, low=0.4 / T, high=0.6 / T, points=True),
        theory("bound", T, 2 / T),
        quoted("as printed", T, 3 / T),
    ),
    verticals=((5.0, "h* = 5"),),
    caption="It falls.",
)


def _row(plot: Plot | None, name: str = "GD-01") -> Row:
    finding = Finding(verdict=Verdict.PASS, theory=1.0, measured=1.0, plot=plot)
    claim = Claim(
        id=name,
        statement="It falls.",
        formula=r"f(x_t) \leq \frac{1}{t}",
        assumptions="convex",
        source="me",
        kind=Kind.BOUND,
        check=lambda evidence: finding,
        tolerance=E1,
    )
    return Row(claim=claim, finding=finding, optimizer="gd")


def _canvas(plot: Plot) -> Canvas:
    with rc_context(RC):
        canvas = Canvas("title")
        draw_plot(canvas, plot)
        canvas.drawing("alt")
    return canvas


def _line(canvas: Canvas, one: Series) -> Line2D:
    [found] = [
        line
        for line in canvas.axes.get_lines()
        if np.array_equal(line.get_ydata(), one.y) and line.get_marker() != "_"
    ]
    return found


def _dashes(line: Line2D) -> tuple[float, ...]:
    """Lengths on and off, which matplotlib tells in no public way."""
    return tuple(line._dash_pattern[1] or ())  # type: ignore[attr-defined]


def test_theory_is_dashed_a_quotation_dotted_and_a_run_solid() -> None:
    """Red is for what a textbook says; points are joined by nothing."""
    canvas = _canvas(PLOT)
    run, points, bound, said = (_line(canvas, one) for one in PLOT.series)

    assert run.get_linestyle() == "-"
    assert points.get_linestyle() == "None"
    assert points.get_marker() == "s"
    assert _dashes(bound)[0] > _dashes(bound)[1]
    assert _dashes(said)[0] < _dashes(said)[1]
    assert [said.get_color(), run.get_color() != RED] == [RED, True]
    assert said.get_color() != bound.get_color()


def test_the_dashes_reach_the_file() -> None:
    """The SVG has a dashed path for theory and for the quotation, in the plot and in the legend."""
    svg = draw(_row(PLOT)).svg

    assert len(re.findall(r"stroke-dasharray: [\d.,]+", svg)) == 4
    assert "GD-01: It falls." in svg
    assert "h* = 5" in svg
    assert all(one.label in svg for one in PLOT.series)
    ElementTree.fromstring(svg)


def test_what_is_many_can_be_told_apart_without_colours() -> None:
    """Five bounds have five dashes; each has the colour of the run before it; markers differ."""
    many = [
        one
        for k in range(1, 6)
        for one in (
            series(f"run {k}", T, k / T, points=True),
            theory(f"bound {k}", T, (k + 0.5) / T),
        )
    ]
    canvas = _canvas(replace(PLOT, series=tuple(many), verticals=()))
    lines = [_line(canvas, one) for one in many]

    assert len({_dashes(line) for line in lines[1::2]}) == 5
    assert len({str(line.get_marker()) for line in lines[::2]}) == 5
    for run, bound in zip(lines[::2], lines[1::2], strict=True):
        assert run.get_color() == bound.get_color() in PALETTE


def test_intervals_reach_from_low_to_high() -> None:
    """Each point has its bar."""
    canvas = _canvas(PLOT)
    [bars] = canvas.axes.collections
    ends = np.array([np.asarray(path.vertices)[:, 1] for path in bars.get_paths()])

    np.testing.assert_allclose(ends, np.column_stack([0.4 / T, 0.6 / T]))


def test_a_threshold_is_a_line_at_its_place_with_its_label_above_the_plot() -> None:
    """Nothing that is drawn can lie under the label."""
    canvas = _canvas(PLOT)
    [label] = [text for text in canvas.axes.texts if text.get_text() == "h* = 5"]

    assert any(np.array_equal(line.get_xdata(), [5, 5]) for line in canvas.axes.get_lines())
    assert label.xy[1] == 1  # type: ignore[attr-defined]
    assert label.get_verticalalignment() == "bottom"


@pytest.mark.parametrize("formula", [r"\frac{1}{2^{t}}", "x", r"\sum_{t=0}^{T} x_t" + " + x" * 60])
def test_title_formula_plot_and_legend_do_not_overlap(formula: str) -> None:
    """From top to bottom each begins where the one above has ended, inside the sheet."""
    with rc_context(RC):
        figure = figure_of("GD-01", "It falls. " * 20, formula, PLOT)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    [title], [drawn], [axes], [legend] = figure.texts, figure.artists, figure.axes, figure.legends
    plot = axes.get_tightbbox(renderer)
    assert plot is not None
    boxes = [title.get_window_extent(renderer), drawn.get_window_extent(renderer)]
    boxes += [plot, legend.get_window_extent(renderer)]

    for above, below in pairwise(boxes):
        assert below.y1 <= above.y0
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert boxes[-1].y0 >= 0
    assert boxes[0].y1 <= figure.bbox.y1


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        ([], [], "no finite value"),
        ([1.0, 2.0], [np.nan, np.inf], "no finite value"),
        ([1.0, 2.0, 3.0], [1.0, np.nan, 0.5], "1 left out: not finite"),
        ([1.0, 2.0, 3.0], [1.0, 0.0, -1.0], "zero, or below the axis"),
        ([0.0, 1.0], [1.0, 1.0], "1 left out"),
        ([1.0], [1.0], "run"),
        ([1.0, 2.0], [1e-300, 1e300], "no finite value"),
    ],
)
def test_what_cannot_be_drawn_is_said(x: list[float], y: list[float], said: str) -> None:
    """Nothing vanishes silently, on a line and as points."""
    for points in (False, True):
        plot = replace(PLOT, series=(series("run", x, y, points=points),), verticals=())

        assert said in draw(_row(plot)).svg


def test_one_value_of_a_line_is_a_point() -> None:
    """A line through one point would be invisible."""
    canvas = _canvas(replace(PLOT, series=(series("run", [2.0], [3.0]),)))

    assert _line(canvas, series("", [2.0], [3.0])).get_marker() == "o"


def test_points_that_cannot_be_told_apart_are_drawn_once() -> None:
    """Ten thousand points make no file of a megabyte, and the last of a long row stays."""
    x = np.linspace(1, 2, 10_000)
    canvas = _canvas(replace(PLOT, series=(series("run", x, x, points=True),), verticals=()))
    [line] = canvas.axes.get_lines()
    drawn = np.asarray(line.get_xdata())

    assert 30 < len(drawn) < 60
    assert np.diff(np.log(drawn)).max() < 2 * 2e-2 * np.log(2.2)


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=15)
@given(
    x=arrays(float, 4, elements=NUMBERS),
    y=arrays(float, 4, elements=NUMBERS),
    end=arrays(float, 4, elements=NUMBERS),
    scale=st.sampled_from(["linear", "log"]),
    points=st.booleans(),
)
def test_any_numbers_can_be_drawn(
    x: np.ndarray, y: np.ndarray, end: np.ndarray, scale: Scale, points: bool
) -> None:
    """Whatever a check hands over becomes a file."""
    one = series("run", x, y, low=end, high=-end, points=points)
    plot = replace(PLOT, series=(one, theory("bound", y, x)), x_scale=scale, y_scale=scale)

    ElementTree.fromstring(draw(_row(plot)).svg)


@pytest.mark.parametrize("word", ["strongly ", "WWWW ", "il ", "a" * 200 + " "])
def test_a_title_stays_inside_its_figure(word: str) -> None:
    """Bold letters are wide or narrow: lines are measured, and an overlong word is cut."""
    figure = figure_of("GD-01", word * 12, "x", PLOT)
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    [title] = [text for text in figure.texts if text.get_text().startswith("GD-01")]
    box = title.get_window_extent()

    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_a_function_stands_apart_from_its_factor() -> None:
    """As in TeX there is a thin space before max, and none where nothing stands before it."""
    assert outline(r"R \max x").width == pytest.approx(outline(r"R\,\max x").width)
    assert outline(r"R\max x").width > outline(r"R").width + outline(r"\max x").width
    assert outline(r"\max x").width < outline(r"\,\max x").width


def test_whole_numbers_have_whole_ticks() -> None:
    """There is no step 2.5."""
    plot = replace(PLOT, series=(series("run", range(21), range(21)),), verticals=())
    axes = _canvas(replace(plot, x_scale="linear", y_scale="linear")).axes

    assert all(float(tick).is_integer() for tick in (*axes.get_xticks(), *axes.get_yticks()))


def test_a_star_is_an_exponent_and_a_fraction_is_large() -> None:
    """Matplotlib alone puts spaces round f*'s star, and sets a formula's fractions small."""
    assert outline("f^*").width == pytest.approx(outline("f^{*}").width)
    assert outline(r"\frac{1}{2}").height > 1.6 * EM
    assert outline(r"x^{\frac{1}{2}}").height < 1.6 * EM


def test_files_are_for_papers_and_slides_with_their_numbers(tmp_path: Path) -> None:
    """A PDF, a PNG and a table for each claim that has a picture; the same bytes each time."""
    rows = [_row(PLOT), _row(None, "GD-02")]
    [path] = save_figures(rows, tmp_path / "one")
    save_figures(rows, tmp_path / "two")

    assert path == tmp_path / "one" / "GD-01.pdf"
    files = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert files == ["GD-01.csv", "GD-01.pdf", "GD-01.png"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with (tmp_path / "one" / "GD-01.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 40
    assert [float(line["f"]) for line in table[:10]] == list(1 / T)
    assert [table[10][key] for key in ("series", "role", "low")] == ["points", "measured", "0.4"]


def test_a_folder_for_figures_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """The error names the folder."""
    (tmp_path / "file").write_text("")

    with pytest.raises(OptbenchError, match="cannot write figures to"):
        save_figures([_row(PLOT)], tmp_path / "file")
