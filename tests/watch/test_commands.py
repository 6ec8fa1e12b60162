"""The command lines that the dashboard offers do find the commit."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

from optbench.core.spec import RunSpec, Spec
from optbench.core.training import Training
from optbench.nightly.metrics import Asked
from optbench.watch.commands import bisect_options
from tests.watch.project import SLOWER, Project


def test_the_command_on_the_page_finds_the_commit(tmp_path: Path) -> None:
    """Copied as it is shown, it names the commit between two nights that made the step slower."""
    project = Project(tmp_path / "checkout")
    project.write()
    project.git("init", "--quiet")
    project.commit("First")
    project.nightly()
    project.commit("Nothing")
    project.write(SLOWER)
    bad = project.commit("A shorter step")
    project.commit("Nothing more")
    status, _ = project.nightly()
    pages = [page.read_text() for page in (project.folder / "reports").rglob("*.html")]
    commands = {html.unescape(c) for p in pages for c in re.findall(r'class="command">(.*?)<', p)}
    (command,) = [c for c in commands if "--metric steps_to_target " in c]
    program, *arguments = shlex.split(command)
    done = project.run(*arguments)

    assert status == 1
    assert program == "optbench"
    assert "--budget 200 --target 0.01 --target 1e-06" in command
    assert bad[:10] in done.stdout, done.stderr


def test_what_bisect_cannot_ask_for_has_no_options() -> None:
    """Another seed and a task's training are no part of its request; measures of targets are."""
    spec = RunSpec(
        problem=Spec("quadratic"), optimizer=Spec("gd"), targets=(0.5,), target_measure="distance"
    )
    runs = {
        Asked("q", "gd", "constant", "a"): spec,
        Asked("q seed 1", "gd", "constant", "b"): RunSpec(
            problem=Spec("quadratic"), optimizer=Spec("gd"), seed=1
        ),
        Asked("t", "gd", "constant", "c"): RunSpec(
            problem=Spec("quadratic"), optimizer=Spec("gd"), training=Training(evaluations=3)
        ),
    }
    options = bisect_options(runs)

    assert options.keys() == {"a"}
    assert options["a"][-4:] == ("--target", "distance=0.5", "--dtype", "float64")
