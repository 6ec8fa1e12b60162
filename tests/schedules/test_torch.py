"""Our schedules against torch's schedulers, at every step, and where the two differ."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import SWALR

from optbench.core.errors import OptbenchError
from optbench.schedules.from_torch import REFUSED
from tests.schedules.cases import factors, numbers, torch_says

LENGTHS = (1, 2, 7, 100)
ATOL = 1e-12  # torch multiplies from step to step; 100 roundings
LR = 0.3

Arguments = Mapping[str, Any]

TWINS: list[tuple[str, type[LRScheduler], Arguments]] = [
    ("constant", lr_scheduler.ConstantLR, {"factor": 1.0}),
    ("linear", lr_scheduler.LinearLR, {"start_factor": 1, "end_factor": 0, "total_iters": "T"}),
    (
        "linear:end=0.25",
        lr_scheduler.LinearLR,
        {"start_factor": 1, "end_factor": 0.25, "total_iters": "T"},
    ),
    ("exponential:gamma=0.9", lr_scheduler.ExponentialLR, {"gamma": 0.9}),
    ("step:step_size=3,gamma=0.5", lr_scheduler.StepLR, {"step_size": 3, "gamma": 0.5}),
    (
        "multi_step:milestones=5/2/5/40,gamma=0.5",
        lr_scheduler.MultiStepLR,
        {"milestones": [5, 2, 5, 40], "gamma": 0.5},
    ),
    ("polynomial:power=2", lr_scheduler.PolynomialLR, {"power": 2, "total_iters": "T"}),
    ("polynomial", lr_scheduler.PolynomialLR, {"total_iters": "T"}),
    ("cosine", lr_scheduler.CosineAnnealingLR, {"T_max": "T"}),
    ("cosine:end=0.1", lr_scheduler.CosineAnnealingLR, {"T_max": "T", "eta_min": 0.1 * LR}),
    (
        "cosine_restarts:T_0=3,T_mult=1",
        lr_scheduler.CosineAnnealingWarmRestarts,
        {"T_0": 3, "T_mult": 1},
    ),
    (
        "cosine_restarts:T_0=2,T_mult=3,end=0.1",
        lr_scheduler.CosineAnnealingWarmRestarts,
        {"T_0": 2, "T_mult": 3, "eta_min": 0.1 * LR},
    ),
]


def with_length(arguments: Arguments, T: int) -> dict[str, Any]:
    """Put the length of the run in its places."""
    return {key: T if value == "T" else value for key, value in arguments.items()}


@pytest.mark.parametrize("T", LENGTHS)
@pytest.mark.parametrize(("text", "cls", "arguments"), TWINS, ids=[twin[0] for twin in TWINS])
def test_factors_are_torchs(
    text: str, cls: type[LRScheduler], arguments: Arguments, T: int
) -> None:
    """From the first step to the end of the run, both give one learning rate."""
    rates, momenta = torch_says(cls, T, LR, **with_length(arguments, T))

    found = numbers(text, T)
    np.testing.assert_allclose(LR * found.lr, rates, atol=ATOL)
    assert (momenta == 0.5).all()
    assert found.momentum is None


@pytest.mark.parametrize("T", LENGTHS)
@pytest.mark.parametrize("mode", ["triangular", "triangular2", "exp_range"])
@pytest.mark.parametrize("s", [1, 3])
def test_cycles_are_torchs_with_their_momentum(mode: str, s: int, T: int) -> None:
    """CyclicLR in its three modes: learning rate and momentum at every step."""
    gamma = {"gamma": 0.97} if mode == "exp_range" else {}
    rates, momenta = torch_says(
        lr_scheduler.CyclicLR, T, base_lr=0.2 * LR, max_lr=LR, step_size_up=s, mode=mode, **gamma
    )
    text = f"{mode}:half_cycle={s},low=0.2,cycle_momentum=true"

    found = numbers(text + (",gamma=0.97" if gamma else ""), T)
    np.testing.assert_allclose(LR * found.lr, rates, atol=ATOL)
    assert found.momentum is not None
    np.testing.assert_allclose(found.momentum, momenta, atol=ATOL)
    assert numbers(mode, T).momentum is None


ONE_CYCLES: dict[str, dict[str, Any]] = {
    "one_cycle": {},
    "one_cycle:anneal=linear": {"anneal_strategy": "linear"},
    "one_cycle:three_phase=true": {"three_phase": True},
    "one_cycle:three_phase=true,pct_start=0.45,anneal=linear": {
        "three_phase": True,
        "pct_start": 0.45,
        "anneal_strategy": "linear",
    },
    "one_cycle:pct_start=0.77,div_factor=10,final_div_factor=100": {
        "pct_start": 0.77,
        "div_factor": 10.0,
        "final_div_factor": 100.0,
    },
    "one_cycle:three_phase=true,pct_start=0.9": {"three_phase": True, "pct_start": 0.9},
    "one_cycle:base_momentum=0.7,max_momentum=0.9": {"base_momentum": 0.7, "max_momentum": 0.9},
}


@pytest.mark.parametrize("T", LENGTHS)
@pytest.mark.parametrize("text", ONE_CYCLES)
def test_one_cycle_is_torchs_with_its_momentum(text: str, T: int) -> None:
    """OneCycleLR in two and three phases, cosine and linear, at every step of the run."""
    arguments: dict[str, Any] = {"max_lr": LR, "total_steps": T, **ONE_CYCLES[text]}
    rates, momenta = torch_says(lr_scheduler.OneCycleLR, T - 1, **arguments)

    found = numbers(text, T)
    assert found.momentum is not None
    np.testing.assert_allclose(LR * found.lr[:T], rates, atol=ATOL)
    np.testing.assert_allclose(found.momentum[:T], momenta, atol=ATOL)
    assert found.lr[T] == found.lr[T - 1]
    assert found.momentum[T] == found.momentum[T - 1]


NAMED: list[tuple[str, type[LRScheduler], dict[str, Any]]] = [
    ("ConstantLR", lr_scheduler.ConstantLR, {}),
    ("LinearLR", lr_scheduler.LinearLR, {}),
    ("ExponentialLR:gamma=0.9", lr_scheduler.ExponentialLR, {"gamma": 0.9}),
    ("StepLR:step_size=3", lr_scheduler.StepLR, {"step_size": 3}),
    ("MultiStepLR:milestones=2/5", lr_scheduler.MultiStepLR, {"milestones": [2, 5]}),
    ("PolynomialLR:power=0.9", lr_scheduler.PolynomialLR, {"power": 0.9}),
    ("CosineAnnealingLR:T_max=4", lr_scheduler.CosineAnnealingLR, {"T_max": 4}),
    (
        "CosineAnnealingWarmRestarts:T_0=3,T_mult=2",
        lr_scheduler.CosineAnnealingWarmRestarts,
        {"T_0": 3, "T_mult": 2},
    ),
    (
        "CyclicLR:base_lr=0.1,max_lr=1,step_size_up=3,step_size_down=5",
        lr_scheduler.CyclicLR,
        {"base_lr": 0.1, "max_lr": 1, "step_size_up": 3, "step_size_down": 5},
    ),
    (
        "OneCycleLR:max_lr=1,total_steps=30",
        lr_scheduler.OneCycleLR,
        {"max_lr": 1, "total_steps": 30},
    ),
    ("SWALR:swa_lr=0.05", SWALR, {"swa_lr": 0.05}),
]


@pytest.mark.parametrize(("name", "cls", "arguments"), NAMED, ids=[case[0] for case in NAMED])
def test_a_scheduler_by_its_name_is_the_scheduler_itself(
    name: str, cls: type[LRScheduler], arguments: dict[str, Any]
) -> None:
    """Defaults kept, required values given, momentum where it cycles: bit for bit, at lr = 1."""
    rates, momenta = torch_says(cls, 29, **arguments)

    found = numbers(f"torch.{name}", 29)
    np.testing.assert_array_equal(found.lr, rates)
    if (momenta == 0.5).all():
        assert found.momentum is None
    else:
        np.testing.assert_array_equal(found.momentum, momenta)


def test_every_scheduler_of_torch_is_taken_or_refused_with_a_reason() -> None:
    """No class of torch.optim.lr_scheduler is forgotten."""
    names = {
        name
        for name, cls in vars(lr_scheduler).items()
        if isinstance(cls, type) and issubclass(cls, LRScheduler) and name[0] != "_"
    }

    taken = {cls.__name__ for _, cls, _ in NAMED} - {"SWALR"}
    assert names - {"LRScheduler"} == taken | set(REFUSED)


def test_torchs_linear_warm_up_starts_at_a_third() -> None:
    """LinearLR's default factor at step 0 is 1/3, where `warmup_linear` has 0."""
    torchs, ours = (
        factors("torch.LinearLR:total_iters=5", 50),
        factors("warmup_linear:warmup=5", 50),
    )

    assert torchs[0] == pytest.approx(1 / 3)
    assert ours[0] == 0
    assert torchs[5] == pytest.approx(1, rel=1e-15)
    assert ours[5] == 1


def test_torchs_cosine_climbs_again_behind_its_end() -> None:
    """SC-03: past T_max torch's recurrence goes back up to 1 at 2 T_max; `cosine` stays down."""
    torchs, ours = factors("torch.CosineAnnealingLR:T_max=50", 100), factors("cosine:steps=50", 100)

    np.testing.assert_allclose(torchs[:51], ours[:51], atol=1e-9)
    assert (ours[50:] == 0).all()
    np.testing.assert_allclose(torchs[50:], torchs[50::-1], atol=1e-9)


def test_torchs_one_cycle_goes_a_step_too_far() -> None:
    """At t = T its cosine turns up again, and there it raises an error a step later."""
    torchs, ours = factors("torch.OneCycleLR:max_lr=1,total_steps=20", 20), factors("one_cycle", 20)

    np.testing.assert_allclose(torchs[:20], ours[:20], atol=ATOL)
    assert torchs[20] > 2 * torchs[19]
    assert ours[20] == ours[19]
    with pytest.raises(OptbenchError, match=r"cannot do 21 steps.*total steps is 20"):
        factors("torch.OneCycleLR:max_lr=1,total_steps=20", 21)


def test_torchs_one_cycle_divides_by_zero_where_the_rise_is_one_step() -> None:
    """With pct_start T = 1 torch fails; here the first step is the peak."""
    with pytest.raises(OptbenchError, match="ZeroDivisionError"):
        factors("torch.OneCycleLR:max_lr=1,total_steps=10,pct_start=0.1", 10)

    found = factors("one_cycle:pct_start=0.1", 10)
    assert found[0] == 1
    assert (np.diff(found[:10]) < 0).all()


def test_torch_wraps_no_warning_into_a_run() -> None:
    """Stepping a scheduler without a training loop is done as torch wants it: no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(factors("torch.StepLR:step_size=5,gamma=0.123", 10)) == 11


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("torch.CosineAnnealingLR", "needs T_max; write torch.CosineAnnealingLR:T_max="),
        ("torch.CyclicLR:max_lr=1", "needs base_lr; write"),
        ("torch.OneCycleLR:max_lr=1", "You must define either total_steps"),
        ("torch.ReduceLROnPlateau", "is no schedule: it waits for a metric.* use step"),
        ("torch.LambdaLR", "it takes a Python function; write it .*FILE.py:NAME"),
        ("torch.ChainedScheduler", "it takes other schedulers"),
        ("torch.CosineAnealingLR", "did you mean torch.CosineAnnealingLR"),
        ("torch.StepLR:stepsize=3", "did you mean step_size"),
        ("torch.CyclicLR:base_lr=0.1,max_lr=1,mode=square", "mode is invalid"),
        (
            "torch.StepLR:step_size=3,last_epoch=5",
            "unknown parameter of torch.StepLR: 'last_epoch'",
        ),
        ("torch.SGD", "unknown schedule 'torch.SGD'"),
        ("torch.MultiStepLR:milestones=a", "milestones"),
    ],
)
def test_what_cannot_be_a_schedule_is_said_in_one_line(text: str, message: str) -> None:
    """The line names the thing and what to write instead."""
    with pytest.raises(OptbenchError, match=message) as caught:
        factors(text, 10)

    assert "\n" not in str(caught.value)
