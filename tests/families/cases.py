"""Every problem family at several settings, for the tests that hold all of them to one contract."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.core.problem import Problem
from optbench.core.registry import load
from optbench.families import FAMILIES

RTOL_ROUNDING = 1e-11  # the same sum in another order, some hundred terms


@dataclass(frozen=True)
class Case:
    """A family at some setting; `spread` is how far from x* its points are sampled."""

    family: str
    params: dict[str, Any] = field(default_factory=dict)
    spread: float = 1.5

    def __str__(self) -> str:
        """Return the test's id."""
        settings = ",".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.family}:{settings}"


def quadratics() -> list[Case]:
    """Return the quadratic at every spectrum, orientation and start."""
    spectra = ("two_mode", "gap", "uniform", "log_uniform", "power", "clustered")
    cases = [
        Case("quadratic", {"dim": 12, "kappa": 100.0, "spectrum": s, "rotated": r, "center": c})
        for s in spectra
        for r, c in ((True, 0.0), (False, 2.5))
    ]
    words = ("random", "equal", "slow", "power_law")
    cases += [Case("quadratic", {"dim": 6, "start": word}) for word in words]
    return [*cases, Case("quadratic", {"dim": 1, "kappa": 1.0, "noise": 0.3, "smoothness": 4.0})]


FUNCTIONS = tuple(
    name
    for name, entry in FAMILIES.items()
    if load(entry.target).__annotations__["return"] == "Problem"
)
"""Families of functions with known facts; the others are of learning problems."""

NARROW = (
    "softmax_regression",
    "mlp",
    "mlp_regression",
    "log_barrier",
    "bernoulli",
    "gaussian",
    "deep_linear",
    "matrix_factorisation",
)
"""Families that are too slow with their defaults, or infinite too near to the minimiser."""

CASES = [
    *quadratics(),
    *(Case(name) for name in FUNCTIONS if name not in NARROW),
    Case("log_barrier", spread=0.15),
    Case("bernoulli", spread=0.05),
    Case("bernoulli", {"parameter": "logit", "unit": 3.0, "mean": 0.6}),
    Case("bernoulli", {"unit": 0.5}, spread=0.1),
    Case("gaussian", spread=0.2),
    Case("gaussian", {"parameter": "log_sigma"}),
    Case("rayleigh", {"dim": 3, "kappa": 5.0, "radius": 2.0}),
    Case("absolute", {"dim": 3, "mu": 0.0, "radius": 0.0}),
    Case("absolute", {"dim": 2, "mu": 3.0, "radius": 2.0, "start": "-0.5/1"}),
    Case("online", {"gradients": "1/0/2/-7", "dim": 2, "period": 5, "radius": 2.0}),
    Case("online", {"gradients": "random", "dim": 3, "period": 50, "seed": 1}),
    Case("online", {"gradients": "2", "radius": 0.0}),
    Case("mean_estimation", {"points": "1/2/4/-1.5/3/7", "start": 5.0}),
    Case("least_mean_squares", {"dim": 3, "batch": 2, "chains": 5}),
    Case("mlp_regression", {"hidden": 3, "layers": 1, "examples": 7}, spread=0.5),
    Case("mlp_regression", {"hidden": 4, "examples": 9, "activation": "gelu"}, spread=0.5),
    Case("parabola", {"curvature": 0.5, "center": 3.0, "start": 0.0}),
    Case("least_squares", {"rows": 15, "columns": 4, "noise": 0.0}),
    Case("least_squares", {"rows": 6, "columns": 9, "kappa": 10.0}),
    Case("least_squares", {"rows": 5, "columns": 5, "seed": 3}),
    Case("huber", {"tau": 0.4, "smoothness": 3.0, "radius": 2.0}),
    Case("power", {"p": 2.0}),
    Case("power", {"p": 6.0, "start": -1.2}),
    Case("power", {"p": 2.5}),
    Case("log_sum_exp", {"rows": 12, "columns": 3, "temperature": 0.3, "seed": 1}),
    Case("nesterov_convex", {"T": 3, "smoothness": 2.0}),
    Case("nesterov_strongly_convex", {"dim": 7, "kappa": 10.0, "smoothness": 3.0}),
    Case("max_coordinate", {"dim": 4, "radius": 3.0}),
    Case("logistic", {"l2": 0.0}),
    Case("logistic", {"data": "digits", "l2": 0.1}),
    Case("logistic", {"data": "digits", "l2": 0.0}),
    Case("logistic", {"data": "digits", "storage": "sparse"}),
    Case("logistic", {"data": "separable-synthetic", "seed": 2}),
    Case("logistic", {"data": "separable-synthetic", "l2": 0.0}),
    Case("logistic", {"data": "one-example", "l2": 0.0}),
    Case("logistic", {"data": "four-examples", "l2": 0.0}),
    Case("softmax_regression", {"l2": 0.01}, spread=0.1),
    Case("softmax_regression", {"l2": 0.0}, spread=0.1),
    Case("matrix_quadratic", {"rows": 3, "columns": 4, "kappa": 30.0, "seed": 2}),
    Case("matrix_quadratic", {"rows": 1, "columns": 5, "kappa": 10.0}),
    Case("deep_linear", {"hidden": 4, "inputs": 5, "outputs": 3}, spread=0.5),
    Case("deep_linear", {"layers": 2, "hidden": 2, "inputs": 4, "outputs": 6, "noise": 0.3}),
    Case("deep_linear", {"layers": 2, "hidden": 3, "data": "digits"}, spread=0.3),
    Case("deep_linear", {"hidden": 6, "init": "orthogonal", "seed": 3}, spread=0.5),
    Case("deep_linear", {"layers": 4, "hidden": 7, "init": "balanced", "scale": 1.0}, spread=0.5),
    Case("matrix_factorisation", spread=0.5),
    Case("matrix_factorisation", {"rows": 6, "columns": 8, "rank": 4, "width": 2, "l2": 0.2}),
    Case("matrix_factorisation", {"rows": 5, "columns": 4, "rank": 3, "width": 4, "seed": 2}),
    Case("mlp", {"hidden": 3, "examples": 20}, spread=0.5),
    Case("mlp", {"hidden": 3, "examples": 7, "activation": "relu", "l2": 1e-3}, spread=0.5),
    Case("mlp", {"hidden": 2, "layers": 3, "examples": 9, "activation": "gelu"}, spread=0.5),
    Case("rosenbrock", {"dim": 5}),
    Case("rosenbrock", {"b": 5.0, "a": -2.0}),
    Case("rosenbrock", {"dim": 3, "a": 0.5}),
    Case("rastrigin", {"dim": 3}),
    Case("ackley", {"dim": 1}),
    Case("styblinski_tang", {"dim": 3}),
    Case("saddle", {"offset": 0.0}),
]
CHECK = functools.partial(pytest.mark.parametrize, "case", ids=str)


@functools.cache
def _built(family: str, params: tuple[tuple[str, Any], ...]) -> Problem:
    problem: Problem = load(FAMILIES[family].target)(**dict(params))
    return problem


def build(case: Case) -> Problem:
    """Build the case's problem, once."""
    return _built(case.family, tuple(case.params.items()))


def points(case: Case, count: int = 5, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return random points around the minimiser, or the origin, shape (count, d)."""
    problem = build(case)
    generator = np.random.default_rng(7)
    x = torch.from_numpy(generator.normal(0, case.spread, (count, problem.facts.dim)))
    if problem.facts.x_star is not None:
        x = x + problem.facts.x_star
    x = problem.project(x) if problem.project else x
    return x.to(dtype)


def close(actual: Tensor, expected: Tensor, tolerance: float) -> bool:
    """Whether arrays agree, relative to the largest entry of the expected one (at least 1e-3)."""
    scale = max(float(expected.abs().max()), 1e-3)
    return float((actual - expected).abs().max()) <= tolerance * scale
