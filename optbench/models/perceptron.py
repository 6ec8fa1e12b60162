"""Multilayer perceptrons."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}
"""What may stand between two linear maps."""


def perceptron(widths: Sequence[int], activation: str) -> nn.Sequential:
    """Chain linear maps with an activation between them.

    Weights and biases start uniform on [-1, 1]/sqrt(width before), as torch's Linear does.

    Args:
        widths: Of the input, of every layer between, of the output.
        activation: One of `ACTIVATIONS`.

    Returns:
        A module from (..., first width) to (..., last width).
    """
    chain: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        chain += [nn.Linear(before, after), ACTIVATIONS[activation]()]
    return nn.Sequential(*chain[:-1])
