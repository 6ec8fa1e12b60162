"""K-FAC: the package's roots of the factors against the factors themselves."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from optbench.core.run import Status
from tests.helpers import problem_of, runs, trajectory

LAYERS = "mlp:hidden=3,examples=20"
STEPS, RATE, DAMPING = 10, 0.1, 0.05


def kfac(decay: float) -> tuple[Tensor, Tensor]:
    """Return K-FAC's point after some steps, and gradient descent's, from the equations.

    The factors are kept as they are and inverted; a step is eta G^-1 (dL/dW) A^-1, without
    momentum.
    """
    problem = problem_of(LAYERS)
    assert problem.model is not None
    model = problem.model()
    linear = [m for m in model.module.modules() if isinstance(m, torch.nn.Linear)]
    x = problem.start(0)
    for parameter, part in zip(model.module.parameters(), problem.layout.split(x), strict=True):
        parameter.data = part.clone()
    seen: dict[torch.nn.Module, tuple[Tensor, Tensor]] = {}

    def watch(layer: torch.nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        keep = lambda g: seen.update({layer: (inputs[0].detach(), g)})  # noqa: E731
        output.register_hook(keep)  # type: ignore[no-untyped-call]

    for module in linear:
        module.register_forward_hook(watch)
    factors = [
        (torch.eye(m.in_features + 1).double(), torch.eye(m.out_features).double()) for m in linear
    ]
    for _ in range(STEPS):
        model.module.zero_grad()
        model.loss(None).backward()  # type: ignore[no-untyped-call]
        for i, layer in enumerate(linear):
            inputs, g = seen[layer]
            n = len(inputs)
            a = torch.cat([inputs, torch.ones(n, 1).double()], 1)
            A, G = factors[i]
            # The mean loss's gradient at example i is its own over n.
            A = (1 - decay) * A + decay * (a.T @ a / n + DAMPING * torch.eye(len(A)))
            G = (1 - decay) * G + decay * (n * g.T @ g + DAMPING * torch.eye(len(G)))
            factors[i] = A, G
            assert layer.weight.grad is not None
            assert layer.bias.grad is not None
            gradient = torch.cat([layer.weight.grad, layer.bias.grad[:, None]], 1)
            step = torch.linalg.solve(G, gradient) @ torch.linalg.inv(A)
            layer.weight.data -= RATE * step[:, :-1]
            layer.bias.data -= RATE * step[:, -1]
    points = [p.detach() for p in model.module.parameters()]
    return problem.layout.join(points), x


def test_it_is_kfac_to_second_order_in_the_decay() -> None:
    """A tenth of rho has a hundredth of the distance to the equations (Lin et al., Theorem 1)."""
    distances, moves = [], []
    for decay in (1e-2, 1e-3):
        spec = f"kfac:lr={RATE},damping={DAMPING},momentum=0,lr_cov={decay}"
        run = trajectory(LAYERS, spec, budget=STEPS)
        assert run.points is not None
        expected, start = kfac(decay)
        distances.append(np.linalg.norm(run.points[-1] - expected.numpy()))
        moves.append(np.linalg.norm((expected - start).numpy()))

    assert 50 < distances[0] / distances[1] < 200
    assert distances[1] < 1e-3 * moves[1]


def test_it_beats_momentum_where_it_should() -> None:
    """Twenty images are fitted further in fifty steps than by SGD with the same momentum."""
    (ours,) = runs(LAYERS, "kfac:lr=0.1", budget=50)
    others = runs(LAYERS, "torch.SGD:momentum=0.9,lr=.03/.1/.3", budget=50)

    assert ours.last("value") < 0.5 * min(run.last("value") for run in others)


def test_it_needs_a_model() -> None:
    """A function without layers is refused."""
    (run,) = runs("rosenbrock", "kfac", budget=5)

    assert run.status is Status.REFUSED
    assert run.message == "kfac needs a model with layers, which is not given here"
