"""Where a run of a task ends: when its gradients are spent, or when it is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import optbench
from optbench import Pairs, Task
from optbench.families.rehearsal import rehearse

ASKED: list[int] = []
"""One entry for each loss that was taken."""


def line() -> Task:
    """A line through eight points, which counts its losses."""
    x = torch.linspace(-1, 1, 8)[:, None]

    def loss(output: Tensor, target: Tensor) -> Tensor:
        ASKED.append(1)
        return torch.nn.functional.mse_loss(output, target)

    pairs = Pairs(x, 2 * x)
    return Task(
        module=lambda: torch.nn.Linear(1, 1),
        loss=loss,
        judged_by=torch.nn.functional.mse_loss,
        train=pairs,
        validation=pairs,
        batch_size=4,
    )


@pytest.mark.parametrize("optimizer", ["torch.LBFGS:max_iter=4", "torch.SGD"])
def test_gradients_of_closures_are_paid_for(optimizer: str) -> None:
    """A budget of 10 is spent to within one step, however many gradients a step asks for."""
    (run,) = optbench.run(line, optimizer, lr=[0.1], budget=10).runs

    assert 10 <= run.last("gradient_calls") <= 14
    assert run.last("step") == run.curve["step"][-1] <= 10
    assert run.status == "budget"


def test_a_lost_run_ends_long_before_its_next_log_point() -> None:
    """With one log point at step 10,000 a run of NaN stops within some dozen steps."""
    ASKED.clear()
    (run,) = optbench.run(line, "torch.SGD", lr=[1e30], budget=10_000, evaluations=1).runs

    assert run.status in ("nan", "diverged")
    assert run.first_bad_step is not None
    assert run.first_bad_step <= 2
    assert len(ASKED) < 100


def test_more_parts_than_examples_are_refused() -> None:
    """A batch of 4 has no 5 parts."""
    (run,) = optbench.run(line, "torch.SGD", lr=[0.1], budget=10, accumulate=5).runs

    assert run.status == "refused"
    assert "accumulate=5" in run.message


def test_a_model_that_cannot_be_stacked_says_so() -> None:
    """Batch norm and dropout are refused where a task claims to stack."""

    def normed() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1))

    def dropping() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Dropout(0.1))

    for module in (normed, dropping):
        assert "stacks is for" in rehearse(replace(line(), module=module, stacks=("cpu",)))
    assert not rehearse(replace(line(), stacks=("cpu",)))
