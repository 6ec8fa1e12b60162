"""The README does what it says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from optbench.request import expand
from tests.helpers import typed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def _block(language: str, heading: str = "") -> str:
    """Return the last block in a language, or the first one after a heading."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README[README.index(heading) :], re.DOTALL)
    return str(blocks[0 if heading else -1])


def test_the_table_shown_is_the_table_printed(tmp_path: Path) -> None:
    """The console session's optimizers, best rates and evaluations are what the program prints."""
    command, _, shown = _block("console").partition("\n")
    arguments = command.removeprefix("$ optbench ").split()
    done = subprocess.run(
        [sys.executable, "-m", "optbench", *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )

    # The last columns are values and seconds; counts of evaluations survive another rounding.
    assert _counts(done.stdout) == _counts(shown)


def _counts(text: str) -> list[list[str]]:
    rows = [line.split() for line in text.splitlines() if re.match(r" [a-z].*\d/\d", line)]
    return [row[:-6] for row in rows]


def test_the_python_example_prints_what_is_shown(tmp_path: Path) -> None:
    """Ten lines of Python give the table below them."""
    example, shown = _block("python"), _block("text")
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert done.stdout.split() == shown.split()


def test_the_model_of_ones_own_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the commands under it, as printed: nine right answers of ten, and 84 runs."""
    heading = "## Bring your own model"
    example, (first, second) = _block("python", heading), _block("sh", heading).splitlines()
    (tmp_path / "my_task.py").write_text(example)
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(first), "--json"], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"][0]["test_accuracy"] > 0.9
    assert len(expand(typed(second.removeprefix("optbench run ")))) == 84
    assert len(example[example.index("def ") :].splitlines()) <= 20


def test_pictures_and_pages_exist() -> None:
    """What the README shows or links to is in the repository."""
    places = [*re.findall(r'src="([^"]+)"', README), *re.findall(r"\]\((\w[^):]*)\)", README)]

    assert len(places) >= 4
    for place in places:
        assert (ROOT / place).is_file(), place


@pytest.mark.parametrize(
    "verb",
    [
        "run",
        "verify",
        "rate",
        "certify",
        "conform",
        "list",
        "show",
        "report",
        "table",
        "compare",
        "export",
        "import",
        "merge",
        "verify-store",
    ],
)
def test_every_verb_is_in_the_readme(verb: str) -> None:
    """Nothing that the program can do is left unsaid."""
    assert f"optbench {verb}" in README or f"`{verb}`" in README


def test_the_help_of_every_option_is_a_sentence_or_a_phrase() -> None:
    """Every option of every verb explains itself."""
    from optbench.cli import cli

    for command in cli.commands.values():
        assert command.help
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert getattr(parameter, "help", None), f"{command.name} {parameter.name}"
