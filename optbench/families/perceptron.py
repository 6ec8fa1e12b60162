"""Stacks of multilayer perceptrons: forward, and derivatives both ways, each a few products.

One network a row of x, so that a batch of runs is a batch of matrix products. The derivatives are
written out: they take what a training loop's take, and autograd can differentiate them once more.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from optbench.core.layout import Block, Layout
from optbench.core.randomness import stream
from optbench.families.starts import Start


class Activation(NamedTuple):
    """A function a = s(z), its derivative's product s'(z) w from w, z and a, torch's module."""

    function: Callable[[Tensor], Tensor]
    times_slope: Callable[[Tensor, Tensor, Tensor], Tensor]
    module: type[torch.nn.Module]


# The products are the kernels that autograd runs, one pass over memory each.
_KERNELS = torch.ops.aten
ACTIVATIONS = {
    "tanh": Activation(torch.tanh, lambda w, z, a: _KERNELS.tanh_backward(w, a), torch.nn.Tanh),
    "relu": Activation(
        torch.relu, lambda w, z, a: _KERNELS.threshold_backward(w, a, 0), torch.nn.ReLU
    ),
    "gelu": Activation(
        torch.nn.functional.gelu, lambda w, z, a: _KERNELS.gelu_backward(w, z), torch.nn.GELU
    ),
}


class Tape(NamedTuple):
    """What a forward pass leaves behind, layer by layer.

    Attributes:
        inputs: What each layer was given, (B, n, width before it); the first is the data.
        outputs: What its linear map gave, (B, n, width after it); the last are the logits.
    """

    inputs: list[Tensor]
    outputs: list[Tensor]

    @property
    def logits(self) -> Tensor:
        """The network's output, (B, n, last width)."""
        return self.outputs[-1]


@dataclass(frozen=True)
class Perceptron:
    """Linear maps with an activation between them, as `torch.nn.Sequential` would chain them.

    Attributes:
        widths: Of the input, of every hidden layer, of the output.
        activation: One of `ACTIVATIONS`.
    """

    widths: tuple[int, ...]
    activation: str

    @functools.cached_property
    def layout(self) -> Layout:
        """Weights (out, in) and biases (out,), named by the linear map's place in the chain."""
        blocks = []
        for layer, (before, after) in enumerate(itertools.pairwise(self.widths)):
            blocks.append(Block(f"{2 * layer}.weight", (after, before)))
            blocks.append(Block(f"{2 * layer}.bias", (after,)))
        return Layout(tuple(blocks))

    def forward(self, x: Tensor, data: Tensor) -> Tape:
        """Apply the networks x (B, d) to data: (n, p) for all of them, or their own (B, n, p)."""
        function = ACTIVATIONS[self.activation].function
        parts = self.layout.split(x)
        a = data.expand(len(x), -1, -1)
        inputs: list[Tensor] = []
        outputs: list[Tensor] = []
        for W, b in zip(parts[::2], parts[1::2], strict=True):
            if outputs:
                a = function(outputs[-1])
            inputs.append(a)
            outputs.append(torch.baddbmm(b[:, None], a, W.mT))
        return Tape(inputs, outputs)

    def pull_back(self, x: Tensor, tape: Tape, weights: Tensor) -> Tensor:
        """Return J'w, (B, d): J is the derivative of the logits by x, w (B, n, classes)."""
        g = x.new_empty(x.shape)
        parts = self.layout.split(x)
        for layer in reversed(range(len(tape.inputs))):
            # Straight to its place in g: of a large model a copy costs as much as a step of SGD.
            self._place(g, 2 * layer).baddbmm_(weights.mT, tape.inputs[layer], beta=0)
            self._place(g, 2 * layer + 1).copy_(weights.sum(1))
            if layer:
                weights = self._times_slope(tape, layer, weights @ parts[2 * layer])
        return g

    def _place(self, g: Tensor, index: int) -> Tensor:
        """Return one block of g, (B, d), to be written to: autograd forbids it for `split`'s."""
        *before, block = self.layout.blocks[: index + 1]
        return g.narrow(1, sum(b.size for b in before), block.size).view(-1, *block.shape)

    def push_forward(self, x: Tensor, tape: Tape, v: Tensor) -> Tensor:
        """Return J v, (B, n, classes), for a direction v (B, d) in the parameters."""
        parts, changes = self.layout.split(x), self.layout.split(v)
        z = torch.baddbmm(changes[1][:, None], tape.inputs[0], changes[0].mT)
        for layer in range(1, len(tape.inputs)):
            a = self._times_slope(tape, layer, z)
            W, dW, db = parts[2 * layer], changes[2 * layer], changes[2 * layer + 1]
            z = torch.baddbmm(db[:, None], tape.inputs[layer], dW.mT) + a @ W.mT
        return z

    def _times_slope(self, tape: Tape, layer: int, w: Tensor) -> Tensor:
        """Return w times the slope of a layer's inputs in the outputs of the layer before it."""
        times_slope = ACTIVATIONS[self.activation].times_slope
        return times_slope(w, tape.outputs[layer - 1], tape.inputs[layer])

    def module(self, x: Tensor) -> torch.nn.Sequential:
        """Return torch's module of the network x, shape (d,), in whose memory it lies."""
        parts = self.layout.split(x)
        chain: list[torch.nn.Module] = []
        for W, b in zip(parts[::2], parts[1::2], strict=True):
            # On `meta` nothing is initialised, and the global generator is left alone.
            linear = torch.nn.Linear(W.shape[1], W.shape[0], device="meta")
            linear.weight, linear.bias = torch.nn.Parameter(W), torch.nn.Parameter(b)
            chain += [linear, ACTIVATIONS[self.activation].module()]
        return torch.nn.Sequential(*chain[:-1])


def linear_start(network: Perceptron, seed: int) -> Start:
    """Start as torch's Linear does: uniform on [-1, 1]/sqrt(width before), another for each seed.

    Args:
        network: Which weights and biases there are.
        seed: The problem's seed.

    Returns:
        The function from a run's seed to its start, shape (d,), float64.
    """

    def start(run_seed: int) -> Tensor:
        generator = stream(seed, run_seed, "start")
        blocks = iter(network.layout.blocks)
        parts = []
        for weight, bias in zip(blocks, blocks, strict=True):
            bound = weight.shape[1] ** -0.5
            parts.append(generator.uniform(-bound, bound, weight.size + bias.size))
        return torch.from_numpy(np.concatenate(parts))

    return start
