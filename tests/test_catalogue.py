"""What `show` and `list` say of learning problems."""

from __future__ import annotations

from pathlib import Path

import pytest

from optbench import console
from optbench.cards import cards
from optbench.catalogue import describe, entries
from optbench.families.find import build

DIGITS = "tests.tasks:digits"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no data where data is looked for."""
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path / "empty"))
    build.cache_clear()


def test_a_task_is_described_by_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Parameters, examples of each part, batch, steps and targets; no facts are claimed."""
    (found,) = describe(f"{DIGITS}:width=16")

    assert found["counts"] == {
        "trained parameters": 64 * 16 + 16 + 16 * 10 + 10,
        "training examples": 1199,
        "validation examples": 299,
        "test examples": 299,
        "examples in a gradient": 32,
        "steps": 200,
        "targets": "error=0.2",
    }
    assert "facts" not in found
    assert [(p["name"], p["value"]) for p in found["parameters"]] == [
        ("width", 16),
        ("examples", 1797),
    ]
    console.print_description(found)
    assert "1,210" in capsys.readouterr().out


def test_a_function_is_described_by_its_facts() -> None:
    """As ever: L, mu, f* ..., and no counts."""
    (found,) = describe("quadratic:kappa=100")

    assert found["facts"]["smoothness"] == 1
    assert "counts" not in found


@pytest.mark.usefixtures("empty")
def test_a_card_can_be_read_before_its_data_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything but the counts is shown, and how to get the data."""
    card = cards()["cifar-resnet8"]
    (found,) = describe(card.name)
    console.print_description(found)
    shown = " ".join(capsys.readouterr().out.split())

    assert card.learning is not None
    assert "counts" not in found
    for text in (card.about, card.learning.model, card.learning.recipe, "label_smoothing"):
        assert " ".join(text.split()) in shown
    assert "cifar10 is not here: optbench data fetch cifar10, or optbench data add" in shown


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", [name for name, _ in entries("suites")])
def test_a_suite_can_be_read_before_its_data_is_here(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs are counted without building a problem; a budget may be left to the problem."""
    (found,) = (thing for thing in describe(name) if thing["kind"] == "suite")
    console.print_description(found)

    assert found["runs"] == sum(entry["runs"] for entry in found["entries"]) > 0
    assert f"{found['runs']} runs in all" in capsys.readouterr().out


def test_learning_problems_are_marked_in_the_list() -> None:
    """Cards with a learning table, and the families that they name."""
    listed = dict(entries("problems"))

    assert listed["cifar-resnet8"].endswith("(learning card)")
    assert listed["cifar_resnet"].endswith("(learning)")
    assert listed["quadratic-k10"].endswith("(card)")
    assert "learning" not in listed["quadratic"]
