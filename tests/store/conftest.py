"""Runs to store, different for each number, and what they must be equal to when they come back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optbench.core.run import DETERMINED, MEASURED, Hit, Run, Status
from optbench.core.spec import RunSpec, Spec
from optbench.store import Record, open_store

COLUMNS = DETERMINED + MEASURED


def make_record(number: int, *, points: int = 40, code: str = "a", **fields: Any) -> Record:
    """Build a record whose every number follows from its own number; `fields` go to the run."""
    generator = np.random.default_rng(number)
    spec = RunSpec(
        problem=Spec.of("quadratic", {"dim": 10, "kappa": 10.0}),
        optimizer=Spec.of("gd", {"lr": 0.5}),
        targets=(0.1, 0.01),
        seed=number,
        label=f"problem-{number % 5}",
    )
    run: dict[str, Any] = {
        "spec": spec,
        "status": Status.CONVERGED,
        "message": f"run number {number}",
        "curve": dict(zip(COLUMNS, generator.random((len(COLUMNS), points)), strict=True)),
        "hits": (Hit(0.1, 3 + number, 3.5), Hit(0.01, 30 + number, 30.5)),
        "hyper": {"lr": 0.5},
        "facts": {"dim": 10, "convex": True, "f_star": None, "smoothness": 1.0},
        "engine": "batched",
        "seconds": 0.25,
    }
    return Record(
        run=Run(**(run | fields)),
        key=hashlib.sha256(f"{number} {code}".encode()).hexdigest(),
        fingerprint=code,
        environment={"torch": "2.13.0", "cpu": "some processor"},
        created=f"2025-01-01T00:{number // 60:02}:{number % 60:02}.{ord(code):06}+00:00",
    )


def make_trained(number: int, *, points: int = 40, **fields: Any) -> Record:
    """Build a record of a task: a curve with two columns more, their numbers from its number."""
    generator = np.random.default_rng(number)
    losses = generator.random((2, points))
    trained = {"validation_loss": losses[0], "test_loss": np.full(points, np.nan)}
    trained["test_loss"][-1:] = losses[1, -1:]
    trained |= fields.pop("trained", {})
    return make_record(number, points=points, engine="training", trained=trained, **fields)


def version_1(path: Path) -> Path:
    """Make a results file, of runs without trained columns, what version 1 wrote."""
    with open_store(path) as store:
        store.connection.executescript("DROP TABLE trained; PRAGMA user_version = 1;")
    return path


def assert_same(expected: Record, actual: Record) -> None:
    """Every field is the same, arrays to the last bit."""
    __tracebackhide__ = True
    a, b = dict(vars(expected.run)), dict(vars(actual.run))
    for curve in ("curve", "trained"):
        columns, found = a.pop(curve), b.pop(curve)
        assert columns.keys() == found.keys()
        for column, values in columns.items():
            assert values.tobytes() == found[column].tobytes()
    points, others = a.pop("points"), b.pop("points")
    assert (points is None) == (others is None)
    if points is not None:
        assert points.shape == others.shape
        assert points.tobytes() == others.tobytes()
    spec, other = a.pop("spec"), b.pop("spec")
    assert (spec.to_json(), spec.problem_label) == (other.to_json(), other.problem_label)
    for name in ("hyper", "facts"):  # the order of a mapping means nothing
        a[name], b[name] = sorted(a[name].items()), sorted(b[name].items())
    # repr tells 1 from True and 1.0, and is the same for two NaNs.
    assert repr(a) == repr(b)
    for name in ("key", "fingerprint", "environment", "created"):
        assert getattr(expected, name) == getattr(actual, name)


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    """Return the function that builds a record from a number."""
    return make_record


@pytest.fixture(scope="session")
def same() -> Callable[[Record, Record], None]:
    """Return the function that holds two records against each other."""
    return assert_same


@pytest.fixture(scope="session")
def trained() -> Callable[..., Record]:
    """Return the function that builds a record of a task from a number."""
    return make_trained


@pytest.fixture(scope="session")
def older() -> Callable[[Path], Path]:
    """Return the function that makes a results file one of version 1."""
    return version_1
