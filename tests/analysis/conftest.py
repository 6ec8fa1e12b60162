"""Runs made up point by point, so that the summary can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from optbench.core.parameters import Value
from optbench.core.run import Hit, Run, Status
from optbench.core.spec import RunSpec, Spec


def make(
    lr: float | None = 0.1,
    seed: int = 0,
    gaps: Sequence[float] = (1.0, 0.5),
    hits: Mapping[float, float] | None = None,
    status: Status = Status.BUDGET,
    *,
    name: str = "gd",
    params: Mapping[str, Value] | None = None,
    schedule: str = "constant",
    problem: str = "p",
    calls: Sequence[float] | None = None,
    targets: tuple[float, ...] = (1e-1, 1e-3),
    known: bool = True,
    dtype: str = "float64",
) -> Run:
    """Build a run; `hits` maps a target to its gradient evaluations, at two a step."""
    optimizer = Spec.of(name, dict(params or {}) | ({} if lr is None else {"lr": lr}))
    step = np.arange(len(gaps), dtype=float)
    value = np.array(gaps, dtype=float)
    curve = {
        "step": step,
        "gradient_calls": step if calls is None else np.array(calls, dtype=float),
        "value": value + 5,
        "suboptimality": value if known else np.full(len(gaps), np.nan),
        "gradient_norm": value,
    }
    return Run(
        spec=RunSpec(
            problem=Spec(problem),
            optimizer=optimizer,
            schedule=Spec(schedule),
            targets=targets,
            seed=seed,
            dtype=dtype,
        ),
        status=status,
        curve=curve if len(gaps) else {},
        hits=tuple(Hit(t, int(calls / 2), calls) for t, calls in (hits or {}).items()),
        hyper={} if lr is None else {"lr": lr, "beta": 0.9},
    )


@pytest.fixture(scope="session")
def made() -> Callable[..., Run]:
    """The maker of runs."""
    return make
