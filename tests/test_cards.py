"""Learning cards: what they state is complete, true of the problem, and can be run."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from optbench.cards import Card, Learning, cards, read_card
from optbench.core.errors import OptbenchError
from optbench.core.target import read_targets
from optbench.core.task import Task
from optbench.data.library import DataMissingError
from optbench.request import expand, named_runs
from tests.helpers import typed

LEARNING = [card for card in cards().values() if card.learning]
CARD = """
about = "digits"
reference = "none"
family = "tests.tasks:digits"

[learning]
data = "digits, 1797 images of 8x8"
split = "1199 training, 299 validation, 299 test"
model = "perceptron with 8 hidden units"
loss = "cross-entropy"
metric = "accuracy"
batch_size = 32
budget = 200
target = "error=0.2, error=0.1"
target_source = "measured"
published = "none"
recipe = "-o torch.AdamW --lr 1e-3"
"""


def _card(tmp_path: Path, text: str) -> Card:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return read_card(path)


def test_a_learning_table_is_read(tmp_path: Path) -> None:
    """Its keys are the fields, and targets are taken one by one; other cards have none."""
    learning = _card(tmp_path, CARD).learning

    assert learning is not None
    assert (learning.batch_size, learning.budget) == (32, 200)
    assert learning.targets == ("error=0.2", "error=0.1")
    assert replace(learning, target="").targets == ()
    assert _card(tmp_path, CARD.partition("[learning]")[0]).learning is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("loss =", "los =", "mine.toml: learning: unknown key 'los'; did you mean loss"),
        ('metric = "accuracy"\n', "", "mine.toml: learning: the key 'metric' is missing"),
        ("batch_size = 32", "batch_size = 32.5", "learning: batch_size must be a whole number"),
        ("batch_size = 32", "batch_size = true", "batch_size must be a whole number, got True"),
        ("budget = 200", 'budget = "200"', "learning: budget must be a number, got '200'"),
        ('target = "error=0.2, error=0.1"', "target = 0.2", "learning: target must be a text"),
        ("[learning]", "[learnin]", "unknown key 'learnin'; did you mean learning"),
        (CARD[CARD.index("[learning]") :], "learning = 3", "learning must be a table, headed"),
    ],
)
def test_mistakes_in_a_learning_table_are_named(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    """Each mistake gets one line with the file and the key in it."""
    assert old in CARD
    with pytest.raises(OptbenchError, match=complaint):
        _card(tmp_path, CARD.replace(old, new))


@pytest.mark.parametrize("card", LEARNING, ids=lambda card: card.name)
def test_learning_cards_are_complete(card: Card) -> None:
    """Everything is said, but a target where there is none yet."""
    assert card.learning is not None
    stated = asdict(card.learning)

    for field in fields(Learning):
        assert stated[field.name] or field.name in ("target", "target_source"), field.name


@pytest.mark.parametrize("card", LEARNING, ids=lambda card: card.name)
def test_learning_cards_state_what_is_run(card: Card) -> None:
    """Batch size, budget and targets of card and task are the same numbers."""
    from optbench.families.find import build, complete_problem

    assert card.learning is not None
    try:
        task = build(complete_problem(card.problem))
    except DataMissingError as error:
        pytest.skip(str(error))

    assert isinstance(task, Task)
    assert card.learning.batch_size == task.batch_size
    assert card.learning.budget == task.budget
    assert read_targets(card.learning.targets) == read_targets(task.targets)


@pytest.mark.parametrize("card", LEARNING, ids=lambda card: card.name)
def test_recipes_can_be_typed(card: Card) -> None:
    """What follows `optbench run -p NAME` is read as the command line reads it."""
    assert card.learning is not None
    request = typed(f"-p {card.name} {card.learning.recipe}")

    assert named_runs(request)
    try:
        assert expand(request)
    except DataMissingError as error:
        pytest.skip(str(error))
