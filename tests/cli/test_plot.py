"""`optbench show NAME --plot`, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optbench.cli import cli
from optbench.core.errors import OptbenchError

Show = Callable[..., Result]
UTF8 = {"LC_ALL": "C.UTF-8", "COLUMNS": "60"}


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Return a function that runs `optbench show` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, charset: str = "utf-8", **environment: str) -> Result:
        runner = CliRunner(charset=charset)
        return runner.invoke(cli, ["show", *arguments], env=environment)

    return invoke


def test_a_schedule_is_drawn_in_the_terminal(show: Show) -> None:
    """Parameters, then the curve in braille, as wide as the terminal, over the steps asked for."""
    done = show("one_cycle:div_factor=10", "--plot", "--steps", "250", **UTF8)

    assert done.exit_code == 0, done.output
    assert "div_factor" in done.stdout
    plot = done.stdout[done.stdout.index("factor on the learning rate") :]
    assert "⠉" in plot
    assert plot.split()[-1] == "250"
    assert plot.index("momentum") > plot.index("250")
    assert max(map(len, plot.splitlines())) <= 60


@pytest.mark.parametrize(
    "terminal",
    [{"LC_ALL": "", "LANG": "C"}, {"LC_ALL": "POSIX"}, {"charset": "ascii", "LC_ALL": "C.UTF-8"}],
)
def test_without_unicode_it_is_drawn_in_ascii(show: Show, terminal: dict[str, str]) -> None:
    """In the C locale, or where the output is not UTF-8, stars do."""
    done = show("cosine:end=.1", "--plot", **terminal)

    assert done.exit_code == 0, done.output
    assert done.stdout.isascii()
    assert "****" in done.stdout


def test_a_schedule_is_drawn_to_a_file(show: Show) -> None:
    """The path is printed; with --json a drawing goes to stderr, so that stdout stays JSON."""
    done = show("wsd", "--plot", "wsd.svg")
    both = show("torch.StepLR:step_size=9", "--plot", "step.png", "--json")
    plain = show("multi_step:milestones=3/5", "--json", "--plot", **UTF8)

    assert done.stdout.splitlines()[-1] == "wsd.svg"
    assert "stable" in done.stdout
    assert "<svg" in Path("wsd.svg").read_text()
    assert json.loads(both.stdout)[0]["name"] == "torch.StepLR"
    assert both.stderr.strip() == "step.png"
    assert Path("step.png").is_file()
    assert json.loads(plain.stdout)[0]["parameters"][0]["value"] == "3/5"
    assert "⡇" in plain.stderr


def test_a_schedule_of_ones_own_is_shown_and_drawn(show: Show) -> None:
    """A function by its path is described as a schedule, not tried as a problem."""
    Path("mine.py").write_text(
        'def halve(t, horizon, *, every: int = 10):\n    """Half as much."""\n'
        "    return 0.5 ** (t // every)\n"
    )
    done = show("mine.py:halve:every=50", "--plot", "--steps", "100", **UTF8)

    assert done.exit_code == 0, done.output
    for text in ("schedule mine.py:halve", "Half as much.", "every", "50", "0.5", "step"):
        assert text in done.stdout


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("adam --plot", "--plot draws schedules, and adam is none"),
        ("cosine --plot x.gif", "must end in .svg, .png, .pdf"),
        ("torch.CosineAnnealingLR --plot", "needs T_max"),
        ("torch.LambdaLR", "takes a Python function"),
        ("cosine:steps=2000 --plot", "longer than the run of 1000"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_anything_is_printed(
    show: Show, command: str, message: str
) -> None:
    """The mistake is the user's, and nothing stands before its one line."""
    done = show(*command.split())

    assert isinstance(done.exception, OptbenchError)
    assert message in str(done.exception)
    assert done.stdout == ""
