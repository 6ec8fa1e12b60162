"""Every method that exists as an equation and as a class does the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from optbench.core.optimizer import Gradients, UpdateRule
from optbench.core.spec import Spec
from optbench.engines.oracle import BatchOracle
from optbench.optimizers.find import find_optimizer
from tests.helpers import problem_of, spec_of, trajectory

RTOL_STEP = 1e-12  # a few roundings of the same formula in another order
RTOL_TRAJECTORY = 1e-9  # 200 steps of a contraction add up no more than that

TWINS = {
    "gd:lr=0.1": "torch.SGD:lr=0.1",
    "heavy_ball:lr=0.1,beta=0.8": "torch.SGD:lr=0.1,momentum=0.8",
    "nesterov:lr=0.1,beta=0.8": "torch.SGD:lr=0.1,momentum=0.8,nesterov=true",
    "adagrad:lr=0.1": "torch.Adagrad:lr=0.1",
    "rmsprop:lr=0.01,alpha=0.9": "torch.RMSprop:lr=0.01,alpha=0.9",
    "adam:lr=0.01,beta1=0.8,beta2=0.95": "torch.Adam:lr=0.01,beta1=0.8,beta2=0.95",
    "adamw:lr=0.01,weight_decay=0.1": "torch.AdamW:lr=0.01,weight_decay=0.1",
}
PROBLEMS = ("quadratic:dim=20,kappa=50,center=1", "logistic", "rosenbrock:dim=4,b=1")


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(("equation", "twin"), TWINS.items(), ids=list(TWINS))
def test_trajectories_agree(equation: str, twin: str, problem: str) -> None:
    """200 steps of the equation and of torch's class lie within 1e-9 of each other."""
    ours = trajectory(problem, equation, budget=200, schedules=("cosine",))
    theirs = trajectory(problem, twin, budget=200, schedules=("cosine",))

    assert (ours.engine, theirs.engine) == ("batched", "step")
    assert ours.points is not None
    assert theirs.points is not None
    assert len(ours.points) == 201
    np.testing.assert_allclose(theirs.points, ours.points, rtol=RTOL_TRAJECTORY, atol=1e-12)
    for column in ("value", "gradient_norm", "lr", "gradient_calls"):
        expected = ours.curve[column]
        atol = RTOL_TRAJECTORY * np.abs(expected).max()
        np.testing.assert_allclose(theirs.curve[column], expected, rtol=1e-7, atol=atol)


@pytest.mark.parametrize(("equation", "twin"), TWINS.items(), ids=list(TWINS))
def test_one_step_from_the_same_state_agrees(equation: str, twin: str) -> None:
    """From the same point, with the same past, the next step is the same to 1e-12."""
    problem = problem_of("quadratic:dim=20,kappa=50,center=1")
    theirs, ours = spec_of(twin), spec_of(equation)
    rule = find_optimizer(ours.name)
    assert isinstance(rule, UpdateRule)
    point = torch.nn.Parameter(problem.start(0).clone())
    optimizer = _build(theirs, point)
    x, state = point.detach().clone()[None], rule.init(point.detach()[None], problem.layout)
    oracle = BatchOracle(problem, [0], Gradients(), x)

    for t in range(20):
        point.grad = problem.oracle(point.detach()[None])[1][0]
        optimizer.step()
        x_next, state = rule.step(x, state, oracle, t, **dict(ours.params))

        x = point.detach().clone()[None]
        torch.testing.assert_close(x_next, x, rtol=RTOL_STEP, atol=RTOL_STEP)


def _build(spec: Spec, point: torch.nn.Parameter) -> torch.optim.Optimizer:
    """Build torch's class the way its own users do."""
    params: dict[str, Any] = dict(spec.params)
    if "beta1" in params:
        params["betas"] = (params.pop("beta1"), params.pop("beta2"))
    cls = getattr(torch.optim, spec.name.removeprefix("torch."))
    optimizer: torch.optim.Optimizer = cls([point], **params)
    return optimizer
