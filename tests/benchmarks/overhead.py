"""What the step engine costs beside a bare training loop, on a model of 10^6 parameters.

    python tests/benchmarks/overhead.py [--pairs 30] [--steps 50] [--optimizer torch.AdamW:lr=1e-3]

One perceptron on 128 images, float32, full gradients, every step logged; both begin with drawing
the model's parameters. CPU times of the loop and of the engine are taken in turn, in one process,
on one thread; the ratio's median is printed with a 95% interval from the order statistics of the
pairs.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
import scipy.stats
import torch

from optbench.core.optimizer import StepMethod
from optbench.core.problem import Problem
from optbench.core.schedule import Factors
from optbench.core.spec import RunSpec, Spec
from optbench.engines.step import run_step
from optbench.families.find import build_problem
from optbench.optimizers.find import find_optimizer
from optbench.request import Request, expand

PROBLEM = "mlp:hidden=960,layers=2,examples=128"


def bare_loop(problem: Problem, spec: Spec, steps: int) -> Callable[[], None]:
    """Return the training that a user would write with torch alone, from the model on."""
    cls = getattr(torch.optim, spec.name.removeprefix("torch."))

    def loop() -> None:
        assert problem.model is not None
        model = problem.model()
        model.module.float()
        optimizer = cls(model.module.parameters(), lr=dict(spec.params)["lr"])
        for _ in range(steps):
            optimizer.zero_grad()
            model.loss(None).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return loop


def engine(problem: Problem, run: RunSpec, steps: int) -> Callable[[], None]:
    """Return the same training in the step engine, recording and all."""
    method = find_optimizer(run.optimizer.name)
    assert isinstance(method, StepMethod)
    factors = Factors(np.ones(steps + 1))

    def go() -> None:
        result, _ = run_step(problem, method, run, dict(run.optimizer.params), factors)
        assert len(result.curve["step"]) == steps + 1, result.message

    return go


def cpu_seconds(work: Callable[[], None]) -> float:
    """Return the CPU time of this process that some work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def median_interval(values: list[float]) -> tuple[float, float]:
    """Return a 95% interval for the median, from order statistics."""
    ordered, n = sorted(values), len(values)
    low = int(scipy.stats.binom.ppf(0.025, n, 0.5))
    return ordered[max(low - 1, 0)], ordered[min(n - low, n - 1)]


def main() -> None:
    """Print the ratio of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--optimizer", default="torch.AdamW:lr=1e-3")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    request = Request(
        problems=(PROBLEM,),
        optimizers=(arguments.optimizer,),
        dtype="float32",
        targets=(),
        budget=arguments.steps,
    )
    (run,) = expand(request)
    problem = build_problem(run.problem)
    loop = bare_loop(problem, run.optimizer, arguments.steps)
    ours = engine(problem, run, arguments.steps)
    loop(), ours()
    ratios, times = [], []
    for pair in range(arguments.pairs):
        order = (loop, ours) if pair % 2 else (ours, loop)
        seconds = {work: cpu_seconds(work) for work in order}
        ratios.append(seconds[ours] / seconds[loop])
        times.append(seconds[loop])
    low, high = median_interval(ratios)
    print(
        f"{problem.facts.dim} parameters, {arguments.optimizer}: engine / loop "
        f"{np.median(ratios):.3f} [{low:.3f}, {high:.3f}], {len(ratios)} pairs, "
        f"{1000 * math.fsum(times) / len(times) / arguments.steps:.1f} ms a step"
    )


if __name__ == "__main__":
    main()
