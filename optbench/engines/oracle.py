"""What stands between an optimizer and a problem: it counts, draws minibatches, noises, clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from optbench.core.errors import OptbenchError
from optbench.core.layout import Layout
from optbench.core.optimizer import Gradients
from optbench.core.problem import Problem
from optbench.engines.clip import clip_norm, clip_value
from optbench.engines.recorder import Calls
from optbench.engines.sampler import Sampler


class BatchOracle:
    """The oracle of a batch of runs that advance together; implements `core.optimizer.Oracle`.

    Attributes:
        layout: The named blocks of x, some of them excluded by parameter groups.
        horizon: Steps that the runs are planned to take.
        batch_size: Examples behind one gradient, 1 where there are none.
        gradient_cost: What one gradient costs, in full gradients: b/n for a minibatch of b of n
            examples, b for b noisy gradients that are averaged, else 1.
        deterministic: Whether the gradient shown, before clipping, is the true one.
        gradients: How many gradients each run was shown so far.
        products: How many Hessian- or Fisher-vector products.
    """

    def __init__(
        self,
        problem: Problem,
        seeds: Sequence[int],
        options: Gradients,
        like: Tensor,
        *,
        horizon: int = 0,
        layout: Layout | None = None,
    ) -> None:
        """Prepare the oracle for points like `like`, shape (B, d).

        Args:
            problem: What is minimised.
            seeds: The seed of each run, length B.
            options: Which examples make up a gradient, and how it is clipped.
            like: A tensor of the points' shape, dtype and device.
            horizon: Steps that the runs are planned to take.
            layout: The problem's layout unless given.

        Raises:
            OptbenchError: When each example's gradient is to be clipped and there are no examples.
        """
        if options.clip_sample and problem.minibatch is None:
            raise OptbenchError("clip_sample needs a finite sum: there are no examples here")
        self._problem, self._options = problem, options
        self._minibatch = problem.examples > 0 and (
            options.batch_size > 0 or options.clip_sample > 0
        )
        self._noisy = not self._minibatch and bool(problem.facts.noise_variance)
        self._sampler = Sampler(problem, seeds, options.batch_size, options.sampling, like)
        self._t, self._call = 0, 0
        self._point: Tensor | None = None
        self._seen: tuple[Tensor, Tensor] | None = None
        self.layout = layout or problem.layout
        self.horizon = horizon
        self.batch_size = options.batch_size or problem.examples or 1
        self.gradient_cost = cost_of_gradient(problem, options.batch_size)
        self.deterministic = not (self._minibatch or self._noisy or problem.stream)
        self.gradients = 0
        self.products = 0

    def begin(self, t: int) -> None:
        """Start step t: the draws that follow belong to it."""
        self._t, self._call = t, 0

    def keep(self, rows: Tensor) -> None:
        """Forget the runs that are not among these rows."""
        self._sampler.keep(rows)

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient that the optimizer is shown at x, (B, d) to (B, d)."""
        self.gradients += 1
        return self.clip(self._gradient(x))

    def clip(self, g: Tensor) -> Tensor:
        """Return the gradient as it is shown, (B, d): clipped where the user asked for it."""
        if self._options.clip_norm:
            g = clip_norm(g, self._options.clip_norm)
        return clip_value(g, self._options.clip_value) if self._options.clip_value else g

    def _gradient(self, x: Tensor) -> Tensor:
        if self.deterministic:
            self._point, self._seen = x, self._problem.oracle(x)
            return self._seen[1]
        call = self._next_call()
        if self._problem.stream is not None:
            return self._problem.stream(x, self._t)
        if self._minibatch:
            return self._mean_over(x, self.indices(x, call))
        self._point, self._seen = x, self._problem.oracle(x)
        return self._seen[1] + self._sampler.noise(self._t, call)

    def _next_call(self) -> int:
        call, self._call = self._call, self._call + 1
        return call

    def indices(self, x: Tensor, call: int = 0) -> Tensor:
        """Return the examples of this step's gradient, (B, b), for x of shape (B, d)."""
        if self._options.batch_size:
            return self._sampler.indices(self._t, call)
        return torch.arange(self._problem.examples, device=x.device).expand(len(x), -1)

    def _mean_over(self, x: Tensor, indices: Tensor) -> Tensor:
        assert self._problem.minibatch is not None
        if not self._options.clip_sample:
            return self._problem.minibatch(x, indices)
        rows, size = indices.shape
        apart = self._problem.minibatch(x.repeat_interleave(size, 0), indices.reshape(-1, 1))
        return clip_norm(apart, self._options.clip_sample).view(rows, size, -1).mean(1)

    def sampled_gradient(self, x: Tensor) -> Tensor:
        """Return the gradient with labels drawn from the model at x, (B, d) to (B, d)."""
        assert self._problem.sampled_gradient is not None
        self.gradients += 1
        call = self._next_call()
        indices = self.indices(x, call)
        uniforms = self._sampler.labels(self._t, call, indices.shape[1])
        return self._problem.sampled_gradient(x, indices, uniforms)

    def signs(self, x: Tensor) -> Tensor:
        """Return random signs, (B, d)."""
        del x
        return self._sampler.signs(self._t, self._next_call())

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the Hessian at x times v, (B, d) each."""
        assert self._problem.hessian_vector is not None
        self.products += 1
        return self._problem.hessian_vector(x, v)

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessian at x, (B, d) to (B, d, d)."""
        assert self._problem.hessian_vector is not None
        return self._matrix(x, self._problem.hessian_vector)

    def fisher(self, x: Tensor) -> Tensor:
        """Return the Fisher matrix at x, (B, d) to (B, d, d)."""
        assert self._problem.fisher_vector is not None
        return self._matrix(x, self._problem.fisher_vector)

    def _matrix(self, x: Tensor, product: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        rows, dim = x.shape
        self.products += dim
        basis = torch.eye(dim, dtype=x.dtype, device=x.device).repeat(rows, 1)
        return product(x.repeat_interleave(dim, 0), basis).view(rows, dim, dim)

    def calls(self) -> Calls:
        """Return what each run has spent so far."""
        return Calls(self.gradients * self.gradient_cost, hessian_vector=self.products)

    def measure(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return f - shift and, where it comes for free, the true gradient; not counted.

        What an optimizer has evaluated last is not evaluated again.
        """
        if self._seen is not None and x is self._point:
            return self._seen
        return measure(self._problem, x)


def cost_of_gradient(problem: Problem, batch_size: int) -> float:
    """Return what one gradient costs, in full gradients."""
    if batch_size and problem.examples:
        return batch_size / problem.examples
    return float(max(batch_size, 1)) if problem.facts.noise_variance else 1.0


def measure(problem: Problem, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return f - shift, shape (B,), and the gradient unless the value alone is cheaper."""
    return (problem.value(x), None) if problem.value is not None else problem.oracle(x)
