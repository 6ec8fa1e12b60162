"""Sums of parabolas (x - a_i)^2/2: what a run on them says about the examples that it drew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optbench.core.problem import Problem
from optbench.core.run import Run
from optbench.core.spec import parse_one
from optbench.families.find import build_problem, complete_problem
from optbench.request import problem_vectors

Array = NDArray[np.float64]


def sum_of(numbers: tuple[float, ...]) -> str:
    """Return the text of the problem with these a_i."""
    return f"mean_estimation:points={'/'.join(map(repr, numbers))}"


def problem_of(numbers: tuple[float, ...]) -> Problem:
    """Return the problem with these a_i."""
    return build_problem(complete_problem(parse_one(sum_of(numbers), problem_vectors)))


def batch_means(run: Run) -> Array:
    """Return the mean of the a_i behind each step of a run of gradient steps, shape (T,)."""
    assert run.points is not None
    x = run.points[:, 0]
    means: Array = x[:-1] - (x[:-1] - x[1:]) / run.hyper["lr"]
    return means
