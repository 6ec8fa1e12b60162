"""Runs that every kind of figure can be made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

import optbench
from optbench.analysis.summary import Row, summarize
from optbench.core.run import Run
from optbench.core.spec import Spec

KAPPAS = (4.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


@pytest.fixture(scope="session")
def league(run: Callable[..., Run]) -> list[Row]:
    """Six problems that differ in kappa, three optimizers, three rates, three seeds."""
    optimizers = [Spec("gd"), Spec.of("heavy_ball", {"beta": 0.6})]
    optimizers.append(Spec.of("nesterov", {"beta": 0.3}))
    return summarize(
        replace(run(optimizer=o, lr=lr, seed=s, kappa=kappa, budget=400, label=f"k{kappa:g}"))
        for kappa in KAPPAS
        for o in optimizers
        for lr in (0.3, 1.0, 4.0)
        for s in range(3)
        if not (o.name == "nesterov" and lr == 0.3)
    )


@pytest.fixture(scope="session")
def plane() -> list[Row]:
    """Paths on Rosenbrock's function, one of which diverges."""
    problem = ["rosenbrock-2d", "himmelblau-2d"]
    found = optbench.run(problem, ["gd:lr=1e-3", "adam:lr=.1", "heavy_ball:lr=1"], budget=100)
    return summarize(found.runs)


@pytest.fixture(scope="session")
def noisy() -> list[Row]:
    """Constant and decaying learning rates under gradient noise, three seeds."""
    found = optbench.run(
        "quadratic:dim=10,kappa=5,noise=0.1",
        ["sgd", "heavy_ball"],
        ["constant", "cosine"],
        budget=2000,
        seeds=3,
        lr=["0.05", "0.2", "3"],
        targets=[],
    )
    return summarize(found.runs)
