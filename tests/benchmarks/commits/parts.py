"""Under asv: time of each optimizer's step, and of each problem's oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import optbench
from optbench import optimizers
from optbench.families import FAMILIES

from .names import OPTIMIZERS, PROBLEMS, home, require


class Step:
    """Steps of one run, each with what the method asks of the oracle."""

    params = (OPTIMIZERS,)
    param_names = ("optimizer",)
    timeout = 120.0

    def setup(self, optimizer: str) -> None:
        """Run once, so that what is imported or built once is no part of the time."""
        require(optimizers.OPTIMIZERS, optimizer)
        require(FAMILIES, home(optimizer))
        run = self._run(optimizer).runs[0]
        if run.status == "refused":
            raise NotImplementedError(run.message)
        if run.status == "error":
            raise RuntimeError(run.message)

    def time_200_steps(self, optimizer: str) -> None:
        """Time a run of 200 gradient evaluations at the default learning rate."""
        self._run(optimizer)

    def _run(self, optimizer: str) -> optbench.Results:
        return optbench.run(home(optimizer), optimizer, budget=200, targets=())


class Oracle:
    """Value and gradient at 32 points at once."""

    params = (PROBLEMS,)
    param_names = ("problem",)
    timeout = 120.0

    def setup(self, problem: str) -> None:
        """Build the problem and its starts."""
        require(FAMILIES, problem)
        self.oracle, self.points = _built(problem)
        self.oracle(self.points)
        torch.set_num_threads(1)

    def time_oracle(self, problem: str) -> None:
        """Time one call."""
        del problem
        self.oracle(self.points)


def _built(name: str) -> tuple[Callable[[torch.Tensor], Any], torch.Tensor]:
    from optbench.core.spec import parse_one
    from optbench.families.find import build_problem, complete_problem

    problem = build_problem(complete_problem(parse_one(name)))
    return problem.oracle, torch.stack([problem.start(seed) for seed in range(32)])
