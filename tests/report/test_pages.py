"""The page is complete, safe to open anywhere, and never half written."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from optbench.analysis.summary import Row, summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.core.spec import Spec
from optbench.report import pages
from optbench.report.pages import file_stem, write_report
from optbench.report.template import TEMPLATES

Maker = Callable[..., Run]
HOSTILE = '<script>alert("x")</script>'


class Reader(HTMLParser):
    """Collects tags, what they point at, their ids, and the text."""

    def __init__(self, page: str) -> None:
        """Read the whole page."""
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "srcset")]
        self.ids += [v or "" for k, v in attrs if k == "id"]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: Path) -> Reader:
    """Parse a page."""
    return Reader(page.read_text(encoding="utf-8"))


def test_a_problem_with_runs_at_two_measures_has_two_sections(run: Maker, tmp_path: Path) -> None:
    """Both are headed by what they measure, on one problem; nothing is drawn on top of another."""
    plain = run(lr=1.0)
    distance = np.sqrt(plain.curve["suboptimality"])
    aimed = replace(plain.spec, target_measure="distance", targets=(1e-2,))
    other = replace(plain, spec=aimed, curve={**plain.curve, "distance": distance}, hits=())
    page = write_report([plain, other], tmp_path / "report", title="two")

    reader = read(page)
    assert "2 runs on 1 problem" in reader.text
    assert reader.tags.count("section") == 2
    assert "quadratic (distance)" in reader.text
    assert "to distance 1e-02" in reader.text
    assert len(list((tmp_path / "report" / "figures").iterdir())) == 4
    with (tmp_path / "report" / "table.csv").open(encoding="utf-8") as file:
        assert [row["measure"] for row in csv.DictReader(file)] == ["distance", "suboptimality"]


def test_one_section_two_figures_and_a_table_a_problem(
    small_suite: list[Run], tmp_path: Path
) -> None:
    """Every problem has its section, figures, table, files and link; every row is in its table."""
    page = write_report(small_suite, tmp_path / "new" / "report", title="smoke", notes=["numpy 2"])

    reader = read(page)
    assert page == tmp_path / "new" / "report" / "index.html"
    assert [reader.tags.count(tag) for tag in ("section", "svg", "table")] == [2, 4, 2]
    assert {"k10", "k100"} <= set(reader.ids)
    assert {"#k10", "#k100"} <= set(reader.links)
    assert "numpy 2" in reader.text
    assert f"{len(small_suite)} runs on 2 problems" in reader.text
    files = sorted(p.name for p in (page.parent / "figures").iterdir())
    assert files == sorted(
        f"{p}-{kind}.svg" for p in ("k10", "k100") for kind in ("convergence", "sensitivity")
    )


def test_the_page_asks_the_network_for_nothing(small_suite: list[Run], tmp_path: Path) -> None:
    """No link, image, font, style or script comes from outside; every reference is found inside."""
    page = write_report(small_suite, tmp_path, title="smoke")

    text, reader = page.read_text(encoding="utf-8"), read(page)
    assert all(link.startswith("#") for link in reader.links)
    assert not {"script", "link", "iframe"} & set(reader.tags)
    assert not re.search(r"url\((?!#)|@import", text)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert used <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


def test_the_table_is_the_summary(small_suite: list[Run], tmp_path: Path) -> None:
    """The CSV has the summary's numbers at full precision, in its order."""
    write_report(small_suite, tmp_path, title="smoke")

    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for line, row in zip(lines, summarize(small_suite), strict=True):
        assert (line["problem"], line["optimizer"]) == (row.problem, row.optimizer)
        assert float(line["best_lr"]) == row.best_lr
        assert row.final is not None
        assert float(line["final"]) == row.final.center
        calls = row.reach[-1].gradient_calls
        assert line["gradient_calls_to_1e-08"] == ("" if calls is None else str(calls))


def test_hostile_names_are_text(run: Maker, tmp_path: Path) -> None:
    """Tags in title, notes, problem, optimizer and status message stay text; files are plain."""
    label = f"../{HOSTILE}\x00$\\alpha_1$" + "y" * 300
    runs = [run(optimizer=Spec(HOSTILE), label=label, budget=30)]
    page = write_report(runs, tmp_path, title=HOSTILE, notes=[HOSTILE])

    reader = read(page)
    assert "script" not in reader.tags
    assert reader.text.count(HOSTILE) >= 4
    for path in (tmp_path / "figures").iterdir():
        assert re.fullmatch(r"[a-z0-9_+.-]{1,90}", path.name)
        assert "<script" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", "CON:", "x" * 400, "ü", "k1e+03", "\n", "-rf", ".hidden"]
)
def test_file_names_are_plain(name: str) -> None:
    """Whatever the name, the file's is short, has no separator and hides nothing."""
    stem = file_stem(name)

    assert re.fullmatch(r"[a-z0-9_+][a-z0-9_+.-]{0,70}", stem)


def test_different_names_have_different_files() -> None:
    """Names that differ only in what a file name cannot hold are told apart."""
    names = ["a b", "a-b", "a/b", "A-B", "x" * 100, "x" * 101]

    assert len({file_stem(name) for name in names}) == len(names)
    assert file_stem("quadratic-k1e+03") == "quadratic-k1e+03"


def test_an_old_report_survives_a_failure(
    small_suite: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When drawing or writing fails, the old files are there byte for byte and no others."""
    write_report(small_suite, tmp_path, title="old")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def broken(*_: object) -> None:
        raise ValueError("drawing failed")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pages, "figures_for_problem", broken)
        with pytest.raises(ValueError, match="drawing failed"):
            write_report(small_suite, tmp_path, title="new")
    monkeypatch.setattr(csv, "writer", full)
    with pytest.raises(OptbenchError, match="No space left on device"):
        write_report(small_suite, tmp_path, title="new")

    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_new_report_replaces_the_old_one_and_nothing_else(run: Maker, tmp_path: Path) -> None:
    """Figures of problems that are gone go too; a stranger's file in the folder stays."""
    write_report([run(label="old")], tmp_path, title="old")
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "figures" / "mine.svg").write_text("mine", encoding="utf-8")
    write_report([run(label="new")], tmp_path, title="new")

    names = {p.name for p in tmp_path.rglob("*") if p.is_file()}
    assert names == {
        *("index.html", "table.csv", "mine.txt", "mine.svg"),
        *("new-convergence.svg", "new-sensitivity.svg"),
    }


def test_a_folder_that_cannot_be_made_is_one_clear_line(run: Maker, tmp_path: Path) -> None:
    """A file in the way is the user's mistake, named."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(OptbenchError, match=r"cannot write the report to .*file"):
        write_report([run()], tmp_path / "file", title="x")


def test_no_runs_are_said(tmp_path: Path) -> None:
    """An empty selection is a page that says so."""
    page = write_report([], tmp_path, title="empty")

    assert "There are no runs to show." in read(page).text


def test_all_diverged_is_said(run: Maker, tmp_path: Path) -> None:
    """The table names the status, the share is 100 %, and the rate is flagged."""
    page = write_report([run(lr=lr) for lr in (3.0, 5.0)], tmp_path, title="lost")

    text = read(page).text
    assert "2/2 (100%)" in text
    assert "edge" in text
    assert "diverged" in text


def test_cells_say_how_many_reached(run: Maker, tmp_path: Path) -> None:
    """A target that only some seeds reached has no median but a share with its interval."""
    runs = [run(seed=s, lr=1.0) for s in range(2)]
    short = run(seed=2, lr=1.0, budget=5)
    short = replace(short, spec=replace(short.spec, budget=1000.0))

    assert "(2/3; 21%-94%)" in read(write_report([*runs, short], tmp_path, title="x")).text


def test_a_wrong_f_star_is_said(run: Maker, tmp_path: Path) -> None:
    """A run that goes below f* by more than rounding puts a warning over its figures."""
    one = run()
    wrong = {**one.curve, "suboptimality": one.curve["suboptimality"] - 1e-3}
    page = write_report([replace(one, curve=wrong)], tmp_path, title="x")

    assert "f* may be wrong" in read(page).text


def test_a_large_report_shows_the_files_beside_it(
    small_suite: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit the figures are images of the same folder, with their description."""
    monkeypatch.setattr(pages, "INLINE_LIMIT", 1000)
    page = write_report(small_suite, tmp_path, title="large")

    reader = read(page)
    images = [link for link in reader.links if not link.startswith("#")]
    assert len(images) == 4
    assert all((tmp_path / image).is_file() for image in images)
    assert 'alt="Relative suboptimality against' in page.read_text(encoding="utf-8")


def test_refused_runs_have_their_row(run: Maker, tmp_path: Path) -> None:
    """A refused optimizer is in the table with its status and takes no part in the figures."""
    refused = replace(
        run(optimizer=Spec("newton")), status=Status.REFUSED, curve={}, hits=(), hyper={}
    )
    page = write_report([run(), refused], tmp_path, title="x")

    text = read(page).text
    assert "newton (refused)" in text
    assert np.isfinite(len(text))


def test_a_report_of_the_same_runs_stays_and_of_others_is_made_again(
    small_suite: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing is not repeated for the same runs and words; any difference makes the page anew."""
    drawn: list[int] = []
    draw = pages.make_sections

    def counted(rows: list[Row], *, jobs: int = 1) -> list[pages.Section]:
        drawn.append(len(rows))
        return draw(rows, jobs=jobs)

    monkeypatch.setattr(pages, "make_sections", counted)
    write_report(small_suite, tmp_path, title="a")
    write_report(small_suite, tmp_path, title="a")
    assert len(drawn) == 1
    write_report(small_suite, tmp_path, title="b")
    write_report(small_suite[:-1], tmp_path, title="b")
    assert len(drawn) == 3
    looks = tmp_path / "templates"
    shutil.copytree(TEMPLATES, looks)
    (looks / "_base.css").write_text("", encoding="utf-8")
    monkeypatch.setattr(pages, "TEMPLATES", looks)
    write_report(small_suite[:-1], tmp_path, title="b")
    assert len(drawn) == 4
