"""Muon orthogonalises as its quintic says, and equals torch's without the rounding to bfloat16."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.optimizers.muon import MUON, orthogonalised
from tests.helpers import runs
from tests.optimizers.function_oracle import FunctionOracle, normal, shapes, walk


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (1, 5)], ids=str)
def test_the_singular_values_go_through_the_quintic(shape: tuple[int, int]) -> None:
    """Singular vectors stay; s/|M|_F goes five times through 3.4445 s - 4.775 s^3 + 2.0315 s^5."""
    stack = normal(3, *shape)
    found = orthogonalised(stack)

    for matrix, result in zip(stack.numpy(), found.numpy(), strict=True):
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
        s = s / math.hypot(*s)
        for _ in range(5):
            s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
        np.testing.assert_allclose(result, (u * s) @ vt, rtol=0, atol=1e-11)


def test_small_singular_values_are_lifted_near_one() -> None:
    """From 1.6e-3 of the norm on, every singular value ends in [0.68, 1.21]; zero stays zero."""
    start = torch.logspace(math.log10(1.6e-3), 0, 400, dtype=torch.float64)
    pairs = torch.diag_embed(torch.stack([start, (1 - start**2).clamp(min=0).sqrt()], -1))
    ends = torch.linalg.svdvals(orthogonalised(pairs))[:-1]

    assert float(ends.min()) >= 0.68
    assert float(ends.max()) <= 1.21
    assert not orthogonalised(torch.zeros(1, 2, 3)).any()


BLOCKS = shapes((3, 5), (5,), (6, 2), (2, 3, 2), (4, 4))
"""Matrices, wide, tall and square, between a vector and a tensor of order 3."""

DIM = 15 + 5 + 12 + 12 + 16


def _logsumexp(x: Tensor) -> Tensor:
    """Return a smooth convex function of all blocks, not separable."""
    return (normal(40, DIM, seed=7) @ x).logsumexp(0)


def test_muon_equals_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 steps equal torch.optim.Muon in float64 on the matrices, and AdamW on the rest."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    x = normal(1, DIM)
    ours = walk(MUON, FunctionOracle(_logsumexp, BLOCKS), x, 20, weight_decay=0.1)
    blocks = [torch.nn.Parameter(part[0].clone()) for part in BLOCKS.split(x)]
    matrices = [block for block in blocks if block.dim() == 2]
    others = [block for block in blocks if block.dim() != 2]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=0.02, momentum=0.95, weight_decay=0.1),
        torch.optim.AdamW(others, lr=3e-4, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.1),
    ]
    for point in ours[1:]:
        for optimizer in optimizers:
            optimizer.zero_grad()
        _logsumexp(torch.cat([block.flatten() for block in blocks])).backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        theirs = torch.cat([block.detach().flatten() for block in blocks])

        torch.testing.assert_close(point[0], theirs, rtol=1e-10, atol=1e-12)


def test_bfloat16_is_all_that_torch_does_differently() -> None:
    """One step of torch.optim.Muon as shipped differs by the precision of bfloat16."""
    layout, x, target = shapes((8, 8)), normal(1, 64), normal(8, 8, seed=1)
    oracle = FunctionOracle(lambda v: (v * target.flatten()).sum(), layout)
    ours = walk(MUON, oracle, x, 1)[1].view(8, 8)
    block = torch.nn.Parameter(x.view(8, 8).clone())
    block.grad = target
    optimizer: torch.optim.Optimizer = torch.optim.Muon([block], lr=0.02, weight_decay=0.0)
    optimizer.step()

    assert 1e-6 < float((ours - block.detach()).norm() / 0.02) / 8**0.5 < 0.1


def test_the_gradients_scale_does_not_matter() -> None:
    """A function and a million times it give the same steps, on matrices and on the rest."""
    x = normal(1, DIM)
    plain = walk(MUON, FunctionOracle(_logsumexp, BLOCKS), x, 5)[-1]
    scaled = walk(MUON, FunctionOracle(lambda v: 1e6 * _logsumexp(v), BLOCKS), x, 5)[-1]

    torch.testing.assert_close(scaled, plain, rtol=1e-6, atol=1e-9)  # eps of AdamW


def test_a_stack_equals_its_rows() -> None:
    """Rows with their own rate and momentum move as they would alone."""
    x = normal(2, DIM)
    columns = {
        "lr": torch.tensor([[0.02], [0.1]]).double(),
        "momentum": torch.tensor([[0.95], [0.5]]).double(),
        "adam_scale": torch.tensor([[0.015], [1.0]]).double(),
    }
    together = walk(MUON, FunctionOracle(_logsumexp, BLOCKS), x, 6, **columns)[-1]

    for i in range(2):
        own = {name: float(column[i]) for name, column in columns.items()}
        alone = walk(MUON, FunctionOracle(_logsumexp, BLOCKS), x[i : i + 1], 6, **own)[-1]
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-9, atol=1e-11)


def test_a_matrix_needs_one_buffer_and_the_rest_two() -> None:
    """The state holds a number for each entry of a matrix, two for every other coordinate."""
    state = MUON.init(normal(2, DIM), BLOCKS)

    assert sum(part.numel() for part in state) == 2 * (43 + 2 * 17)
    assert all(len(part) == 2 for part in state)


def test_a_problem_without_a_matrix_is_refused() -> None:
    """On a vector there is nothing to orthogonalise."""
    (run,) = runs("quadratic", "muon", budget=5)

    assert run.message == "muon needs parameters that are matrices, which is not given here"
