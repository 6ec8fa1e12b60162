"""A flat point as torch parameters: one for each block, in memory that they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from torch import Tensor
from torch.nn import Module, Parameter

from optbench.core.layout import Layout


class Optimized(Protocol):
    """What a class is built over: a point's parameters, or a model's own."""

    layout: Layout
    parameters: list[Parameter]

    def module(self) -> Module:
        """Return a module that has the parameters under their names."""


class Point:
    """A point and its parameters; what changes the one changes the other.

    Attributes:
        x: The point, shape (d,).
        layout: Its blocks.
        parameters: A parameter for each block, a view of x.
        moved: Whether x may have changed since the session saw it.
    """

    def __init__(self, x: Tensor, layout: Layout, owner: Module | None = None) -> None:
        """Copy a point.

        Args:
            x: The point, shape (d,).
            layout: Its blocks.
            owner: A module whose parameters, the blocks in order, become the views.
        """
        self.x, self.layout = x.clone(), layout
        self.moved = False
        self._views = layout.split(self.x)
        self.parameters = [Parameter(view) for view in self._views]
        if owner is not None:
            self.parameters = list(owner.parameters())
            for parameter, view in zip(self.parameters, self._views, strict=True):
                parameter.data = view

    @property
    def unseen(self) -> Tensor | None:
        """The point where it may have changed since the session saw it, else None."""
        return self.x if self.moved else None

    def show(self, gradient: Tensor) -> None:
        """Give each parameter its part of the gradient, shape (d,), without a copy."""
        self.show_parts(self.layout.split(gradient))

    def show_parts(self, parts: Iterable[Tensor]) -> None:
        """Give each parameter its part of the gradient."""
        for parameter, part in zip(self.parameters, parts, strict=True):
            parameter.grad = part

    def gather(self) -> Tensor:
        """Return the point, shape (d,), after an optimizer changed the parameters.

        Raises:
            ValueError: When a parameter has another shape.
        """
        for parameter, view in zip(self.parameters, self._views, strict=True):
            if parameter.shape != view.shape:
                raise ValueError(
                    "it changed the parameter's shape "
                    f"from {tuple(view.shape)} to {tuple(parameter.shape)}"
                )
            if parameter.data_ptr() != view.data_ptr():  # it was given other memory
                view.copy_(parameter.detach())
                parameter.data = view
        return self.x

    def module(self) -> Module:
        """Return a module that has the parameters, under the blocks' names, and nothing else."""
        names = (block.name for block in self.layout.blocks)
        return _Holder(dict(zip(names, self.parameters, strict=True)))


class _Holder(Module):
    def __init__(self, named: dict[str, Parameter]) -> None:
        super().__init__()
        self._named = named  # torch registers no parameter under a dotted name

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        del prefix, recurse, remove_duplicate
        return iter(self._named.items())
