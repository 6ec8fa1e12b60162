"""The rows of a data matrix, dense or sparse, and the products that linear models need."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from optbench.families.constant import Constant

BLOCK = 4096
"""Rows that are gone through at a time: what a stack of points makes of them stays in the cache,
which halves the time of a gradient at 128 points and costs nothing at one."""


class Block(Protocol):
    """Some rows z_1 ... z_b, the same for each point or others for each."""

    def dot(self, x: Tensor) -> Tensor:
        """Return z_i'x, (B, d) to (B, b)."""

    def combine(self, weights: Tensor) -> Tensor:
        """Return sum_i w_i z_i, (B, b) to (B, d)."""


class Rows(Protocol):
    """All rows of a matrix.

    Attributes:
        shape: Number of rows n and of columns d.
    """

    shape: tuple[int, int]

    def blocks(self, like: Tensor) -> Iterator[Block]:
        """Yield all rows in order, at most `BLOCK` at a time, where and in what dtype `like` is."""

    def pick(self, indices: Tensor, like: Tensor) -> Block:
        """Return the rows of these indices (B, b), others for each point."""


@dataclass(frozen=True)
class Compressed:
    """A matrix by its entries that are not zero, row after row (CSR).

    Attributes:
        values: The entries, shape (nonzeros,), float64.
        columns: Their columns, shape (nonzeros,).
        starts: Row i has the entries from starts[i] up to starts[i + 1], shape (n + 1,).
        dim: Number of columns d.
    """

    values: np.ndarray
    columns: np.ndarray
    starts: np.ndarray
    dim: int

    @classmethod
    def of(cls, matrix: np.ndarray) -> Compressed:
        """Compress a dense matrix (n, d)."""
        rows, columns = np.nonzero(matrix)
        starts = np.searchsorted(rows, np.arange(len(matrix) + 1))
        return cls(matrix[rows, columns], columns, starts, matrix.shape[1])

    def dense(self) -> np.ndarray:
        """Return the dense matrix, shape (n, d)."""
        lengths = np.diff(self.starts)
        matrix = np.zeros((len(lengths), self.dim))
        matrix[np.repeat(np.arange(len(lengths)), lengths), self.columns] = self.values
        return matrix

    def part(self, first: int, last: int) -> Compressed:
        """Return the rows from `first` up to `last`, which may lie beyond the end."""
        starts = self.starts[first : last + 1]
        inside = slice(starts[0], starts[-1])
        return Compressed(self.values[inside], self.columns[inside], starts - starts[0], self.dim)

    def transposed(self) -> Compressed:
        """Return the transpose."""
        rows = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        order = np.argsort(self.columns, kind="stable")
        starts = np.searchsorted(self.columns[order], np.arange(self.dim + 1))
        return Compressed(self.values[order], rows[order], starts, len(self.starts) - 1)

    def tensor(self) -> Tensor:
        """Return the matrix as torch's sparse CSR tensor, float64."""
        with warnings.catch_warnings():
            # Of all of torch's sparse CSR, only its products with dense matrices are used here.
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
            return torch.sparse_csr_tensor(
                torch.from_numpy(self.starts.astype(np.int32)),
                torch.from_numpy(self.columns.astype(np.int32)),
                torch.from_numpy(self.values),
                (len(self.starts) - 1, self.dim),
                check_invariants=True,
            )

    def padded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return each row's values and columns, (n, longest row); zeros fill shorter ones."""
        lengths = np.diff(self.starts)
        filled = np.arange(lengths.max()) < lengths[:, None]
        values, columns = np.zeros(filled.shape), np.zeros(filled.shape, dtype=np.int64)
        values[filled], columns[filled] = self.values, self.columns
        return values, columns


@dataclass(frozen=True)
class _Dense:
    z: Tensor

    def dot(self, x: Tensor) -> Tensor:
        return x @ self.z.T

    def combine(self, weights: Tensor) -> Tensor:
        return weights @ self.z


@dataclass(frozen=True)
class _DensePick:
    z: Tensor

    def dot(self, x: Tensor) -> Tensor:
        return torch.einsum("bnd,bd->bn", self.z, x)

    def combine(self, weights: Tensor) -> Tensor:
        return torch.einsum("bn,bnd->bd", weights, self.z)


@dataclass(frozen=True)
class _Sparse:
    z: Tensor
    transposed: Tensor

    def dot(self, x: Tensor) -> Tensor:
        return (self.z @ x.T).T

    def combine(self, weights: Tensor) -> Tensor:
        return (self.transposed @ weights.T).T


@dataclass(frozen=True)
class _SparsePick:
    values: Tensor
    columns: Tensor
    dim: int

    def dot(self, x: Tensor) -> Tensor:
        return (x.gather(1, self.columns.flatten(1)).view_as(self.values) * self.values).sum(-1)

    def combine(self, weights: Tensor) -> Tensor:
        parts = (weights[..., None] * self.values).flatten(1)
        return parts.new_zeros(len(parts), self.dim).scatter_add(1, self.columns.flatten(1), parts)


class DenseRows:
    """Rows of a dense matrix."""

    def __init__(self, matrix: np.ndarray) -> None:
        """Keep the matrix, shape (n, d)."""
        self.shape: tuple[int, int] = matrix.shape
        self._z = Constant(matrix)

    def blocks(self, like: Tensor) -> Iterator[Block]:
        """Yield all rows in order."""
        return map(_Dense, torch.split(self._z.like(like), BLOCK))

    def pick(self, indices: Tensor, like: Tensor) -> Block:
        """Return the rows of these indices (B, b)."""
        return _DensePick(self._z.like(like)[indices])


class SparseRows:
    """Rows of a sparse matrix; nothing dense of its size is ever made."""

    def __init__(self, matrix: Compressed) -> None:
        """Keep the matrix block by block, and row by row for minibatches."""
        n = len(matrix.starts) - 1
        self.shape = (n, matrix.dim)
        parts = [matrix.part(first, first + BLOCK) for first in range(0, n, BLOCK)]
        self._blocks = [
            (Constant(part.tensor()), Constant(part.transposed().tensor())) for part in parts
        ]
        values, columns = matrix.padded()
        self._values, self._columns = Constant(values), torch.from_numpy(columns)

    def blocks(self, like: Tensor) -> Iterator[Block]:
        """Yield all rows in order."""
        return (_Sparse(z.like(like), zt.like(like)) for z, zt in self._blocks)

    def pick(self, indices: Tensor, like: Tensor) -> Block:
        """Return the rows of these indices (B, b)."""
        self._columns = self._columns.to(like.device)
        return _SparsePick(self._values.like(like)[indices], self._columns[indices], self.shape[1])
