"""Shakespeare as a task: tokens, windows and splits, on a text made up here."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.core.errors import OptbenchError, SpecError
from optbench.core.spec import Spec
from optbench.core.task import Task, Windows
from optbench.data import arrays, place
from optbench.families.char_transformer import VOCABULARY, char_transformer, encode, split
from optbench.families.find import build, complete_problem

SENTENCE = "To be, or not to be: that is the question.\n"


def put(folder: Path, monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Make a text the one that is found under Tiny Shakespeare's name."""
    monkeypatch.setenv("OPTBENCH_DATA", str(folder))
    arrays.write(place.file_of("tinyshakespeare"), {"text": np.frombuffer(text, np.uint8)})


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """Return a small task on a repeated sentence, which is soon learnt."""
    put(tmp_path, monkeypatch, SENTENCE.encode() * 100)
    return char_transformer(layers=1, heads=2, width=16, context=8)


def test_the_vocabulary_is_that_of_the_text() -> None:
    """It has 65 characters in the order of their codes, and tokens are places in it."""
    assert len(VOCABULARY) == len(set(VOCABULARY)) == 65
    assert list(VOCABULARY) == sorted(VOCABULARY)
    tokens = encode(np.frombuffer(VOCABULARY[::-1].encode(), np.uint8))
    assert tokens.tolist() == list(range(64, -1, -1))
    assert tokens.dtype == torch.int64


def test_a_character_outside_the_vocabulary_is_named() -> None:
    """One line says which character, and where."""
    with pytest.raises(OptbenchError, match=r"'#' at place 3 is not among the 65 characters"):
        encode(np.frombuffer(b"abc#", np.uint8))


@given(st.integers(0, 10_000))
@settings(max_examples=50)
def test_parts_follow_one_another(length: int) -> None:
    """They are the first 90%, and two halves of the rest, whatever the length."""
    tokens = torch.arange(length)

    train, validation, test = split(tokens)

    assert torch.equal(torch.cat([train, validation, test]), tokens)
    assert len(train) == int(0.9 * length)
    assert len(test) - len(validation) in (0, 1)


def test_targets_are_the_next_characters(task: Task) -> None:
    """In every part a context's targets are the context one place on, within the part."""
    tokens = encode(np.frombuffer(SENTENCE.encode() * 100, np.uint8))
    parts = split(tokens)

    for part, windows in zip(parts, (task.train, task.validation, task.test), strict=True):
        assert isinstance(windows, Windows)
        inputs, targets = windows.batch(torch.arange(len(windows)))
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        starts = torch.arange(len(windows)) * windows.stride
        assert torch.equal(inputs[:, 0], part[starts])
        assert torch.equal(targets[:, -1], part[starts + 8])


def test_training_takes_every_place_and_evaluation_every_character_once(task: Task) -> None:
    """Training contexts begin at every place that leaves room; the others lie end to end."""
    length = len(SENTENCE) * 100
    held_out = length - int(0.9 * length)

    assert len(task.train) == int(0.9 * length) - 8
    assert task.validation is not None
    assert task.test is not None
    for part, size in (
        (task.validation, held_out // 2),
        (task.test, held_out - held_out // 2),
    ):
        _, targets = part.batch(torch.arange(len(part)))
        assert size - 1 - 8 < targets.numel() <= size - 1
        whole = encode(np.frombuffer(SENTENCE.encode() * 100, np.uint8))
        first = int(0.9 * length) + (0 if part is task.validation else held_out // 2)
        expected = whole[first + 1 : first + 1 + targets.numel()]
        assert torch.equal(targets.flatten(), expected)


def test_the_loss_is_the_mean_over_all_characters(task: Task) -> None:
    """It is -log of the softmax's share of the right character, in nats."""
    scores = torch.randn(3, 5, 65, generator=torch.Generator().manual_seed(0))
    characters = torch.randint(65, (3, 5), generator=torch.Generator().manual_seed(1))
    shares = [
        scores[i, t].exp()[characters[i, t]] / scores[i, t].exp().sum()
        for i in range(3)
        for t in range(5)
    ]

    f = task.loss(scores, characters)

    assert float(f) == pytest.approx(-sum(math.log(share) for share in shares) / 15, rel=1e-6)


def test_some_steps_learn_a_sentence(task: Task) -> None:
    """The loss falls from log 65 to less than what the characters' frequencies alone allow."""
    shares = [SENTENCE.count(c) / len(SENTENCE) for c in sorted(set(SENTENCE))]
    entropy = -sum(p * math.log(p) for p in shares)
    torch.manual_seed(0)
    model = task.module()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    assert task.validation is not None
    inputs, targets = task.validation.batch(torch.arange(len(task.validation)))
    with torch.no_grad():
        before = float(task.loss(model(inputs), targets))

    for _ in range(120):
        chosen = torch.randint(len(task.train), (task.batch_size,), generator=generator)
        a, y = task.train.batch(chosen)
        optimizer.zero_grad()
        torch.autograd.backward(task.loss(model(a), y))
        optimizer.step()

    with torch.no_grad():
        scores = model(inputs)
    assert before == pytest.approx(math.log(65), rel=0.02)
    assert float(task.loss(scores, targets)) < entropy / 2
    assert task.accuracy is not None
    assert float(task.accuracy(scores, targets)) > 0.7


def test_parameters_reach_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes, a shorter text, batch, steps and target; dropout makes stacks impossible."""
    put(tmp_path, monkeypatch, SENTENCE.encode() * 100)
    task = char_transformer(
        layers=3, width=32, context=16, dropout=0.1, characters=1000, batch_size=5, steps=7,
        target=1.5,
    )  # fmt: skip

    assert (
        sum(p.numel() for p in task.module().parameters())
        == (65 + 16) * 32 + 3 * (12 * 32**2 + 2 * 32) + 32
    )
    assert (task.batch_size, task.budget, task.targets) == (5, 7, ("value=1.5",))
    assert len(task.train) == 900 - 16
    assert task.replacement
    assert task.stacks == ()
    assert char_transformer(width=32).stacks == ("cpu", "cuda")
    assert char_transformer().stacks == ("cuda",)
    assert char_transformer().targets == ()


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"heads": 3}, "3 heads cannot share a width of 128"),
        ({"characters": 5000}, "characters=5000, and the text has 4300"),
        ({"characters": 100}, "the validation data needs at least 2"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(
    params: dict[str, int], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heads that do not divide the width, and a text shorter than asked for, are refused."""
    put(tmp_path, monkeypatch, SENTENCE.encode() * 100)

    with pytest.raises(OptbenchError, match=complaint):
        build(complete_problem(Spec.of("char_transformer", dict(params))))


def test_a_missing_text_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to get it."""
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path))

    with pytest.raises(OptbenchError, match="optbench data fetch tinyshakespeare"):
        char_transformer()


def test_dropout_of_one_is_out_of_range() -> None:
    """Its range is checked before the text is read."""
    with pytest.raises(SpecError, match="dropout"):
        complete_problem(Spec.of("char_transformer", {"dropout": 1.0}))


def test_the_real_text_is_the_published_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training is on 1,003,854 of its characters, validation in nanoGPT on 111,540."""
    path = Path(os.environ.get("OPTBENCH_TEST_DATA", "")) / "tinyshakespeare.txt"
    if not path.is_file():
        pytest.skip("OPTBENCH_TEST_DATA names no folder with tinyshakespeare.txt")
    text = path.read_bytes()
    put(tmp_path, monkeypatch, text)
    task = char_transformer()

    assert "".join(sorted(set(text.decode()))) == VOCABULARY
    assert len(task.train) == 1_003_854 - 64
    assert task.validation is not None
    assert task.test is not None
    assert len(task.validation) == len(task.test) == (111_540 // 2 - 1) // 64
