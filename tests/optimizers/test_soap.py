"""SOAP is Adam in Shampoo's eigenbasis, step for step as published."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import pytorch_optimizer
import torch
from pytorch_optimizer.optimizer import soap as their_module
from torch import Tensor

from optbench.optimizers.adam import ADAM
from optbench.optimizers.soap import SOAP
from tests.helpers import runs
from tests.optimizers.function_oracle import FunctionOracle, normal, shapes, vector, walk

BLOCKS = shapes((3, 3), (4,), (2, 3, 2), (5, 5))
"""Every axis is no longer than the others together, so that no first gradient has a null space,
whose eigenvectors would be a matter of rounding."""

DIM = 9 + 4 + 12 + 25


def _logsumexp(x: Tensor) -> Tensor:
    """Return a smooth convex function of all blocks, not separable."""
    return (normal(40, x.numel(), seed=7) @ x).logsumexp(0) + 0.05 * x @ x


@pytest.mark.parametrize("frequency", [1, 3, 10])
def test_soap_equals_pytorch_optimizer(frequency: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """35 steps equal its SOAP, QR in float64, on matrices, a vector and a tensor of order 3."""
    double = SimpleNamespace(**{**vars(torch), "float32": torch.float64})
    monkeypatch.setattr(their_module, "torch", double)
    x = normal(1, DIM)
    oracle = FunctionOracle(_logsumexp, BLOCKS)
    hyper = {"lr": 0.03, "beta1": 0.9, "frequency": frequency, "weight_decay": 0.1}
    ours = walk(SOAP, oracle, x, 35, **hyper)
    blocks = [torch.nn.Parameter(part[0].clone()) for part in BLOCKS.split(x)]
    optimizer = pytorch_optimizer.SOAP(
        blocks, lr=0.03, betas=(0.9, 0.95), weight_decay=0.1, precondition_frequency=frequency
    )
    for point in ours[1:]:
        optimizer.zero_grad()
        _logsumexp(torch.cat([block.flatten() for block in blocks])).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        theirs = torch.cat([block.detach().flatten() for block in blocks])

        torch.testing.assert_close(point[0], theirs, rtol=1e-6, atol=1e-8)


def test_the_first_step_only_looks() -> None:
    """The point does not move at t = 0, and moves at t = 1."""
    points = walk(SOAP, FunctionOracle(_logsumexp, BLOCKS), normal(1, DIM), 2)

    assert torch.equal(points[1], points[0])
    assert not torch.equal(points[2], points[1])


def test_it_turns_with_rows_and_columns() -> None:
    """Rotating rows and columns of X rotates every iterate, as Shampoo and unlike Adam."""
    Qa, Qb = torch.linalg.qr(normal(3, 3, seed=1))[0], torch.linalg.qr(normal(3, 3, seed=2))[0]
    layout, x = shapes((3, 3)), normal(1, 9)

    def turned(v: Tensor) -> Tensor:
        return _logsumexp((Qa.T @ v.view(3, 3) @ Qb).flatten())

    start = (Qa @ x.view(3, 3) @ Qb.T).view(1, 9)
    gaps = {}
    for name, rule in (("soap", SOAP), ("adam", ADAM)):
        plain = walk(rule, FunctionOracle(_logsumexp, layout), x, 12, lr=0.03)[-1]
        other = walk(rule, FunctionOracle(turned, layout), start, 12, lr=0.03)[-1]
        gaps[name] = float((other.view(3, 3) - Qa @ plain.view(3, 3) @ Qb.T).norm())

    assert gaps["soap"] <= 1e-8
    assert gaps["adam"] > 1e-3


def test_on_a_vector_it_is_adam_one_step_late() -> None:
    """Without a matrix there is no basis: after the idle step the points are Adam's."""
    x, oracle = normal(1, 5), FunctionOracle(_logsumexp, vector(5))
    hyper = {"lr": 0.01, "beta1": 0.95, "beta2": 0.95, "eps": 0.0}
    late = walk(SOAP, oracle, x, 11, weight_decay=0.0, **hyper)[1:]

    for ours, adam in zip(late, walk(ADAM, oracle, x, 10, **hyper), strict=True):
        torch.testing.assert_close(ours, adam, rtol=1e-11, atol=1e-13)


def test_a_stack_equals_its_rows() -> None:
    """Rows with their own rate and averages move as they would alone."""
    x, oracle = normal(2, DIM), FunctionOracle(_logsumexp, BLOCKS)
    columns = {
        "lr": torch.tensor([[0.003], [0.03]]).double(),
        "beta1": torch.tensor([[0.9], [0.5]]).double(),
        "beta2": torch.tensor([[0.95], [0.8]]).double(),
    }
    together = walk(SOAP, oracle, x, 12, frequency=4, **columns)[-1]

    for i in range(2):
        own = {name: float(column[i]) for name, column in columns.items()}
        alone = walk(SOAP, oracle, x[i : i + 1], 12, frequency=4, **own)[-1]
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-7, atol=1e-9)


def test_a_problem_without_a_matrix_is_refused() -> None:
    """On a vector it would be Adam under another name."""
    (run,) = runs("quadratic", "soap", budget=5)

    assert run.message == "soap needs parameters that are matrices, which is not given here"
