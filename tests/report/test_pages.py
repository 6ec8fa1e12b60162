"""The folder is complete, safe to open anywhere, and never half written."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean

import numpy as np
import pytest

from optbench.analysis.summary import summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.core.spec import Spec
from optbench.report import pages
from optbench.report.pages import ASSETS, write_report
from optbench.report.site.names import file_stem
from optbench.report.site.overview import page_of_overview
from optbench.report.site.whole import Page, Whole
from optbench.report.template import TEMPLATES
from tests.report.folder import load, names, read

Maker = Callable[..., Run]
HOSTILE = '<script>alert("x")</script>'
PLOTLY = "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a"
SCRIPTS = ("columns.js", "series.js", "figure.js", "controls.js", "report.js")


def test_the_folder_has_every_page_and_its_data(small_suite: list[Run], tmp_path: Path) -> None:
    """Overview, theory, a page a problem and an optimizer; data, single runs, assets, table."""
    page = write_report(small_suite, tmp_path / "new" / "report", title="smoke", notes=["numpy 2"])

    folder = tmp_path / "new" / "report"
    assert page == folder / "index.html"
    found = names(folder)
    optimizers = {"gd.html", "heavy_ball.html", f"{file_stem('torch.SGD')}.html"}
    assert {name for name in found if name.endswith(".html")} == {
        "index.html",
        "theory.html",
        "problems/k10.html",
        "problems/k100.html",
        *(f"optimizers/{name}" for name in optimizers),
    }
    assert {"data/problem/k10.js", "data/runs/k10.js", "data/overview.js", "table.csv"} <= found
    assert {"assets/report.css", *(f"assets/{name}" for name in SCRIPTS)} <= found
    text = read(page).text
    assert "numpy 2" in text
    assert f"{len(small_suite)} runs on 2 problems" in text


def test_every_reference_is_found_in_the_folder(small_suite: list[Run], tmp_path: Path) -> None:
    """No link, script, style or image comes from outside or leads nowhere, on any page."""
    write_report(small_suite, tmp_path, title="smoke")

    for path in tmp_path.rglob("*.html"):
        reader = read(path)
        assert len(reader.ids) == len(set(reader.ids))
        assert not {"iframe", "base", "object"} & set(reader.tags)
        for link in reader.links:
            where, _, anchor = link.partition("#")
            assert (path.parent / where).exists(), f"{path.name}: {link}"
            assert not anchor or where or anchor in reader.ids
        for file, chart in reader.charts:
            assert chart in load(tmp_path / "data" / f"{file}.js")["charts"]
    for path in [*tmp_path.rglob("*.css"), *tmp_path.rglob("*.html")]:
        assert not re.search(r"url\((?!#)|@import|https?://", path.read_text(encoding="utf-8"))


def test_scripts_are_sound_and_the_plotting_bundle_is_the_one_that_was_read() -> None:
    """The bundle is plotly.js-cartesian-dist-min 4.1.1 from npm, byte for byte, with its licence.

    Ours ask for nothing but files of the folder, and take no text for HTML.
    """
    bundle = (ASSETS / "plotly-cartesian.min.js").read_bytes()

    assert hashlib.sha256(bundle).hexdigest() == PLOTLY
    assert b"plotly.js (cartesian - minified) v4.1.1" in bundle[:500]
    assert "MIT" in (ASSETS / "plotly-LICENSE.txt").read_text(encoding="utf-8")
    for name in SCRIPTS:
        text = (ASSETS / name).read_text(encoding="utf-8")
        used = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|fetch\(", text)
        assert used == [], name
        if shutil.which("node"):
            subprocess.run(["node", "--check", str(ASSETS / name)], check=True)


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
        hits = [run.hit(1e-8) for run in row.best]
        if line["gradient_calls_to_1e-08"] == "":
            assert None in hits
        else:
            calls = geometric_mean(hit.gradient_calls for hit in hits if hit is not None)
            assert float(line["gradient_calls_to_1e-08"]) == pytest.approx(calls)
            assert None not in hits


def test_a_problem_with_runs_at_two_measures_has_two_pages(run: Maker, tmp_path: Path) -> None:
    """Each is headed by what it measures; nothing is drawn on top of another."""
    plain = run(lr=1.0)
    distance = np.sqrt(plain.curve["suboptimality"])
    aimed = replace(plain.spec, target_measure="distance", targets=(1e-2,))
    other = replace(plain, spec=aimed, curve={**plain.curve, "distance": distance}, hits=())
    page = write_report([plain, other], tmp_path, title="two")

    assert "2 runs on 1 problem" in read(page).text
    found = {p.stem: read(p).text for p in (tmp_path / "problems").iterdir()}
    assert set(found) == {"quadratic", file_stem("quadratic (distance)")}
    assert "to distance 1e-02" in found[file_stem("quadratic (distance)")]
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        assert [row["measure"] for row in csv.DictReader(file)] == ["distance", "suboptimality"]


def test_hostile_names_are_text(run: Maker, tmp_path: Path) -> None:
    """Tags in title, notes, problem, optimizer and message stay text; files are plain."""
    label = f"../{HOSTILE}\x00$\\alpha_1$" + "y" * 300
    failed = replace(run(optimizer=Spec("a"), budget=30), status=Status.ERROR, message=HOSTILE)
    runs = [run(optimizer=Spec(HOSTILE), label=label, budget=30), failed]
    write_report(runs, tmp_path, title=HOSTILE, notes=[HOSTILE])

    for path in tmp_path.rglob("*.html"):
        reader = read(path)
        assert reader.tags.count("script") == 1 + len(SCRIPTS), path.name
        assert HOSTILE in reader.text
    for path in tmp_path.rglob("*"):
        assert re.fullmatch(r"[A-Za-z0-9_+.-]{1,90}", path.name)
    for path in (tmp_path / "data").rglob("*.js"):
        load(path)


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", "CON:", "x" * 400, "ü", "k1e+03", "\n", "-rf", ".hidden"]
)
def test_file_names_are_plain(name: str) -> None:
    """Whatever the name, the file's is short, has no separator and hides nothing."""
    stem = file_stem(name)

    assert re.fullmatch(r"[a-z0-9_+][a-z0-9_+.-]{0,70}", stem)


def test_different_names_have_different_files() -> None:
    """Names that differ only in what a file name cannot hold are told apart."""
    texts = ["a b", "a-b", "a/b", "A-B", "x" * 100, "x" * 101]

    assert len({file_stem(text) for text in texts}) == len(texts)
    assert file_stem("quadratic-k1e+03") == "quadratic-k1e+03"


def test_an_old_report_survives_a_failure(
    small_suite: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a page or a file fails, the old files are there byte for byte and no others."""
    write_report(small_suite, tmp_path, title="old")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def broken(*_: object) -> None:
        raise ValueError("drawing failed")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pages, "page_of_optimizer", broken)
        with pytest.raises(ValueError, match="drawing failed"):
            write_report(small_suite, tmp_path, title="new")
    monkeypatch.setattr(csv, "writer", full)
    with pytest.raises(OptbenchError, match="No space left on device"):
        write_report(small_suite, tmp_path, title="new")

    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_new_report_replaces_the_old_one_and_nothing_else(run: Maker, tmp_path: Path) -> None:
    """Pages and data of problems that are gone go too; a stranger's files in the folder stay."""
    write_report([run(label="old")], tmp_path, title="old")
    mine = {"mine.txt", "problems/mine.html", "data/mine.js", "data/runs/mine.js"}
    for name in mine:
        (tmp_path / name).write_text("mine", encoding="utf-8")
    write_report([run(label="new")], tmp_path, title="new")

    found = names(tmp_path)
    assert mine <= found
    assert not [name for name in found if "old" in name]
    ours = {"problems/new.html", "data/problem/new.js", "data/runs/new.js", "optimizers/gd.html"}
    assert ours <= found


def test_a_folder_that_cannot_be_made_is_one_clear_line(run: Maker, tmp_path: Path) -> None:
    """A file in the way is the user's mistake, named."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(OptbenchError, match=r"cannot write the report to .*file"):
        write_report([run()], tmp_path / "file", title="x")


def test_no_runs_are_said(tmp_path: Path) -> None:
    """An empty selection is a page that says so."""
    page = write_report([], tmp_path, title="empty")

    assert "There are no runs to show." in read(page).text
    assert "There are no rates to show" in read(tmp_path / "theory.html").text


def page_of(folder: Path, label: str) -> str:
    """Return the body of a table of the page of `quadratic`."""
    html = (folder / "problems" / "quadratic.html").read_text(encoding="utf-8")
    table = html[html.index(f'aria-label="{label}"') :]
    return table[table.index("<tbody>") : table.index("</tbody>")]


def test_all_diverged_is_said(run: Maker, tmp_path: Path) -> None:
    """The table names the status, the share is 100 %, and the rate is flagged."""
    page = write_report([run(lr=lr) for lr in (3.0, 5.0)], tmp_path, title="lost")

    text = read(tmp_path / "problems" / "quadratic.html").text
    assert "2/2 (100%)" in text
    (row,) = re.findall(r"<tr><th.*?</tr>", page_of(tmp_path, "results on quadratic"), re.DOTALL)
    assert row.count("<td>—</td>") >= 1
    assert "edge" not in row
    assert "diverged" in text
    assert "none: all were lost" in read(page).text


def test_cells_say_how_many_reached(run: Maker, tmp_path: Path) -> None:
    """A target that only some seeds reached has no median but a share with its interval."""
    runs = [run(seed=s, lr=1.0) for s in range(2)]
    short = run(seed=2, lr=1.0, budget=5)
    short = replace(short, spec=replace(short.spec, budget=1000.0))
    write_report([*runs, short], tmp_path, title="x")

    assert "(2/3; 21%-94%)" in read(tmp_path / "problems" / "quadratic.html").text


def test_a_wrong_f_star_is_said(run: Maker, tmp_path: Path) -> None:
    """A run that goes below f* by more than rounding puts a warning over its charts."""
    one = run()
    wrong = {**one.curve, "suboptimality": one.curve["suboptimality"] - 1e-3}
    write_report([replace(one, curve=wrong)], tmp_path, title="x")

    assert "f* may be wrong" in read(tmp_path / "problems" / "quadratic.html").text


def test_refused_and_failed_runs_are_visible(run: Maker, tmp_path: Path) -> None:
    """A refused optimizer has its row, and is named as not drawn; why it failed is told."""
    newton = replace(run(optimizer=Spec("newton")), curve={}, hits=(), hyper={})
    refused = replace(newton, status=Status.REFUSED, message="needs a Hessian")
    page = write_report([run(), refused], tmp_path, title="x")

    for path in (page, tmp_path / "problems" / "quadratic.html"):
        assert "needs a Hessian" in read(path).text
    chart = load(tmp_path / "data" / "problem" / "quadratic.js")["charts"]["convergence"]
    absent = {name["text"]: name["why"] for name in chart["names"] if "why" in name}
    assert absent == {"newton": "refused"}


def test_runs_of_old_code_are_marked_on_every_page(run: Maker, tmp_path: Path) -> None:
    """Rows with a run that today's code did not make say so; a page of such rows says it once."""
    runs = [run(label=name, kappa=kappa) for name, kappa in (("a", 5.0), ("b", 7.0), ("c", 9.0))]
    runs.append(run(label="b", kappa=7.0, optimizer=Spec("x")))
    old = {one.spec.digest for one in runs[1:3]}
    page = write_report(runs, tmp_path, title="x", old=old)

    assert "2 runs were made by code that is not today's" in " ".join(read(page).text.split())
    found = {p.stem: p.read_text() for p in tmp_path.rglob("problems/*.html")}
    marked = {name: text.count('class="old"') for name, text in found.items()}
    assert marked == {"a": 0, "b": 1, "c": 0}
    assert [name for name, text in found.items() if "Every row has runs" in text] == ["c"]
    assert read(tmp_path / "optimizers" / "gd.html").text.count("old code") == 2
    marks = {
        name: [
            entry.get("mark")
            for entry in load(tmp_path / "data" / "problem" / f"{name}.js")["charts"][
                "convergence"
            ]["names"]
        ]
        for name in "bc"
    }
    assert sorted(map(str, marks["b"])) == ["None", "old code"]
    assert marks["c"] == [None]
    write_report(runs, tmp_path, title="x", old={one.spec.digest for one in runs})
    assert 'class="old"' not in page.read_text()


def test_a_report_of_the_same_runs_stays_and_of_others_is_made_again(
    small_suite: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is repeated for the same runs and words; any difference makes the folder anew."""
    made: list[str] = []

    def counted(whole: Whole) -> Page:
        made.append(whole.title)
        return page_of_overview(whole)

    monkeypatch.setattr(pages, "page_of_overview", counted)
    runs = small_suite[:20]
    write_report(runs, tmp_path, title="a")
    write_report(runs, tmp_path, title="a")
    assert len(made) == 1
    write_report(runs, tmp_path, title="b")
    write_report(runs[:-1], tmp_path, title="b")
    write_report(runs[:-1], tmp_path, title="b", old={runs[0].spec.digest})
    assert len(made) == 4
    looks = tmp_path / "templates"
    shutil.copytree(TEMPLATES, looks)
    (looks / "_base.css").write_text("", encoding="utf-8")
    monkeypatch.setattr(pages, "TEMPLATES", looks)
    write_report(runs[:-1], tmp_path, title="b", old={runs[0].spec.digest})
    assert len(made) == 5


def test_data_holds_no_numbers_that_json_lacks(run: Maker, tmp_path: Path) -> None:
    """Values from 1e-300 to 1e300, zeros, NaN and infinities come back as they went in."""
    one = run(budget=60)
    n = len(one.curve["step"])
    value = np.geomspace(1e300, 1e-300, n)
    value[-1] = 0.0
    wild = {**one.curve, "value": value, "suboptimality": value * 0.5, "gradient_norm": value / 2}
    wild["distance"] = np.where(np.arange(n) % 2, np.nan, np.inf)
    write_report([replace(one, curve=wild, status=Status.BUDGET)], tmp_path, title="wild")

    for path in (tmp_path / "data").rglob("*.js"):
        data = load(path)
        assert json.dumps(data, allow_nan=False)
