"""Shampoo's preconditioners are those of its paper, axis by axis."""

from __future__ import annotations

import numpy as np
import pytest
import pytorch_optimizer
import torch
from torch import Tensor

from optbench.core.layout import Layout
from optbench.optimizers.shampoo import SHAMPOO, inverse_root
from tests.optimizers.function_oracle import FunctionOracle, normal, shapes, vector, walk

BLOCKS = shapes((3, 5), (4,), (), (2, 3, 2))
DIM = 15 + 4 + 1 + 12


def _logsumexp(x: Tensor) -> Tensor:
    """Return a smooth convex function of all blocks, not separable."""
    return (normal(40, x.numel(), seed=7) @ x).logsumexp(0)


def _linear(g: Tensor, layout: Layout) -> FunctionOracle:
    """Return the oracle whose gradient is always g."""
    return FunctionOracle(lambda x: x @ g.flatten(), layout)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3)], ids=str)
def test_sh01_the_first_step_is_orthogonal(shape: tuple[int, int]) -> None:
    """SH-01: with eps -> 0 the first step is eta U V', whatever the gradient's size."""
    G = normal(*shape)
    u, _, vt = np.linalg.svd(G.numpy(), full_matrices=False)
    for scale in (1.0, 1e3):
        oracle = _linear(scale * G, shapes(shape))
        step = -walk(SHAMPOO, oracle, torch.zeros(1, G.numel()).double(), 1, lr=1.0, eps=1e-14)[1]
        np.testing.assert_allclose(step.view(shape), u @ vt, atol=1e-8)


def test_sh02_it_turns_with_rows_and_columns() -> None:
    """SH-02: rotating the rows and columns of X rotates every iterate."""
    Qa, Qb = torch.linalg.qr(normal(3, 3, seed=1))[0], torch.linalg.qr(normal(4, 4, seed=2))[0]
    layout, x = shapes((3, 4)), normal(1, 12)

    def turned(v: Tensor) -> Tensor:
        return _logsumexp((Qa.T @ v.view(3, 4) @ Qb).flatten())

    plain = walk(SHAMPOO, FunctionOracle(_logsumexp, layout), x, 10)
    start = (Qa @ x.view(3, 4) @ Qb.T).view(1, 12)
    for a, b in zip(plain, walk(SHAMPOO, FunctionOracle(turned, layout), start, 10), strict=True):
        torch.testing.assert_close(b.view(3, 4), Qa @ a.view(3, 4) @ Qb.T, rtol=1e-8, atol=1e-8)


def test_sh03_the_kronecker_product_bounds_the_full_matrix() -> None:
    """SH-03: eps I + (1/r) sum vec(G) vec(G)' <= (eps I + L)^(1/2) kron (eps I + R)^(1/2)."""
    m, n, eps = 4, 3, 1e-3
    gradients = normal(6, m * n)
    queue = iter(gradients)
    oracle = FunctionOracle(_logsumexp, shapes((m, n)))
    oracle.gradient = lambda x: next(queue)[None]  # type: ignore[method-assign]
    x, state = (
        torch.zeros(1, m * n).double(),
        SHAMPOO.init(torch.zeros(1, m * n).double(), oracle.layout),
    )
    for t in range(6):
        x, state = SHAMPOO.step(x, state, oracle, t, eps=eps)

    full = eps * torch.eye(m * n) + gradients.T @ gradients / min(m, n)
    left, right = (torch.linalg.inv(inverse_root(part, eps, 2))[0] for part in state)
    gap = torch.kron(left, right) - full

    assert float(torch.linalg.eigvalsh(gap).min()) >= -1e-10


def test_sh04_on_a_vector_it_is_adagrad_with_the_full_matrix() -> None:
    """SH-04: the exponent is -1/2 for a vector; a d x 1 matrix has another."""
    x, eps = normal(1, 5), 1e-3
    points = walk(SHAMPOO, FunctionOracle(_logsumexp, vector(5)), x, 8, lr=0.5, eps=eps)
    y, total = x[0].numpy().copy(), eps * np.eye(5)
    for point in points[1:]:
        g = FunctionOracle(_logsumexp, vector(5)).gradient(torch.tensor(y)[None])[0].numpy()
        total += np.outer(g, g)
        values, vectors = np.linalg.eigh(total)
        y -= 0.5 * vectors @ (vectors.T @ g / np.sqrt(values))
        np.testing.assert_allclose(point[0], y, rtol=1e-9, atol=1e-11)
    matrix = walk(SHAMPOO, FunctionOracle(_logsumexp, shapes((5, 1))), x, 8, lr=0.5, eps=eps)[8]

    assert float((matrix - points[8]).norm()) > 0.01


def test_shampoo_equals_pytorch_optimizer() -> None:
    """20 steps equal its Shampoo on a matrix, a vector and a tensor of order 3."""
    layout = shapes((3, 5), (4,), (2, 3, 2))
    x = normal(1, 31)
    ours = walk(SHAMPOO, FunctionOracle(_logsumexp, layout), x, 20, lr=0.3, eps=1e-4)
    blocks = [torch.nn.Parameter(part[0].clone()) for part in layout.split(x)]
    optimizer = pytorch_optimizer.Shampoo(blocks, lr=0.3, matrix_eps=1e-4)
    for point in ours[1:]:
        optimizer.zero_grad()
        _logsumexp(torch.cat([block.flatten() for block in blocks])).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        theirs = torch.cat([block.detach().flatten() for block in blocks])

        torch.testing.assert_close(point[0], theirs, rtol=1e-8, atol=1e-10)


def test_a_stack_equals_its_rows() -> None:
    """Rows with their own rate and eps move as they would alone, a single number among them."""
    x = normal(2, DIM)
    lr, eps = torch.tensor([[0.1], [1.0]]).double(), torch.tensor([[1e-6], [1e-2]]).double()
    oracle = FunctionOracle(_logsumexp, BLOCKS)
    together = walk(SHAMPOO, oracle, x, 6, lr=lr, eps=eps)[-1]

    for i in range(2):
        alone = walk(SHAMPOO, oracle, x[i : i + 1], 6, lr=float(lr[i]), eps=float(eps[i]))[-1]
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-9, atol=1e-11)


def test_a_row_that_overflows_does_not_stop_the_others() -> None:
    """Statistics that are not finite make their own row nan; eigh would raise for all."""
    matrix = torch.stack([torch.eye(3), torch.full((3, 3), torch.inf)]).double()
    found = inverse_root(matrix, 0.0, 4)

    assert torch.equal(found[0], torch.eye(3).double())
    assert torch.isnan(found[1]).all()


def test_rounding_below_zero_is_no_root_of_a_negative() -> None:
    """A singular matrix of size 1e12 has eigenvalues of -1e-4 by rounding; its root is finite."""
    v = 1e6 * normal(5)
    matrix = torch.outer(v, v)[None]

    assert float(torch.linalg.eigvalsh(matrix).min()) < 0
    assert torch.isfinite(inverse_root(matrix, 1e-6, 4)).all()


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e6, 1e10, 1e20])
def test_the_first_step_does_not_know_the_gradients_size(size: float) -> None:
    """For G of rank one it is eta U V', with eps above or below the rounding of G G'."""
    u, v = normal(3), normal(2)
    G = size * torch.outer(u, v)[None]
    step = inverse_root(G @ G.mT, 1e-12, 4) @ G @ inverse_root(G.mT @ G, 1e-12, 4)

    torch.testing.assert_close(
        step[0], torch.outer(u / u.norm(), v / v.norm()), rtol=1e-5, atol=1e-5
    )
