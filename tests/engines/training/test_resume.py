"""Every optimizer that trains a model goes on from a checkpoint to the bits of a whole run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from optbench.core.run import Status
from optbench.core.training import Training
from optbench.engines.execute import run_batch
from optbench.engines.planner import Batch
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.foreign.packages import PACKAGES, classes, find_class
from optbench.optimizers.foreign.traits import traits_of
from tests.engines.training.problems import NET, batches_of, same, stopped

STEPS = 8
NAMES = [*OPTIMIZERS, *(name for package in PACKAGES for name in classes(package))]
OPTIONS = {
    "nesterov_strongly_convex": ["beta=0.9"],
    "newton": ["lr=1e-4"],  # the Hessian is indefinite
    "torch.LBFGS": ["lr=0.01", "max_iter=1"],
    "pytorch_optimizer.LBFGS": ["lr=0.01", "max_iter=1"],
    "pytorch_optimizer.SpectralSphere": ["solver_max_iterations=5"],  # it is slow
}
LINEAR_ONLY = {"kfac", "singd.SINGD", "newton"}
"""Those that take no batch norm, or time for every parameter."""

MINIMISERS = {
    "natural_gradient",
    "closed_form",
    "coordinate_descent",
    "conjugate_gradient",
    "chebyshev",
    "sophia_g",
    *(name for name in OPTIMIZERS if name.startswith("scipy.")),
}
"""Those that need more of a problem than minibatches give."""


def _trains(name: str) -> bool:
    return name not in MINIMISERS and (
        name in OPTIMIZERS or not traits_of(find_class(name)).refused
    )


def _batch(name: str) -> Batch:
    """Return a run with batch norm, dropout, clipping and a schedule, as far as each can."""
    parameters = find_optimizer(name).parameters
    fused = name not in OPTIMIZERS and traits_of(find_class(name)).gradient == "fused"
    own = ["clip_norm=1"] * (not fused) + OPTIONS.get(name, [])
    if "lr" in parameters and not isinstance(parameters["lr"].default, float):
        own += ["lr=0.01"] * (not any(text.startswith("lr=") for text in own))
    problem = f"{NET}:drop=0.2" + ",norm=true" * (name not in LINEAR_ONLY)
    schedule = "cosine" if "lr" in parameters else "constant"
    (batch,) = batches_of(
        ":".join([name, ",".join(own)][: 1 + bool(own)]),
        problem,
        budget=STEPS,
        schedules=(schedule,),
        training=Training(evaluations=2),
    )
    return batch


def _cases() -> list[ParameterSet]:
    """Return every name; the many of pytorch_optimizer take too long for the ordinary suite."""
    slow = [pytest.mark.slow]
    return [
        pytest.param(name, marks=slow if name.startswith("pytorch_optimizer.") else [])
        for name in NAMES
        if _trains(name)
    ]


@pytest.mark.parametrize("name", _cases())
def test_every_optimizer_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    """Stopped after a random step, with batch norm, dropout and a schedule, all columns agree."""
    batch, folder = _batch(name), tmp_path / "checkpoints"
    (whole,) = run_batch(batch).runs
    (taken_up,) = stopped(batch, folder, after=random.Random(name).randrange(STEPS))()

    assert (whole.status, whole.message) == (Status.BUDGET, "")
    assert same(whole, taken_up)
    assert taken_up.message == ""  # it says so when it cannot be kept
    assert not folder.exists()  # finished runs leave nothing behind
