"""A problem: a function whose facts are known, a start per seed, and a batched oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optbench.core.layout import Block, Layout

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a problem. Unknown is `None`, never a guess.

    Attributes:
        dim: Number of variables d.
        smoothness: L, a bound on the gradient's Lipschitz constant over the whole space.
        strong_convexity: mu; 0 when the problem is known to be convex and no more.
        f_star: The infimum f*.
        x_star: A minimiser, shape (d,), float64; the nearest one to a point is `Problem.nearest`.
        convex: Whether the function is convex.
        pl_constant: Polyak-Lojasiewicz constant: |grad f|^2 >= 2 mu_PL (f - f*).
        lipschitz: G, a bound on the (sub)gradient's norm at feasible points.
        quadratic: Whether the function is a quadratic; None when it is not.
        noise_variance: Trace of the gradient noise's covariance; for a finite sum it depends on the
            point and is unknown.
        residuals: For each fact that was computed instead of written down in closed form, the
            residual of that computation: for f_star and x_star the gradient's norm at x_star, for
            eigenvalues the relative rounding error.
    """

    dim: int
    smoothness: float | None = None
    strong_convexity: float | None = None
    f_star: float | None = None
    x_star: Tensor | None = None
    convex: bool | None = None
    pl_constant: float | None = None
    lipschitz: float | None = None
    quadratic: bool | None = None
    noise_variance: float | None = 0.0
    residuals: Mapping[str, float] = field(default_factory=dict)

    @property
    def kappa(self) -> float | None:
        """Condition number L/mu, where both are known and mu > 0."""
        if self.smoothness is None or not self.strong_convexity:
            return None
        return self.smoothness / self.strong_convexity

    def scalars(self) -> dict[str, float | bool | None]:
        """Return the facts that are single numbers, by name, for tables and results."""
        names = (
            "dim smoothness strong_convexity kappa f_star convex quadratic pl_constant lipschitz"
        )
        return {name: getattr(self, name) for name in (*names.split(), "noise_variance")}


ValueAndGradient = Callable[["Tensor"], "tuple[Tensor, Tensor]"]
"""x of shape (B, d) to (f - shift of shape (B,), gradient of shape (B, d)), in the dtype of x."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A problem's model as a torch module, for optimizers that must see layers (K-FAC).

    Attributes:
        module: Its `named_parameters` are the problem's blocks, in order, names and shapes.
        loss: Indices of examples (b,), or None for all of them, to the module's mean loss, a
            scalar with a graph: with the parameters set to x it is f, or one minibatch's part of
            it, without the shift.
    """

    module: Module
    loss: Callable[[Tensor | None], Tensor]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Minimise f over R^d, or over the set that `project` projects on.

    The functions take and give stacks: points x have shape (B, d), any B, on any device, and a row
    never depends on the other rows. They do not change their arguments.

    Attributes:
        facts: What is known of f.
        start: Seed to starting point, shape (d,), float64, on the CPU.
        oracle: x (B, d) to (f(x) - shift (B,), gradient (B, d)).
        shift: Constant that the oracle leaves out of f. With shift = f* the oracle gives the
            suboptimality itself, without the cancellation of f - f*.
        value: The same f(x) - shift without a gradient, where that is cheaper than the oracle.
        hessian_vector: x (B, d), v (B, d) to Hessian(x) v (B, d).
        examples: Number n of terms of a finite sum f = (1/n) sum f_i; 0 when f is not one.
        minibatch: x (B, d), indices (B, b) to the mean gradient of those terms, (B, d).
        sampled_gradient: x (B, d), indices (B, b), uniform numbers (B, b) to the mean gradient of
            those terms with labels drawn from the model at x instead of the data's, (B, d).
        fisher_vector: x (B, d), v (B, d) to F(x) v (B, d): F is the Fisher information of the
            labels, averaged over the examples, plus the Hessian of what does not depend on them.
        model: Makes a fresh torch module of the model.
        blocks: The named parameters that x is made of, in order; empty for one vector `x`.
        stream: x (B, d), step t to the gradient (B, d) that an optimizer is shown at step t, when
            the problem changes with time (online learning); the oracle then is what is measured.
        project: x (B, d) to the nearest feasible point (B, d), applied after every step.
        nearest: x (B, d) to the nearest minimiser (B, d), when `x_star` is not the only one.
        scale: Typical size of f - f*; runs count as diverged above 1e10 times the larger of this
            and the starting gap.
        seed: The seed that made the problem, part of the name of every random draw.
        domain: (low, high) of the box that figures show and random starts are drawn from.
    """

    facts: Facts
    start: Callable[[int], Tensor]
    oracle: ValueAndGradient
    shift: float = 0.0
    value: Callable[[Tensor], Tensor] | None = None
    hessian_vector: Callable[[Tensor, Tensor], Tensor] | None = None
    examples: int = 0
    minibatch: Callable[[Tensor, Tensor], Tensor] | None = None
    sampled_gradient: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    fisher_vector: Callable[[Tensor, Tensor], Tensor] | None = None
    model: Callable[[], Model] | None = None
    blocks: tuple[Block, ...] = ()
    stream: Callable[[Tensor, int], Tensor] | None = None
    project: Callable[[Tensor], Tensor] | None = None
    nearest: Callable[[Tensor], Tensor] | None = None
    scale: float = 1.0
    seed: int = 0
    domain: tuple[float, float] | None = None

    @property
    def layout(self) -> Layout:
        """The blocks of x."""
        return Layout(self.blocks or (Block("x", (self.facts.dim,)),))

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(x), shape (B,), and its gradient, shape (B, d), for x of shape (B, d)."""
        f, g = self.oracle(x)
        return f + self.shift, g

    @property
    def knows_distance(self) -> bool:
        """Whether the set of minimisers is known."""
        return self.nearest is not None or self.facts.x_star is not None

    def distance(self, x: Tensor) -> Tensor | None:
        """Return the distance to the set of minimisers, shape (B,), or None when it is unknown."""
        import torch

        if self.nearest is not None:
            nearest = self.nearest(x)
        elif self.facts.x_star is not None:
            nearest = self.facts.x_star.to(x)
        else:
            return None
        distance: Tensor = torch.linalg.vector_norm(x - nearest, dim=-1)
        return distance
