"""asv's benchmarks name what there is, and what they track can be tracked."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from optbench.families import FAMILIES
from optbench.nightly.dashboard.trend import read_trend
from optbench.optimizers import OPTIMIZERS
from tests.benchmarks.commits import convergence, names, parts

DATA = {"char_transformer", "cifar_fast", "cifar_resnet"}
"""Families that need a download."""


def test_the_benchmarks_name_every_optimizer_and_every_problem() -> None:
    """A new entry of a registry is measured, or this says that it is not."""
    assert set(OPTIMIZERS) == set(names.OPTIMIZERS)
    assert set(FAMILIES) - DATA == {name.partition(":")[0] for name in names.PROBLEMS}


def test_steps_are_tracked_and_what_is_not_reached_is_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asv's pages cannot hold infinity; what does not take the problem is not available."""
    monkeypatch.setattr(convergence, "OPTIMIZERS", ["gd", "subgradient", "kfac", "no_such_thing"])
    steps = convergence._steps("quadratic:dim=50,kappa=100", budget=120)

    assert steps.keys() == {"gd", "subgradient"}
    assert math.isnan(steps["gd"])
    with pytest.raises(NotImplementedError):
        convergence.Quadratic().setup(steps, "kfac")


@pytest.mark.parametrize("optimizer", ["gd", *names.HOMES])
def test_an_optimizer_has_a_problem_on_which_its_step_is_timed(optimizer: str) -> None:
    """Those that a quadratic does not suit have a home of their own, which they do not refuse."""
    parts.Step().setup(optimizer)


def test_what_a_commit_cannot_do_is_not_available() -> None:
    """On an older commit a benchmark is skipped, whatever it meets there."""
    with pytest.raises(NotImplementedError, match="no such"):
        names.available(lambda: (_ for _ in ()).throw(ImportError("no such thing")))
    with pytest.raises(NotImplementedError):
        parts.Oracle().setup("no_such_family")


def test_the_history_of_our_own_commits_is_kept() -> None:
    """What asv measured of at least fifteen commits is read, with steps to target for each."""
    trend = read_trend(Path(__file__).parents[1] / "results" / "asv")

    assert trend is not None
    assert not trend.left_out
    (commits,) = trend.commits.values()
    assert len(commits) >= 15
    tracked = [one for one in trend.benchmarks if "track_steps" in one.name]
    assert len(tracked) >= 10
    for one in tracked:
        assert sum(value is not None for value in one.values) >= 15, one.name
