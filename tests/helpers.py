"""Short ways to say which runs a test wants."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from typing import Any

from optbench.core.problem import Problem
from optbench.core.run import Run
from optbench.core.spec import RunSpec, Spec, parse_one
from optbench.core.training import Training
from optbench.engines.execute import run_batch
from optbench.engines.planner import plan
from optbench.families.find import build_problem
from optbench.request import Request, expand


def specs(problem: str, optimizer: str, **settings: Any) -> list[RunSpec]:
    """Return the runs of a problem's and an optimizer's text; no targets unless given."""
    settings = {"targets": ()} | settings
    return expand(Request(problems=(problem,), optimizers=(optimizer,), **settings))


def runs(problem: str, optimizer: str, **settings: Any) -> list[Run]:
    """Run them here and return the results in the order of the batches."""
    batches = plan(specs(problem, optimizer, **settings))
    return [run for batch in batches for run in run_batch(batch).runs]


def run_with_groups(problem: str, optimizer: str, groups: str, **settings: Any) -> Run:
    """Run an optimizer with keys of groups that `expand` would refuse for this problem alone."""
    (spec,) = specs(problem, optimizer, **settings)
    own = dict(spec.optimizer.params) | dict(parse_one(f"x:{groups}").params)
    (batch,) = plan([replace(spec, optimizer=Spec.of(spec.optimizer.name, own))])
    return run_batch(batch).runs[0]


def problem_of(text: str) -> Problem:
    """Return the problem that a text names."""
    return build_problem(specs(text, "gd:lr=1")[0].problem)


def trajectory(problem: str, optimizer: str, **settings: Any) -> Run:
    """Return the one run of a text, with every step and point recorded."""
    settings = {"record": "every", "record_x": True} | settings
    (run,) = runs(problem, optimizer, **settings)
    return run


def typed(text: str) -> Request:
    """Return the request that is typed after `optbench run`."""
    # Tests that need a GPU use this module too, on machines that may lack click.
    from optbench.cli.runs import requests_of
    from optbench.cli.runs import run as command

    names = {f.name for f in fields(Request) if f.name != "training"}
    names |= {f.name for f in fields(Training)} | {"problem", "optimizer", "schedule", "target"}
    context = command.make_context("run", shlex.split(text))
    (request,) = requests_of(None, {k: v for k, v in context.params.items() if k in names})
    return request


def spec_of(text: str) -> Spec:
    """Return a text's only spec."""
    return parse_one(text)
