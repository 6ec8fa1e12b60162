"""What holds of every kind of figure: nothing overlaps, names are whole, bytes are the same."""

from __future__ import annotations

import csv
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from optbench.analysis.summary import Row
from optbench.report.figures import CHOICES, KINDS, draw
from optbench.report.looks import LOOKS, find_look
from optbench.report.save import save
from tests.report.figures.seen import look_at

Rows = dict[str, list[Row]]

LONG = "x" * 300
HOSTILE = [r"$\alpha_1$ 50%", "_hidden", "<b>&\"'</b>", LONG, "ü", "^~#{}\\"]


@pytest.fixture
def rows_of(league: list[Row], plane: list[Row], noisy: list[Row]) -> Rows:
    """Return rows that suit each kind."""
    few = [row for row in league if row.problem in ("k4", "k30", "k300")]
    panels = dict.fromkeys(("convergence", "sensitivity", "rate", "pareto"), few)
    return (
        dict.fromkeys(KINDS, league)
        | panels
        | {"trajectory": plane, "schedule": noisy, "noise-floor": noisy}
    )


def names_of(rows: list[Row], kind: str) -> set[str]:
    """Return the names that a figure must show."""
    if kind == "noise-floor":
        rows = [row for row in rows if row.schedule == "constant"]
    return {row.optimizer if kind == "schedule" else row.name for row in rows}


def inside(box: Bbox, figure: Figure) -> bool:
    """Return whether a box is on the sheet, to a pixel."""
    right, top = figure.bbox.x1 + 1, figure.bbox.y1 + 1
    return bool(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= right and box.y1 <= top)


def overlap(a: Bbox, b: Bbox) -> bool:
    """Return whether two boxes share more than a pixel's edge."""
    wide, tall = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    return bool(wide > 1 and tall > 1)


@pytest.mark.parametrize("style", ["neurips", "icml", "web"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_overlaps_and_names_are_whole(kind: str, style: str, rows_of: Rows) -> None:
    """Plots with their labels and legends are apart and on the sheet, which is as wide as asked."""
    made = draw(kind, rows_of[kind], LOOKS[style])
    seen = look_at(made.figure)

    assert made.figure.get_size_inches()[0] == LOOKS[style].width
    assert not any(overlap(a, b) for a, b in combinations([*seen.plots, *seen.legends], 2))
    assert all(inside(box, made.figure) for box in [*seen.plots, *seen.legends])
    whole = " ".join(seen.texts).replace("\n", "")
    for name in names_of(rows_of[kind], kind):
        assert name in whole or name.replace(" ", "") in whole.replace(" ", "")
        assert name in made.alt
    assert len(made.data)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_are_text_and_complete(kind: str, rows_of: Rows) -> None:
    """Dollars, tags, a leading underscore and 300 letters are shown to the last one."""
    known = sorted({row.optimizer for row in rows_of[kind]})
    given = dict(zip(known, HOSTILE, strict=False))
    rows = [
        replace(row, optimizer=given[row.optimizer], problem=f"$p_{row.problem}")
        for row in rows_of[kind]
    ]
    rows = [replace(row, optimizer=LONG) if row.optimizer == HOSTILE[0] else row for row in rows]
    made = draw(kind, rows, LOOKS["icml"])
    seen = look_at(made.figure)

    whole = "".join("".join(seen.texts).split())
    assert LONG in whole
    assert all("".join(name.split()) in whole for name in names_of(rows, kind))
    assert not any(overlap(a, b) for a, b in combinations([*seen.plots, *seen.legends], 2))
    assert all(inside(box, made.figure) for box in [*seen.plots, *seen.legends])


@pytest.mark.parametrize("kind", KINDS)
def test_titles_are_for_pages_and_slides(kind: str, rows_of: Rows) -> None:
    """In a paper the caption says what a figure shows."""

    def bold(style: str) -> list[str]:
        figure = draw(kind, rows_of[kind], LOOKS[style]).figure
        return [text.get_text() for text in figure.texts if text.get_fontweight() == "bold"]

    assert bold("neurips") == bold("jmlr") == []
    assert len(bold("web")) == len(bold("slides")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_lie_beside_the_figure(kind: str, rows_of: Rows, tmp_path: Path) -> None:
    """The CSV gives the table back to the last bit, and writing twice gives the same bytes."""
    made = draw(kind, rows_of[kind], LOOKS["neurips"])
    numbers = save(made, tmp_path / "a.pdf")
    again = save(draw(kind, rows_of[kind], LOOKS["neurips"]), tmp_path / "b.pdf")

    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    assert numbers.read_bytes() == again.read_bytes()
    with numbers.open(encoding="utf-8", newline="") as file:
        back = list(csv.DictReader(file))
    for column in made.data.select_dtypes("number"):
        read = [float(line[column] or "nan") for line in back]
        assert np.array_equal(read, made.data[column].to_numpy(dtype=float), equal_nan=True)


def test_fonts_are_true_type_and_no_day_is_told(league: list[Row], tmp_path: Path) -> None:
    """A PDF has no Type 3 font and no date; an SVG's letters are shapes; a PNG has 300 dots."""
    made = draw("convergence", league, LOOKS["icml"])
    for ending in ("pdf", "svg", "png"):
        save(made, tmp_path / f"a.{ending}")
    pdf, svg = (tmp_path / "a.pdf").read_bytes(), (tmp_path / "a.svg").read_text()

    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert not re.search(rb"CreationDate|Producer|matplotlib", pdf)
    assert "<text" not in svg
    assert not re.search(r"<dc:date>|Matplotlib v", svg)
    width = int.from_bytes((tmp_path / "a.png").read_bytes()[16:20], "big")
    assert width == round(300 * find_look("icml").width)


def test_another_process_writes_the_same_bytes(rows_of: Rows, tmp_path: Path) -> None:
    """Whatever order sets have, each kind gives the same SVG, also of an unknown optimizer."""
    given = {
        kind: [replace(r, optimizer="my.py:Mine") if r.name == "nesterov" else r for r in rows]
        for kind, rows in rows_of.items()
    }
    (tmp_path / "rows").write_bytes(pickle.dumps(given))
    code = (
        "import hashlib, pickle, sys\n"
        "from pathlib import Path\n"
        "from optbench.report.canvas import to_svg\n"
        "from optbench.report.figures import draw\n"
        "from optbench.report.looks import WEB\n"
        "for kind, rows in pickle.loads(Path(sys.argv[1]).read_bytes()).items():\n"
        "    made = draw(kind, rows, WEB)\n"
        "    text = to_svg(made.figure, made.alt) + made.data.to_csv()\n"
        "    print(kind, hashlib.sha256(text.encode()).hexdigest())\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "rows")],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    ]

    assert told[0] == told[1]
    assert told[0].count("\n") == len(KINDS)


@pytest.mark.parametrize("kind", ["convergence", "sensitivity", "profile", "heatmap", "ranks"])
def test_fifty_optimizers_and_one_long_name(kind: str, league: list[Row]) -> None:
    """All fifty are told, no label covers another, and the figure stays a page."""
    some = [row for row in league if row.optimizer == "gd"]
    if kind in ("convergence", "sensitivity"):
        some = some[:1]
    rows = [
        replace(row, optimizer=LONG if i == 7 else f"method_{i}:beta=0.{i}")
        for row in some
        for i in range(50)
    ]
    made = draw(kind, rows, LOOKS["neurips"], named=True)
    seen = look_at(made.figure)

    whole = "".join("".join(seen.texts).split())
    assert all(row.optimizer in whole for row in rows)
    assert made.figure.get_size_inches()[1] < 12
    assert not any(overlap(a, b) for a, b in combinations([*seen.plots, *seen.legends], 2))


def test_every_kind_says_what_it_tells() -> None:
    """The registry has a line for each, and choices only of kinds that exist."""
    assert all(entry.about for entry in KINDS.values())
    assert set(CHOICES) <= set(KINDS)
