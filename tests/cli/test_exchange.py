"""`optbench import`, `export`, `table`, `compare`: runs go in, tables and conclusions come out."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import optbench
from optbench.cli import cli
from optbench.core.errors import OptbenchError
from optbench.reporting import gather
from optbench.store import open_store

HOSTILE = "<b>my 'opt' & $x_1$</b>"
THEIRS = "their bowl"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three optimizers on six problems, three seeds each, and of imported ones."""
    folder = tmp_path_factory.mktemp("exchange")
    kappas = "quadratic:kappa=2/4/8/16/32,noise=0.01"
    optbench.run(
        [kappas, "rosenbrock"],
        ["gd", "adam", "heavy_ball"],
        lr=[0.05, 0.2],
        seeds=3,
        budget=100,
        results=folder / "store",
    )
    path = folder / "theirs.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["problem", "optimizer", "seed", "step", "value", "f_star", "lr"])
        for name, rate in ((HOSTILE, 0.5), ("adam", 0.9)):
            for seed in range(3):
                for step in range(40):
                    writer.writerow([THEIRS, name, seed, step, (1 + seed) * rate**step, 0, 0.1])
    done = invoke("import", path, "--into", folder / "store")
    assert done.stdout.splitlines() == [
        f"6 runs added to {folder / 'store'}, 0 known",
        "code here has some of their names; theirs are: imported.adam",
    ]
    return folder / "store"


def invoke(*arguments: object, fails: bool = False) -> Result:
    """Run a verb here."""
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert fails or done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done


def refusal(*arguments: object) -> str:
    """Return the one line with which a command is refused."""
    done = invoke(*arguments, fails=True)
    assert isinstance(done.exception, OptbenchError), done.output
    message = str(done.exception)
    assert "\n" not in message
    assert not done.stdout
    return message


def test_a_table_is_printed_and_written_by_its_ending(store: Path, tmp_path: Path) -> None:
    """Text for the terminal; LaTeX, Markdown, CSV by the file's name, or by the option."""
    shown = invoke("table", "steps", store).stdout
    assert HOSTILE in shown
    for name, sign in (
        ("t.tex", r"\toprule"),
        ("t.md", "| --- |"),
        ("t.csv", "problem,"),
        ("deep/t.txt", "---"),
    ):
        done = invoke("table", "steps", store, "-o", tmp_path / name)
        assert done.stdout == f"{tmp_path / name}\n"
        assert sign in (tmp_path / name).read_text()
    assert (
        invoke("table", "steps", store, "--format", "latex").stdout
        == (tmp_path / "t.tex").read_text()
    )
    assert HOSTILE not in (tmp_path / "t.tex").read_text()
    assert r"\$x\_1\$" in (tmp_path / "t.tex").read_text()


@pytest.mark.parametrize("kind", ["steps", "final", "ranks", "costs"])
def test_python_has_the_numbers_of_the_command(store: Path, kind: str) -> None:
    """`optbench.table` is the frame that CSV holds, of a path, a list of them or runs in memory."""
    pick = ("--problem", "quadratic*") if kind == "ranks" else ()
    printed = invoke("table", kind, store, "--format", "csv", *pick).stdout
    frame = optbench.table(kind, store)
    if kind != "ranks":
        pd.testing.assert_frame_equal(optbench.table(kind, [str(store)]), frame)
        assert frame.to_csv(index=False) == printed
    assert len(list(csv.DictReader(io.StringIO(printed)))) > 2


def test_results_in_memory_have_tables_and_comparisons() -> None:
    """What `optbench.run` returns needs no store."""
    result = optbench.run(
        "quadratic:kappa=4,noise=0.01", ["gd", "adam"], lr=0.1, seeds=3, budget=30
    )
    frame = optbench.table("final", result)
    found = optbench.compare("gd", "adam", result.runs)

    assert sorted(frame["optimizer"]) == ["adam", "gd"]
    assert (found.a, found.b, len(found.changes)) == ("gd", "adam", 1)
    with pytest.raises(OptbenchError, match="in stores; these runs are in none"):
        optbench.compare("gd@old", "gd@new", result)


def test_others_runs_are_in_every_table(store: Path) -> None:
    """Imported optimizers have rows, steps and final values as computed from their curves."""
    rows = {
        row["optimizer"]: row
        for row in optbench.table("steps", store).to_dict("records")
        if row["problem"] == THEIRS
    }

    assert rows.keys() == {HOSTILE, "imported.adam"}
    assert rows[HOSTILE]["target"] == 1e-8
    assert rows[HOSTILE]["gradient_calls"] == pytest.approx(
        math.ceil(math.log(1e-8) / math.log(0.5))
    )
    assert rows["imported.adam"]["reached"] == 0
    final = optbench.table("final", store).set_index("optimizer")["final"]
    assert final["imported.adam"] == pytest.approx(0.9**39)


def test_others_runs_are_in_reports_and_exports(store: Path, tmp_path: Path) -> None:
    """A report shows them, as text; an export has them, and can be read as strict JSON."""
    invoke("report", store, "-o", tmp_path / "page", "-p", THEIRS)
    pages = "".join(path.read_text() for path in (tmp_path / "page").rglob("*.html"))
    assert "imported.adam" in pages
    assert "<b>my" not in pages
    done = invoke("export", tmp_path / "out", store, "-p", THEIRS, "--format", "json")
    found = json.loads((tmp_path / "out" / "runs.json").read_text(), parse_constant=lambda _: 1 / 0)

    assert done.stdout == f"{tmp_path / 'out' / 'runs.json'}\n"
    assert {run["method"] for run in found} == {HOSTILE, "imported.adam"}
    assert {run["environment"]["source"] for run in found} == {"theirs.csv"}


def test_two_optimizers_are_compared(store: Path) -> None:
    """Table and sentence name both; JSON has the numbers of the Python API."""
    shown = invoke("compare", "gd", "adam", store).stdout
    (found,) = json.loads(invoke("compare", "gd", "adam", store, "--json").stdout)
    own = optbench.compare("gd", "adam", store)

    assert "adam against gd" in shown
    assert own.sentence in " ".join(shown.split())
    assert found["sentence"] == own.sentence
    assert found["test"] == own.test
    assert [c["problem"] for c in found["changes"]] == [c.problem for c in own.changes]
    assert len(own.changes) == 6


def test_any_name_is_a_side(store: Path, tmp_path: Path) -> None:
    """One that is too long for a file's, and one with the sign of versions in it."""
    shutil.copytree(store, tmp_path / "store")
    names, path = ("x" * 300, "me@home"), tmp_path / "named.csv"
    lines = [f"{THEIRS},{name},0,{step},{0.5**step}" for name in names for step in range(9)]
    path.write_text("\n".join(["problem,optimizer,seed,step,value", *lines]))
    invoke("import", path, "--into", tmp_path / "store")

    assert names[1] in invoke("compare", *names, tmp_path / "store").stdout


def test_two_stores_are_compared(store: Path, tmp_path: Path) -> None:
    """A copy does the same, optimizer by optimizer."""
    shutil.copytree(store, tmp_path / "copy")
    found: list[dict[str, Any]] = json.loads(
        invoke("compare", store, tmp_path / "copy" / "results.db", "--json").stdout
    )

    assert len(found) == 5
    assert {change["verdict"] for one in found for change in one["changes"]} <= {
        "same",
        "undecided",
    }
    assert all(one["wins"] == one["losses"] == 0 for one in found)
    assert str(tmp_path / "copy") in found[0]["b"]


def test_two_versions_are_compared(store: Path, tmp_path: Path) -> None:
    """Imports of one name are versions of it: old and new are told apart, and by digits too."""
    folder = tmp_path / "store"
    for rate in (0.5, 0.25):
        path = tmp_path / "mine.csv"
        lines = [
            f"bowl,mine,{seed},{step},{(seed + 1) * rate**step},0"
            for seed in range(4)
            for step in range(30)
        ]
        path.write_text("\n".join(["problem,optimizer,seed,step,value,f_star", *lines]))
        invoke("import", path, "--into", folder)
    assert "supersede" not in invoke("import", path, "--into", folder).stdout
    found = optbench.compare("mine@old", "mine@new", folder)
    (change,) = found.changes

    assert (found.a, found.b) == ("mine@old", "mine@new")
    assert change.ratio_calls is not None
    assert change.ratio_calls.center == pytest.approx(14 / 27)
    assert change.verdict == "better"
    assert "mine@new" in invoke("compare", "mine@old", "mine@new", folder).stdout
    back = optbench.compare("mine@new", "mine@old", folder)
    assert back.changes[0].verdict == "worse"


def test_claims_come_from_what_verify_prints(tmp_path: Path) -> None:
    """The JSON of `optbench verify` is read as it is printed."""
    path = tmp_path / "claims.json"
    path.write_text(invoke("verify", "GD-03", "--json", "-j", 1).stdout)
    shown = invoke("table", "claims", path).stdout

    assert "GD-03" in shown
    assert "PASS" in shown
    assert {*optbench.table("claims", path)["verdict"]} == {"PASS"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("table stps", "unknown kind of table 'stps'; did you mean steps"),
        ("table steps nowhere", "there are no results in nowhere"),
        ("table steps STORE -o t.pdf", "unknown ending of a table's file: '.pdf'"),
        ("table steps STORE -p bowl", "unknown problem 'bowl'"),
        ("table steps STORE -p their* --optimizer gd", "no run there is all of that"),
        ("table ranks STORE -p rosenbrock", "ranks need 5 problems"),
        ("table claims", "claims are read from a file"),
        ("table claims nowhere.json", "cannot read nowhere.json"),
        ("table claims STORE", "cannot read"),
        ("table claims x.json -p y", "claims have no problem"),
        ("compare gd adm STORE", "unknown optimizer 'adm'; did you mean adam"),
        ("compare gd gd STORE", "gd and gd are the same runs"),
        ("compare gd@old gd STORE", "gd@old: there is but one version"),
        ("compare gd@zz gd STORE", "gd@zz: no version begins so"),
        ("compare * gd STORE", "stands for several here"),
        ("compare STORE gd STORE", "one is a store"),
        ("compare STORE STORE STORE", "a third one has no part"),
        ("export out nowhere", "there are no results in nowhere"),
        ("export out STORE -p bowl", "unknown problem 'bowl'"),
        ("import nowhere.csv --into there", "cannot use nowhere.csv"),
        ("import STORE --into there", "its name ends in none of"),
    ],
)
def test_bad_input_is_one_clear_line(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, complaint: str
) -> None:
    """The line names the thing and what exists; nothing is written."""
    monkeypatch.chdir(tmp_path)
    words = [str(store) if word == "STORE" else word for word in arguments.split()]

    assert complaint in refusal(*words)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store(tmp_path: Path) -> None:
    """There is nothing to tabulate or to compare, in one line; an export has no rows."""
    open_store(tmp_path / "store").close()
    for verb in (["table", "steps"], ["compare", "gd", "adam"]):
        assert "there are no runs" in refusal(*verb, tmp_path / "store")
    invoke("export", tmp_path / "out", tmp_path / "store")
    assert (tmp_path / "out" / "hits.csv").read_text().count("\n") == 1


def test_a_store_of_refused_or_damaged_runs_alone_says_so(tmp_path: Path) -> None:
    """Else a table is a heading over nothing, or there seems to be nothing to mend."""
    optbench.run("rosenbrock", "gd", lr="1/L", budget=5, results=tmp_path)
    for kind in ("steps", "final", "costs", "ranks"):
        assert "every run there was refused: gd: lr=1/L needs" in refusal("table", kind, tmp_path)
    with closing(sqlite3.connect(tmp_path / "results.db")) as connection, connection:
        connection.execute("UPDATE runs SET message = 'forged'")
    assert refusal("table", "final", tmp_path).endswith("to make a table of: all 1 are damaged")


def test_a_damaged_store_has_its_table_without_what_is_damaged(store: Path, tmp_path: Path) -> None:
    """The table says so, stderr names the row, the exit status is 1."""
    shutil.copytree(store, tmp_path / "store")
    with sqlite3.connect(tmp_path / "store" / "results.db") as connection:
        connection.execute("UPDATE runs SET message = 'forged' WHERE id = 1")
    connection.close()
    for verb in (["table", "final"], ["compare", "gd", "adam"], ["export", tmp_path / "out"]):
        done = invoke(*verb, tmp_path / "store", fails=True)
        assert done.exit_code == 1
        assert "left out" in done.stderr
        assert "row 1" in done.stderr
        assert done.stdout
    assert (
        "1 damaged runs are left out"
        in invoke("table", "final", tmp_path / "store", fails=True).stdout
    )


@pytest.mark.parametrize(
    ("column", "value"), [("spec", "'{'"), ("spec_digest", "X'ff'"), ("created", "X'ff'")]
)
def test_a_row_whose_spec_is_damaged_is_left_out_once(
    store: Path, tmp_path: Path, column: str, value: str
) -> None:
    """What picks runs reads specs before any checksum: a damaged one is named, and no crash."""
    shutil.copytree(store, tmp_path / "store")
    with closing(sqlite3.connect(tmp_path / "store" / "results.db")) as connection, connection:
        connection.execute(f"UPDATE runs SET {column} = {value} WHERE id = 1")
    out = tmp_path / "out"
    for verb in (["table", "final"], ["compare", "gd", "adam"], ["export", out], ["rate"]):
        place = ["--results", tmp_path / "store"] if verb == ["rate"] else [tmp_path / "store"]
        done = invoke(*verb, *place, fails=True)
        assert done.exit_code == 1, done.exception
        assert done.stderr.count("row 1 ") == 1, done.stderr


def test_bytes_that_are_no_text_are_printed(store: Path, tmp_path: Path) -> None:
    """A damaged key is shown with escapes, also where the output takes nothing else."""
    shutil.copytree(store, tmp_path / "store")
    with closing(sqlite3.connect(tmp_path / "store" / "results.db")) as connection, connection:
        connection.execute("UPDATE runs SET key = CAST(X'ffd4' AS TEXT) WHERE id = 1")
    done = subprocess.run(
        [sys.executable, "-m", "optbench", "verify-store", str(tmp_path / "store")],
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 1, done.stderr
    assert "row 1 (run \\udcff\\udcd4)" in done.stdout


def test_a_run_in_two_stores_is_no_older_run(store: Path, tmp_path: Path) -> None:
    """Nothing is said to be superseded when the same run is read twice."""
    shutil.copytree(store, tmp_path / "copy")
    assert gather([store, tmp_path / "copy"]).superseded == 0


def test_a_pattern_may_fit_one_store_of_several(store: Path, tmp_path: Path) -> None:
    """What only the second store has is found there, and not missed in the first."""
    optbench.run("parabola", "gd", lr=0.1, budget=5, results=tmp_path / "other")
    done = invoke("table", "final", store, tmp_path / "other", "-p", "parabola", "--format", "csv")

    assert [row["problem"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["parabola"]


def test_a_file_that_cannot_be_written_is_named(store: Path, tmp_path: Path) -> None:
    """A file in the place of a folder is one clear line."""
    (tmp_path / "file").write_text("")
    assert "cannot write" in refusal("table", "final", store, "-o", tmp_path / "file" / "t.tex")


def test_endings_are_read_in_any_case(store: Path, tmp_path: Path) -> None:
    """T.TEX is LaTeX, as A.PDF is PDF; its folder is made."""
    invoke("table", "final", store, "-o", tmp_path / "new" / "T.TEX")
    assert r"\toprule" in (tmp_path / "new" / "T.TEX").read_text()


def test_verify_store_takes_several(store: Path, tmp_path: Path) -> None:
    """Every store is checked; only one at a time is saved from."""
    shutil.copytree(store, tmp_path / "copy")
    done = invoke("verify-store", store, tmp_path / "copy")

    assert done.stdout.count("every run is whole") == 2
    assert "one store at a time" in refusal(
        "verify-store", store, store, "--salvage", tmp_path / "s"
    )
