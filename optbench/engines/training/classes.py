"""Classes in torch's form, stepping a model's own parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn

from optbench.core.errors import OptbenchError
from optbench.core.groups import overrides, own_values, without_groups
from optbench.core.layout import Layout
from optbench.core.optimizer import Gradients, Session, StepMethod, without_gradient_parameters
from optbench.core.parameters import Value
from optbench.core.problem import Model
from optbench.core.schedule import Factors
from optbench.engines.training.batches import Batches
from optbench.engines.training.evaluation import re_estimated
from optbench.engines.training.objective import Objective
from optbench.engines.training.stepper import update_ratio
from optbench.optimizers.foreign.build import construct, rated_groups
from optbench.optimizers.foreign.holdings import Holdings
from optbench.optimizers.foreign.loop import set_schedule, two_faced
from optbench.optimizers.foreign.memory import state_bytes
from optbench.optimizers.foreign.traits import Gradient, admitted


class ModulePoint:
    """A model as what a class optimizes; see `foreign.point.Parameters`."""

    def __init__(self, objective: Objective) -> None:
        """Take the parameters that are trained."""
        self.layout: Layout = objective.layout
        self.parameters = objective.parameters
        self._module = objective.module

    def module(self) -> nn.Module:
        """Return the model itself."""
        return self._module


class ClassStepper:
    """One run of a task under a class in torch's form; implements `stepper.Stepper`."""

    rows = 1

    def __init__(
        self,
        method: StepMethod,
        name: str,
        objective: Objective,
        batches: Batches,
        hyper: Mapping[str, Value],
        factors: Factors,
    ) -> None:
        """Build the optimizer over the model's parameters.

        Raises:
            OptbenchError: When it cannot run here, or not with these groups or clips.
        """
        if method.cls is None:
            raise OptbenchError(
                f"{name} needs a function to minimise; learning problems take classes in torch's "
                "form and update rules"
            )
        traits = admitted(method.cls, name)
        if not (method.cls.__module__.startswith("torch.") and traits.gradient == "given"):
            # Many other classes take gradients apart by `view`, which wants them row by row.
            objective.module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self._shown = Gradients.of(hyper)
        if self._shown.clip_sample:
            raise OptbenchError("clip_sample is not for learning problems; clip_norm is")
        self._objective, self._batches, self._factors = objective, batches, factors
        own = without_gradient_parameters(hyper)
        groups = own_values(objective.layout, overrides(own))
        known = _known(objective, horizon=len(factors.lr) - 1, examples=batches.examples)
        point = ModulePoint(objective)
        try:
            self.optimizers = construct(
                method.cls, traits, point, without_groups(own), groups, known
            )
        except ValueError as error:
            raise OptbenchError(f"{name} refuses these arguments: {error}") from error
        self._rated = rated_groups(self.optimizers, name, traits, point, groups)
        self._two_faced = two_faced(self.optimizers)
        self._advance, self._is_primed = _ADVANCE[traits.gradient], traits.gradient == "primed"
        self._holdings = Holdings(self.optimizers, objective.module)
        for optimizer in self._two_faced:
            optimizer.train()
        self.gradients = self.products = 0
        self.gradient_norm = self.update_ratio = torch.full((1,), torch.nan)
        self._t, self._look = 0, False
        self._loss: Tensor | None = None

    def step(self, t: int, *, look: bool) -> Tensor:
        """Take step t and return the minibatch loss before it, (1,)."""
        self._t, self._look, self._loss = t, look, None
        momentum = self._factors.momentum
        set_schedule(
            self.optimizers,
            self._rated,
            float(self._factors.lr[t]),
            None if momentum is None else float(momentum[t]),
        )
        before = self._objective.point() if look else None
        self._advance(self.optimizers, self)
        if before is not None:
            self.update_ratio = update_ratio(before, self._objective.point())[None]
        assert self._loss is not None, "every way to a gradient evaluates the loss"
        return self._loss[None]

    def backward(self, *, graph: bool = False) -> Tensor:
        """Leave the gradient of this step's batch in the parameters; return the loss, ()."""
        for parameter in self._objective.parameters:
            parameter.grad = None
        inputs, targets = self._batches.at(self._t)
        total: Tensor | None = None
        with torch.enable_grad():
            for weight, a, y in self._objective.parts(inputs, targets):
                loss = self._objective.loss(a, y)
                loss = loss if weight == 1 else loss * weight
                loss.backward(create_graph=graph)  # type: ignore[no-untyped-call]
                total = loss.detach() if total is None else total + loss.detach()
        assert total is not None
        self._count(total)
        return total

    def fused(self) -> None:
        """Let the optimizer take its step inside the backward pass."""
        if self._shown.clip_norm or self._shown.clip_value:
            raise OptbenchError("an optimizer that steps in the backward pass cannot be clipped")
        batch = self._batches.at(self._t)
        if len(self._objective.parts(*batch)) > 1:
            raise OptbenchError("an optimizer that steps in the backward pass cannot accumulate")
        with torch.enable_grad():
            loss = self._objective.loss(*batch)
        self._loss = loss.detach()
        self.gradients += 1
        optimizer = self.optimizers[0]
        optimizer.fused_backward(loss, lr=optimizer.param_groups[0]["lr"])

    def _count(self, loss: Tensor) -> None:
        """Count a gradient, measure it where the step is looked at, and clip it."""
        self.gradients += 1
        first, self._loss = self._loss is None, loss if self._loss is None else self._loss
        limit = self._shown.clip_norm
        if limit or (self._look and first):
            gradients = [p.grad for p in self._objective.parameters if p.grad is not None]
            norm = nn.utils.get_total_norm(gradients)
            if self._look and first:
                self.gradient_norm = norm[None]
            if limit:
                nn.utils.clip_grads_with_norm_(self._objective.parameters, limit, norm)
        if self._shown.clip_value:
            nn.utils.clip_grad_value_(self._objective.parameters, self._shown.clip_value)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on."""
        del rows

    @contextlib.contextmanager
    def standing(self, row: int) -> Iterator[Objective]:
        """Inside the block the model stands where the run is judged."""
        del row
        if not self._two_faced or not self.gradients:  # both faces begin at x_0
            yield self._objective
            return
        # To the other face and back, numbers are rounded.
        before = [p.detach().clone() for p in self._objective.parameters]
        for optimizer in self._two_faced:
            optimizer.eval()
        try:
            with re_estimated(self._objective, self._batches):
                yield self._objective
        finally:
            for optimizer in self._two_faced:
                optimizer.train()
            with torch.no_grad():
                for parameter, value in zip(self._objective.parameters, before, strict=True):
                    parameter.copy_(value)

    def state(self) -> dict[str, Any]:
        """Return model, optimizers and counts.

        Raises:
            UnkeepableError: When an optimizer holds what cannot be kept.
        """
        module, parameters = self._objective.module, self._objective.parameters
        return {
            "parameters": [p.detach() for p in module.parameters()],
            "buffers": list(module.buffers()),
            "gradients": [p.grad for p in parameters] if self._is_primed else [],
            "optimizers": self._holdings.take(),
            "count": self.gradients,
        }

    @torch.no_grad()
    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was called.

        Raises:
            UnkeepableError: When the optimizers are others.
        """
        module, parameters = self._objective.module, self._objective.parameters
        kept = [*state["parameters"], *state["buffers"]]
        for tensor, value in zip([*module.parameters(), *module.buffers()], kept, strict=True):
            tensor.copy_(value)
        for parameter, gradient in zip(parameters, state["gradients"], strict=False):
            parameter.grad = gradient
        self._holdings.put(state["optimizers"])
        self.gradients = state["count"]

    def state_bytes(self) -> float:
        """Return the size of the optimizers' state, in bytes per parameter."""
        return state_bytes(self.optimizers) / sum(p.numel() for p in self._objective.parameters)


def _known(objective: Objective, *, horizon: int, examples: int) -> Session:
    """Return as much of a session as a constructor sees."""
    model = Model(module=objective.module, loss=lambda indices: torch.zeros(()))
    known = SimpleNamespace(
        x=objective.parameters[0],
        layout=objective.layout,
        model=model,
        horizon=horizon,
        examples=examples,
    )
    return cast(Session, known)


def _given(optimizers: Sequence[Any], run: ClassStepper) -> None:
    run.backward()
    for optimizer in optimizers:
        optimizer.step()


def _closure(optimizers: Sequence[Any], run: ClassStepper) -> None:
    optimizers[0].step(run.backward)


def _primed(optimizers: Sequence[Any], run: ClassStepper) -> None:
    if optimizers[0].param_groups[0]["params"][0].grad is None:
        run.backward()
    optimizers[0].step(run.backward)


def _graph(optimizers: Sequence[Any], run: ClassStepper) -> None:
    run.backward(graph=True)
    optimizers[0].step()


def _fused(optimizers: Sequence[Any], run: ClassStepper) -> None:
    run.fused()


_ADVANCE: dict[Gradient, Callable[[Sequence[Any], ClassStepper], None]] = {
    "given": _given,
    "closure": _closure,
    "primed": _primed,
    "graph": _graph,
    "fused": _fused,
    "layers": _given,  # hooks watch the backward pass that every step has here
}
"""One step, by the way in which a class comes to its gradient; see `foreign.traits`."""
