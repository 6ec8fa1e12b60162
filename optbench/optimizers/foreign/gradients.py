"""The ways in which an optimizer comes to its gradient, and the step that it then takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from optbench.core.optimizer import Session
from optbench.optimizers.foreign.point import Point
from optbench.optimizers.foreign.traits import Gradient


def _given(optimizers: Sequence[Any], point: Point, session: Session) -> None:
    point.show(session.evaluate(point.unseen)[1])
    for optimizer in optimizers:
        optimizer.step()


def _closure(optimizers: Sequence[Any], point: Point, session: Session) -> None:
    def closure() -> Tensor:
        f, g = session.evaluate(point.gather())
        point.show(g)
        return f

    optimizers[0].step(closure)


def _primed(optimizers: Sequence[Any], point: Point, session: Session) -> None:
    if point.parameters[0].grad is None:
        point.show(session.evaluate(point.unseen)[1])
    _closure(optimizers, point, session)


def _graph(optimizers: Sequence[Any], point: Point, session: Session) -> None:
    with torch.enable_grad():
        parts = _Differentiable.apply(session, point, *point.parameters)  # type: ignore[no-untyped-call]
    point.show_parts(parts)
    optimizers[0].step()


def _fused(optimizers: Sequence[Any], point: Point, session: Session) -> None:
    with torch.enable_grad():
        loss = _Loss.apply(session, point, *point.parameters)  # type: ignore[no-untyped-call]
        optimizers[0].fused_backward(loss, lr=optimizers[0].param_groups[0]["lr"])


def _layers(optimizers: Sequence[Any], point: Point, session: Session) -> None:
    # The session's gradient is the one that counts, clipped as the run says; the backward pass is
    # for those who watch the layers.
    gradient = session.evaluate(point.unseen)[1]
    assert session.model is not None
    with torch.enable_grad():
        session.model.loss(session.indices()).backward()  # type: ignore[no-untyped-call]
    point.show(gradient)
    optimizers[0].step()


ADVANCE: dict[Gradient, Callable[[Sequence[Any], Point, Session], None]] = {
    "given": _given,
    "closure": _closure,
    "primed": _primed,
    "graph": _graph,
    "fused": _fused,
    "layers": _layers,
}
"""One step of an optimizer, by the way in which it comes to its gradient."""


class _Loss(torch.autograd.Function):
    """The loss at the point, as a function of the parameters."""

    @staticmethod
    def forward(ctx: Any, session: Session, point: Point, *parameters: Tensor) -> Tensor:
        del parameters
        f, ctx.gradient = session.evaluate(point.unseen)
        ctx.layout = point.layout
        return f.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        return None, None, *ctx.layout.split(outer[0] * ctx.gradient)


class _Differentiable(torch.autograd.Function):
    """The gradient at the point, part by part, as a function of the parameters."""

    @staticmethod
    def forward(ctx: Any, session: Session, point: Point, *parameters: Tensor) -> Any:
        del parameters
        ctx.session, ctx.layout, ctx.x = session, point.layout, point.x.clone()
        gradient = session.evaluate(point.unseen)[1]
        return tuple(part.clone() for part in point.layout.split(gradient))

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        product = ctx.session.hessian_vector(ctx.x, ctx.layout.join(outer))
        return None, None, *ctx.layout.split(product)
