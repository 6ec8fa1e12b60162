"""Second moments of a stochastic method, exactly: what samples would give, without their error.

Under additive noise n of variance s^2 a method that is linear on a parabola takes s+ = M s + w n,
so that E s s' follows a recursion. M and w are got from the method's own step, fed basis states and
a unit of noise; the noise's size from the engine's own oracle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from optbench.core.optimizer import Gradients
from optbench.core.problem import Problem
from optbench.core.spec import Spec, parse_one
from optbench.engines.oracle import BatchOracle
from optbench.schedules.find import complete_schedule, factors_of
from optbench.theory.probes.steps import one_mode, rule_of, step_matrix, take_step

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinearStep:
    """One step on a parabola, s+ = M s + w n, where s is the point and what the rule remembers.

    Attributes:
        matrix: M, shape (m, m).
        noise: w, shape (m,).
    """

    matrix: Array
    noise: Array

    def moments(self, variance: float, start: ArrayLike, steps: int) -> Array:
        """Return E x_0^2 to E x_T^2, shape (T + 1,).

        Args:
            variance: s^2 of the noise.
            start: s_0, shape (m,).
            steps: T.
        """
        s = np.asarray(start, dtype=np.float64)
        P, added = np.outer(s, s), variance * np.outer(self.noise, self.noise)
        found = np.empty(steps + 1)
        for t in range(steps + 1):
            found[t] = P[0, 0]
            P = self.matrix @ P @ self.matrix.T + added
        return found

    def floor(self, variance: float) -> float:
        """Return the limit of E x_t^2, by the discrete Lyapunov equation P = M P M' + s^2 w w'."""
        from scipy.linalg import solve_discrete_lyapunov

        added = variance * np.outer(self.noise, self.noise)
        return float(solve_discrete_lyapunov(self.matrix, added)[0, 0])


def linear_step(optimizer: Spec, curvature: float) -> LinearStep:
    """Return what a rule's own step does on curvature x^2/2, to its state and to the noise.

    Args:
        optimizer: A complete spec with numbers, of a rule whose step is linear on quadratics.
        curvature: lambda.

    Raises:
        LackingError: When the optimizer is no update rule.
        ProbeError: When its step is not linear.
    """
    matrix = step_matrix(optimizer, curvature)
    nowhere = torch.zeros(1, 1, dtype=torch.float64)
    state = rule_of(optimizer).init(nowhere, one_mode(curvature).layout)
    x, after = take_step(optimizer, _pushed(curvature, torch.ones(1, 1)), nowhere, state, t=1)
    return LinearStep(matrix, torch.cat([x, *after], dim=1)[0].numpy())


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A memoryless method on a parabola, step by step: x_(t+1) = a_t x_t + b_t n_t.

    Attributes:
        a: Shape (T,).
        b: Shape (T,).
    """

    a: Array
    b: Array

    def means(self, start: float) -> Array:
        """Return E x_0 to E x_T, shape (T + 1,)."""
        return start * np.append(1.0, np.cumprod(self.a))

    def moments(self, variance: float, start: float) -> Array:
        """Return E x_0^2 to E x_T^2, shape (T + 1,), for noise of this variance."""
        found = [start * start]
        for a, b in zip(self.a.tolist(), self.b.tolist(), strict=True):
            found.append(a * a * found[-1] + b * b * variance)
        return np.array(found)

    def averaged(self, variance: float, start: float, *, linear: bool = False) -> Array:
        """Return E xbar_t^2 for t = 1 to T, shape (T,): means of x_0 to x_(t-1).

        The weights are equal or, when `linear`, proportional to 1, 2, 3 ...
        """
        found = np.empty(len(self.a))
        square, mixed, total = start * start, 0.0, 0.0  # E x^2, E x S, E S^2 with S = sum w x
        weight, weights = 1.0, 0.0
        for t, (a, b) in enumerate(zip(self.a.tolist(), self.b.tolist(), strict=True)):
            weight = t + 1.0 if linear else 1.0
            weights += weight
            total += weight * (2 * mixed + weight * square)
            mixed = a * (mixed + weight * square)
            square = a * a * square + b * b * variance
            found[t] = total / weights**2
        return found


def coefficients(optimizer: Spec, curvature: float, lrs: ArrayLike) -> Coefficients:
    """Return what a rule's own steps with these learning rates do on curvature x^2/2.

    Args:
        optimizer: A complete spec of a rule without memory.
        curvature: lambda.
        lrs: eta_0 to eta_(T-1), shape (T,).

    Raises:
        LackingError: When the optimizer is no update rule.
    """
    rates = torch.from_numpy(np.atleast_2d(np.asarray(lrs, dtype=np.float64)))
    # Side by side as variables of two points, one that starts at 1 and one that is pushed.
    basis = torch.eye(2, dtype=torch.float64)[:, :, None].expand(2, 2, rates.shape[1])
    problem = _pushed(curvature, basis[1])
    x, _ = take_step(optimizer, problem, basis[0].contiguous(), t=1, lr=rates)
    return Coefficients(*x.numpy())


def learning_rates(schedule: str, lr: float, steps: int) -> Array:
    """Return eta_0 to eta_(T-1) of a run of T steps, shape (T,): lr times the schedule's factor."""
    rates: Array = lr * factors_of(complete_schedule(parse_one(schedule)), steps).lr[:steps]
    return rates


def shown_variance(problem: Problem, optimizer: Spec) -> float:
    """Return the variance of the noise that an optimizer's gradients carry in each variable.

    The engine's oracle is asked for one gradient with the problem's noise and the optimizer's batch
    size, and for one with unit noise: as a draw depends on seed and step alone, they are multiples
    of each other, and the factor is exact.
    """
    dim = problem.facts.dim
    unit = replace(problem, facts=replace(problem.facts, noise_variance=float(dim)))
    x = torch.zeros(1, dim, dtype=torch.float64)
    true = problem.oracle(x)[1]
    own = BatchOracle(problem, [0], Gradients.of(dict(optimizer.params)), x).gradient(x) - true
    one = BatchOracle(unit, [0], Gradients(), x).gradient(x) - true
    return float((own * one).sum() / (one * one).sum()) ** 2


def _pushed(curvature: float, push: torch.Tensor) -> Problem:
    """Return a mode whose gradients have this added; it broadcasts to theirs."""
    mode = one_mode(curvature)
    return replace(mode, oracle=lambda x: (mode.oracle(x)[0], mode.oracle(x)[1] + push))
