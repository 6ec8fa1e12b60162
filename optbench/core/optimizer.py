"""Optimizers: an update rule as an equation, or somebody's class behind an adapter.

Two kinds, told apart by their type:

- `UpdateRule`: pure functions over an explicit state, on stacks of points; a whole grid of learning
  rates and seeds advances as one tensor.
- `StepMethod`: anything that wants to own its loop or its state (torch.optim, a user's class, a
  scipy method), one run at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from optbench.core.layout import Layout
from optbench.core.parameters import Param, Parameter, Value, parameters_of
from optbench.core.problem import Model, Problem

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

State = tuple["Tensor", ...]
"""Tensors with a leading batch dimension; a rule without memory has the empty tuple."""


class Oracle(Protocol):
    """What an update rule may ask of a problem; every call is counted.

    Attributes:
        layout: The named blocks of x.
        horizon: Steps that the run is planned to take, T.
        batch_size: Examples behind one gradient (1 where there are no examples).
    """

    layout: Layout
    horizon: int
    batch_size: int

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient at x, (B, d) to (B, d): full, minibatch or noisy, as the run says."""

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the product of the Hessian at x with v, (B, d) each."""

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessian at x, (B, d) to (B, d, d); costs d Hessian-vector products."""

    def fisher(self, x: Tensor) -> Tensor:
        """Return the Fisher matrix at x, (B, d) to (B, d, d); costs as much as the Hessian."""

    def sampled_gradient(self, x: Tensor) -> Tensor:
        """Return the gradient with labels drawn from the model, (B, d); costs a gradient."""

    def signs(self, x: Tensor) -> Tensor:
        """Return random signs of x's shape, -1 or 1 with equal probability."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What an optimizer requires of a problem, as data; `missing` is the one place that checks it.

    Attributes:
        facts: Names of facts that must be known.
        stochastic: Gradients must be random: a finite sum, or additive noise.
        hessian_vector: Hessian-vector products.
        fisher: Fisher-vector products.
        sampled_gradient: Gradients with labels drawn from the model.
        model: A torch module.
        matrices: At least one block is a matrix.
        unconstrained: The whole space is feasible.
        dim: Largest number of variables, for methods that store d x d matrices; 0 for any.
    """

    facts: tuple[str, ...] = ()
    stochastic: bool = False
    hessian_vector: bool = False
    fisher: bool = False
    sampled_gradient: bool = False
    model: bool = False
    matrices: bool = False
    unconstrained: bool = False
    dim: int = 0


def missing(who: str, needs: Needs, problem: Problem) -> str:
    """Say who needs what and what is missing.

    Args:
        who: The optimizer's name.
        needs: Its requirements.
        problem: The problem it is to run on.

    Returns:
        One line, or the empty string when nothing is missing.
    """
    lacks = _facts([name for name in needs.facts if getattr(problem.facts, name) is None])
    if needs.stochastic and not problem.examples and not problem.facts.noise_variance:
        lacks.append("a finite sum or gradient noise")
    if needs.hessian_vector and problem.hessian_vector is None:
        lacks.append("Hessian-vector products")
    if needs.fisher and problem.fisher_vector is None:
        lacks.append("Fisher-vector products")
    if needs.sampled_gradient and problem.sampled_gradient is None:
        lacks.append("labels drawn from a model")
    if needs.model and problem.model is None:
        lacks.append("a model with layers")
    if needs.matrices and not _has_matrices(problem.layout):
        lacks.append("parameters that are matrices")
    if needs.unconstrained and problem.project is not None:
        lacks.append("an unconstrained problem")
    return _told(who, lacks, needs, problem.layout)


def missing_in_training(who: str, needs: Needs, layout: Layout) -> str:
    """Say who needs what that a model in training does not give.

    Args:
        who: The optimizer's name.
        needs: Its requirements.
        layout: The model's parameters.

    Returns:
        One line, or the empty string when nothing is missing.
    """
    lacks = _facts(needs.facts)
    if needs.fisher:
        lacks.append("Fisher-vector products")
    if needs.sampled_gradient:
        lacks.append("labels drawn from a model")
    if needs.matrices and not _has_matrices(layout):
        lacks.append("parameters that are matrices")
    return _told(who, lacks, needs, layout)


def _facts(names: Sequence[str]) -> list[str]:
    return [f"the fact{'s' if len(names) > 1 else ''} {' and '.join(names)}"] if names else []


def _has_matrices(layout: Layout) -> bool:
    return any(len(block.shape) == 2 for block in layout.blocks)


def _told(who: str, lacks: list[str], needs: Needs, layout: Layout) -> str:
    if lacks:
        are = "is" if len(lacks) == 1 and not lacks[0].startswith("the facts") else "are"
        return f"{who} needs {' and '.join(lacks)}, which {are} not given here"
    dim = sum(block.size for block in layout.blocks)
    if needs.dim and dim > needs.dim:
        return f"{who} needs at most {needs.dim} variables, and here are {dim}"
    return ""


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """What an optimizer's gradients are made of.

    Attributes:
        batch_size: Examples in a gradient; 0 takes them all, or of a task as many as it says.
        sampling: `epochs`, `replacement` or `without_replacement`.
        clip_norm: Largest 2-norm of the gradient; 0 does not clip, here and below.
        clip_value: Largest absolute value of its coordinates.
        clip_sample: Largest 2-norm of each example's gradient, before they are averaged.
    """

    batch_size: int = 0
    sampling: str = "epochs"
    clip_norm: float = 0.0
    clip_value: float = 0.0
    clip_sample: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Gradients:
        """Pick out of an optimizer's values those of `gradient_parameters`."""
        return cls(**{k: v for k, v in values.items() if k in gradient_parameters()})  # type: ignore[arg-type]


def gradient_parameters(batch_size: int = 0) -> dict[str, Parameter]:
    """Return the parameters that every optimizer has: those of `Gradients`.

    Args:
        batch_size: The default number of examples; 0 takes them all.
    """
    size = Param("examples in a gradient; 0 takes all, or a learning problem's number", low=0)
    order = Param(
        "minibatches from shuffled epochs, or drawn with or without replacement",
        choices=("epochs", "replacement", "without_replacement"),
    )
    clip = {
        "clip_norm": Param("largest 2-norm of the gradient; 0 does not clip", low=0),
        "clip_value": Param("largest absolute value of its coordinates; 0 does not clip", low=0),
        "clip_sample": Param("largest 2-norm of each example's gradient; 0 does not clip", low=0),
    }
    return {
        "batch_size": Parameter("batch_size", int, batch_size, size),
        "sampling": Parameter("sampling", str, "epochs", order),
    } | {name: Parameter(name, float, 0.0, param) for name, param in clip.items()}


def without_gradient_parameters(values: Mapping[str, T]) -> dict[str, T]:
    """Return what is an optimizer's own, without the names of `gradient_parameters`."""
    return {name: v for name, v in values.items() if name not in gradient_parameters()}


@dataclass(frozen=True, kw_only=True)
class UpdateRule:
    """An update equation in batched form.

    Attributes:
        step: `step(x, state, oracle, t, *, lr, ...) -> (x, state)`: x is (B, d), t the zero-based
            step, every hyperparameter a float or a tensor of shape (B, 1). Pure: it returns new
            tensors and leaves its arguments as they are. Its docstring states equation and source,
            its keyword arguments are the hyperparameters.
        memory: Number of state tensors of x's shape, zero at the start.
        start: `start(x, layout) -> state` for another state: x (B, d), every tensor with the
            leading dimension B.
        gradients_per_step: Calls of `oracle.gradient` and `oracle.sampled_gradient` in one step,
            on average.
        batch_size: Examples in a gradient unless the user says otherwise; 0 takes them all.
        needs: What it requires of a problem.
    """

    step: Callable[..., tuple[Tensor, State]]
    memory: int = 0
    start: Callable[[Tensor, Layout], State] | None = None
    gradients_per_step: float = 1
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

    def init(self, x: Tensor, layout: Layout) -> State:
        """Return the state before the first step, for x of shape (B, d)."""
        if self.start is not None:
            return self.start(x, layout)
        return tuple(x.new_zeros(x.shape) for _ in range(self.memory))


class Session(Protocol):
    """What a step method sees of a run: one point, one oracle, a place to report its steps."""

    x: Tensor
    """The starting point, shape (d,)."""

    layout: Layout
    """Its named blocks."""

    model: Model | None
    """The problem's model, where the optimizer needs one; its parameters are not tied to x."""

    def evaluate(self, x: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return f(x), shape (), and a gradient, shape (d,), at x or where the run was last logged.

        Counted; ends a run without budget. The gradient may be changed in place.
        """

    def indices(self) -> Tensor | None:
        """Return the examples behind this step's gradient, shape (b,), or None for all."""

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the Hessian at x times v, shape (d,); counted."""

    @property
    def horizon(self) -> int:
        """Steps that the run is planned to take."""

    @property
    def examples(self) -> int:
        """Examples behind the function, 1 where there are none."""

    def report_state(self, size: float) -> None:
        """Report the size of the optimizer's state, in bytes per variable; the last one counts."""

    def factor(self, t: int) -> float:
        """Return the schedule's factor on the learning rate of step t."""

    def momentum(self, t: int) -> float | None:
        """Return the schedule's momentum at step t, or None for the optimizer's own."""

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
        cls: The class in torch's form that it adapts, which can train a module's parameters; None
            for a method that minimises functions only.
    """

    run: Callable[..., str]
    parameters: Mapping[str, Parameter]
    documentation: str
    needs: Needs = Needs()
    check: Callable[..., None] | None = None
    package: str = ""
    cls: type | None = None


Optimizer = UpdateRule | StepMethod
