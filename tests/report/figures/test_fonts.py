"""Papers are set in Times, and so are their figures."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import rc_context
from matplotlib.axis import Axis
from matplotlib.text import Text

from optbench.analysis.summary import Row
from optbench.report.figures import draw
from optbench.report.lettering import inches
from optbench.report.looks import LOOKS, SANS, SERIF
from optbench.report.save import save
from tests.report.figures.seen import look_at


@pytest.fixture(scope="module")
def rows(league: list[Row]) -> list[Row]:
    """One problem, and a name that mathtext would take for a formula."""
    given = [row for row in league if row.problem == "k4"]
    return [replace(row, optimizer="$gd_1$") if row.name == "gd" else row for row in given]


def _powers(axis: Axis) -> list[Text]:
    return [tick.label1 for tick in axis.get_major_ticks() if "10" in tick.label1.get_text()]


@pytest.mark.parametrize(
    ("style", "family", "tick", "is_math"),
    [
        ("neurips", SERIF, "$10^{-2}$", True),
        ("icml", SERIF, "$10^{-2}$", True),
        ("jmlr", SERIF, "$10^{-2}$", True),
        ("web", SANS, "10⁻²", False),
        ("slides", SANS, "10⁻²", False),
    ],
)
def test_papers_are_in_times_and_only_powers_are_formulas(
    rows: list[Row], style: str, family: tuple[str, ...], tick: str, is_math: bool
) -> None:
    """Every text has the look's font; ticks of powers alone are set by mathtext, in that font."""
    figure = look_at(draw("convergence", rows, LOOKS[style]).figure).figure
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    powers = _powers(figure.axes[0].yaxis)

    assert {tuple(text.get_fontfamily()) for text in texts if text.get_text()} == {family}
    assert tick in [text.get_text() for text in powers]
    assert {text.get_parse_math() for text in powers} == {is_math}
    assert not is_math or {text.get_math_fontfamily() for text in powers} == {"stix"}
    names = [text for text in texts if "$gd_1$" in text.get_text()]
    assert names
    assert not any(text.get_parse_math() for text in names)


def test_a_paper_has_its_fonts_within(rows: list[Row], tmp_path: Path) -> None:
    """In the PDF are Times, also for powers, and what has the letters that it lacks."""
    save(draw("convergence", rows, LOOKS["neurips"]), tmp_path / "a.pdf")
    pdf = (tmp_path / "a.pdf").read_bytes()

    assert b"STIXGeneral" in pdf
    assert b"DejaVuSerif" in pdf
    assert b"DejaVuSans" not in pdf


def test_lines_of_a_label_belong_together(rows: list[Row]) -> None:
    """Two lines of Times at 7 points need no more than those of a sans-serif font."""
    named = [replace(r, optimizer=f"{30 * 'x'}:{30 * 'y'}{r.optimizer[1]}") for r in rows]
    heights = {}
    for family in (SERIF, SANS):
        seen = look_at(draw("heatmap", named, replace(LOOKS["icml"], family=family)).figure)
        texts = [text for legend in seen.figure.legends for text in legend.get_texts()]
        folded = [text for text in texts if text.get_text().count("\n") == 1]
        heights[family] = [text.get_window_extent().height for text in folded]

    assert heights[SERIF]
    assert max(heights[SERIF]) <= max(heights[SANS])


def test_words_are_measured_in_the_font_of_the_figure() -> None:
    """Times is narrower, whichever font a word was measured in before."""
    widths = []
    for style in ("web", "neurips", "web"):
        with rc_context(LOOKS[style].rc):
            widths.append(inches("heavy_ball:beta=0.9", 8.0))

    assert widths[0] == widths[2]
    assert widths[1] < 0.9 * widths[0]


@pytest.mark.skipif(not shutil.which("xelatex"), reason="needs TeX")
def test_pgf_is_in_the_font_of_the_document(rows: list[Row], tmp_path: Path) -> None:
    """Powers of ten are formulas of TeX, names are not, and no font is asked for."""
    save(draw("convergence", rows, LOOKS["neurips"]), tmp_path / "a.pgf")
    written = (tmp_path / "a.pgf").read_text()

    assert r"$10^{-2}$" in written
    assert r"\$gd\_1\$" in written
    assert r"\fontfamily{\familydefault}" in written
    assert "STIX" not in written
