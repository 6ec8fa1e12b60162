"""Parquet files in the layouts of benchopt's versions become runs; nothing in them is executed."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.store import import_files, open_store

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

Rows = Sequence[Mapping[str, Any]]


def rows(version: str = "new") -> list[dict[str, Any]]:
    """Return what benchopt writes for two solvers, one of them with a parameter, twice each."""
    dataset = "dataset_name" if version == "new" else "data_name"
    found = []
    for solver, fast in (("Python-PGD[use_acceleration=True]", True), ("L-BFGS", None)):
        for repetition in (0, 1):
            for stop in (0, 2, 1):  # merged files are in no order
                found.append(
                    {
                        "objective_name": "Lasso[lambda=0.1]",
                        "obj_description": "",
                        dataset: "Simulated[n=100]",
                        "solver_name": solver,
                        "solver_description": "a solver",
                        "idx_rep": repetition,
                        "stop_val": float(stop),
                        "time": [0.0, 0.5, 0.25][stop],
                        "objective_value": 8.0 / 2**stop + repetition,
                        "objective_support_size": 5,
                        "p_solver_use_acceleration": fast,
                        "p_dataset_n": 100,
                        "version-numpy": "2.2",
                        "sampling_strategy": "iteration",
                    }
                )
    return found


def write(path: Path, table: Rows) -> Path:
    """Write rows as benchopt does: with pandas' and its own metadata in the schema."""
    made = pa.Table.from_pylist(list(table))
    made = made.replace_schema_metadata({b"_meta_json": b"{}"})
    pq.write_table(made, path)
    return path


def imported(folder: Path, table: Rows, **options: str) -> dict[tuple[str, int], Run]:
    """Import a file of some rows; return runs by optimizer and seed."""
    import_files([write(folder / "results.parquet", table)], folder / "store", **options)
    with open_store(folder / "store", create=False) as store:
        runs = [record.run for record in store.read()]
    return {(str(run.spec.optimizer), run.spec.seed): run for run in runs}


@pytest.mark.parametrize("version", ["new", "old"])
def test_curves_of_every_version(tmp_path: Path, version: str) -> None:
    """Solvers, parameters, repetitions, iterations and values are where a run has them."""
    found = imported(tmp_path, rows(version))

    assert sorted(found) == [
        ("benchopt.L-BFGS", 0),
        ("benchopt.L-BFGS", 1),
        ("benchopt.Python-PGD:use_acceleration=true", 0),
        ("benchopt.Python-PGD:use_acceleration=true", 1),
    ]
    for (_, seed), run in found.items():
        assert run.spec.problem_label == "Lasso[lambda=0.1], Simulated[n=100]"
        assert (run.engine, run.status, run.message) == ("imported", Status.BUDGET, "")
        assert run.curve["step"].tolist() == run.curve["gradient_calls"].tolist() == [0, 1, 2]
        assert run.curve["value"].tolist() == [8.0 + seed, 4.0 + seed, 2.0 + seed]
        assert run.facts == {"f_star": None}
        assert all(map(math.isnan, run.curve["suboptimality"]))


def test_times_do_not_fall(tmp_path: Path) -> None:
    """Each point has a run of its own in benchopt, and a longer one may take less time."""
    for run in imported(tmp_path, rows()).values():
        assert run.curve["seconds"].tolist() == [0.0, 0.5, 0.5]


def test_tolerances_are_no_steps(tmp_path: Path) -> None:
    """Falling tolerances are the places of a curve, loosest first, and the run says so."""
    table = [
        {**row, "stop_val": tolerance, "objective_value": value}
        for row in rows()[:1]
        for tolerance, value in ((1e-3, 2.0), (math.inf, 9.0), (1e-1, 4.0))
    ]
    (run,) = imported(tmp_path, table).values()

    assert run.curve["step"].tolist() == [0, 1, 2]
    assert run.curve["value"].tolist() == [9.0, 4.0, 2.0]
    assert "places in the curve" in run.message


def test_without_repetitions_and_parameters(tmp_path: Path) -> None:
    """A file without those columns is a single repetition, and names stay whole."""
    table = [
        {k: v for k, v in row.items() if not k.startswith("p_") and k != "idx_rep"}
        for row in rows()[:3]
    ]
    assert [*imported(tmp_path, table)] == [("benchopt.Python-PGD[use_acceleration=True]", 0)]


def test_a_learning_rate_is_one(tmp_path: Path) -> None:
    """A parameter that is called lr is what a sensitivity is drawn against."""
    table = [{**row, "p_solver_lr": lr} for row in rows()[:3] for lr in (0.1, 0.2)]
    found = imported(tmp_path, table).values()

    assert sorted(run.hyper["lr"] for run in found) == [0.1, 0.2]


def test_another_metric(tmp_path: Path) -> None:
    """The value can be another column; one that is not there is named with those that are."""
    for run in imported(tmp_path, rows(), metric="support_size").values():
        assert run.curve["value"].tolist() == [5.0, 5.0, 5.0]
    with pytest.raises(OptbenchError, match=r"no column objective_loss.*: support_size, value"):
        import_files([tmp_path / "results.parquet"], tmp_path / "other", metric="loss")


def test_a_value_that_was_not_had_ends_the_run(tmp_path: Path) -> None:
    """A missing objective is a run that was lost there."""
    table = rows()[:3]
    table[1]["objective_value"] = None  # stop_val 2
    (run,) = imported(tmp_path, table).values()

    assert (run.status, run.first_bad_step, len(run.curve["value"])) == (Status.NAN, 2, 2)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:  # noqa: D107
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.path,)


@pytest.mark.parametrize("column", ["final_results", "objective_extra", "p_solver_init"])
def test_pickles_are_never_loaded(tmp_path: Path, column: str) -> None:
    """Columns of bytes are left alone, wherever they stand."""
    sprung = tmp_path / "sprung"
    cell = b"\x00benchopt-pkl\x00" + pickle.dumps(Trap(sprung))
    found = imported(tmp_path, [{**row, column: cell} for row in rows()])

    assert len(found) == 4
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))  # the trap is one
    assert sprung.exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"solver_name": None}, "row 2, solver_name: None is not a name"),
        ({"objective_name": "\n"}, r"row 2, objective_name: '\\n' is not a name"),
        ({"idx_rep": 0.5}, "row 2, idx_rep: 0.5 is not a whole number"),
        ({"stop_val": 0.0}, "row 2, step: 0 is at .*row 1 too"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    """File, row and column are named, and nothing is imported."""
    table = [{**row, "idx_rep": float(row["idx_rep"])} for row in rows()[:3]]
    table[1].update(change)
    with pytest.raises(OptbenchError, match=complaint):
        imported(tmp_path, table)
    assert not (tmp_path / "store").exists()


def test_text_in_a_column_of_numbers_is_named(tmp_path: Path) -> None:
    """A value that is a word is no number."""
    with pytest.raises(OptbenchError, match="row 1, objective_value: 'low' is not a number"):
        imported(tmp_path, [{**row, "objective_value": "low"} for row in rows()])


@pytest.mark.parametrize("damage", ["cut", "not one", "another"])
def test_another_file_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    """A file that was cut, is no Parquet or of another program is refused by its name."""
    path = write(tmp_path / "results.parquet", rows())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "not one":
        path.write_text("objective_name")
    else:
        write(path, [{"a": 1}])
    with pytest.raises(OptbenchError, match=r"results.parquet") as error:
        import_files([path], tmp_path / "store")

    assert "\n" not in str(error.value)
    assert not (tmp_path / "store").exists()


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    """Parquet checks no text: bytes that are none show when a row is read."""
    path = write(tmp_path / "results.parquet", rows())
    table = pq.read_table(path)
    place, ends = table.column_names.index("objective_name"), np.arange(table.num_rows + 1)
    buffers = [None, pa.py_buffer(ends.astype("<i4").tobytes()), pa.py_buffer(b"\xff" * ends[-1])]
    names = pa.Array.from_buffers(pa.string(), table.num_rows, buffers)
    pq.write_table(table.set_column(place, "objective_name", names), path)

    with pytest.raises(OptbenchError, match=r"results.parquet has text that is not UTF-8"):
        import_files([path], tmp_path / "store")
