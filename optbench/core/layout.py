"""How a flat point is made of named parameters: the matrices and biases of a model.

Points are flat, (B, d), everywhere: recording, noise and coordinate-wise rules need no more. What
acts on whole layers or matrices (LARS, Muon, Shampoo) and what picks parameters by name (groups)
asks the layout.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optbench.core.errors import OptbenchError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Block:
    """One named parameter.

    Attributes:
        name: Dotted name, as torch's `named_parameters` gives it.
        shape: Its shape; the point holds it row by row.
        excluded: Left out of weight decay and layer-wise scaling, as biases and norms often are.
    """

    name: str
    shape: tuple[int, ...]
    excluded: bool = False

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return math.prod(self.shape)

    def matches(self, pattern: str) -> bool:
        """Return whether the name fits: a glob, or without `*` and `?` a part of dotted name."""
        if "*" in pattern or "?" in pattern:
            return fnmatch.fnmatchcase(self.name, pattern)
        return f".{pattern}." in f".{self.name}."


@dataclass(frozen=True)
class Layout:
    """The blocks of a point x (B, d), in order; their sizes add up to d."""

    blocks: tuple[Block, ...]

    def split(self, x: Tensor) -> list[Tensor]:
        """Return the parameters as views, (B, d) to one (B, *shape) for each block."""
        return [
            part.reshape(*x.shape[:-1], *block.shape)
            for part, block in zip(self._pieces(x), self.blocks, strict=True)
        ]

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the point that parameters make: the inverse of `split`."""
        import torch

        pairs = zip(parts, self.blocks, strict=True)
        flat = [p.reshape(*p.shape[: p.dim() - len(b.shape)], b.size) for p, b in pairs]
        return torch.cat(flat, dim=-1)

    def norms(self, x: Tensor) -> Tensor:
        """Return at each coordinate the 2-norm of the block that it lies in, (B, d) to (B, d)."""
        import torch

        pieces = self._pieces(x)
        if len(pieces) == 1:
            norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
            return norm.expand_as(x)
        norms = [torch.linalg.vector_norm(p, dim=-1, keepdim=True).expand_as(p) for p in pieces]
        return torch.cat(norms, dim=-1)

    def _pieces(self, x: Tensor) -> Sequence[Tensor]:
        """Return the flat blocks as views, one (B, size) for each."""
        import torch

        return torch.split(x, [block.size for block in self.blocks], dim=-1)

    def trust_ratio(self, numerator: Tensor, denominator: Tensor) -> Tensor:
        """Return |numerator|/|denominator| block by block, spread over the coordinates.

        Args:
            numerator: Shape (B, d), often the parameters.
            denominator: Shape (B, d), often the update.

        Returns:
            Shape (B, d); 1 in excluded blocks, and where either norm is 0.
        """
        import torch

        pairs = zip(self._pieces(numerator), self._pieces(denominator), self.blocks, strict=True)
        ratios = []
        for top, bottom, block in pairs:
            w = torch.linalg.vector_norm(top, dim=-1, keepdim=True)
            u = torch.linalg.vector_norm(bottom, dim=-1, keepdim=True)
            ratio = torch.where((w > 0) & (u > 0), w / u, 1.0)
            ratios.append((torch.ones_like(w) if block.excluded else ratio).expand_as(top))
        return torch.cat(ratios, dim=-1)

    def mask(self, x: Tensor, pattern: str = "", *, excluded: bool = False) -> Tensor:
        """Return which coordinates belong to matching, or to excluded, blocks: (d,), bool."""
        import torch

        flags = [b.excluded if excluded else b.matches(pattern) for b in self.blocks]
        # Made on the device: a copy from the CPU would wait for all that a GPU has been asked.
        parts = [
            torch.full((block.size,), flag, device=x.device)
            for block, flag in zip(self.blocks, flags, strict=True)
        ]
        return torch.cat(parts)

    def matching(self, pattern: str) -> list[Block]:
        """Return the blocks whose names match.

        Raises:
            OptbenchError: When there is none.
        """
        found = [block for block in self.blocks if block.matches(pattern)]
        if not found:
            names = ", ".join(block.name for block in self.blocks)
            raise OptbenchError(f"no parameter matches {pattern!r}; there are: {names}")
        return found

    def exclude(self, pattern: str) -> Layout:
        """Return the layout with the blocks of matching names excluded."""
        self.matching(pattern)
        return Layout(
            tuple(replace(b, excluded=True) if b.matches(pattern) else b for b in self.blocks)
        )
