"""The training loss of one model: what a gradient is taken of, in the precision that was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

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
        self._forward: Callable[[Tensor], Tensor] = module
        self._call: Callable[..., Tensor] = self._functional
        if training.compile:
            self._forward = torch.compile(module)
            self._call = torch.compile(self._functional)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.parameters[0].device

    def point(self) -> Tensor:
        """Return a copy of the parameters as one vector, (d,)."""
        return torch.cat([p.detach().reshape(-1) for p in self.parameters])

    @torch.no_grad()
    def stand_at(self, x: Tensor) -> None:
        """Write a vector (d,) into the parameters."""
        for parameter, part in zip(self.parameters, self.layout.split(x), strict=True):
            parameter.copy_(part)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context of forward passes."""
        if not self._bf16:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch where the model stands, a scalar with a graph."""
        with self.autocast():
            return self._task.loss(self._forward(inputs), targets)

    def loss_at(self, x: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch at x (d,), a scalar; its graph leads to x."""
        with self.autocast():
            return self._task.loss(self._call(self._named(x), inputs), targets)

    def parts(self, inputs: Tensor, targets: Tensor) -> list[tuple[float, Tensor, Tensor]]:
        """Cut a batch into the parts that are accumulated, each with its weight in the mean."""
        if self._accumulate == 1:
            return [(1.0, inputs, targets)]
        pairs = zip(inputs.chunk(self._accumulate), targets.chunk(self._accumulate), strict=True)
        return [(len(a) / len(inputs), a, y) for a, y in pairs]

    def _named(self, x: Tensor) -> dict[str, Tensor]:
        names = (block.name for block in self.layout.blocks)
        return dict(zip(names, self.layout.split(x), strict=True))

    def _functional(self, named: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        output: Tensor = functional_call(self.module, dict(named), (inputs,))
        return output
