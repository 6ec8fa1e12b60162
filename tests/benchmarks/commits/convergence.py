"""Tracked values under asv: steps to target, and claims that hold. They have no noise.

Steps are those to a relative suboptimality of 1e-4 at the best of eleven learning rates. asv starts
a process for each optimizer, so that all of a problem are run before, in one.
"""

from __future__ import annotations

import math

import optbench

from .names import OPTIMIZERS, available

RATES, TARGET = "1e-4..1e1:11", 1e-4

Steps = dict[str, float]
"""Optimizer to steps: NaN where the target was not reached, since asv takes no infinity. Those that
a commit does not have, or that do not take the problem, are not in it."""


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
        return _steps("least_squares", budget=30)

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


def _require(steps: Steps, optimizer: str) -> None:
    if optimizer not in steps:
        raise NotImplementedError(f"{optimizer} is not known here, or does not take the problem")


def _steps(problem: str, budget: float = 1000) -> Steps:
    found = {}
    for optimizer in OPTIMIZERS:
        runs = _runs(problem, optimizer, budget)
        if any(run.status != "refused" for run in runs):
            hits = [run.hit(TARGET) for run in runs]
            found[optimizer] = min((float(hit.step) for hit in hits if hit), default=math.nan)
    return found


def _runs(problem: str, optimizer: str, budget: float) -> list[optbench.Run]:
    """Return the runs at all rates; what has no learning rate runs once, what is unknown never."""
    for rates in (RATES, ()):
        try:
            result = optbench.run(
                problem, optimizer, lr=rates, budget=budget, targets=(1e-2, TARGET)
            )
        except Exception:  # a mistake, or whatever an old commit says of what it does not know
            continue
        return list(result.runs)
    return []


class Claims:
    """Claims of theory, a family of them at a time."""

    params = (["GD-*", "HB-*", "NAG-*", "AD-*"],)
    param_names = ("claims",)
    timeout = 300.0
    unit = "claims"

    def setup(self, claims: str) -> None:
        """Check them."""
        self.rows = available(lambda: optbench.verify(claims, quick=True))

    def track_failed(self, claims: str) -> float:
        """Count those that do not hold, so that more is worse, as asv takes it."""
        del claims
        return float(sum(row.finding.verdict.value == "FAIL" for row in self.rows))

    def track_passed(self, claims: str) -> float:
        """Count those that hold."""
        del claims
        return float(sum(row.finding.verdict.value == "PASS" for row in self.rows))
