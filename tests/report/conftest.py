"""Runs of a small loop of our own on diagonal quadratics, with statuses as runs have them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from optbench.core.run import Hit, Run, Status
from optbench.core.spec import RunSpec, Spec

GD = Spec("gd")
TARGETS = (1e-2, 1e-4, 1e-8)


def descend(
    *,
    optimizer: Spec = GD,
    lr: float = 1.0,
    seed: int = 0,
    kappa: float = 100.0,
    dim: int = 20,
    budget: int = 1000,
    noise: float = 0.0,
    label: str = "quadratic",
    targets: Sequence[float] = TARGETS,
    known: bool = True,
) -> Run:
    """Descend with momentum `beta` on f(x) = x'Hx/2 + 1, H with spectrum in [1/kappa, 1]."""
    beta = float(dict(optimizer.params).get("beta", 0.0))
    h = np.geomspace(1 / kappa, 1, dim)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(dim)
    radius, buffer = float(np.linalg.norm(x)), np.zeros(dim)
    first = float(h @ x**2 / 2)
    logged = set(np.unique(np.geomspace(1, budget, 200).astype(int))) | {0}
    points: list[tuple[float, float, float]] = []
    hits: list[Hit] = []
    status, bad = Status.BUDGET, None
    for t in range(budget + 1):
        gap = float(h @ x**2 / 2)
        if not gap <= 1e10 * first:
            status, bad = (Status.DIVERGED if gap < math.inf else Status.NAN), t
            break
        hits += [Hit(g, t, float(t)) for g in targets[len(hits) :] if gap <= g * first]
        done = len(hits) == len(targets) > 0
        if t in logged or done:
            points.append((t, gap, float(np.linalg.norm(h * x))))
        if done:
            status = Status.CONVERGED
            break
        buffer = beta * buffer + h * x + noise * rng.standard_normal(dim)
        x = x - lr * buffer
    step, gap_column, norm = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    curve = {"step": step, "gradient_calls": step, "value": gap_column + 1, "gradient_norm": norm}
    curve["suboptimality"] = gap_column if known else np.full_like(gap_column, np.nan)
    facts: dict[str, float | None] = {
        "dim": dim,
        "smoothness": 1.0,
        "strong_convexity": 1 / kappa,
        "convex": True,
    }
    facts |= {"f_star": 1.0 if known else None, "kappa": kappa, "radius": radius}
    spec = RunSpec(
        problem=Spec.of("quadratic", {"dim": dim, "kappa": kappa}),
        optimizer=Spec.of(optimizer.name, dict(optimizer.params) | {"lr": lr}),
        budget=float(budget),
        targets=tuple(targets),
        seed=seed,
        label=label,
    )
    return Run(
        spec=spec,
        status=status,
        message=f"f rose above 1e10 of its scale at step {bad}" if bad else "",
        first_bad_step=bad,
        curve=curve,
        hits=tuple(hits) if known else (),
        hyper={"lr": lr, "beta": beta},
        facts=facts,
        engine="batched",
    )


@pytest.fixture(scope="session")
def run() -> Callable[..., Run]:
    """The loop itself."""
    return descend


@pytest.fixture(scope="session")
def small_suite() -> list[Run]:
    """Two problems, three optimizers, five rates, three seeds: some converge, some diverge."""
    optimizers = [Spec("gd"), Spec.of("heavy_ball", {"beta": 0.9}), Spec("torch.SGD")]
    return [
        descend(optimizer=o, lr=lr, seed=seed, kappa=kappa, budget=300, label=f"k{kappa:g}")
        for kappa in (10.0, 100.0)
        for o in optimizers
        for lr in ((0.1, 0.3, 1.0, 1.9, 4.0) if o.name != "torch.SGD" else (1.0,))
        for seed in range(3)
    ]
