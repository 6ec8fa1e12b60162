"""Update rules on tasks: the batched equations over stacks of models."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from optbench.core.errors import OptbenchError
from optbench.core.layout import Layout
from optbench.core.optimizer import Gradients, UpdateRule
from optbench.core.parameters import Value
from optbench.core.randomness import stream
from optbench.core.schedule import Factors
from optbench.engines.batched import at_step
from optbench.engines.clip import clip_norm, clip_value
from optbench.engines.columns import columns, keep_rows, momentum_of, with_exclusions
from optbench.engines.training.batches import Batches, moved
from optbench.engines.training.evaluation import re_estimated, twice_differentiable
from optbench.engines.training.objective import Objective
from optbench.engines.training.stepper import update_ratio
from optbench.optimizers.foreign.memory import bytes_of


class TaskOracle:
    """The oracle of runs of a task that advance together; implements `core.optimizer.Oracle`.

    Attributes:
        layout: The model's parameters, some of them excluded by parameter groups.
        horizon: Steps that the runs are planned to take.
        batch_size: Examples behind one gradient.
        gradients: Minibatch gradients so far.
        products: Hessian-vector products so far.
        losses: The losses (B,) of the last batch.
        norms: The norms (B,) of its gradients, before clipping.
        point: Where they were taken, (B, d).
    """

    def __init__(
        self,
        objective: Objective,
        batches: Batches,
        shown: Gradients,
        *,
        layout: Layout,
        horizon: int,
        signs: Callable[[int, int], Tensor],
    ) -> None:
        """Prepare the oracle.

        Args:
            objective: The model.
            batches: The training batches, shared by all runs.
            shown: How gradients are clipped.
            layout: The parameters.
            horizon: Steps that the runs are planned to take.
            signs: (step, call) to random signs (1, d).
        """
        self.layout, self.horizon, self.batch_size = layout, horizon, batches.size
        self.gradients = self.products = 0
        self.losses: Tensor | None = None
        self.norms: Tensor | None = None
        self.point: Tensor | None = None
        self._objective, self._batches, self._shown = objective, batches, shown
        self._signs = signs
        self._t = self._call = 0
        self._look = False

    def begin(self, t: int, *, look: bool) -> None:
        """Start step t; with `look` the norms of its first gradients are measured."""
        self._t, self._call, self._look, self.losses = t, 0, look, None

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradients of this step's batch, (B, d) to (B, d)."""
        inputs, targets = self._batches.at(self._t)
        (weight, a, y), *rest = self._objective.parts(inputs, targets)
        f, g = self._objective.derivatives(x, a, y)
        if rest:
            f, g = weight * f, weight * g
        for weight, a, y in rest:
            more_f, more_g = self._objective.derivatives(x, a, y)
            f, g = f + weight * more_f, g + weight * more_g
        self.gradients += 1
        if self.losses is None:
            self.losses, self.point = f, x
            if self._look:
                self.norms = torch.linalg.vector_norm(g, dim=-1)
        if self._shown.clip_norm:
            g = clip_norm(g, self._shown.clip_norm)
        return clip_value(g, self._shown.clip_value) if self._shown.clip_value else g

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the Hessians of this step's batch times v, (B, d) each."""
        self.products += 1
        inputs, targets = self._batches.at(self._t)
        rows = []
        for row, direction in zip(x, v, strict=True):
            point = row.detach().requires_grad_()
            with torch.enable_grad(), twice_differentiable():
                loss = self._objective.loss_at(point, inputs, targets)
                (g,) = torch.autograd.grad(loss, point, create_graph=True)
            rows.append(torch.autograd.grad(g, point, direction)[0])
        return torch.stack(rows)

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessians of this step's batch, (B, d) to (B, d, d)."""
        basis = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        return torch.stack([self.hessian_vector(x, e.expand_as(x)) for e in basis], dim=-1)

    def fisher(self, x: Tensor) -> Tensor:
        """Refuse: `Needs` says that it is not there."""
        raise OptbenchError("learning problems have no Fisher matrix here")

    def sampled_gradient(self, x: Tensor) -> Tensor:
        """Refuse: `Needs` says that it is not there."""
        raise OptbenchError("learning problems draw no labels from the model here")

    def signs(self, x: Tensor) -> Tensor:
        """Return random signs, (B, d), the same for every run."""
        call, self._call = self._call, self._call + 1
        return self._signs(self._t, call).to(x).expand_as(x)


class RuleStepper:
    """Runs of a task that differ in numbers, under an update rule; implements `Stepper`."""

    def __init__(
        self,
        rule: UpdateRule,
        objective: Objective,
        batches: Batches,
        options: Mapping[str, Value],
        hyper: Sequence[Mapping[str, float]],
        factors: Factors,
        names: tuple[int, int],
    ) -> None:
        """Stand at the start: the model as it was made, once for each run.

        Args:
            rule: The update rule.
            objective: The model.
            batches: The training batches.
            options: The optimizer's parameters as they were asked for.
            hyper: The numbers behind each run's hyperparameters.
            factors: What the schedule says of each step.
            names: The seeds of the task and the run, which name the random signs.
        """
        shown = Gradients.of(options)
        if shown.clip_sample:
            raise OptbenchError("clip_sample is not for learning problems; clip_norm is")
        self.rows = len(hyper)
        layout = with_exclusions(objective.layout, dict(options))
        self._rule, self._objective, self._batches = rule, objective, batches
        self._factors = factors
        self._kept, self._places = list(range(self.rows)), torch.empty(0)
        self._x = objective.point().expand(self.rows, -1).clone()
        self._state = rule.init(self._x, layout)
        self._values = columns(rule, hyper, layout, self._x)
        self._momentum = momentum_of(list(self._values))
        dim = self._x.shape[1]

        def signs(t: int, call: int) -> Tensor:
            generator = stream(*names, f"signs-{call}", t)
            return moved(2.0 * generator.integers(0, 2, (1, dim)) - 1, self._x.device)

        self._oracle = TaskOracle(
            objective,
            batches,
            shown,
            layout=layout,
            horizon=len(factors.lr) - 1,
            signs=signs,
        )
        self.gradient_norm = self.update_ratio = torch.full((self.rows,), torch.nan)
        self._elsewhere = False

    @property
    def gradients(self) -> int:
        """Minibatch gradients that each run was shown."""
        return self._oracle.gradients

    @property
    def products(self) -> int:
        """Hessian-vector products."""
        return self._oracle.products

    @torch.no_grad()
    def step(self, t: int, *, look: bool) -> Tensor:
        """Take step t and return the minibatch losses before it, (B,)."""
        oracle, before = self._oracle, self._x
        oracle.begin(t, look=look)
        now = at_step(self._factors, self._momentum, t, self._values)
        self._x, self._state = self._rule.step(before, self._state, oracle, t, **now)
        if oracle.losses is None:
            raise OptbenchError("the update rule took a step without a gradient")
        self._elsewhere = self._elsewhere or oracle.point is not before
        if look:
            assert oracle.norms is not None
            self.gradient_norm = self._of_all(oracle.norms)
            self.update_ratio = self._of_all(update_ratio(before, self._x))
        return self._of_all(oracle.losses)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these runs only, once they are half of those that go on, or fewer."""
        if 0 < 2 * len(rows) <= len(self._kept):
            self._shrink(rows)

    def _shrink(self, rows: Sequence[int]) -> None:
        chosen = torch.tensor([self._kept.index(row) for row in rows], device=self._x.device)
        self._x, self._state = self._x[chosen], tuple(part[chosen] for part in self._state)
        self._values = keep_rows(self._values, chosen)
        self._kept, self._places = list(rows), torch.tensor(rows, device=self._x.device)

    def _of_all(self, values: Tensor) -> Tensor:
        """Return values of the runs that go on as values (B,) of all, NaN for the others."""
        if len(self._kept) == self.rows:
            return values
        whole = values.new_full((self.rows,), torch.nan)
        whole[self._places] = values
        return whole

    @contextlib.contextmanager
    def standing(self, row: int) -> Iterator[Objective]:
        """Inside the block the model stands where this run is judged."""
        self._objective.stand_at(self._x[self._kept.index(row)])
        if not self._elsewhere:
            yield self._objective
            return
        with re_estimated(self._objective, self._batches):
            yield self._objective

    def state(self) -> dict[str, Any]:
        """Return points, the rule's memory, the model's buffers and counts."""
        return {
            "rows": self._kept,
            "x": self._x,
            "state": list(self._state),
            "buffers": dict(self._objective.module.named_buffers()),
            "counts": [self._oracle.gradients, self._oracle.products, int(self._elsewhere)],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was called."""
        self._shrink(state["rows"])
        self._x, self._state = state["x"], tuple(state["state"])
        for name, buffer in self._objective.module.named_buffers():
            buffer.copy_(state["buffers"][name])
        self._oracle.gradients, self._oracle.products, elsewhere = state["counts"]
        self._elsewhere = bool(elsewhere)

    def state_bytes(self) -> float:
        """Return the size of the rule's memory, in bytes per parameter."""
        return bytes_of(self._state) / self._x.numel()
