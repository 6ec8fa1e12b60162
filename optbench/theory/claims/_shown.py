"""What claims about adaptive and sign methods share: the gradients a run was shown, its steps."""

from __future__ import annotations

import numpy as np
import torch

from optbench.core.run import Run
from optbench.families.find import build_problem
from optbench.theory.plot import Array


def constant(gradient: float) -> str:
    """Return the text of the linear function with this slope, started at 0, without a box."""
    return f"online:gradients={gradient!r},radius=0,start=0"


def points_of(run: Run) -> Array:
    """Return x_0 to x_T, shape (T + 1, d)."""
    assert run.points is not None
    return run.points


def steps_of(run: Run) -> Array:
    """Return x_(t+1) - x_t, shape (T, d)."""
    return np.diff(points_of(run), axis=0)


def shown(run: Run) -> Array:
    """Return the gradient behind each step of a run logged at every step, shape (T, d)."""
    problem = build_problem(run.spec.problem)
    x = torch.from_numpy(points_of(run)[:-1])
    if problem.stream is None:
        gradients: Array = problem.oracle(x)[1].numpy()
        return gradients
    return np.stack([problem.stream(row[None], t)[0].numpy() for t, row in enumerate(x)])


def curvatures(run: Run) -> Array:
    """Return the second derivatives of a quadratic with its axes on the coordinates, shape (d,)."""
    problem = build_problem(run.spec.problem)
    ones = torch.ones(1, problem.facts.dim, dtype=torch.float64)
    assert problem.hessian_vector is not None
    diagonal: Array = problem.hessian_vector(ones, ones)[0].numpy()
    return diagonal


def thinned(length: int, points: int = 200) -> Array:
    """Return at most so many indices from 0 to length - 1, evenly spaced in the logarithm."""
    return np.unique(np.geomspace(1, length, points).astype(int)) - 1
