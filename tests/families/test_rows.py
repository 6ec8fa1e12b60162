"""Rows of data, dense and sparse, against numpy and scipy's sparse matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.families import rows as module
from optbench.families.rows import Compressed, DenseRows, Rows, SparseRows

ATOL = 1e-13  # sums of at most forty products of numbers near 1, in another order


def matrix(n: int, d: int, share: float, seed: int) -> np.ndarray:
    """Return a matrix (n, d) of which about a share is not zero; rows of zeros happen."""
    generator = np.random.default_rng(seed)
    values: np.ndarray = generator.normal(size=(n, d))
    values[generator.random((n, d)) > share] = 0.0
    values[generator.integers(n), generator.integers(d)] = 1.0  # one entry at least
    return values


MATRICES = st.builds(
    matrix, st.integers(1, 30), st.integers(1, 9), st.sampled_from([0.05, 0.4, 1.0]), st.integers(0)
)
KINDS = pytest.mark.parametrize(
    "kind", [DenseRows, lambda z: SparseRows(Compressed.of(z))], ids=["dense", "sparse"]
)


@settings(max_examples=60)
@given(z=MATRICES, first=st.integers(0, 30), length=st.integers(1, 30))
def test_compressed_matrices_are_scipys(z: np.ndarray, first: int, length: int) -> None:
    """Compression, transpose, part and dense form agree with scipy's CSR and numpy's slices."""
    first = min(first, len(z) - 1)
    last = min(first + length, len(z))
    compressed, expected = Compressed.of(z), scipy.sparse.csr_array(z)

    assert np.array_equal(compressed.dense(), z)
    assert np.array_equal(compressed.starts, expected.indptr)
    assert np.array_equal(compressed.columns, expected.indices)
    assert np.array_equal(compressed.transposed().dense(), z.T)
    assert np.array_equal(compressed.part(first, first + length).dense(), z[first:last])
    assert np.array_equal(compressed.tensor().to_dense().numpy(), z)


@KINDS
@settings(max_examples=40)
@given(z=MATRICES, points=st.integers(1, 4), block=st.integers(1, 40))
def test_blocks_hold_every_row_once_and_in_order(
    kind: Callable[[np.ndarray], Rows], z: np.ndarray, points: int, block: int
) -> None:
    """Whatever the blocks' size, they dot and combine to the products with the whole matrix."""
    generator = torch.Generator().manual_seed(len(z))
    x = torch.randn(points, z.shape[1], generator=generator, dtype=torch.float64)
    weights = torch.randn(points, len(z), generator=generator, dtype=torch.float64)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        rows = kind(z)
        blocks = list(rows.blocks(x))
    dots = torch.cat([part.dot(x) for part in blocks], dim=-1)
    pieces = torch.split(weights, [part.dot(x).shape[1] for part in blocks], dim=-1)
    combined = torch.stack([b.combine(w) for b, w in zip(blocks, pieces, strict=True)]).sum(0)

    assert rows.shape == z.shape
    assert len(blocks) == -(-len(z) // block)
    np.testing.assert_allclose(dots, x.numpy() @ z.T, rtol=0, atol=ATOL)
    np.testing.assert_allclose(combined, weights.numpy() @ z, rtol=0, atol=ATOL)


@KINDS
@settings(max_examples=40)
@given(z=MATRICES, points=st.integers(1, 4), count=st.integers(1, 6), seed=st.integers(0, 99))
def test_picked_rows_are_those_of_each_point(
    kind: Callable[[np.ndarray], Rows], z: np.ndarray, points: int, count: int, seed: int
) -> None:
    """Point b meets the rows of its own indices, repeated ones as often as they are named."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(points, z.shape[1], generator=generator, dtype=torch.float64)
    weights = torch.randn(points, count, generator=generator, dtype=torch.float64)
    indices = torch.randint(len(z), (points, count), generator=generator)

    picked = kind(z).pick(indices, x)

    chosen = z[indices.numpy()]
    dots = np.einsum("bnd,bd->bn", chosen, x.numpy())
    combined = np.einsum("bn,bnd->bd", weights.numpy(), chosen)
    np.testing.assert_allclose(picked.dot(x), dots, rtol=0, atol=ATOL)
    np.testing.assert_allclose(picked.combine(weights), combined, rtol=0, atol=ATOL)
