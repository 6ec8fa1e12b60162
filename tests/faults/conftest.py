"""A suite of a user's own that takes a second or two, and a way to start it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from optbench.core.run import Run
from optbench.store import open_store

SUITE = """
about = "a few seconds of work in many small batches"
reference = "none"
budget = 400
targets = [1e-2, 1e-6]

[[runs]]
problems = ["quadratic:dim=20,kappa=10/100/1000", "quadratic:dim=10,noise=0.1", "log_sum_exp"]
optimizers = ["gd", "heavy_ball", "adam", "adagrad"]
lr = "1e-3..1:7"
seeds = 2

[[runs]]
problems = ["least_squares", "rosenbrock"]
optimizers = ["torch.SGD:momentum=0.9", "torch.Adam", "scipy.L-BFGS-B"]
lr = 0.01
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Return the folder of the suite."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "suite.toml").write_text(SUITE)
    return folder


def start(suite: Path, results: Path, *options: str) -> subprocess.Popen[str]:
    """Start the suite in a process group of its own."""
    command = [sys.executable, "-m", "optbench", "run", "--suite", str(suite), "--no-report"]
    return subprocess.Popen(
        [*command, "--results", str(results), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=suite.parent,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def finish(suite: Path, results: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the suite to its end."""
    process = start(suite, results, *options)
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def stored(results: Path) -> dict[str, Run]:
    """Read a store's runs by key, each checked whole."""
    with open_store(results, create=False) as store:
        return {record.key: record.run for record in store.read()}


def rows(results: Path) -> int:
    """Count the rows that are committed now, while somebody else may be writing."""
    path = results / "results.db"
    if not path.is_file():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:  # created, but its tables are not committed yet
        return 0
    finally:
        connection.close()
