"""`optbench certify`: numbers, words, one line for mistakes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from optbench.cli import cli
from optbench.core.errors import OptbenchError
from tests.cli.conftest import Command


def certify(*arguments: str) -> str:
    """Return what the verb prints."""
    done = CliRunner().invoke(cli, ["certify", *arguments], catch_exceptions=False)

    assert done.exit_code == 0
    return done.output


def test_the_example_of_the_help_ends_at_the_closed_form() -> None:
    """1.5/L, two steps: 1/14 from the program, the formula and the Huber function."""
    text = certify("gd:lr=1.5/L", "--steps", "2")

    numbers = re.findall(r"(?:case|form|run) +([\d.]+)", text)
    assert [float(number) for number in numbers] == pytest.approx([1 / 14] * 3, rel=2e-5)
    assert "Kim 2024" in text
    assert "huber:tau=" in text


def test_the_readme_shows_what_is_printed() -> None:
    """Its example is true output, to the digits that the solver promises."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    shown = readme.partition("$ optbench certify gd:lr=1.5/L --steps 10\n")[2].partition("```")[0]
    printed = certify("gd:lr=1.5/L", "--steps", "10")

    assert re.sub(r"0\.01612\d+", "", printed) == re.sub(r"0\.01612\d+", "", shown)


def test_json_has_the_same() -> None:
    """One object; a closed form that is not known is null."""
    known = json.loads(certify("ogm", "--steps", "1", "--json"))
    unknown = json.loads(certify("heavy_ball:lr=.5,beta=.5", "--steps", "2", "--json"))

    assert known["worst_case"] == pytest.approx(1 / 8, rel=2e-5)
    assert known["closed_form"]["value"] == pytest.approx(1 / 8)
    assert unknown["closed_form"] is None
    assert unknown["kappa"] is None


def test_tunings_take_their_numbers_from_the_class() -> None:
    """two-over-sum at kappa = 3 is 2/(1 + 1/3), and contracts the distance by 1/2."""
    text = certify(
        "gd:lr=two-over-sum", "--steps", "1", "--kappa", "3", "--measure", "distance", "--json"
    )
    found = json.loads(text)

    assert found["optimizer"] == "gd:lr=1.5"
    assert found["worst_case"] == pytest.approx(1 / 4, rel=2e-5)
    assert found["instance"]["value"] == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gd", "--steps", "0"], "steps must be from 1 to 30, got 0"),
        (["gd", "--steps", "31"], "steps must be from 1 to 30, got 31"),
        (["gd", "--kappa", "1"], "kappa must be above 1 and finite, got 1"),
        (["gd", "--kappa", "nan"], "kappa must be above 1 and finite, got nan"),
        (["gdd"], "did you mean gd"),
        (["adam:lr=.1", "--steps", "2"], "adam is no fixed linear combination of gradients"),
        (["gd:lr=-1"], "lr"),
        (["gd:lr=6/L", "--steps", "8"], "diverges on parabola:curvature=1.0,start=1.0"),
        (["heavy_ball:lr=polyak"], "lr=polyak needs strong convexity"),
        (["torch.LBFGS:lr=1", "--steps", "2"], "it needs more than one gradient a step"),
        (["torch.Rprop:lr=1", "--steps", "2"], "torch.Rprop"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str) -> None:
    """Each names what is wrong."""
    with pytest.raises(OptbenchError) as error:
        certify(*arguments)

    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_mistakes_exit_with_status_2(optbench: Command) -> None:
    """One line on stderr, nothing on stdout."""
    done = optbench("certify", "gd", "--steps", "0")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "optbench: steps must be from 1 to 30, got 0\n"
