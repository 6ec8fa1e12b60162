"""Plain CSV of curves becomes runs: all of them or none, with every number as the file has it."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optbench
from optbench.analysis.summary import summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.reporting import gather
from optbench.store import Record, export, import_files, open_store
from optbench.store.foreign import table
from optbench.store.foreign.table import NEEDED, OPTIONAL, read_csv

Cells = Mapping[str, object]
PLAIN: Cells = {"problem": "bowl", "optimizer": "mine", "seed": 0, "step": 0, "value": 1.0}


def write(path: Path, rows: Sequence[Cells]) -> Path:
    """Write rows under the names of the first one's cells."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows([list(row.values()) for row in rows])
    return path


def points(values: Sequence[float], **cells: object) -> list[Cells]:
    """Return the rows of one curve."""
    return [{**PLAIN, **cells, "step": step, "value": v} for step, v in enumerate(values)]


def imported(folder: Path, rows: Sequence[Cells]) -> list[Run]:
    """Import a file of some rows and return what the store then has."""
    import_files([write(folder / "curves.csv", rows)], folder / "store")
    return stored(folder / "store")


def stored(path: Path) -> list[Run]:
    """Return the runs of a store."""
    return [record.run for record in records(path)]


def records(path: Path) -> list[Record]:
    """Return the records of a store."""
    with open_store(path, create=False) as store:
        return list(store.read())


def test_numbers_are_kept_and_defaults_fill_in(tmp_path: Path) -> None:
    """A curve of the columns that must be there: evaluations are steps, the rest is unknown."""
    (run,) = imported(tmp_path, points([4.0, 1.0, 1e-300], seed=3))

    assert (run.engine, run.status, run.spec.seed) == ("imported", Status.BUDGET, 3)
    assert (run.spec.problem_label, run.spec.optimizer.name) == ("bowl", "mine")
    assert run.spec.budget == 2
    assert run.curve["value"].tolist() == [4.0, 1.0, 1e-300]
    assert run.curve["gradient_calls"].tolist() == run.curve["step"].tolist() == [0, 1, 2]
    for name in ("suboptimality", "gradient_norm", "distance", "lr", "seconds", "value_calls"):
        assert np.isnan(run.curve[name]).all()
    assert run.hits == ()


def test_what_the_file_knows_is_used(tmp_path: Path) -> None:
    """The minimum gives gaps and hits at the first point at or below a target; rates are shown."""
    rows = points([3.0, 2 + 2**-5, 2 + 2**-7, 2 + 2**-14, 2.5], f_star=2.0, lr=0.25)
    extra = [
        {**row, "gradient_calls": 2 * step, "seconds": step / 8} for step, row in enumerate(rows)
    ]
    (run,) = imported(tmp_path, extra)

    assert run.facts == {"f_star": 2.0}
    assert run.hyper == {"lr": 0.25}
    assert run.curve["lr"].tolist() == [0.25] * 5
    assert run.curve["suboptimality"].tolist() == [1, 2**-5, 2**-7, 2**-14, 0.5]
    assert [(hit.target, hit.step, hit.gradient_calls) for hit in run.hits] == [
        (0.01, 2, 4.0),
        (0.0001, 3, 6.0),
    ]
    assert run.seconds == 0.5
    assert run.spec.budget == 8


@settings(max_examples=25)
@given(st.randoms())
def test_the_order_of_rows_means_nothing(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random
) -> None:
    """Rows of three runs, shuffled, are the same three runs."""
    rows = [
        *points([3.0, 2.0, 1.0]),
        *points([5.0, 4.0], seed=1),
        *points([7.0, 6.0], optimizer="b"),
    ]
    shuffled = rows[:]
    chance.shuffle(shuffled)
    folder = tmp_path_factory.mktemp("order")
    one = read_csv(write(folder / "a.csv", rows), {})
    import_files([write(folder / "a.csv", rows)], folder / "a")
    import_files([write(folder / "b.csv", shuffled)], folder / "b")

    assert len(one) == 3
    keys = [sorted(record.key for record in records(folder / name)) for name in "ab"]
    assert keys[0] == keys[1]


@settings(max_examples=40)
@given(st.text(min_size=1).filter(lambda s: s.strip() and s.strip().isprintable()))
def test_any_name_comes_back(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Quotes, commas, angle brackets and letters of any alphabet are a name like another."""
    folder = tmp_path_factory.mktemp("names")
    (run,) = imported(folder, points([1.0], problem=name))

    assert run.spec.problem_label == name.strip()


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ({"value": "1,5"}, "row 3, value: '1,5' is not a number"),
        ({"value": ""}, "row 3, value: '' is not a number"),
        ({"value": "1_0"}, "row 3, value: '1_0' is not a number"),
        ({"step": 0.5}, "row 3, step: 0.5 is not a whole number"),
        ({"step": -1}, "row 3, step: -1 is not a whole number"),
        ({"step": "nan"}, "row 3, step: nan is not a whole number"),
        ({"step": 0}, "row 3, step: 0 is at "),
        ({"seed": "x"}, "row 3, seed: 'x' is not a whole number"),
        ({"seed": "9" * 5000}, "row 3, seed: "),
        ({"problem": " "}, "row 3, problem: '' is not a name"),
        ({"optimizer": "a\x1b[2Jb"}, "row 3, optimizer: "),
        ({"lr": "-1"}, "row 3, lr: -1 is not a learning rate"),
        ({"f_star": "inf"}, "row 3, f_star: inf is not a minimum"),
        ({"f_star": "2"}, "row 3, f_star: another one than at"),
        ({"status": "dead"}, "row 3, unknown status 'dead'"),
        ({"status": "diverged"}, "row 3, status: another one than before"),
        ({"gradient_calls": "-2"}, "row 3, gradient_calls: -2 is not a number from 0 on"),
        ({"gradient_calls": "0.5"}, "row 3, gradient_calls: fewer than at"),
    ],
)
def test_a_bad_cell_is_named_and_nothing_is_imported(
    tmp_path: Path, cells: Cells, complaint: str
) -> None:
    """File, row and column are named; the sound file before it is not imported either."""
    full = {"lr": "", "f_star": 1, "status": "", "gradient_calls": 1}
    rows = [{**row, **full} for row in points([3.0, 2.0])]
    bad = write(tmp_path / "bad.csv", [rows[0], {**rows[1], **cells}])
    good = write(tmp_path / "good.csv", points([1.0]))
    with pytest.raises(OptbenchError) as error:
        import_files([good, bad], tmp_path / "store")

    assert f"{bad}: {complaint}" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "has no column problem and no column optimizer"),
        (b"problem,optimizer,seed,step,vlaue\n", "unknown column 'vlaue'; did you mean value"),
        (b"problem,optimizer,seed,step,value,value\n", "two columns are called value"),
        (b"problem,optimizer,seed,step,value\n", "nothing to import"),
        (b"problem,optimizer,seed,step,value\np,o,0,1\n", "row 2 has 4 cells, the header 5"),
        (b'problem,optimizer,seed,step,value\n"p,o,0,1,1\n', "is not a CSV file"),
        (b"problem,optimizer,seed,step,value\n\xff,o,0,1,1\n", "is not text in UTF-8"),
    ],
)
def test_another_file_is_one_clear_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    """What is not a table of curves is refused by its name."""
    path = tmp_path / "curves.csv"
    path.write_bytes(content)
    with pytest.raises(OptbenchError, match=complaint) as error:
        import_files([path], tmp_path / "store")

    assert str(path) in str(error.value)
    assert not (tmp_path / "store").exists()


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    """A missing file and an ending that says nothing are named."""
    with pytest.raises(OptbenchError, match=r"cannot use .*nowhere.csv: No such file"):
        import_files([tmp_path / "nowhere.csv"], tmp_path / "store")
    (tmp_path / "a.pkl").write_bytes(b"")
    with pytest.raises(OptbenchError, match=r"a.pkl: its name ends in none of .parquet .pq .csv"):
        import_files([tmp_path / "a.pkl"], tmp_path / "store")


def test_a_curve_without_its_start_is_refused(tmp_path: Path) -> None:
    """Step 0 is what suboptimality is relative to; the row with the run's first step is named."""
    rows = [*points([3.0, 2.0]), *points([5.0, 4.0, 3.0], optimizer="late")[:0:-1]]
    path = write(tmp_path / "curves.csv", rows)
    with pytest.raises(OptbenchError) as error:
        import_files([path], tmp_path / "store")

    said = f"{path}: row 5, step: late on bowl, seed 0 begins at 1, not at the start, 0"
    assert str(error.value) == said
    assert not (tmp_path / "store").exists()


def test_a_mark_of_the_byte_order_is_no_part_of_a_name(tmp_path: Path) -> None:
    """A file that a spreadsheet wrote is read too."""
    path = write(tmp_path / "curves.csv", points([1.0]))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert import_files([path], tmp_path / "store").written == 1


@pytest.mark.parametrize(("bad", "status"), [(math.nan, Status.NAN), (math.inf, Status.DIVERGED)])
def test_a_curve_ends_before_what_is_not_finite(tmp_path: Path, bad: float, status: Status) -> None:
    """The run is lost at that step, and what follows is no part of it."""
    (run,) = imported(tmp_path, points([2.0, 3.0, bad, 1.0]))

    assert (run.status, run.first_bad_step) == (status, 2)
    assert run.curve["value"].tolist() == [2.0, 3.0]


def test_what_code_here_is_called_is_looked_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages are searched for plugins once a file: once a row, a million rows took hours."""
    searches: list[str] = []

    def search(group: str) -> dict[str, str]:
        searches.append(group)
        return {}

    monkeypatch.setattr(table, "plugins", search)
    imported(tmp_path, [row for name in "abc" for row in points([3, 2, 1], optimizer=name)])

    assert searches == ["optbench.optimizers"]


def test_a_run_that_is_lost_at_once_has_no_curve(tmp_path: Path) -> None:
    """Its status is there all the same, and a summary takes it."""
    runs = imported(tmp_path, [*points([math.nan]), *points([1.0, 0.5], optimizer="b")])

    assert {run.spec.optimizer.name: run.status for run in runs} == {"mine": "nan", "b": "budget"}
    assert {row.name: row.diverged for row in summarize(runs)} == {"mine": 1, "b": 0}


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    """Known runs are counted, and the file of results has the same runs."""
    path = write(tmp_path / "curves.csv", points([2.0, 1.0]))
    first = import_files([path], tmp_path / "store")
    again = import_files([path], tmp_path / "store")

    assert (first.written, first.known, again.written, again.known) == (1, 0, 0, 1)
    assert len(stored(tmp_path / "store")) == 1


def test_other_numbers_of_a_name_supersede_the_old_ones(tmp_path: Path) -> None:
    """Both are stored, the newer is shown, and the import says so."""
    import_files([write(tmp_path / "curves.csv", points([2.0, 1.0]))], tmp_path / "store")
    done = import_files([write(tmp_path / "curves.csv", points([2.0, 0.5]))], tmp_path / "store")
    found = gather([tmp_path / "store"])

    assert (done.written, done.replaced, found.superseded) == (1, 1, 1)
    assert [run.last("value") for run in found.runs] == [0.5]


def test_one_run_in_two_files_is_refused(tmp_path: Path) -> None:
    """Which of them is right, the program cannot know."""
    files = [write(tmp_path / f"{n}.csv", points([2.0, 1.0 / n])) for n in (1, 2)]
    with pytest.raises(OptbenchError, match=r"2.csv: row 2: mine on bowl, seed 0 is at .*1.csv"):
        import_files(files, tmp_path / "store")


@pytest.mark.parametrize("name", ["adam", "torch.Adam", "x.py:Mine", "adam:beta1=0.5", "a.b"])
def test_names_of_code_here_are_not_taken(tmp_path: Path, name: str) -> None:
    """What could be an optimizer of this program is called imported.NAME, and named as such."""
    done = import_files([write(tmp_path / "c.csv", points([1.0], optimizer=name))], tmp_path / "s")
    (run,) = stored(tmp_path / "s")

    assert str(run.spec.optimizer) == f"imported.{name}"
    assert done.renamed == (run.spec.optimizer.name,)


def test_others_runs_stand_beside_ones_own_on_one_problem(tmp_path: Path) -> None:
    """A curve of `adam` on a problem of the same name is a row of its own, nothing is mixed."""
    optbench.run("parabola", "adam", lr=0.1, budget=20, results=tmp_path / "store")
    rows = points([1.0, 0.25], problem="parabola", optimizer="adam", lr=0.1, f_star=0.0)
    import_files([write(tmp_path / "c.csv", rows)], tmp_path / "store")
    found = gather([tmp_path / "store"], code=True)
    summary = summarize(found.runs)

    assert {row.name for row in summary} == {"adam", "imported.adam"}
    assert len({row.title for row in summary}) == 1
    assert found.old == frozenset()
    assert any("imported from c.csv" in text for text in found.environments)


def test_what_was_exported_is_imported_to_the_last_bit(tmp_path: Path) -> None:
    """Curves that go out as CSV come back with the same numbers, best rates and hits."""
    optbench.run(
        "quadratic:kappa=10", ["gd", "adam"], lr=[0.1, 0.5], seeds=2, budget=60,
        results=tmp_path / "own", record="every",
    )  # fmt: skip
    with open_store(tmp_path / "own") as store:
        runs, _, curves = export([store], tmp_path / "out", "csv")
    who = {row["key"]: row for row in csv.DictReader(runs.read_text().splitlines())}
    rows = [
        {
            "problem": who[point["key"]]["label"],
            "optimizer": who[point["key"]]["method"],
            "seed": who[point["key"]]["seed"],
            **{name: point[name] for name in (*NEEDED, *OPTIONAL) if name in point},
            "lr": who[point["key"]]["lr"],
        }
        for point in csv.DictReader(curves.read_text().splitlines())
    ]
    back = imported(tmp_path, rows)
    mine = {
        (r.spec.optimizer.name, r.hyper["lr"], r.spec.seed): r for r in stored(tmp_path / "own")
    }

    assert len(back) == len(mine) == 8
    for run in back:
        name = run.spec.optimizer.name.removeprefix("imported.")
        own = mine[name, run.hyper["lr"], run.spec.seed]
        assert own.hits == run.hits
        for column, values in own.curve.items():
            np.testing.assert_array_equal(run.curve[column], values)
    best = [
        {r.optimizer.removeprefix("imported."): r.best_lr for r in summarize(x)}
        for x in (back, mine.values())
    ]
    assert best[0] == best[1]


def test_every_column_is_documented() -> None:
    """The README names the columns that are read, and no others."""
    text = (Path(__file__).parents[3] / "results" / "README.md").read_text()
    section = text[text.index("### Plain CSV") : text.index("### benchopt's Parquet")]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    names = [name.strip(" `") for cell in cells for name in cell.split(",")]

    assert sorted(names) == sorted((*NEEDED, *OPTIONAL))
