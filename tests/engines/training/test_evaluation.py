"""What is recorded at log points is what a hand computes, and looking changes nothing."""

from __future__ import annotations

import copy
import itertools
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optbench.core.task import Pairs, Task, accuracy
from optbench.core.training import Training
from optbench.engines.training.batches import Batches
from optbench.engines.training.evaluation import (
    RE_ESTIMATION,
    SHARPNESS_ACCURACY,
    evaluate,
    re_estimated,
    sharpness,
)
from optbench.engines.training.objective import Objective
from optbench.engines.training.random_state import undisturbed
from tests.engines.training.problems import NET, net, train

CPU = torch.device("cpu")


def _objective(task: Task, dtype: torch.dtype = torch.float64) -> Objective:
    torch.manual_seed(0)
    return Objective(task, task.module().to(dtype), Training())


def _batches(task: Task) -> Batches:
    return Batches(task, 0, size=8, sampling="epochs", device=CPU, dtype=torch.float64)


def test_figures_are_means_over_all_examples() -> None:
    """Ten examples, four at a time: the last two count as much as the others."""
    task = replace(net(drop=0.5), evaluation_batch=4)
    assert task.validation is not None
    objective, split = _objective(task), task.validation.to(CPU, torch.float64)
    inputs, targets = split.batch(torch.arange(10))
    model = copy.deepcopy(objective.module).eval()
    output = model(inputs).detach()
    right = (output.argmax(1) == targets).sum().item() / 10
    loss = -torch.log_softmax(output, 1)[torch.arange(10), targets].mean()

    found = evaluate(task, objective, split)
    assert found.loss == pytest.approx(loss.item(), rel=1e-12)
    assert found.accuracy == pytest.approx(right, rel=1e-6)
    assert evaluate(replace(task, judged_by=lambda a, y: a.sum() * 0 + 7), objective, split)[0] == 7


def test_evaluation_leaves_the_model_as_it_was() -> None:
    """Modes, also mixed ones, and buffers stay; nothing has a graph."""
    task = net(norm=True, drop=0.5)
    objective = _objective(task)
    objective.module.get_submodule("1").eval()  # a frozen batch norm
    modes = [part.training for part in objective.module.modules()]
    before = copy.deepcopy(objective.module.state_dict())
    evaluate(task, objective, task.validation.to(CPU, torch.float64) if task.validation else None)

    assert [part.training for part in objective.module.modules()] == modes
    for name, value in objective.module.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    "text",
    [
        "torch.SGD:lr=0.1,momentum=0.9",
        "heavy_ball:lr=0.1,beta=0.9",
        "schedulefree.AdamWScheduleFree:lr=0.01",
        "schedulefree.RAdamScheduleFree:lr=0.01",
        "pytorch_optimizer.ScheduleFreeAdamW:lr=0.01",
        "pytorch_optimizer.SPlus:lr=0.01",
        "schedule_free_adamw:lr=0.01",
    ],
)
def test_how_often_one_looks_changes_no_bit(text: str) -> None:
    """With dropout, batch norm and sharpness, 3 and 15 evaluations end at the same point."""
    problem = f"{NET}:norm=true,drop=0.3,noisy=true"
    seldom = train(text, problem, budget=15, training=Training(evaluations=3))
    often = train(text, problem, budget=15, training=Training(evaluations=15, sharpness=True))
    chosen = np.isin(often.curve["step"], seldom.curve["step"])

    for column in ("value", "gradient_norm"):
        np.testing.assert_array_equal(often.curve[column][chosen], seldom.curve[column])
    assert often.last("test_loss") == seldom.last("test_loss")
    assert not np.isnan(often.trained["sharpness"]).any()


class Restless(nn.Module):
    """A layer that draws random numbers even when it is judged, from three generators."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + 0 * (torch.rand(()) + random.random() + np.random.rand()))


def restless() -> Task:
    """Return a task with such a layer."""
    task = net(drop=0.3)
    return replace(task, module=lambda: nn.Sequential(Restless(), task.module()))


def test_a_model_that_draws_when_it_is_judged_disturbs_nothing() -> None:
    """Its evaluations draw from generators that are put back."""
    name = "tests.engines.training.test_evaluation:restless"
    few, many = (
        train("torch.SGD:lr=0.1", name, budget=12, training=Training(evaluations=n)) for n in (1, 6)
    )

    assert few.last("value") == many.last("value")


def test_random_numbers_go_on_after_a_look_as_if_there_were_none() -> None:
    """Torch's, numpy's and Python's generators."""
    drawn = []
    for looks in (False, True):
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        if looks:
            with undisturbed(CPU):
                torch.randn(3), np.random.randn(3), random.gauss(0, 1)
        drawn.append((torch.rand(()).item(), np.random.randn(), random.gauss(0, 1)))

    assert drawn[0] == drawn[1]


def test_statistics_are_averages_over_the_first_batches() -> None:
    """Mean and variance of each of the first batches, averaged; then the old ones return."""
    task = net(norm=True, noisy=True, drop=0.5)
    objective, batches = _objective(task), _batches(task)
    first, norm = objective.module[0], objective.module[1]  # type: ignore[index]
    norm.running_mean.fill_(3.0)
    outputs = [first(batches.at(t)[0]).detach() for t in range(RE_ESTIMATION)]
    before = copy.deepcopy(norm.state_dict())

    with re_estimated(objective, batches):
        np.testing.assert_allclose(
            norm.running_mean, torch.stack([o.mean(0) for o in outputs]).mean(0), rtol=1e-12
        )
        np.testing.assert_allclose(
            norm.running_var, torch.stack([o.var(0) for o in outputs]).mean(0), rtol=1e-12
        )
        assert objective.module.training
    assert norm.momentum == 0.1
    assert norm.training
    for name, value in norm.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    "text", ["schedulefree.SGDScheduleFree:lr=0.1", "schedule_free_sgd:lr=0.1"]
)
def test_schedule_free_is_judged_with_statistics_of_where_it_is_judged(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Classes and equations alike: after the first step, and not before it."""
    import optbench.engines.training.classes as classes
    import optbench.engines.training.rules as rules

    seen: list[Any] = []

    def noted(objective: Objective, batches: Batches) -> Any:
        seen.append(objective.point())
        return re_estimated(objective, batches)

    for module in (classes, rules):
        monkeypatch.setattr(module, "re_estimated", noted)
    train(text, f"{NET}:norm=true", budget=4, training=Training(evaluations=2))

    assert len(seen) == 3  # two log points and the test


def test_sharpness_is_the_largest_eigenvalue_of_the_hessian() -> None:
    """Against the dense Hessian of a net of 53 parameters, by automatic differentiation."""
    task = net()
    objective = _objective(task)
    split = task.train.to(CPU, torch.float64)
    inputs, targets = split.batch(torch.arange(len(split)))

    def loss(x: Tensor) -> Tensor:
        return objective.loss_at(x, inputs, targets)

    hessian = torch.func.jacrev(torch.func.jacrev(loss))(objective.point())
    largest = torch.linalg.eigvalsh(hessian)[-1].item()

    assert sharpness(objective, split) == pytest.approx(largest, rel=SHARPNESS_ACCURACY)


@pytest.mark.parametrize("width", [1, 40])
def test_sharpness_of_a_quadratic_is_known_at_any_size(width: int) -> None:
    """(x'w)^2 at x = (1, ..., 1) has 2 width, linear and constant losses 0, NaN stays NaN."""
    split = Pairs(torch.ones(4, width).double(), torch.zeros(4).double())

    def of(function: Any) -> float:
        module = nn.Linear(width, 1, bias=False).double()
        learned = Task(module=lambda: module, loss=function, train=split)
        return sharpness(Objective(learned, module, Training()), split)

    assert of(lambda output, y: output.square().mean()) == pytest.approx(2 * width, rel=1e-3)
    assert of(lambda output, y: output.mean()) == 0.0
    assert of(lambda output, y: (output * 0).square().mean()) == 0.0
    assert np.isnan(of(lambda output, y: (output / 0).square().mean()))


def test_columns_are_what_a_hand_computes() -> None:
    """One step of SGD on a linear model: loss, gradient, update ratio, epoch, calls, accuracy."""
    run = train(
        "torch.SGD:lr=0.5",
        "tests.engines.training.test_evaluation:line",
        budget=3,
        dtype="float64",
        training=Training(evaluations=3),
    )
    # f(w) = mean (w x - y)^2/2 over x = (1, 2), y = (2, 4): f' = 5/2 (w - 2), from w = 1.
    w = [1.0]
    for _ in range(3):
        w.append(w[-1] - 0.5 * 2.5 * (w[-1] - 2))
    losses = [1.25 * (v - 2) ** 2 for v in w]

    assert run.curve["step"].tolist() == [0, 1, 2, 3]
    assert run.curve["gradient_calls"].tolist() == [0, 1, 2, 3]
    assert run.trained["epoch"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(run.trained["train_loss"][1:], losses[:3])
    np.testing.assert_allclose(run.curve["gradient_norm"][1:], [2.5 * abs(v - 2) for v in w[:3]])
    np.testing.assert_allclose(
        run.trained["update_ratio"][1:],
        [abs(b - a) / abs(a) for a, b in itertools.pairwise(w)],
    )
    np.testing.assert_allclose(run.trained["validation_loss"], [(3 * v - 6) ** 2 / 2 for v in w])
    assert (run.curve["value"] == run.trained["validation_loss"]).all()
    assert np.isnan(run.trained["test_loss"]).all()
    assert np.isnan(run.trained["validation_accuracy"]).all()
    assert (run.trained["examples_per_second"][1:] > 0).all()
    assert (run.trained["peak_memory"] > 0).all()


def line() -> Task:
    """Return a linear model through the origin, from w = 1, and no test data."""

    def module() -> nn.Module:
        model = nn.Linear(1, 1, bias=False)
        nn.init.ones_(model.weight)
        return model

    def half_square(output: Tensor, y: Tensor) -> Tensor:
        return (output - y).square().mean() / 2

    x = torch.tensor([[1.0], [2.0]])
    validation = Pairs(torch.tensor([[3.0]] * 2), torch.tensor([[6.0]] * 2))
    return Task(
        module=module, loss=half_square, train=Pairs(x, 2 * x), validation=validation, batch_size=2
    )


def test_accuracy_is_the_share_of_right_answers() -> None:
    """Of four examples three are right."""
    output = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 4.0], [1.0, 0.0]])

    assert accuracy(output, torch.tensor([0, 1, 1, 1])) == 0.75
