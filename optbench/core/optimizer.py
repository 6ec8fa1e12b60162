"""Optimizers: an update rule as an equation, or somebody's class behind an adapter.

Two kinds, told apart by their type:

- `UpdateRule`: pure functions over an explicit state, on stacks of points; a whole grid of learning
  rates and seeds advances as one tensor.
- `StepMethod`: anything that wants to own its loop or its state (torch.optim, a user's class, a
  scipy method), one run at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from optbench.core.parameters import Param, Parameter, Value, parameters_of
from optbench.core.problem import Problem

if TYPE_CHECKING:
    from torch import Tensor

State = tuple["Tensor", ...]
"""Tensors with a leading batch dimension; a rule without memory has the empty tuple."""


class Oracle(Protocol):
    """What an optimizer may ask of a problem; every call is counted."""

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient at x, (B, d) to (B, d): full, minibatch or noisy, as the run says."""

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the product of the Hessian at x with v, (B, d) each."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What an optimizer requires of a problem, as data; `missing` is the one place that checks it.

    Attributes:
        facts: Names of facts that must be known.
        stochastic: Gradients must be random: a finite sum, or additive noise.
        hessian_vector: Hessian-vector products.
        unconstrained: The whole space is feasible.
    """

    facts: tuple[str, ...] = ()
    stochastic: bool = False
    hessian_vector: bool = False
    unconstrained: bool = False


def missing(who: str, needs: Needs, problem: Problem) -> str:
    """Say who needs what and what is missing.

    Args:
        who: The optimizer's name.
        needs: Its requirements.
        problem: The problem it is to run on.

    Returns:
        One line, or the empty string when nothing is missing.
    """
    lacks = [f"the fact {name}" for name in needs.facts if getattr(problem.facts, name) is None]
    if needs.stochastic and not problem.examples and not problem.facts.noise_variance:
        lacks.append("a finite sum or gradient noise")
    if needs.hessian_vector and problem.hessian_vector is None:
        lacks.append("Hessian-vector products")
    if needs.unconstrained and problem.project is not None:
        lacks.append("an unconstrained problem")
    return f"{who} needs {' and '.join(lacks)}, which is not given here" if lacks else ""


def gradient_parameters(batch_size: int = 0) -> dict[str, Parameter]:
    """Return the parameters that every optimizer has: which examples make up its gradients.

    Args:
        batch_size: The default number of examples; 0 takes them all.
    """
    size = Param("examples in a gradient; 0 takes all of them", low=0)
    order = Param(
        "minibatches from shuffled epochs, or drawn with or without replacement",
        choices=("epochs", "replacement", "without_replacement"),
    )
    return {
        "batch_size": Parameter("batch_size", int, batch_size, size),
        "sampling": Parameter("sampling", str, "epochs", order),
    }


def without_gradient_parameters(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return an optimizer's own values, without those of `gradient_parameters`."""
    return {name: v for name, v in values.items() if name not in ("batch_size", "sampling")}


@dataclass(frozen=True, kw_only=True)
class UpdateRule:
    """An update equation in batched form.

    Attributes:
        step: `step(x, state, oracle, t, *, lr, ...) -> (x, state)`: x is (B, d), t the zero-based
            step, every hyperparameter a float or a tensor of shape (B, 1). Pure: it returns new
            tensors and leaves its arguments as they are. Its docstring states equation and source,
            its keyword arguments are the hyperparameters.
        memory: Number of state tensors of x's shape, zero at the start.
        gradients_per_step: Calls of `oracle.gradient` in one step.
        batch_size: Examples in a gradient unless the user says otherwise; 0 takes them all.
        needs: What it requires of a problem.
    """

    step: Callable[..., tuple[Tensor, State]]
    memory: int = 0
    gradients_per_step: int = 1
    batch_size: int = 0
    needs: Needs = Needs()

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The step's hyperparameters, from its signature, and those of its gradients."""
        return {**parameters_of(self.step), **gradient_parameters(self.batch_size)}

    @property
    def documentation(self) -> str:
        """Equation, meaning and source."""
        return self.step.__doc__ or ""

    def init(self, x: Tensor) -> State:
        """Return the state before the first step, for x of shape (B, d)."""
        return tuple(x.new_zeros(x.shape) for _ in range(self.memory))


class Session(Protocol):
    """What a step method sees of a run: one point, one oracle, a place to report its steps."""

    x: Tensor
    """The starting point, shape (d,)."""

    def evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(x), shape (), and a gradient, shape (d,); counted. Ends a run without budget."""

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the Hessian at x times v, shape (d,); counted."""

    def factor(self, t: int) -> float:
        """Return the schedule's factor on the learning rate of step t."""

    def log(self, x: Tensor) -> None:
        """Report the point after a step, to be projected in place; ends a run that is done."""


@dataclass(frozen=True, kw_only=True)
class StepMethod:
    """An optimizer that runs one point at a time and keeps its own state.

    Attributes:
        run: `run(session, **hyper)`: takes steps until the session ends the run, by an exception
            that it must let pass, or returns a line that says why it ended by itself.
        parameters: The hyperparameters.
        documentation: What it is, and its source.
        needs: What it requires of a problem.
        check: `check(**hyper)` raises OptbenchError for values that the method refuses.
        package: The distribution it comes from, whose version is part of a run's identity.
    """

    run: Callable[..., str]
    parameters: Mapping[str, Parameter]
    documentation: str
    needs: Needs = Needs()
    check: Callable[..., None] | None = None
    package: str = ""


Optimizer = UpdateRule | StepMethod
