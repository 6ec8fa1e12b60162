"""The census: what `optbench list` names has run, and what does not suit says why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import pytest

from optbench.catalogue import entries
from optbench.core.run import Run, Status
from optbench.engines.execute import run_batch
from optbench.engines.planner import plan
from optbench.families import FAMILIES
from optbench.optimizers import OPTIMIZERS
from optbench.request import expand
from optbench.suites import load_suite

FETCHED = {"char_transformer", "cifar_resnet", "cifar_fast"}
"""Families whose data do not come with any package."""

ALLOWED = {Status.BUDGET, Status.CONVERGED, Status.DIVERGED, Status.NAN, Status.REFUSED}


@pytest.fixture(scope="module")
def census() -> list[Run]:
    """Run the suite `zoo` with small budgets and one learning rate."""
    requests = [
        replace(r, budget=20.0 if r.lr else 4.0, lr=r.lr and ("0.01",))
        for r in load_suite("zoo").requests
    ]
    specs = [spec for request in requests for spec in expand(request)]
    return [run for batch in plan(specs) for run in run_batch(batch).runs]


def _by(runs: list[Run], kind: str) -> Mapping[str, list[Run]]:
    found = defaultdict(list)
    for run in runs:
        if run.status is not Status.REFUSED:
            found[getattr(run.spec, kind).name].append(run)
    return found


def test_no_pair_ends_in_an_error(census: list[Run]) -> None:
    """Whatever is tried runs, or is refused: nothing crashes, hangs or runs out of memory."""
    wrong = {
        (str(r.spec.problem), r.spec.optimizer.name, r.message)
        for r in census
        if r.status not in ALLOWED
    }
    assert not wrong


def test_what_is_refused_says_why(census: list[Run]) -> None:
    """A refusal names the optimizer and what it lacks."""
    refused = [run for run in census if run.status is Status.REFUSED]
    assert refused
    for run in refused:
        assert run.spec.optimizer.name in run.message, run.message
        assert " needs " in run.message, run.message


def test_every_optimizer_that_is_listed_has_run(census: list[Run]) -> None:
    """Every name on two problems or more (K-FAC has one with layers); every form by an example."""
    ran = _by(census, "optimizer")
    for name, _ in entries("optimizers"):
        if name == "FILE.py:NAME":
            continue
        if name.endswith(".NAME"):
            assert any(other.startswith(name.removesuffix("NAME")) for other in ran), name
        else:
            problems = {run.spec.problem.name for run in ran[name]}
            assert len(problems) >= (1 if name == "kfac" else 2), name


def test_every_optimizer_was_tried_on_every_problem(census: list[Run]) -> None:
    """The whole matrix is there, refusals included (K-FAC comes with its own entry)."""
    tried = {(run.spec.optimizer.name, run.spec.problem.name) for run in census}
    expected = {(o, p) for o in OPTIMIZERS if o != "kfac" for p in set(FAMILIES) - FETCHED}
    assert tried >= expected


def test_every_schedule_that_is_listed_has_run_on_two_problems(census: list[Run]) -> None:
    """Every name, and a scheduler of torch, in both engines."""
    ran = _by(census, "schedule")
    for name, _ in entries("schedules"):
        if name == "FILE.py:NAME":
            continue
        name = "torch.CosineAnnealingLR" if name == "torch.NAME" else name
        assert len({run.spec.problem.name for run in ran[name]}) >= 2, name
        assert {run.engine for run in ran[name]} >= {"batched", "step"}, name


def test_every_problem_that_is_listed_has_run(census: list[Run]) -> None:
    """Every family but those whose data must be fetched first."""
    assert set(_by(census, "problem")) == set(FAMILIES) - FETCHED
