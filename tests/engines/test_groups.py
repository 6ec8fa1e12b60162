from __future__ import annotations

import numpy as np
import pytest
import torch

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import UpdateRule, without_gradient_parameters
from optbench.core.run import Status
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.find import find_optimizer
from tests.helpers import problem_of, run_with_groups, runs, specs, trajectory

PROBLEM = "mlp:hidden=3,examples=40"


def _moves(optimizer: str, schedule: str = "constant", budget: int = 12) -> dict[str, np.ndarray]:
    """Return what every step added to each block, (T, size)."""
    run = trajectory(PROBLEM, optimizer, budget=budget, schedules=(schedule,))
    assert run.points is not None, run.message
    moves = torch.from_numpy(np.diff(run.points, axis=0))
    layout = problem_of(PROBLEM).layout
    parts = layout.split(moves)
    return {
        block.name: part.flatten(1).numpy()
        for block, part in zip(layout.blocks, parts, strict=True)
    }


@pytest.mark.parametrize("schedule", ["constant", "cosine", "warmup_linear:warmup=5"])
@pytest.mark.parametrize("optimizer", ["signsgd", "adam", "torch.Adam"])
def test_a_schedule_keeps_the_groups_ratio(optimizer: str, schedule: str) -> None:
    """With lr_scale@bias=4 biases move 4 times as far as weights, at every step."""
    # Adam without memory (and without eps) is sign descent: all coordinates move by the rate.
    memory = "" if optimizer == "signsgd" else ",beta1=0,beta2=0,eps=0"
    moves = _moves(f"{optimizer}:lr=0.01{memory},lr_scale@bias=4", schedule)

    weight, bias = (np.abs(moves[f"0.{kind}"]).max(axis=1) for kind in ("weight", "bias"))

    np.testing.assert_allclose(bias, 4 * weight, rtol=1e-9)
    assert weight[1:11].min() > 0


@pytest.mark.parametrize("pair", [("adamw", "torch.AdamW"), ("heavy_ball", "torch.SGD")])
def test_groups_mean_the_same_in_both_engines(pair: tuple[str, str]) -> None:
    """The equation with columns and torch's class with parameter groups take the same path."""
    options = "lr=0.01,lr_scale@2.*=0.3,lr_scale@0.bias=2"
    decay = ",weight_decay=0.5,weight_decay@0.weight=0.1,exclude@bias=true,exclude@2.weight=false"
    extra = {
        "adamw": decay,
        "torch.AdamW": decay,
        "heavy_ball": ",beta=0.5,beta@2.bias=0.9",
        "torch.SGD": ",momentum=0.5,momentum@2.bias=0.9",
    }
    ours, theirs = (
        trajectory(PROBLEM, f"{name}:{options}{extra[name]}", budget=60) for name in pair
    )

    assert ours.points is not None, ours.message
    assert theirs.points is not None, theirs.message
    np.testing.assert_allclose(theirs.points, ours.points, rtol=1e-9, atol=1e-12)


def _numbers(name: str) -> dict[str, float]:
    """Return numbers other than the defaults for all that groups of a rule may differ in."""
    rule = find_optimizer(name)
    if not isinstance(rule, UpdateRule) or "lr" not in rule.parameters:
        return {}
    own = without_gradient_parameters(rule.parameters)
    kept = {key: p for key, p in own.items() if p.param.per_block and key != "lr"}
    return {
        key: next(x for x in (0.9 * p.default or 0.05, 1.1 * p.default) if p.param.allows(x))
        for key, p in kept.items()
        if isinstance(p.default, float)
    }


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if _numbers(name)])
def test_a_group_of_all_blocks_is_the_hyperparameter_itself(name: str) -> None:
    """Every number that a group may set is, set for all blocks, the run's own number."""
    whole, grouped = (
        trajectory(PROBLEM, f"{name}:lr=0.01,{keys}", budget=5)
        for keys in (
            ",".join(f"{key}{where}={number:.6g}" for key, number in _numbers(name).items())
            for where in ("", "@*")
        )
    )

    assert (grouped.status, grouped.message) == (whole.status, whole.message)
    if whole.status is not Status.REFUSED:
        assert whole.points is not None, whole.message
        assert grouped.points is not None, grouped.message
        np.testing.assert_allclose(grouped.points, whole.points, rtol=1e-9, atol=1e-12)


def test_exclusion_takes_decay_and_scaling_away() -> None:
    """LAMB without exclusion moves a block by eta times its norm; an excluded one by |u|."""
    moves = _moves("lamb:lr=0.01,weight_decay=0.1,exclude@2.bias=true", budget=1)
    start = problem_of(PROBLEM).start(0)[None]
    names = [block.name for block in problem_of(PROBLEM).layout.blocks]
    parts = dict(zip(names, problem_of(PROBLEM).layout.split(start), strict=True))

    for name in ("0.weight", "0.bias", "2.weight"):
        expected = 0.01 * float(parts[name].norm())
        assert np.linalg.norm(moves[name][0]) == pytest.approx(expected, rel=1e-12)
    # Adam's first direction is a sign, up to eps = 1e-6 beside the gradients.
    np.testing.assert_allclose(np.abs(moves["2.bias"][0]), 0.01, rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["adamw", "torch.AdamW"])
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("weight_decay@gamma=0", "no parameter matches 'gamma'; there are: 0.weight, 0.bias"),
        ("lr_scale@bias=2,lr_scale@0.bias=3", "two values of lr_scale@ meet in 0.bias"),
        ("exclude@bias=true,weight_decay@2=1", "two values of weight_decay@ meet in 2.bias"),
    ],
)
def test_groups_that_cannot_be_made_are_refused(optimizer: str, keys: str, message: str) -> None:
    """A pattern without a match, or two for one block: an error, or refused, with the reason."""
    run = run_with_groups(PROBLEM, f"{optimizer}:lr=0.1", keys)
    assert run.status is Status.REFUSED
    assert message in run.message
    with pytest.raises(OptbenchError, match=f"^{optimizer}: {message}"):
        specs(PROBLEM, f"{optimizer}:lr=0.1,{keys}")


def test_groups_outlive_the_runs_that_leave() -> None:
    """Once a diverged run has left the batch, the others go on as they would alone."""
    problem, text = "quadratic:dim=10,kappa=10", "heavy_ball:beta=0.5,beta@x=0.8"

    (alone,) = runs(problem, f"{text},lr=0.01", budget=200)
    kept, other, gone = runs(problem, text, lr=("0.01", "0.02", "1000"), budget=200)

    assert [run.status for run in (kept, other, gone)] == [
        Status.BUDGET,
        Status.BUDGET,
        Status.DIVERGED,
    ]
    np.testing.assert_allclose(kept.curve["value"], alone.curve["value"], rtol=1e-12)
