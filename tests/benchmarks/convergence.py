"""Tracked values under asv: steps to target, and claims that hold. They have no noise."""

from __future__ import annotations

import math

import optbench
import optbench.workflow  # before asv forks a process for each parameter, not in every one of them

from .names import MAIN, OPTIMIZERS, available

RATES, BUDGET, TARGET = "1e-4..1e1:11", 1000, 1e-4


class Steps:
    """Steps to a relative suboptimality of 1e-4 at the best of eleven learning rates."""

    params = (MAIN, OPTIMIZERS)
    param_names = ("problem", "optimizer")
    timeout = 120.0
    unit = "steps"

    def setup(self, problem: str, optimizer: str) -> None:
        """Run it: what has no learning rate runs once."""
        self.runs = available(lambda: _runs(problem, optimizer))
        if all(run.status == "refused" for run in self.runs):
            raise NotImplementedError(f"{optimizer} does not take {problem}")

    def track_steps(self, problem: str, optimizer: str) -> float:
        """Count them; NaN when no learning rate reached the target, since asv takes no infinity."""
        del problem, optimizer
        hits = [run.hit(TARGET) for run in self.runs]
        return min((float(hit.step) for hit in hits if hit), default=math.nan)


def _runs(problem: str, optimizer: str) -> list[optbench.Run]:
    for rates in (RATES, ()):
        try:
            result = optbench.run(
                problem, optimizer, lr=rates, budget=BUDGET, targets=(1e-2, TARGET)
            )
        except optbench.OptbenchError:
            if not rates:
                raise
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
