"""What is wrong with a task is one line, said before anything runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optbench.core.task import Augmentation, Pairs, Task, Windows, accuracy
from optbench.families.rehearsal import layout_of, make_module, rehearse
from tests.tasks import digits

MODEL = nn.Linear(64, 10)
X, Y = torch.rand(20, 64), torch.arange(20) % 10
ARRAY: Any = X.numpy()


def _with(part: int, place: int, value: float) -> Pairs:
    parts = [X.clone(), torch.rand(20)]
    parts[part][place] = value
    return Pairs(parts[0], parts[1])


def _task(**changes: Any) -> Task:
    return replace(digits(), train=Pairs(X, Y), batch_size=4, **changes)


class _Numpy(nn.Module):
    """A module whose weights are not drawn by torch."""

    draws = np.random.default_rng(0)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(self.draws.normal(size=(64, 10))).float())


class _Complex(nn.Module):
    """A module that computes with complex numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(64, 10, dtype=torch.complex64))


def _frozen() -> nn.Module:
    return nn.Linear(64, 10).requires_grad_(False)


def _belief(output: Tensor, target: Tensor) -> Tensor:
    return output.softmax(-1).gather(1, target[:, None]).sum() / 20


def _leave() -> nn.Module:
    raise SystemExit("no model today")


def _pages() -> nn.Module:
    raise ValueError("a line\nanother line\n" * 300)


def _tokens(vocabulary: int) -> Task:
    tokens = torch.tensor([1, 2, 1, 2, 1, 2, 1, 1, 2, 7, 1, 2, 1, 1])
    return Task(
        module=lambda: nn.Embedding(vocabulary, vocabulary),
        loss=lambda output, target: nn.functional.cross_entropy(
            output.flatten(0, 1), target.flatten()
        ),
        train=Windows(tokens, 2),
        validation=Windows(tokens, 2, stride=2),
        batch_size=4,
    )


def test_good_tasks_pass() -> None:
    """Pairs, windows, no accuracy, batch norm, augmentation: nothing to complain of."""
    shift = Augmentation(
        draw=lambda generator, indices, epochs: generator.integers(0, 2, (len(indices), 1)),
        apply=lambda inputs, draws: inputs + draws,
    )
    normed = nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10))
    for task in (
        digits(),
        _tokens(8),
        _task(accuracy=None, validation=None, test=None),
        _task(module=lambda: nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10))),
        _task(augment=shift),
    ):
        assert rehearse(task) == ""
    assert "same model twice" in rehearse(_task(module=lambda: normed))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"train": (X, Y)}, "train data must be Pairs(inputs, targets) or Windows, not a tuple"),
        ({"train": Pairs(ARRAY, Y)}, "train inputs must be a torch.Tensor, not a ndarray"),
        ({"train": Pairs(X, Y[:7])}, "train data has 20 inputs and 7 targets"),
        ({"test": Pairs(X[:1], Y[:1])}, "test data needs at least 2 examples, and has 1"),
        ({"train": Pairs(X[:3], Y[:3])}, "batch_size=4, and there are 3 training examples"),
        ({"train": _with(0, 13, torch.nan)}, "inputs hold NaN or infinity, first in example 13"),
        ({"validation": _with(1, 6, torch.inf)}, "validation targets hold NaN or infinity"),
        ({"train": Pairs(X, Y, lambda x: x / 0)}, "train inputs hold NaN or infinity"),
        ({"train": Pairs(X, Y + 1)}, "targets go from 1 to 10 and Target 10 is out of bounds"),
        ({"test": Pairs(X, Y - 1)}, "test data does not fit the model: targets go from -1 to 8"),
        ({"train": Pairs(X[:, :9], Y)}, "raised RuntimeError: mat1 and mat2 shapes"),
        ({"module": MODEL}, "module must be a function that makes the model"),
        ({"module": lambda: MODEL}, "the same model twice"),
        ({"module": lambda: 3}, "module() returned a int, not a torch.nn.Module"),
        ({"module": nn.ReLU}, "the module has no parameters to train"),
        ({"module": _frozen}, "the module has no parameters to train"),
        ({"module": _Numpy}, "one seed made two models"),
        ({"module": lambda: 1 / 0}, "raised ZeroDivisionError"),
        ({"loss": nn.CrossEntropyLoss(reduction="none")}, "the loss is a Tensor of shape"),
        ({"loss": lambda output, target: 0.5}, "the loss is a float, not a scalar tensor"),
        ({"loss": lambda output, target: torch.tensor(1.0)}, "does not depend on the module"),
        ({"judged_by": lambda output, target: output}, "the loss of evaluations is a Tensor"),
        ({"accuracy": lambda output, target: 90 + accuracy(output, target)}, "must be in [0, 1]"),
        ({"accuracy": lambda output, target: 1}, "the accuracy is a int, not a scalar tensor"),
        ({"train": None}, "train data must be Pairs(inputs, targets) or Windows, not a NoneType"),
        ({"loss": None}, "the loss must be a function of output and target, not a NoneType"),
        ({"loss": nn.CrossEntropyLoss(reduction="sum")}, "the loss is the sum over the examples"),
        ({"loss": lambda output, target: (output + 0j).mean()}, "the loss is of dtype torch.comp"),
        ({"accuracy": _belief}, "the accuracy is the sum over the examples; it must be their mean"),
        ({"batch_size": 2.5}, "batch_size must be a whole number from 1 on, got 2.5"),
        ({"evaluation_batch": 0}, "evaluation_batch must be a whole number from 1 on, got 0"),
        ({"budget": "many"}, "budget must be a number of steps, got 'many'"),
        ({"module": lambda: nn.LazyLinear(10)}, "the module has lazy layers"),
        ({"module": _Complex}, "of dtype torch.complex64"),
        ({"module": _leave}, "raised SystemExit: no model today"),
        ({"module": _pages}, "raised ValueError: a line another line a line"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], complaint: str) -> None:
    """Each mistake has one line of its own, without a traceback."""
    task = replace(_task(), **changes)
    said = rehearse(task)

    assert complaint in said
    assert "\n" not in said
    assert len(said) < 400


def test_a_token_that_the_model_does_not_know_is_found_wherever_it_is() -> None:
    """The only 7 is the tenth of 14 tokens: both strides look at the stretch that has it."""
    said = rehearse(_tokens(7))

    assert "train data does not fit the model: tokens go from 1 to 7" in said
    later = replace(_tokens(7), train=Windows(torch.tensor([1, 2] * 7), 2))
    assert "validation data does not fit the model" in rehearse(later)


def test_the_rehearsal_draws_nothing_from_the_users_generator() -> None:
    """Torch's generator is after it where it was before."""
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    rehearse(digits())

    assert torch.equal(torch.rand(2), expected)


def test_a_seed_names_a_model() -> None:
    """One seed makes one model, and another seed another."""

    def weight(seed: int) -> Tensor:
        return next(make_module(digits(), seed).parameters())

    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


def test_the_layout_has_what_is_trained() -> None:
    """Frozen parameters are no part of the point."""
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    module[0].requires_grad_(False)
    blocks = layout_of(module).blocks

    assert [(block.name, block.shape) for block in blocks] == [
        ("1.weight", (1, 2)),
        ("1.bias", (1,)),
    ]


def test_targets_of_another_shape_than_the_output_are_refused() -> None:
    """(b, 1) against (b,) broadcasts to (b, b): torch only warns, and would train on nonsense."""
    x = torch.linspace(-1, 1, 8)[:, None]
    task = Task(
        module=lambda: torch.nn.Linear(1, 1),
        loss=torch.nn.functional.mse_loss,
        train=Pairs(x, x[:, 0]),
        batch_size=4,
    )

    assert "target size" in rehearse(task)
