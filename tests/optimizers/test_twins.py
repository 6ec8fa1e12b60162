"""Every rule that exists as a class of torch or of another package does what the class does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from pytorch_optimizer.optimizer import dadapt
from torch import Tensor

from optbench.core.layout import Block, Layout
from optbench.core.problem import Problem
from tests.helpers import problem_of
from tests.optimizers.gradient_oracle import GradientOracle, gradient_of, rule_of
from tests.optimizers.twins import TWINS, Twin

RTOL_STEP = 1e-12  # a few roundings of the same formula in another order
RTOL_TRAJECTORY = 1e-9  # 200 steps of a contraction add up no more than that
STEPS = 200

pytestmark = pytest.mark.usefixtures("_double_by_default", "_double_norms", "_quiet")
twins = pytest.mark.parametrize(
    "twin", TWINS, ids=lambda t: f"{t.name}-matrix" if t.matrix else t.name
)


@pytest.fixture
def _double_norms(monkeypatch: pytest.MonkeyPatch) -> None:
    """D-Adapted SGD of pytorch_optimizer rounds its first gradient's norm to single precision."""

    def squared_norm(groups: list[dict[str, Any]]) -> Tensor:
        gradients = [p.grad for group in groups for p in group["params"]]
        return torch.stack([(g * g).sum() for g in gradients]).sum()

    monkeypatch.setattr(dadapt, "get_global_gradient_norm", squared_norm)


@pytest.fixture
def _quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Swallow what classes print when they are built."""
    yield
    capsys.readouterr()


def _layout(twin: Twin, problem: Problem) -> Layout:
    dim = problem.facts.dim
    columns = 2 if dim % 2 == 0 else 1
    return Layout((Block("x", (dim // columns, columns) if twin.matrix else (dim,)),))


def _compare(twin: Twin, text: str, *, teach: bool, rtol: float) -> None:
    """Walk both along a problem and compare their points.

    Args:
        twin: The two.
        text: The problem.
        teach: Put the equation back on the class's point after each step, so that only the states
            carry over and roundings cannot grow.
        rtol: Tolerance.
    """
    problem = problem_of(text)
    gradient, layout, start = gradient_of(problem), _layout(twin, problem), problem.start(0)
    rule, shape = rule_of(twin.name), layout.blocks[0].shape
    point = torch.nn.Parameter(start.reshape(shape).clone())
    optimizer = twin.build([point])
    x, oracle = start[None], GradientOracle(gradient, layout, horizon=STEPS)
    state = rule.init(x, layout)
    rate, bases = twin.hyper["lr"], [group["lr"] for group in optimizer.param_groups]
    for t in range(STEPS):
        factor = (1 + math.cos(math.pi * t / STEPS)) / 2 if twin.follows_schedule else 1.0
        for group, base in zip(optimizer.param_groups, bases, strict=True):
            group["lr"] = base * factor
        _switch(optimizer, "train")
        point.grad = gradient(point.detach().reshape(1, -1)).reshape(shape)
        optimizer.step()
        _switch(optimizer, "eval")
        expected = point.detach().reshape(1, -1).clone()
        x, state = rule.step(x, state, oracle, t, **{**twin.hyper, "lr": rate * factor})
        torch.testing.assert_close(x, expected, rtol=rtol, atol=rtol)
        x = expected if teach else x


def _switch(optimizer: torch.optim.Optimizer, mode: str) -> None:
    """Tell Schedule-Free classes whether a gradient is taken or the point is looked at."""
    if hasattr(optimizer, mode):
        getattr(optimizer, mode)()


@twins
def test_from_the_same_point_and_past_the_next_step_is_the_same(twin: Twin) -> None:
    """200 single steps agree to 1e-12 under a cosine schedule, each from the class's point."""
    _compare(twin, "rosenbrock:dim=4,b=1", teach=True, rtol=RTOL_STEP)


@pytest.mark.parametrize("text", ["quadratic:dim=20,kappa=50,center=1", "logistic"])
@twins
def test_two_hundred_steps_lie_on_each_other(twin: Twin, text: str) -> None:
    """200 steps, each by itself, agree to 1e-9 under a cosine schedule."""
    _compare(twin, text, teach=False, rtol=RTOL_TRAJECTORY)
