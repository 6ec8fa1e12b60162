"""From a project's checkout every verb takes the checkout's own optimizers by module and name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from optbench.core.errors import OptbenchError
from optbench.core.registry import load
from tests.watch.project import SLOWER, Project


def _run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run optbench as its script does: without the current directory on Python's path."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "optbench", *arguments],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_module_of_the_current_directory_runs_and_its_code_counts(tmp_path: Path) -> None:
    """In worker processes too; the same code is not run again, a changed helper's runs are new."""
    project = Project(tmp_path)
    project.write()
    command = ["run", "-p", "quadratic:dim=5/6", "-o", "mylib.sgd:SGD", "--lr", "0.1", "--json"]
    first = _run(project, *command, "-j", "2", "--budget", "20")
    again = _run(project, *command, "--budget", "20")
    project.write(SLOWER)
    changed = _run(project, *command, "--budget", "20")

    assert first.returncode == 0, first.stderr
    assert [json.loads(done.stdout)["new"] for done in (first, again, changed)] == [2, 0, 2]


def test_the_checkout_comes_before_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed release of the same package is not what somebody in the checkout means."""
    for place, value in (("installed", 1), ("checkout", 2)):
        (tmp_path / place / "twice_there").mkdir(parents=True)
        (tmp_path / place / "twice_there" / "__init__.py").write_text(f"value = {value}\n")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    monkeypatch.chdir(tmp_path / "checkout")

    assert load("twice_there:value") == 2


def test_a_folder_hides_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the import the current directory is the last place where Python looks."""
    (tmp_path / "only_here.py").write_text("value = 3\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)

    assert load("only_here:value") == 3
    assert sys.path[-1] == str(tmp_path)
    assert str(tmp_path) not in sys.path[:-1]
    with pytest.raises(OptbenchError, match="did you mean value"):
        load("only_here:valu")
