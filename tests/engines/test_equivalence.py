"""A method that exists as an equation and as a class does the same in either engine.

That each equation is its class, step by step, is shown in `tests/optimizers/test_twins.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers import trajectory

RTOL_TRAJECTORY = 1e-9  # 200 steps of a contraction add up no more than that

TWINS = {
    "gd:lr=0.1": "torch.SGD:lr=0.1",
    "heavy_ball:lr=0.1,beta=0.8": "torch.SGD:lr=0.1,momentum=0.8",
    "nesterov:lr=0.1,beta=0.8": "torch.SGD:lr=0.1,momentum=0.8,nesterov=true",
    "adagrad:lr=0.1": "torch.Adagrad:lr=0.1",
    "rmsprop:lr=0.01,alpha=0.9": "torch.RMSprop:lr=0.01,alpha=0.9",
    "rmsprop_centered:lr=0.01,alpha=0.9,eps=0.1": (
        "torch.RMSprop:lr=0.01,alpha=0.9,eps=0.1,centered=true"
    ),
    "adadelta:lr=0.2,rho=0.8,eps=0.001": "torch.Adadelta:lr=0.2,rho=0.8,eps=0.001",
    "adam:lr=0.01,beta1=0.8,beta2=0.95": "torch.Adam:lr=0.01,beta1=0.8,beta2=0.95",
    "amsgrad:lr=0.01,beta1=0.8": "torch.Adam:lr=0.01,beta1=0.8,amsgrad=true",
    "adamw:lr=0.01,weight_decay=0.1": "torch.AdamW:lr=0.01,weight_decay=0.1",
    "radam:lr=0.01,beta1=0.8,eps=0.01": "torch.RAdam:lr=0.01,beta1=0.8,eps=0.01",
    "adamax:lr=0.01,beta1=0.8": "torch.Adamax:lr=0.01,beta1=0.8",
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
