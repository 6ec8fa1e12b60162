"""asv's benchmarks name what there is, and what they track can be tracked."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

import optbench
from optbench.core.optimizer import UpdateRule
from optbench.families import FAMILIES
from optbench.nightly.dashboard.trend import read_trend
from optbench.optimizers import OPTIMIZERS
from tests.benchmarks.commits import convergence, harness, names, parts
from tests.theory.planting import forget

LEARNING = {"autoencoder", "char_transformer", "cifar_fast", "cifar_resnet", "image_classifier"}
"""Families of tasks, which have no oracle in stacks of points."""


def test_the_benchmarks_name_every_optimizer_and_every_problem() -> None:
    """A new entry of a registry is measured, or this says that it is not."""
    assert set(OPTIMIZERS) == set(names.OPTIMIZERS)
    assert set(FAMILIES) - LEARNING == {name.partition(":")[0] for name in names.PROBLEMS}


def test_steps_are_tracked_and_never_is_more_than_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reaches its target no longer is worse; what does not take the problem is skipped."""
    monkeypatch.setattr(convergence, "OPTIMIZERS", ["gd", "subgradient", "kfac", "no_such_thing"])
    short, long = (
        convergence._steps("quadratic:dim=50,kappa=100", budget=budget) for budget in (120, 200)
    )

    assert short.keys() == {"gd", "subgradient"}
    assert (short["gd"], long["gd"] < 200) == (convergence.NEVER, True)
    with pytest.raises(NotImplementedError):
        convergence.Quadratic().setup(short, "kfac")


def test_an_optimizer_that_breaks_fails_its_benchmarks_alone(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A skipped benchmark would be no regression, and an error at once a fast step."""

    def broken(*arguments: object, **settings: object) -> NoReturn:
        raise ValueError("broken by this commit")

    monkeypatch.setattr(convergence, "OPTIMIZERS", ["gd", "adam"])
    monkeypatch.setattr("optbench.optimizers.adam.ADAM", UpdateRule(step=broken, memory=2))
    request.addfinalizer(forget)
    forget()
    steps = convergence._steps("parabola", budget=50)

    convergence.Quadratic().setup(steps, "gd")
    with pytest.raises(RuntimeError, match="adam"):
        convergence.Quadratic().setup(steps, "adam")
    with pytest.raises(RuntimeError, match="broken by this commit"):
        parts.Step().setup("adam")


@pytest.mark.parametrize("optimizer", ["gd", *names.HOMES])
def test_an_optimizer_has_a_problem_on_which_its_step_is_timed(optimizer: str) -> None:
    """Those that a quadratic does not suit have a home of their own, which they do not refuse."""
    parts.Step().setup(optimizer)


def test_what_a_commit_does_not_know_is_not_available() -> None:
    """On an older commit a benchmark is skipped; what breaks is passed on."""
    with pytest.raises(NotImplementedError, match="unknown problem"):
        names.available(lambda: optbench.run("no_such_problem", "gd"))
    with pytest.raises(NotImplementedError, match="no_such_family:dim=3 is not known"):
        parts.Oracle().setup("no_such_family:dim=3")
    with pytest.raises(NotImplementedError):
        harness.StartUp().setup("no-such-verb")
    with pytest.raises(subprocess.CalledProcessError):
        names.available(lambda: subprocess.run(["false"], check=True))


def test_the_history_of_our_own_commits_is_kept() -> None:
    """What asv measured of at least fifteen commits is read, with steps to target for each."""
    trend = read_trend(Path(__file__).parents[1] / "results" / "asv")

    assert trend is not None
    assert not trend.left_out
    (commits,) = trend.commits.values()
    assert len(commits) >= 15
    tracked = [one for one in trend.benchmarks if "track_steps" in one.name]
    long = [one for one in tracked if sum(value is not None for value in one.values) >= 15]
    assert len(long) >= 10


def test_the_whole_folder_has_run_to_its_end() -> None:
    """What was timed of every optimizer and oracle is kept, and no timed optimizer is untracked."""
    trend = read_trend(Path(__file__).parents[1] / "results" / "asv")

    assert trend is not None
    measured: dict[str, set[str]] = {}
    for one in trend.benchmarks:
        benchmark, _, parameter = one.name.rstrip(")").partition("(")
        measured.setdefault(benchmark.rpartition(".")[2], set()).add(parameter)
    assert len(measured["time_200_steps"]) >= 50
    assert len(measured["time_oracle"]) >= 39
    assert measured["time_200_steps"] <= measured["track_steps"]
