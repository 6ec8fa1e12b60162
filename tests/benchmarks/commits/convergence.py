"""Tracked values under asv: steps to target, and claims that hold. They have no noise.

Steps are those to a relative suboptimality of 1e-4 at the best of eleven learning rates. asv starts
a process for each optimizer, so that all of a problem are run before, in one.
"""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Iterator, Sequence
from functools import partial

import optbench
from optbench.core.errors import OptbenchError
from optbench.optimizers import OPTIMIZERS as HERE

from .names import OPTIMIZERS, home, require

RATES = "1e-4..1e1:11"

NEVER = 1e6
"""Stands for a target that is not reached: asv compares no NaN, so that what reaches it no longer
would be no regression, and its pages cannot hold infinity."""

FAILED = ("timeout", "out_of_memory", "error")

Steps = dict[str, float]
"""Optimizer to steps: NaN for what raises. Those that a commit does not have, or that do not take
the problem, are not in it."""


class Quadratic:
    """A quadratic in 50 variables, kappa = 100."""

    params = (OPTIMIZERS,)
    param_names = ("optimizer",)
    timeout = 600.0
    unit = "steps"

    def setup_cache(self) -> Steps:
        """Run all optimizers."""
        return _steps("quadratic:dim=50,kappa=100")

    def setup(self, steps: Steps, optimizer: str) -> None:
        """Say which are not available."""
        _require(steps, optimizer)

    def track_steps(self, steps: Steps, optimizer: str) -> float:
        """Tell the steps to the target."""
        return steps[optimizer]


class LeastSquares:
    """Least squares; a full gradient is many steps for those that draw samples."""

    params = (OPTIMIZERS,)
    param_names = ("optimizer",)
    timeout = 600.0
    unit = "steps"

    def setup_cache(self) -> Steps:
        """Run all optimizers."""
        return _steps("least_squares", budget=300)

    def setup(self, steps: Steps, optimizer: str) -> None:
        """Say which are not available."""
        _require(steps, optimizer)

    def track_steps(self, steps: Steps, optimizer: str) -> float:
        """Tell the steps to the target."""
        return steps[optimizer]


class Rosenbrock:
    """Rosenbrock's valley in two variables."""

    params = (OPTIMIZERS,)
    param_names = ("optimizer",)
    timeout = 600.0
    unit = "steps"

    def setup_cache(self) -> Steps:
        """Run all optimizers."""
        return _steps("rosenbrock")

    def setup(self, steps: Steps, optimizer: str) -> None:
        """Say which are not available."""
        _require(steps, optimizer)

    def track_steps(self, steps: Steps, optimizer: str) -> float:
        """Tell the steps to the target."""
        return steps[optimizer]


AT_HOME = {
    "natural_gradient": "1e-4",
    "sophia_g": "1e-4",
    "muon": "1e-4",
    "soap": "1e-4",
    "kfac": "value=0.01",
}
"""Optimizers that take none of the problems above, with a target that they reach on their own."""


class Home:
    """Problems of those that need labels drawn from a model, matrices or layers."""

    params = (list(AT_HOME),)
    param_names = ("optimizer",)
    timeout = 600.0
    unit = "steps"

    def setup_cache(self) -> Steps:
        """Run all optimizers."""
        return {
            optimizer: steps
            for optimizer, target in AT_HOME.items()
            for steps in _steps_of(home(optimizer), optimizer, 300, target)
        }

    def setup(self, steps: Steps, optimizer: str) -> None:
        """Say which are not available."""
        _require(steps, optimizer)

    def track_steps(self, steps: Steps, optimizer: str) -> float:
        """Tell the steps to the target."""
        return steps[optimizer]


def _require(steps: Steps, optimizer: str) -> None:
    if optimizer not in steps:
        raise NotImplementedError(f"{optimizer} is not known here, or does not take the problem")
    if math.isnan(steps[optimizer]):
        raise RuntimeError(f"{optimizer} fails; --show-stderr shows how")


def _steps(problem: str, budget: float = 1000) -> Steps:
    return {
        optimizer: steps
        for optimizer in OPTIMIZERS
        for steps in _steps_of(problem, optimizer, budget, "1e-4")
    }


def _steps_of(problem: str, optimizer: str, budget: float, target: str) -> Iterator[float]:
    """Yield the steps of an optimizer; nothing where it is not available."""
    if optimizer not in HERE:
        return
    try:
        runs = _runs(problem, optimizer, budget, target)
    except Exception:  # whatever a commit has broken; the others have their steps all the same
        traceback.print_exc()
        yield math.nan
        return
    if any(run.status in FAILED for run in runs):
        print(*(f"{optimizer}: {run.message}" for run in runs), sep="\n", file=sys.stderr)
        yield math.nan
    elif any(run.status != "refused" for run in runs):
        level = float(target.rpartition("=")[2])
        yield min(
            (float(hit.step) for hit in (run.hit(level) for run in runs) if hit), default=NEVER
        )


def _runs(problem: str, optimizer: str, budget: float, target: str) -> Sequence[optbench.Run]:
    """Return the runs at all rates; what has no learning rate runs once."""
    run = partial(optbench.run, problem, optimizer, budget=budget, targets=target)
    try:
        return run(lr=RATES).runs
    except OptbenchError:
        return run().runs


class Claims:
    """Claims of theory, a family of them at a time."""

    params = (["GD-*", "HB-*", "NAG-*", "AD-*"],)
    param_names = ("claims",)
    timeout = 300.0
    unit = "claims"

    def setup(self, claims: str) -> None:
        """Check them."""
        require(dir(optbench), "verify")
        self.rows = optbench.verify(claims, quick=True)

    def track_failed(self, claims: str) -> float:
        """Count those that do not hold, so that more is worse, as asv takes it."""
        del claims
        return float(sum(row.finding.verdict.value == "FAIL" for row in self.rows))

    def track_passed(self, claims: str) -> float:
        """Count those that hold."""
        del claims
        return float(sum(row.finding.verdict.value == "PASS" for row in self.rows))
