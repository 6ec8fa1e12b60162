"""The step engine does what a user would write by hand on a torch module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import prodigyopt
import pytest
import pytorch_optimizer
import schedulefree
import torch
from singd.optim.optimizer import SINGD
from torch import Tensor
from torch.nn import Module

from optbench.core.problem import Model
from tests.helpers import problem_of, runs, trajectory

LAYERS = "mlp:hidden=3,examples=20"
STEPS = 12

Loop = Callable[[Module, Callable[[], Tensor]], Iterator[None]]
"""A module and its loss to an iterator that takes a step whenever it is asked."""


def after_backward(build: Callable[[list[Any]], Any], *, graph: bool = False) -> Loop:
    """Return the usual loop: zero_grad, backward, step."""

    def loop(module: Module, loss: Callable[[], Tensor]) -> Iterator[None]:
        optimizer = build(list(module.parameters()))
        while True:
            optimizer.zero_grad()
            loss().backward(create_graph=graph)  # type: ignore[no-untyped-call]
            optimizer.step()
            yield

    return loop


def matrices_and_rest(muon: Callable[[list[Any]], Any], rest: Callable[[list[Any]], Any]) -> Loop:
    """Return the loop of two optimizers, one for matrices and one for the other parameters."""

    def loop(module: Module, loss: Callable[[], Tensor]) -> Iterator[None]:
        first = muon([p for p in module.parameters() if p.dim() == 2])
        second = rest([p for p in module.parameters() if p.dim() != 2])
        while True:
            module.zero_grad()
            loss().backward()  # type: ignore[no-untyped-call]
            first.step()
            second.step()
            yield

    return loop


def use_muon(module: Module, loss: Callable[[], Tensor]) -> Iterator[None]:
    """Step pytorch_optimizer's Muon as its documentation says."""
    flags = {True: "matrices", False: "rest"}
    groups = [
        {"params": [p for p in module.parameters() if (p.dim() == 2) is flag], "use_muon": flag}
        for flag in flags
    ]
    return after_backward(lambda _: pytorch_optimizer.Muon(groups, lr=0.01))(module, loss)


def of_the_module(build: Callable[[Module], Any]) -> Loop:
    """Return the usual loop of an optimizer that takes the module."""

    def loop(module: Module, loss: Callable[[], Tensor]) -> Iterator[None]:
        return after_backward(lambda _: build(module))(module, loss)

    return loop


def fused(module: Module, loss: Callable[[], Tensor]) -> Iterator[None]:
    """Step LOMO, whose updates happen during the backward pass."""
    optimizer = pytorch_optimizer.LOMO(module, lr=0.1)
    while True:
        optimizer.fused_backward(loss(), lr=0.1)
        yield


def with_closure(module: Module, loss: Callable[[], Tensor]) -> Iterator[None]:
    """Step torch's L-BFGS."""
    optimizer = torch.optim.LBFGS(module.parameters(), lr=0.1, max_iter=1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        f = loss()
        f.backward()  # type: ignore[no-untyped-call]
        return f

    while True:
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        yield


def train_and_eval(module: Module, loss: Callable[[], Tensor]) -> Iterator[None]:
    """Step Schedule-Free AdamW, judged in its mode for evaluation."""
    optimizer = schedulefree.AdamWScheduleFree(module.parameters(), lr=0.01, warmup_steps=3)
    while True:
        optimizer.train()
        optimizer.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.eval()
        yield


BY_HAND: dict[str, Loop] = {
    "torch.AdamW:lr=0.01": after_backward(lambda p: torch.optim.AdamW(p, lr=0.01)),
    "torch.Adam:lr=0.01,beta1=0.5,beta2=0.7": after_backward(
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.7))
    ),
    "torch.Adafactor:lr=0.01": after_backward(lambda p: torch.optim.Adafactor(p, lr=0.01)),
    "torch.Adafactor:lr=0.01,eps2=0.1": after_backward(
        lambda p: torch.optim.Adafactor(p, lr=0.01, eps=(None, 0.1))
    ),
    "torch.LBFGS:lr=0.1,max_iter=1": with_closure,
    "torch.Muon:lr=0.01,weight_decay=0.2": matrices_and_rest(
        lambda p: torch.optim.Muon(p, lr=0.01, weight_decay=0.2),
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.2),
    ),
    "pytorch_optimizer.Lion:lr=0.01": after_backward(lambda p: pytorch_optimizer.Lion(p, lr=0.01)),
    "pytorch_optimizer.Shampoo:lr=0.1": after_backward(
        lambda p: pytorch_optimizer.Shampoo(p, lr=0.1)
    ),
    "pytorch_optimizer.LARS:lr=0.1": after_backward(lambda p: pytorch_optimizer.LARS(p, lr=0.1)),
    "pytorch_optimizer.Muon:lr=0.01": use_muon,
    "pytorch_optimizer.SophiaH:lr=0.01,update_period=2": after_backward(
        lambda p: pytorch_optimizer.SophiaH(p, lr=0.01, update_period=2), graph=True
    ),
    "pytorch_optimizer.AdaHessian:lr=0.01": after_backward(
        lambda p: pytorch_optimizer.AdaHessian(p, lr=0.01), graph=True
    ),
    "pytorch_optimizer.AdamMini:lr=0.01": of_the_module(
        lambda m: pytorch_optimizer.AdamMini(m, lr=0.01)
    ),
    "pytorch_optimizer.LOMO:lr=0.1": fused,
    "pytorch_optimizer.Ranger21:lr=0.01": after_backward(
        lambda p: pytorch_optimizer.Ranger21(p, num_iterations=STEPS, lr=0.01)
    ),
    "prodigyopt.Prodigy": after_backward(prodigyopt.Prodigy),
    "schedulefree.AdamWScheduleFree:lr=0.01,warmup_steps=3": train_and_eval,
    "singd.SINGD:lr=0.1,T=2": of_the_module(lambda m: SINGD(m, lr=0.1, T=2)),
    "kfac:lr=0.1": of_the_module(
        lambda m: SINGD(m, lr=0.1, T=1, kfac_like=True, alpha1=0.0, lr_cov=0.05)
    ),
}


@pytest.mark.filterwarnings("ignore:Using backward\\(\\) with create_graph")
@pytest.mark.parametrize("name", BY_HAND)
def test_trajectories_are_those_of_a_loop_by_hand(name: str) -> None:
    """Every point of twelve steps is that of the package's own recipe on a torch module."""
    problem = problem_of(LAYERS)
    assert problem.model is not None
    run = trajectory(LAYERS, name, budget=STEPS)
    assert run.points is not None
    model: Model = problem.model()
    x = problem.start(0)
    for parameter, part in zip(model.module.parameters(), problem.layout.split(x), strict=True):
        parameter.data = part.clone()
    torch.manual_seed(0)

    steps = BY_HAND[name](model.module, lambda: model.loss(None))
    points = [x.numpy()]
    for _ in range(STEPS):
        next(steps)
        points.append(torch.cat([p.detach().flatten() for p in model.module.parameters()]).numpy())

    assert len(run.points) == STEPS + 1
    np.testing.assert_allclose(run.points, np.stack(points), rtol=1e-6, atol=1e-8)


def test_hessian_vector_products_are_counted() -> None:
    """SophiaH asks for one every `update_period` steps, AdaHessian for one a step."""
    (sophia,) = runs(LAYERS, "pytorch_optimizer.SophiaH:update_period=5", budget=20)
    (ada,) = runs(LAYERS, "pytorch_optimizer.AdaHessian", budget=20)

    assert (sophia.last("hvp_calls"), sophia.last("gradient_calls")) == (4, 20)
    assert (ada.last("hvp_calls"), ada.last("gradient_calls")) == (20, 20)


@pytest.mark.parametrize(
    ("name", "gradients"), [("kfac", 20), ("pytorch_optimizer.LOMO", 20), ("torch.Muon", 20)]
)
def test_gradients_are_counted_once(name: str, gradients: int) -> None:
    """A second backward pass for the layers, or two optimizers, cost no second gradient."""
    (run,) = runs(LAYERS, f"{name}:lr=1e-3", budget=30, record="every")

    assert run.curve["gradient_calls"][gradients] == gradients


def test_the_layers_see_the_minibatch_of_the_gradient() -> None:
    """K-FAC's factors come from the examples that its gradient comes from."""
    from optbench.core.registry import load_file

    (run,) = runs(LAYERS, f"{__file__}:Watcher:lr=0.1,batch_size=4", budget=4, record="every")
    seen = load_file(Path(__file__)).Watcher.seen

    assert run.last("step") == 20
    assert len(seen) == 20
    for shown, watched in seen:
        np.testing.assert_allclose(watched, shown, rtol=1e-12, atol=1e-15)


class Watcher(torch.optim.Optimizer):
    """Gradient descent that keeps the gradients it was given and those it saw at the layers."""

    seen: ClassVar[list[tuple[np.ndarray, np.ndarray]]] = []

    def __init__(self, model: Module, lr: float = 0.1) -> None:
        """Watch the backward passes of the model's first layer."""
        super().__init__(model.parameters(), {"lr": lr})
        self.watched: list[Tensor] = []
        next(model.parameters()).register_hook(self.watched.append)  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take a step."""
        (group,) = self.param_groups
        shown = group["params"][0].grad
        type(self).seen.append((shown.numpy().copy(), self.watched.pop().numpy().copy()))
        for p in group["params"]:
            p -= group["lr"] * p.grad
