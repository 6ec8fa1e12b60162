"""The same runs on a GPU: the same draws, and the same numbers to rounding.

The problems make their own data: a GPU machine need not have scikit-learn, which brings the others.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from optbench.engines.sampler import Sampler
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.find import find_optimizer
from tests.helpers import problem_of, runs

SEPARABLE = "logistic:data=separable-synthetic"

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here"),
]


@pytest.mark.parametrize(
    "problem", ["quadratic:dim=20,kappa=50", SEPARABLE, "rosenbrock:dim=4,b=1"]
)
@pytest.mark.parametrize(
    "optimizer", ["gd:lr=1e-2/1e-1", "adam:lr=1e-2/1e-1", "torch.Adam:lr=0.01"]
)
def test_a_gpu_computes_what_a_cpu_computes(optimizer: str, problem: str) -> None:
    """200 steps in float64 agree to 1e-9 of the largest value."""
    cpu = runs(problem, optimizer, budget=200, targets=(1e-2,))
    gpu = runs(problem, optimizer, budget=200, targets=(1e-2,), device="cuda")

    for a, b in zip(cpu, gpu, strict=True):
        assert (a.status, a.hits) == (b.status, b.hits)
        expected = a.curve["value"]
        np.testing.assert_allclose(
            b.curve["value"], expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()
        )


@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - {"kfac"}))
def test_every_optimizer_computes_the_same_on_a_gpu(name: str) -> None:
    """20 steps of each, on problems that suit it, agree to 1e-7, refusals included."""
    text = f"{name}:lr=0.01" if "lr" in find_optimizer(name).parameters else name
    for problem in ("quadratic:dim=8,noise=0.01", SEPARABLE, "mlp_regression:hidden=3,layers=1"):
        (cpu,) = runs(problem, text, budget=20)
        (gpu,) = runs(problem, text, budget=20, device="cuda")
        assert (gpu.status, gpu.message) == (cpu.status, cpu.message)
        if cpu.curve:
            np.testing.assert_allclose(gpu.curve["value"], cpu.curve["value"], rtol=1e-7)


def test_draws_are_the_same_bits_on_a_gpu() -> None:
    """Indices and noise are made on the CPU and moved."""
    for text, size in (("least_squares", 7), ("quadratic:dim=6,noise=2", 0)):
        problem = problem_of(text)
        like = torch.zeros(2, problem.facts.dim, dtype=torch.float64)
        own = Sampler(problem, [0, 1], size, "epochs", like)
        moved = Sampler(problem, [0, 1], size, "epochs", like.cuda())
        for t in (0, 63, 64, 1000):
            if size:
                assert torch.equal(moved.indices(t, 0).cpu(), own.indices(t, 0))
            else:
                assert torch.equal(moved.noise(t, 0).cpu(), own.noise(t, 0))
