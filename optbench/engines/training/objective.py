"""The training loss of one model: what a gradient is taken of, in the precision that was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from optbench.core.layout import Block, Layout
from optbench.core.task import Task
from optbench.core.training import Training


class Objective:
    """A model with its loss, on its device.

    Attributes:
        module: The model; its parameters are where it stands.
        layout: The parameters that are trained, in the order of `named_parameters`.
        parameters: These parameters.
    """

    def __init__(self, task: Task, module: nn.Module, training: Training) -> None:
        """Take a model that is on its device already."""
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        self.module = module
        self.layout = Layout(tuple(Block(name, tuple(p.shape)) for name, p in named))
        self.parameters = [p for _, p in named]
        self._task, self._accumulate = task, training.accumulate
        self._bf16 = training.precision == "bf16"
        self._mean: Callable[[Tensor, Tensor], Tensor] = self._loss
        self._derivatives = vmap(grad_and_value(self._loss_at), in_dims=(0, None, None))
        if training.compile:
            self._mean = torch.compile(self._mean)
            self._derivatives = torch.compile(self._derivatives)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.parameters[0].device

    def point(self) -> Tensor:
        """Return a copy of the parameters as one vector, (d,)."""
        return torch.cat([p.detach().reshape(-1) for p in self.parameters])

    def stand_at(self, x: Tensor) -> None:
        """Let the parameters be the parts of a vector (d,), in its memory."""
        for parameter, part in zip(self.parameters, self.layout.split(x), strict=True):
            parameter.data = part

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context of forward passes."""
        if not self._bf16:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch where the model stands, a scalar with a graph."""
        with self.autocast():
            return self._mean(inputs, targets)

    def loss_at(self, x: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch at x (d,), a scalar; its graph leads to x.

        Not compiled, so that it can be differentiated again.
        """
        with self.autocast():
            return self._loss_at(x, inputs, targets)

    def derivatives(self, x: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean losses of a batch at the points of a stack and their gradients.

        A single point is where the model then stands: its parameters are views of x, which costs
        less than calling the model with others.

        Args:
            x: The points, shape (B, d).
            inputs: Of the batch.
            targets: Of the batch.

        Returns:
            Losses (B,) and gradients (B, d).
        """
        if len(x) > 1:
            with self.autocast():
                gradients, losses = self._derivatives(x, inputs, targets)
            return losses, gradients
        self.stand_at(x[0])
        with torch.enable_grad():
            loss = self.loss(inputs, targets)
            parts = torch.autograd.grad(
                loss, self.parameters, allow_unused=True, materialize_grads=True
            )
        return loss.detach()[None], torch.cat([part.reshape(-1) for part in parts])[None]

    def parts(self, inputs: Tensor, targets: Tensor) -> list[tuple[float, Tensor, Tensor]]:
        """Cut a batch into the parts that are accumulated, each with its weight in the mean."""
        if self._accumulate == 1:
            return [(1.0, inputs, targets)]
        k = self._accumulate
        pairs = zip(inputs.tensor_split(k), targets.tensor_split(k), strict=True)
        return [(len(a) / len(inputs), a, y) for a, y in pairs]

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return self._task.loss(self.module(inputs), targets)

    def _loss_at(self, x: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        names = (block.name for block in self.layout.blocks)
        named = dict(zip(names, self.layout.split(x), strict=True))
        return self._task.loss(functional_call(self.module, named, (inputs,)), targets)
