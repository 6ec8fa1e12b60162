"""A class in torch's form as a subject: built, shown gradients, stepped as in a training loop."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from optbench.conformance.match import OFF, Recipe, recipe_of, spelled
from optbench.conformance.reference import Equation
from optbench.conformance.trial import Instance, Subject, Trial
from optbench.core.errors import OptbenchError
from optbench.core.optimizer import UpdateRule
from optbench.core.registry import load, resolve
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.foreign.groups import shared
from optbench.optimizers.foreign.packages import find_class, package_of
from optbench.optimizers.foreign.signature import arguments, hyperparameters
from optbench.optimizers.foreign.traits import Traits, traits_of


@dataclass(frozen=True, eq=False)
class TorchForm:
    """A class that is built as `Class(params, lr=..., ...)` and stepped after a gradient.

    Attributes:
        name: What the user calls it.
        cls: The class.
        recipe: What must be said for it to be the equation.
    """

    name: str
    cls: Any
    recipe: Recipe

    @functools.cached_property
    def traits(self) -> Traits:
        """What the class asks for."""
        return traits_of(self.cls)

    @functools.cached_property
    def arguments(self) -> Mapping[str, Any]:
        """The class's hyperparameters, tuples taken apart, with their defaults."""
        return {name: p.default for name, p in hyperparameters(self.cls).items()}

    def spelling(self, hyper: str) -> str:
        """Return the class's name of a hyperparameter, or empty text where it has none."""
        return spelled(hyper, self.arguments, self.recipe)

    def takes(self, hyper: str) -> bool:
        """Return whether the class has a hyperparameter, by the name of the equation."""
        used = {name for names, _ in self.recipe.computed.values() for name in names}
        return bool(self.spelling(hyper)) or hyper in used

    def default(self, hyper: str) -> float | None:
        """Return the class's default of a hyperparameter, where it is a number."""
        value = self.arguments.get(self.spelling(hyper))
        return float(value) if isinstance(value, int | float) else None

    def build(self, trial: Trial) -> Instance:
        """Return an instance of the class at the start of a trial."""
        return _TorchInstance(self, trial)

    def own(self, hyper: Mapping[str, float]) -> dict[str, Any]:
        """Return an equation's hyperparameters as arguments of the class."""
        named = {self.spelling(name): value for name, value in hyper.items()}
        named.pop("", None)
        for argument, (names, function) in self.recipe.computed.items():
            named[argument] = function(*(hyper[name] for name in names))
        return arguments(self.cls, named)


class _Gradient(torch.autograd.Function):
    """The gradient as a function of the point, whose derivative is the Hessian."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, oracle: Any) -> Tensor:
        """Return the gradient at x, shape (d,)."""
        ctx.save_for_backward(x)
        ctx.oracle = oracle
        return cast(Tensor, oracle.gradient(x[None])[0])

    @staticmethod
    def backward(ctx: Any, *v: Tensor) -> tuple[Tensor, None]:
        """Return the Hessian times v."""
        (x,) = ctx.saved_tensors
        return ctx.oracle.hessian_vector(x[None], v[0][None])[0], None


class _TorchInstance:
    """One optimizer object over one parameter for each block."""

    def __init__(self, form: TorchForm, trial: Trial) -> None:
        self._form, self._trial, self._t = form, trial, 0
        self._oracle, self._layout = trial.oracle(), trial.layout
        parts = self._layout.split(trial.start())
        self.parameters = [torch.nn.Parameter(part.clone()) for part in parts]
        given = form.own(trial.hyper)
        off = {a: 0.0 for a in OFF if a in form.arguments and a not in given}
        off |= dict(form.recipe.fixed) | dict(trial.options)
        fixed = arguments(form.cls, off)
        self.optimizer = form.cls(self._groups(given), **(fixed | given))
        self._mode("train")

    def _groups(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the parameters, in groups where blocks differ or the class wants them."""
        traits, parameters, settings = self._form.traits, [], []
        for block, parameter in zip(self._layout.blocks, self.parameters, strict=True):
            matrix = len(block.shape) == 2
            if traits.matrices == "only" and not matrix:
                continue
            own = self._trial.groups.get(block.name, {})
            group = self._form.own({**self._trial.hyper, **own}) if own else {}
            group = {key: value for key, value in group.items() if given.get(key) != value}
            if traits.matrices == "use_muon":
                group["use_muon"] = matrix
            parameters.append(parameter)
            settings.append(group)
        if not any(settings):
            return parameters
        return [
            {"params": [parameters[i] for i in places], **settings[places[0]]}
            for places in shared(settings)
        ]

    def _mode(self, name: str) -> None:
        switch = getattr(self.optimizer, name, None)
        if callable(switch):
            switch()

    def _x(self) -> Tensor:
        return torch.cat([p.detach().reshape(-1) for p in self.parameters])

    def show(self) -> None:
        """Give every parameter its part of the gradient, or none."""
        if self._form.traits.gradient == "graph":
            with torch.enable_grad():
                flat = torch.cat([p.reshape(-1) for p in self.parameters])
                gradient = cast(Tensor, _Gradient.apply(flat, self._oracle))  # type: ignore[no-untyped-call]
        else:
            gradient = self._oracle.gradient(self._x()[None])[0]
        for block, parameter, part in zip(
            self._layout.blocks, self.parameters, self._layout.split(gradient), strict=True
        ):
            parameter.grad = None if block.name in self._trial.missing else part
            if self._form.traits.gradient != "graph" and parameter.grad is not None:
                parameter.grad = part.clone()

    def advance(self) -> None:
        """Take one step."""
        self._oracle.begin(self._t)
        self._t += 1
        if self._form.traits.gradient in ("closure", "primed"):
            self.optimizer.step(self._closure)
            return
        self.show()
        self.optimizer.step()

    def advance_watching(self) -> bool:
        """Take one step; return whether it changed a gradient that it was given."""
        self._oracle.begin(self._t)
        self._t += 1
        self.show()
        given = [p.grad for p in self.parameters]
        before = [None if g is None else g.clone() for g in given]
        self.optimizer.step()
        return not all(
            g is None or b is None or torch.equal(g, b) for g, b in zip(given, before, strict=True)
        )

    @property
    def group_keys(self) -> frozenset[str]:
        """What the optimizer keeps in a group of parameters; nothing where it has no groups."""
        groups = getattr(self.optimizer, "param_groups", None)
        return frozenset(groups[0]) if groups else frozenset()

    def _closure(self) -> Tensor:
        self.show()
        return self._oracle.measure(self._x()[None])[0][0]

    def point(self) -> Tensor:
        """Return the point that the class would be judged by, shape (d,)."""
        self._mode("eval")
        key = self._form.recipe.sequence
        state = getattr(self.optimizer, "state", {})
        parts = [state.get(p, {}).get(key, p) if key else p for p in self.parameters]
        flat = torch.cat([part.detach().reshape(-1) for part in parts]).clone()
        self._mode("train")
        return flat

    def save(self) -> object:
        """Return the parameters and the optimizer's state_dict."""
        x = [p.detach().clone() for p in self.parameters]
        return copy.deepcopy((x, self.optimizer.state_dict(), self._t))

    def load(self, saved: object) -> None:
        """Take up what another instance saved."""
        x, state, self._t = cast("tuple[list[Tensor], dict[str, Any], int]", saved)
        with torch.no_grad():
            for parameter, part in zip(self.parameters, x, strict=True):
                parameter.copy_(part)
        self.optimizer.load_state_dict(state)


def find_subject(name: str, equation: str) -> Subject:
    """Return what a name stands for, to be held against an equation.

    Args:
        name: `torch.X`, `pytorch_optimizer.X` and so on, `file.py:NAME` or `module:NAME` of a class
            in torch's form or of an `UpdateRule`, or one of our own update rules.
        equation: The equation's name.

    Returns:
        The subject.

    Raises:
        OptbenchError: When there is none of that name, or it is no optimizer that can be driven.
    """
    if package_of(name):
        return subject_of(find_class(name), equation, name)
    return subject_of(load(resolve("optimizer", OPTIMIZERS, name)), equation, name)


def subject_of(found: Any, equation: str, name: str = "") -> Subject:
    """Return a class in torch's form, or an update rule, as a subject.

    Raises:
        OptbenchError: When it is neither, or a class that wants more than parameters.
    """
    if isinstance(found, UpdateRule):
        return Equation(name or "update rule", found)
    name = name or getattr(found, "__qualname__", str(found))
    if not (isinstance(found, type) and callable(getattr(found, "step", None))):
        raise OptbenchError(f"{name} is neither a class with a step() method nor an UpdateRule")
    form = TorchForm(name, found, recipe_of(_known_name(found), equation))
    if form.traits.refused or form.traits.gradient in ("fused", "layers"):
        why = form.traits.refused or "it needs a model"
        raise OptbenchError(f"{name} cannot be held against an equation: {why}")
    return form


def _known_name(cls: type) -> str:
    """Return the name by which the table of claims would know a class."""
    return f"{cls.__module__.partition('.')[0]}.{cls.__name__}"
