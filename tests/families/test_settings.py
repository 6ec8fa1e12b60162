"""What a run is unless asked otherwise: the problem says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optbench.core.errors import SpecError
from optbench.core.training import Training
from optbench.families.settings import Settings, Settled, settle
from tests.helpers import problem_of
from tests.tasks import digits


def test_a_function_has_the_harness_defaults() -> None:
    """1000 gradients in float64 to 1e-8; points are kept in two dimensions only."""
    expected = Settled(
        budget=1000.0,
        target_measure="suboptimality",
        targets=(1e-2, 1e-4, 1e-6, 1e-8),
        dtype="float64",
        record="log",
        record_x=False,
        training=Training(),
    )

    assert settle("f", problem_of("quadratic:dim=3"), Settings()) == expected
    assert settle("f", problem_of("quadratic:dim=2"), Settings()).record_x


def test_a_task_has_its_own_defaults() -> None:
    """Budget and targets are the task's, numbers float32, and no points are kept."""
    own = settle("net", digits(), Settings())

    assert (own.budget, own.dtype, own.record_x) == (200.0, "float32", False)
    assert (own.target_measure, own.targets) == ("error", (0.2,))


def test_what_is_asked_for_comes_first() -> None:
    """Every default can be replaced, targets by none at all."""
    training = Training(precision="bf16", evaluations=3)
    asked = Settings(budget=7, targets=("value=2", "value=1"), dtype="float32", training=training)
    own = settle("net", digits(), asked)

    assert (own.budget, own.target_measure, own.targets) == (7.0, "value", (2.0, 1.0))
    assert own.training == training
    assert settle("net", digits(), Settings(targets=())).targets == ()
    assert settle("f", problem_of("quadratic"), Settings(dtype="float32")).dtype == "float32"
    assert settle("net", digits(), Settings(dtype="float64")).dtype == "float64"


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (
            {"targets": (1e-2,)},
            r"net is a learning problem: its targets are value= .*suboptimality",
        ),
        ({"targets": ("distance=1",)}, "not distance"),
        ({"targets": ("gradient_norm=1",)}, "not gradient_norm"),
        ({"record": "every"}, "ask for evaluations"),
        ({"record_x": True}, "points are kept of functions only"),
        ({"dtype": "float64", "training": Training(precision="bf16")}, "does not go with float64"),
    ],
)
def test_what_a_task_does_not_take(asked: dict[str, Any], complaint: str) -> None:
    """Measures without a meaning in training, and records that nobody could keep, are refused."""
    with pytest.raises(SpecError, match=complaint):
        settle("net", digits(), Settings(**asked))


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"training": Training(compile=True, accumulate=2)}, "^compile, accumulate: only learning"),
        ({"training": Training(sharpness=True)}, "sharpness: only learning problems take this"),
        ({"targets": ("error=0.1",)}, "a target of error needs a learning problem, and f is none"),
    ],
)
def test_what_a_function_does_not_take(asked: dict[str, Any], complaint: str) -> None:
    """Options of training and accuracies belong to tasks."""
    with pytest.raises(SpecError, match=complaint):
        settle("f", problem_of("quadratic"), Settings(**asked))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"accuracy": None}, "a target of error needs accuracy, and net has none"),
        ({"validation": None}, "a target of error needs validation data, and net has none"),
        ({"targets": ("eror=1",)}, "net: unknown measure of a target: 'eror'; did you mean error"),
        ({"targets": (0.1,)}, "its targets are value="),
        ({"budget": 0}, "net: budget must be from 1"),
    ],
)
def test_a_task_that_asks_for_the_impossible_is_named(
    changes: dict[str, Any], complaint: str
) -> None:
    """A user's own budget and targets are checked like those of the command line."""
    with pytest.raises(SpecError, match=complaint):
        settle("net", replace(digits(), **changes), Settings())
