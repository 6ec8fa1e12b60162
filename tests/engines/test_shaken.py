"""A shaken problem is the same problem, but for its last bits."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from optbench.core.problem import Problem
from optbench.core.spec import Spec, parse_one
from optbench.core.task import Task
from optbench.engines.execute import Setting, run_batch
from optbench.engines.planner import plan
from optbench.engines.shaken import MOVED, shaken
from optbench.families.find import build, build_problem, complete_problem
from tests.engines.test_batches import same_bits
from tests.helpers import specs

LAST_BITS = 4.0
"""Units of the last place by which a shaken number may differ: -2 to 1, as a relative rounding."""


def _shaken(text: str, number: int = 1, dtype: str = "float64") -> tuple[Problem, Problem]:
    problem = build_problem(complete_problem(parse_one(text)))
    other = shaken(problem, number, dtype)
    assert isinstance(other, Problem)
    return problem, other


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_oracle_differs_in_its_last_bits_only(dtype: torch.dtype) -> None:
    """Most numbers change, none by more than a rounding; each dtype has its own last bit."""
    plain, other = _shaken("logistic")
    x = plain.start(0)[None].to(dtype) + 0.5
    (f, g), (shaken_f, shaken_g) = plain.oracle(x), other.oracle(x)
    limit = LAST_BITS * torch.finfo(dtype).eps

    assert dtype == shaken_g.dtype
    assert ((shaken_g - g).abs() <= limit * g.abs()).all()
    assert ((shaken_f - f).abs() <= limit * f.abs()).all()
    assert (shaken_g != g).double().mean() > 0.5


def test_what_has_no_last_bits_stays() -> None:
    """Zeros of both signs and what is not finite: a zero gradient must not become a step."""
    values = torch.tensor([[0.0, -0.0, torch.inf, -torch.inf, torch.nan]], dtype=torch.float64)
    problem = build_problem(Spec("quadratic", (("dim", 5),)))
    frozen = shaken_oracle(problem, values)

    assert torch.equal(values.view(torch.int64), frozen.view(torch.int64))


def shaken_oracle(problem: Problem, gradient: torch.Tensor) -> torch.Tensor:
    """Return what becomes of a gradient."""
    fixed = replace(problem, oracle=lambda x: (x.sum(-1), gradient))
    other = shaken(fixed, 3, "float64")
    assert isinstance(other, Problem)
    return other.oracle(torch.ones(1, 5, dtype=torch.float64))[1]


def test_the_start_moves_by_little_and_keeps_its_zeros() -> None:
    """Each coordinate in proportion, so that who starts on an axis stays there."""
    plain, other = _shaken("saddle_quartic")
    here, there = plain.start(0), other.start(0)

    assert not torch.equal(here, there)
    assert torch.equal(here == 0, there == 0)
    assert ((here - there).abs() <= MOVED["float64"] * here.abs()).all()


def test_a_start_at_the_origin_moves_too() -> None:
    """There everything would otherwise begin alike in every rounding."""
    plain, other = _shaken("nesterov_convex")

    assert not plain.start(0).any()
    assert 0 < other.start(0).abs().max() <= MOVED["float64"]


def test_every_number_is_another_rounding_and_always_the_same() -> None:
    """Five roundings are five different problems, whichever night they are made in."""
    starts = [_shaken("quadratic", number)[1].start(0) for number in (1, 2, 3, 1)]

    assert torch.equal(starts[0], starts[3])
    assert len({tuple(start.tolist()) for start in starts}) == 3


def test_a_task_starts_elsewhere() -> None:
    """A model's parameters move by a few last bits of float32, and torch's generator does not."""
    task = build(complete_problem(Spec("image_classifier", (("data", "digits"),))))
    other = shaken(task, 1, "float32")
    assert isinstance(task, Task)
    assert isinstance(other, Task)
    weights = []
    for made in (task, other):
        torch.manual_seed(0)
        parameters = list(made.module().parameters())
        weights.append((parameters[0].detach(), torch.rand(1)))
    (here, drawn), (there, drawn_there) = weights

    assert torch.equal(drawn, drawn_there)
    assert 0 < ((here - there) / here).abs().max() <= 2 * MOVED["float32"]


@pytest.mark.parametrize("optimizer", ["gd:lr=1/L", "torch.SGD:lr=0.01", "scipy.BFGS"])
def test_every_engine_runs_it_and_ordinary_runs_keep_their_bits(optimizer: str) -> None:
    """Rounding 0 is the run itself; rounding 1 is close to it, and another."""
    (batch,) = plan(specs("quadratic:dim=10,kappa=10", optimizer, budget=20))
    plain, again, other = (
        run_batch(batch, setting).runs[0]
        for setting in (Setting(), Setting(rounding=0), Setting(rounding=1))
    )

    assert same_bits(plain, again)
    assert not same_bits(plain, other)
    assert other.last("value") == pytest.approx(plain.last("value"), rel=1e-6, abs=1e-18)
