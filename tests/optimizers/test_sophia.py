"""Sophia's step is clipped momentum over an unbiased estimate of the Hessian's diagonal."""

from __future__ import annotations

import itertools

import pytest
import pytorch_optimizer
import torch
from torch import Tensor

from optbench.optimizers.sophia import SOPHIA_G, SOPHIA_H
from tests.helpers import trajectory
from tests.optimizers.function_oracle import (
    FunctionOracle,
    normal,
    positive_definite,
    vector,
    walk,
)

H = positive_definite(4)
ALL_SIGNS = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=4))).double()


def _oracle(signs: Tensor, matrix: Tensor = H) -> FunctionOracle:
    return FunctionOracle(
        lambda x: 0.5 * x @ matrix @ x, vector(len(matrix)), signs=lambda x: signs.expand_as(x)
    )


def test_sp01_the_step_is_a_clipped_ratio() -> None:
    """SP-01: x+ = (1 - eta lambda) x - eta clip(m/max(gamma h, eps), 1), in both regimes."""
    matrix = torch.diag(torch.tensor([1.0, 1.0, -1.0])).double()
    x = torch.tensor([[20.0, 1e-3, 0.5]], dtype=torch.float64)
    hyper = {"lr": 0.1, "beta1": 0.9, "beta2": 0.5, "gamma": 0.5, "weight_decay": 0.25}
    (_, found) = walk(SOPHIA_H, _oracle(torch.ones(3).double(), matrix), x, 1, **hyper)
    # m = 0.1 g, h = 0.5 H: clipped; 1e-4/0.25; negative curvature: the sign of m = -0.05.
    expected = x * (1 - 0.1 * 0.25) - 0.1 * torch.tensor([[1.0, 4e-4, -1.0]], dtype=torch.float64)

    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_sp02_hutchinsons_estimate_is_unbiased() -> None:
    """SP-02: the mean over all sign vectors of u * (H u) is the diagonal of H, exactly."""
    x = normal(1, 4).expand(16, 4)
    oracle = _oracle(ALL_SIGNS)
    _, (_, h) = SOPHIA_H.step(x, SOPHIA_H.init(x, oracle.layout), oracle, 0, beta2=0.9)

    torch.testing.assert_close(h.mean(0) / 0.1, H.diagonal(), rtol=1e-12, atol=0)
    assert float(h.std(0).min()) > 0.1  # a single estimate is not the diagonal


def test_bartletts_estimate_is_unbiased() -> None:
    """The mean over labels of b g_s^2 is the Gauss-Newton diagonal (1/n) sum p(1 - p) a^2."""
    a, x = normal(3, 2, seed=1), normal(1, 2)
    labels = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3))).double()
    p = torch.sigmoid(a @ x[0])
    weights = torch.where(labels == 1, p, 1 - p).prod(1)
    oracle = FunctionOracle(
        lambda x: torch.nn.functional.softplus(a @ x).mean(),
        vector(2),
        sampled_gradient=lambda x: (torch.sigmoid(x @ a.T) - labels) @ a / 3,
        batch_size=3,
    )
    stack = x.expand(8, 2)
    _, (_, h) = SOPHIA_G.step(stack, SOPHIA_G.init(stack, oracle.layout), oracle, 0, beta2=0.9)
    exact = ((p * (1 - p))[:, None] * a.square()).mean(0)

    torch.testing.assert_close(weights @ h / 0.1, exact, rtol=1e-12, atol=0)


def test_the_hessian_is_asked_for_every_tenth_step() -> None:
    """25 steps need 3 Hessian-vector products and 25 gradients, the first product at once."""
    oracle = _oracle(ALL_SIGNS[0])
    walk(SOPHIA_H, oracle, normal(1, 4), 25)

    assert oracle.calls[:2] == ["gradient", "hessian_vector"]
    assert oracle.calls.count("hessian_vector") == 3
    assert oracle.calls.count("gradient") == 25


@pytest.mark.filterwarnings("ignore::UserWarning")  # theirs: a reference cycle
@pytest.mark.parametrize("gamma", [0.01, 30.0], ids=["clipped", "free"])
def test_sophia_h_equals_pytorch_optimizer(gamma: float) -> None:
    """35 steps equal SophiaH, whose clip is gamma and whose rate is eta/gamma, on equal signs."""
    x, lr, decay = normal(1, 4), 0.05, 0.3
    theirs = torch.nn.Parameter(x[0].clone())
    optimizer = pytorch_optimizer.SophiaH(
        [theirs],
        lr=lr / gamma,
        betas=(0.96, 0.99),
        weight_decay=decay * gamma,
        p=gamma,
        eps=1e-12 / gamma,
        foreach=False,
    )
    signs = ALL_SIGNS[[3, 9, 12, 6]]
    oracle = _oracle(signs[0])
    draws = iter(signs)
    oracle.signs = lambda x: next(draws).expand_as(x)
    ours = walk(SOPHIA_H, oracle, x, 35, lr=lr, gamma=gamma, weight_decay=decay)
    for t in range(35):
        theirs.grad = H @ theirs.detach()
        u = signs[t // 10]
        optimizer.step(hessian=[u * (H @ u)] if t % 10 == 0 else None)

        torch.testing.assert_close(ours[t + 1][0], theirs.detach(), rtol=1e-10, atol=1e-13)


def test_a_stack_equals_its_rows() -> None:
    """Rows with their own rate, gamma and averages move as they would alone."""
    columns = {
        "lr": torch.tensor([[0.1], [0.01]]).double(),
        "gamma": torch.tensor([[0.01], [5.0]]).double(),
        "beta2": torch.tensor([[0.99], [0.5]]).double(),
    }
    x = normal(2, 4)
    together = walk(SOPHIA_H, _oracle(ALL_SIGNS[3]), x, 12, **columns)[-1]

    for i in range(2):
        own = {name: float(column[i]) for name, column in columns.items()}
        alone = walk(SOPHIA_H, _oracle(ALL_SIGNS[3]), x[i : i + 1], 12, **own)[-1]
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-12, atol=1e-14)


def test_bartletts_gradients_are_counted() -> None:
    """A budget of 22 gradients is 20 steps of Sophia-G, two of which cost a second gradient."""
    run = trajectory("logistic", "sophia_g", budget=22)

    assert run.last("step") == 20
    assert run.last("gradient_calls") == 22
    assert run.last("hvp_calls") == 0
