"""Runs of a learning problem made up point by point, as tasks leave them behind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optbench.core.run import DETERMINED, MEASURED, TRAINED, TRAINED_MEASURED, Hit, Run, Status
from optbench.core.spec import RunSpec, Spec

RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
STEPS = 400


def learning_run(
    lr: float = 1e-2,
    seed: int = 0,
    *,
    end: float | None = None,
    status: Status = Status.BUDGET,
    optimizer: str = "adam",
    problem: str = "digits-mlp",
    points: int = 11,
    validation: bool = True,
    accuracy: bool = True,
    test: float = 0.02,
    measure: str = "value",
    targets: tuple[float, ...] = (1.0, 0.5),
    **spec: Any,
) -> Run:
    """Build a run whose validation loss falls from 2.3 to `end`, best at a rate of 1e-2.

    The accuracy is 1 - loss/2.5, the test loss `test` above the validation loss at the end, the
    training loss .1 below. A run that was lost has half of the points.
    """
    if end is None:
        end = 0.4 + 0.3 * math.log10(lr / 1e-2) ** 2 + 0.01 * seed
    step = np.linspace(0, STEPS, points).round()
    loss = end + (2.3 - end) * np.exp(-5 * step / STEPS)
    if status in (Status.DIVERGED, Status.NAN):
        step, loss = step[: points // 2 + 1], 2.3 * np.exp(step / 60)[: points // 2 + 1]
    n, nothing = len(step), np.full(len(step), np.nan)
    columns = dict.fromkeys(DETERMINED + MEASURED, nothing)
    curve = columns | {"step": step, "gradient_calls": step, "value": loss, "lr": nothing + lr}
    curve |= {"gradient_norm": loss, "seconds": step / 100, "hvp_calls": np.zeros(n)}
    last = np.where(np.arange(n) == n - 1, 0.0, np.nan) if n == points else nothing
    right = np.clip(1 - loss / 2.5, 0, 1)
    trained = dict.fromkeys(TRAINED + TRAINED_MEASURED, nothing) | {
        "epoch": step / 100,
        "train_loss": np.where(step > 0, loss - 0.1, np.nan),
        "test_loss": loss + test + last,
    }
    if accuracy:
        trained["test_accuracy"] = right - test + last
    if validation:
        trained |= {"validation_loss": loss}
    if validation and accuracy:
        trained |= {"validation_accuracy": right}
    height = 1 - trained["validation_accuracy"] if measure == "error" else loss
    first = {t: np.flatnonzero(height <= t)[:1] for t in targets}
    hits = tuple(Hit(t, int(step[at[0]]), float(step[at[0]])) for t, at in first.items() if len(at))
    return Run(
        spec=RunSpec(
            problem=Spec.of("image_classifier", {"data": "digits", "batch_size": 64}),
            optimizer=Spec.of(optimizer, {"lr": lr}),
            budget=STEPS,
            targets=targets,
            target_measure=measure,
            seed=seed,
            dtype="float32",
            label=problem,
            **spec,
        ),
        status=status,
        curve=curve,
        trained=trained,
        hits=hits,
        hyper={"lr": lr, "beta": 0.9},
        facts={"dim": 4810.0, "examples": 1000.0, "state_bytes": 8.0},
        engine="training",
    )


def learning_runs(**changes: Any) -> list[Run]:
    """Build runs of two optimizers at five rates and three seeds; at the largest all are lost."""
    lost = {0.1: Status.DIVERGED, 0.03: Status.NAN}
    return [
        learning_run(
            lr,
            seed,
            optimizer=optimizer,
            status=lost[lr] if lr == 0.1 or (lr == 0.03 and seed == 2) else Status.BUDGET,
            end=None if optimizer == "adam" else 0.9 + 0.2 * math.log10(lr / 3e-3) ** 2,
            **changes,
        )
        for optimizer in ("adam", "sgd")
        for lr in RATES
        for seed in range(3)
    ]
