"""What claims about Kronecker factors share: a layer's inputs and output gradients, by probing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from optbench.core.problem import Problem
from optbench.theory.plot import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """A linear layer z = W a + b as gradients of single examples show it.

    Attributes:
        inputs: a, (n, p); with a 1 appended where asked for.
        outputs: The gradients g of each example's loss by z, (n, m).
    """

    inputs: Array
    outputs: Array

    def factors(self) -> tuple[Array, Array]:
        """Return E aa' and E gg', (p, p) and (m, m)."""
        n = len(self.inputs)
        return self.inputs.T @ self.inputs / n, self.outputs.T @ self.outputs / n


def direction(V: Array, A: Array, G: Array, damping: float = 0.0) -> Array:
    """Return G^-1 V A^-1 with damped factors: K-FAC's direction for a gradient V (m, p)."""
    A, G = A + damping * np.eye(len(A)), G + damping * np.eye(len(G))
    return np.asarray(np.linalg.solve(A, np.linalg.solve(G, V).T).T)


def layer(problem: Problem, x: Tensor, name: str, *, bias: bool = False) -> Layer:
    """Read a layer off the gradients that a problem's oracle gives for each example, g a' and g.

    Args:
        problem: A finite sum over a network.
        x: One point, (d,).
        name: Of the layer's weight, `2.weight`.
        bias: Whether a 1 is appended to the inputs.
    """
    assert problem.minibatch is not None
    n = problem.examples
    gradients = problem.minibatch(x.expand(n, -1), torch.arange(n)[:, None])
    return _read(problem, gradients, name, bias=bias)


def drawn_layers(problem: Problem, x: Tensor, name: str, shares: Array) -> list[Layer]:
    """Return the same with every example's label drawn: the first label, the second, ...

    Args:
        problem: A classifier; its labels are drawn by uniform numbers and cumulated shares.
        x: One point, (d,).
        name: Of the layer's weight.
        shares: Probabilities of the labels for each example, (n, labels).
    """
    assert problem.sampled_gradient is not None
    n = problem.examples
    middles = np.cumsum(shares, axis=1) - shares / 2
    found = []
    for uniforms in torch.from_numpy(middles.T):
        gradients = problem.sampled_gradient(
            x.expand(n, -1), torch.arange(n)[:, None], uniforms[:, None]
        )
        found.append(_read(problem, gradients, name))
    return found


def _read(problem: Problem, gradients: Tensor, name: str, *, bias: bool = False) -> Layer:
    parts = problem.layout.split(gradients)
    blocks = {block.name: part for block, part in zip(problem.blocks, parts, strict=True)}
    g = blocks[name.replace("weight", "bias")].numpy()
    a = np.einsum("no,noi->ni", g, blocks[name].numpy()) / (g * g).sum(1)[:, None]
    return Layer(inputs=np.hstack([a, np.ones((len(a), 1))]) if bias else a, outputs=g)


def place(problem: Problem, name: str) -> slice:
    """Return where a block lies in x."""
    names = [block.name for block in problem.blocks]
    before = sum(block.size for block in problem.blocks[: names.index(name)])
    return slice(before, before + problem.blocks[names.index(name)].size)
