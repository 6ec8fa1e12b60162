"""The workflows that are there to be copied: valid, and their commands do what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import optbench.nightly
from tests.watch.project import SLOWER, Project

TEMPLATES = Path(optbench.nightly.__file__).parent / "templates"
GITHUB, GITLAB = TEMPLATES / "github-actions.yml", TEMPLATES / "gitlab-ci.yml"
INSTALL = "python -m pip install"


@pytest.mark.parametrize(
    ("path", "schema"),
    [(GITHUB, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")],
    ids=["github", "gitlab"],
)
def test_a_workflow_is_what_its_schema_allows(path: Path, schema: str, tmp_path: Path) -> None:
    """check-jsonschema finds nothing in it, and does find a word that is not a key."""
    wrong = tmp_path / path.name
    wrong.write_text(
        path.read_text().replace("runs-on:", "runs_on:").replace("script:", "scripts:")
    )
    checks = [
        subprocess.run(
            [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        for file in (path, wrong)
    ]

    assert checks[0].returncode == 0, checks[0].stdout
    assert checks[1].returncode == 1


class Runner:
    """A project with a remote, where the commands of a workflow are run."""

    def __init__(self, folder: Path) -> None:
        """Make the project, with one commit that is pushed."""
        self.folder = folder
        self.project = Project(folder / "project")
        self.project.write()
        self.project.git("init", "--quiet")
        self.commit = self.project.commit("First")
        subprocess.run(["git", "init", "--quiet", "--bare", folder / "origin.git"], check=True)
        self.project.git("remote", "add", "origin", str(folder / "origin.git"))
        self.project.git("push", "--quiet", "-u", "origin", "HEAD")

    def run(self, command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the services do: in bash, ending at the first that fails."""
        tools = f"{self.folder / 'tools'}:{Path(sys.executable).parent}"
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", **more}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
            cwd=self.project.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def change(self, step: str) -> str:
        """Commit another step of the optimizer."""
        self.project.write(step)
        self.project.git("add", "mylib")
        self.project.git("commit", "--quiet", "-m", "Another step")
        return self.project.git("rev-parse", "HEAD")

    def kept(self) -> list[str]:
        """Return the nights in the branch of the remote that keeps them."""
        self.project.git("fetch", "--quiet", "origin", "optbench-history")
        names = self.project.git("ls-tree", "-r", "--name-only", "FETCH_HEAD").splitlines()
        return [name for name in names if name.startswith("history/2")]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A project that has never been tested."""
    return Runner(tmp_path)


def steps(job: str) -> Mapping[str, str]:
    """Return the commands of a job of the GitHub workflow by their names, but for installing."""
    with GITHUB.open() as file:
        content: Any = YAML(typ="safe").load(file)
    found = {step["name"]: step["run"] for step in content["jobs"][job]["steps"] if "run" in step}
    assert found.pop("Install").startswith(INSTALL)
    return found


def test_a_night_on_github_is_kept_in_a_branch_and_the_next_finds_it(runner: Runner) -> None:
    """The second night, a fresh checkout in which the step is slower, fails and is kept too."""
    first = [runner.run(command) for command in steps("night").values()]
    runner.project.git("worktree", "remove", "--force", "night")
    runner.change(SLOWER)
    get, run, keep = (runner.run(command) for command in steps("night").values())

    assert [done.returncode for done in first] == [0, 0, 0], [done.stderr for done in first]
    assert (get.returncode, run.returncode, keep.returncode) == (0, 1, 0), run.stderr
    assert len(runner.kept()) == 2
    assert "regression: steps_to_target of mylib.sgd:SGD" in run.stdout
    assert (runner.project.folder / "site" / "index.html").is_file()


def test_a_request_on_github_is_held_against_its_base(runner: Runner) -> None:
    """Base and request are run here; what has become worse is in the comment and the summary."""
    tools = runner.folder / "tools"
    tools.mkdir()
    (tools / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > gh.txt\n')
    (tools / "gh").chmod(0o755)
    runner.change(SLOWER)
    more = {
        "BASE": runner.commit,
        "REQUEST": "https://example.org/pull/1",
        "GITHUB_STEP_SUMMARY": str(runner.folder / "summary.md"),
    }
    done = {name: runner.run(command, **more) for name, command in steps("request").items()}
    summary = (runner.folder / "summary.md").read_text()

    assert [one.returncode for one in done.values()] == [0, 1, 0, 0], [
        one.stderr for one in done.values()
    ]
    assert "regression: steps_to_target of mylib.sgd:SGD" in summary
    assert (runner.project.folder / "gh.txt").read_text().splitlines() == [
        *["pr", "comment", "https://example.org/pull/1", "--edit-last"],
        *["--create-if-none", "--body-file", "comment.md"],
    ]


def test_a_night_on_gitlab_is_kept_too(runner: Runner) -> None:
    """Its script and what comes after it run as they are, but for installing."""
    with GITLAB.open() as file:
        job: Any = YAML(typ="safe").load(file)["optbench"]
    install, commands = job["script"][0], [*job["script"][1:], *job["after_script"]]
    runner.project.git(
        "config",
        f"url.{runner.folder / 'origin.git'}.insteadOf",
        "https://optbench:t@host/us/p.git",
    )
    more = {"OPTBENCH_TOKEN": "t", "CI_SERVER_HOST": "host", "CI_PROJECT_PATH": "us/p"}
    done = [runner.run(command, **more) for command in commands]

    assert install.startswith(INSTALL)
    assert [one.returncode for one in done] == [0] * len(commands), [one.stderr for one in done]
    assert len(runner.kept()) == 1
    assert (runner.project.folder / "public" / "index.html").is_file()


def test_the_line_for_cron_runs_a_night(runner: Runner) -> None:
    """It goes to the project, pulls, and prints nothing as long as nothing got worse."""
    line = (TEMPLATES / "crontab").read_text().strip()
    *when, command = line.split(maxsplit=5)
    done = runner.run(command, HOME=str(runner.folder))
    summary = json.loads((runner.project.folder / "reports/nightly/summary.json").read_text())

    assert line in (Path(__file__).parents[2] / "README.md").read_text()
    assert len(when) == 5
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert summary["commit"] == runner.commit
