"""Runs that reach their target after so many evaluations."""

from __future__ import annotations

import math
from collections.abc import Sequence

from optbench.core.run import Run, Status
from tests.analysis.conftest import make


def solved(name: str, calls: Sequence[float], problem: str = "p") -> list[Run]:
    """Return a run a seed that reaches the target 1e-3 after so many evaluations; inf for never."""
    return [
        make(
            seed=seed,
            name=name,
            problem=problem,
            gaps=(1.0, 1e-4 if math.isfinite(cost) else 0.5),
            hits={0.1: cost / 2, 1e-3: cost} if math.isfinite(cost) else {},
            status=Status.CONVERGED if math.isfinite(cost) else Status.BUDGET,
        )
        for seed, cost in enumerate(calls)
    ]
