"""Training is a plain PyTorch loop: the same bits, for whatever a user asks for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from optbench.core.run import Run, Status
from optbench.core.training import Training
from optbench.engines.execute import run_batch, schedule_factors
from optbench.engines.training.batches import Batches
from tests.engines.training.problems import NET, batches_of, net, same, train

STEPS = 30
TO_ROUNDING = 1e-9
"""Relative, in float64, after 30 steps."""


def _plain_loop(
    build: Callable[[nn.Sequential], torch.optim.Optimizer],
    *,
    task: dict[str, Any] | None = None,
    factors: Iterable[float] | None = None,
    clip: float = math.inf,
    dtype: torch.dtype = torch.float32,
) -> tuple[list[float], list[float], nn.Sequential]:
    """Train as anybody would; return the losses, the gradients' norms and the model."""
    problem = net(**(task or {}))
    torch.manual_seed(0)
    model: Any = problem.module().to(dtype)
    batches = Batches(
        problem, 0, size=8, sampling="epochs", device=torch.device("cpu"), dtype=dtype
    )
    optimizer = build(model)
    rates = [group["lr"] for group in optimizer.param_groups]
    losses, norms = [], []
    for t, factor in zip(range(STEPS), factors or [1.0] * STEPS, strict=False):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        inputs, targets = batches.at(t)
        loss = problem.loss(model(inputs), targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), clip)))
        optimizer.step()
        losses.append(loss.item())
    return losses, norms, model


def _validation_loss(model: nn.Module, **options: Any) -> float:
    problem = net(**options)
    model.eval()
    first = next(model.parameters())
    split = problem.validation
    assert split is not None
    inputs, targets = split.to(first.device, first.dtype).batch(torch.arange(len(split)))
    with torch.no_grad():
        return problem.loss(model(inputs), targets).item()


def _means(values: list[float], points: np.ndarray) -> list[float]:
    return [float(np.mean(values[int(a) : int(b)])) for a, b in itertools.pairwise(points)]


def _agrees(run: Run, losses: list[float], norms: list[float], final: float) -> None:
    """Check that a run has exactly the losses, the norms and the end of a loop."""
    steps = run.curve["step"]
    assert run.status is Status.BUDGET
    assert run.trained["train_loss"][1:].tolist() == _means(losses, steps)
    assert run.curve["gradient_norm"][1:].tolist() == [norms[int(t) - 1] for t in steps[1:]]
    assert run.last("value") == final


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("torch.SGD:lr=0.1,momentum=0.9", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
        ("torch.AdamW:lr=0.01", lambda p: torch.optim.AdamW(p, lr=0.01)),
        ("torch.Adam:lr=0.01,clip_norm=0.5", lambda p: torch.optim.Adam(p, lr=0.01)),
    ],
)
def test_a_run_is_a_plain_loop(text: str, build: Any, dtype: str) -> None:
    """Thirty steps with augmentation, dropout, batch norm and clipping: the same bits."""
    options = {"noisy": True, "drop": 0.2, "norm": True}
    losses, norms, model = _plain_loop(
        lambda model: build(model.parameters()),
        task=options,
        clip=0.5 if "clip" in text else math.inf,
        dtype=getattr(torch, dtype),
    )
    run = train(text, f"{NET}:noisy=true,drop=0.2,norm=true", budget=STEPS, dtype=dtype)

    _agrees(run, losses, norms, _validation_loss(model, **options))


def test_a_schedule_and_groups_are_those_of_a_plain_loop() -> None:
    """A cosine, biases without decay, the last layer at a tenth of the rate: the same bits."""
    text = "torch.AdamW:lr=0.01,weight_decay=0.1,weight_decay@*bias=0,lr_scale@3.*=0.1"
    (batch,) = batches_of(text, budget=STEPS, schedules=("cosine",))
    factors = schedule_factors(batch.specs[0], STEPS).lr

    def build(model: nn.Sequential) -> torch.optim.Optimizer:
        first, last = model[0], model[3]
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        groups = [
            {"params": [first.weight], "lr": 0.01, "weight_decay": 0.1},
            {"params": [first.bias], "lr": 0.01, "weight_decay": 0.0},
            {"params": [last.weight], "lr": 0.01 * 0.1, "weight_decay": 0.1},
            {"params": [last.bias], "lr": 0.01 * 0.1, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups)

    losses, norms, model = _plain_loop(build, factors=[float(f) for f in factors])
    (run,) = run_batch(batch).runs

    _agrees(run, losses, norms, _validation_loss(model))
    np.testing.assert_allclose(run.curve["lr"], 0.01 * factors[run.curve["step"].astype(int)])


@pytest.mark.parametrize("text", ["torch.SGD:lr=0.1,momentum=0.9", "heavy_ball:lr=0.1,beta=0.9"])
def test_accumulation_is_one_gradient_to_rounding(text: str) -> None:
    """A batch of eight in three uneven parts gives the gradients of the whole."""
    options: dict[str, Any] = {"budget": STEPS, "dtype": "float64"}
    whole = train(text, **options)
    parts = train(text, training=Training(accumulate=3), **options)

    for column in ("value", "gradient_norm"):
        np.testing.assert_allclose(parts.curve[column], whole.curve[column], rtol=TO_ROUNDING)
    np.testing.assert_allclose(
        parts.trained["train_loss"], whole.trained["train_loss"], rtol=TO_ROUNDING
    )


@pytest.mark.parametrize(
    ("rule", "cls"),
    [
        ("heavy_ball:lr=0.1,beta=0.9", "torch.SGD:lr=0.1,momentum=0.9"),
        ("adam:lr=0.01", "torch.Adam:lr=0.01"),
        ("adamw:lr=0.01,weight_decay=0.1", "torch.AdamW:lr=0.01,weight_decay=0.1"),
        ("adam:lr=0.01,clip_norm=0.3", "torch.Adam:lr=0.01,clip_norm=0.3"),
        ("schedule_free_sgd:lr=0.1", "schedulefree.SGDScheduleFree:lr=0.1"),
    ],
)
@pytest.mark.parametrize("options", ["", ":norm=true,drop=0.2"], ids=["plain", "norm"])
def test_equations_and_classes_agree(rule: str, cls: str, options: str) -> None:
    """The flat vector under an equation goes where the module's tensors go under the class."""
    settings: dict[str, Any] = {"budget": STEPS, "dtype": "float64", "schedules": ("linear",)}
    equation, theirs = (train(text, NET + options, **settings) for text in (rule, cls))

    for column in ("value", "gradient_norm", "lr"):
        np.testing.assert_allclose(
            equation.curve[column], theirs.curve[column], rtol=TO_ROUNDING, err_msg=column
        )
    columns = ["train_loss", "validation_accuracy", "test_loss"]
    columns += ["update_ratio"] if "free" not in rule else []  # of another of their points
    for column in columns:
        np.testing.assert_allclose(
            equation.trained[column], theirs.trained[column], rtol=TO_ROUNDING, err_msg=column
        )


@pytest.mark.parametrize("rule", ["gd", "adam", "muon", "schedule_free_adamw", "sophia_h"])
def test_a_stack_is_its_runs_one_by_one(rule: str) -> None:
    """Four learning rates as one stacked model agree with four models, to rounding."""
    text = f"{rule}:lr=1e-3/3e-3/1e-2/3e-2"
    (stack,) = batches_of(text, budget=STEPS, dtype="float64")
    assert len(stack.specs) == 4
    for together, spec in zip(run_batch(stack).runs, stack.specs, strict=True):
        (alone,) = run_batch(type(stack)("training", (spec,))).runs
        for column in ("value", "gradient_norm"):
            np.testing.assert_allclose(
                together.curve[column], alone.curve[column], rtol=TO_ROUNDING, err_msg=column
            )


@pytest.mark.parametrize("text", ["torch.AdamW:lr=0.01", "adamw:lr=0.01"])
def test_the_same_spec_gives_the_same_bits_and_a_seed_others(text: str) -> None:
    """Whatever ran before; another seed is another model and other batches."""
    problem = f"{NET}:norm=true,drop=0.2,noisy=true"
    first, second = batches_of(text, problem, budget=STEPS, seeds=2)
    ((a,), (other,), (b,)) = (run_batch(batch).runs for batch in (first, second, first))

    assert same(a, b)
    assert other.curve["value"][0] != a.curve["value"][0]


def test_what_steps_in_the_backward_pass_is_not_clipped_in_silence() -> None:
    """LOMO would not see the clipped gradient, nor the mean of parts."""
    clipped = train("pytorch_optimizer.LOMO:lr=0.01,clip_norm=1")
    parts = train("pytorch_optimizer.LOMO:lr=0.01", training=Training(accumulate=2))

    assert clipped.status is parts.status is Status.REFUSED
    assert "cannot be clipped" in clipped.message
    assert "cannot accumulate" in parts.message
