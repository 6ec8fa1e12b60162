"""What an optimizer costs: memory, oracle calls, and the time of a step against plain descent."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from optbench.core.errors import OptbenchError
from optbench.core.layout import Block, Layout
from optbench.core.optimizer import (
    Gradients,
    Optimizer,
    UpdateRule,
    missing,
    without_gradient_parameters,
)
from optbench.core.parameters import Value
from optbench.core.problem import Facts, Model, Problem
from optbench.core.spec import Spec
from optbench.engines.oracle import BatchOracle
from optbench.engines.seeded import seeded
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.foreign.memory import bytes_of
from optbench.optimizers.tuning import resolve_tunings

WIDTHS = (128, 8)
"""Widths w tried: w^2 parameters, a matrix (w, w - 1) and a vector (w,), float32."""

STEPS, PAIRS, ENOUGH = 10, 7, 1.0
"""Steps that are timed at a time, how many times at most in turn with plain descent, and the
seconds after which no further pair is started."""


@dataclass(frozen=True)
class Cost:
    """What an optimizer costs on a model of one matrix and one vector.

    Attributes:
        parameters: Number of variables that it was measured on.
        state_bytes: Size of its state, in bytes per variable (float32 variables have 4); None when
            the optimizer does not say.
        gradients: Gradients a step, on average over the steps 1 to `STEPS`; what the first step
            (step 0) takes once is left out.
        hvps: Hessian- or Fisher-vector products a step, likewise.
        relative_time: CPU time of a step over that of plain gradient descent in the same engine
            (`gd`, or `torch.SGD`), the oracle's time included in both; median of `PAIRS` pairs.
    """

    parameters: int
    state_bytes: float | None
    gradients: float
    hvps: float
    relative_time: float


def measure_cost(spec: Spec) -> tuple[Cost | None, str]:
    """Measure what an optimizer costs, here and now.

    Args:
        spec: The optimizer, complete; a learning rate that is missing is taken as 1e-3.

    Returns:
        The cost and an empty line; or None and why it cannot be measured.
    """
    optimizer, reason = find_optimizer(spec.name), ""
    values: dict[str, Value] = {"lr": 1e-3} if "lr" in optimizer.parameters else {}
    values |= dict(spec.params)
    for width in WIDTHS:
        problem = bowl(width)
        reason = missing(spec.name, optimizer.needs, problem)
        if reason:
            continue
        try:
            return _measure(problem, optimizer, values), ""
        except OptbenchError as error:
            reason = str(error)
    return None, reason


def _measure(problem: Problem, optimizer: Optimizer, values: dict[str, Value]) -> Cost:
    numbers, reason = resolve_tunings(values, problem.facts)
    if reason:
        raise OptbenchError(reason)
    plain = find_optimizer("gd" if isinstance(optimizer, UpdateRule) else "torch.SGD")
    base: dict[str, Value] = {"lr": 1e-3, "batch_size": 0}
    base = {p.name: p.default for p in plain.parameters.values() if p.default is not None} | base
    ratios: list[float] = []
    started = time.monotonic()
    with torch.no_grad(), seeded(0):
        while len(ratios) < PAIRS and (not ratios or time.monotonic() - started < ENOUGH):
            own = take_steps(problem, optimizer, numbers)
            ratios.append(own.seconds / take_steps(problem, plain, base).seconds)
    return Cost(
        parameters=problem.facts.dim,
        state_bytes=own.state_bytes,
        gradients=own.gradients / STEPS,
        hvps=own.hvps / STEPS,
        relative_time=statistics.median(ratios),
    )


class Spent(NamedTuple):
    """What some steps have cost: CPU seconds, calls, and the state, in bytes per variable."""

    seconds: float
    gradients: int
    hvps: int
    state_bytes: float | None


@dataclass
class _Probe:
    """One run without recording; implements `core.optimizer.Session`."""

    problem: Problem
    x: Tensor
    count: int
    examples: int = 1
    model: Model | None = None
    state_bytes: float | None = None
    gradients: int = 0
    hvps: int = 0
    steps: int = 0
    seconds: float = math.inf
    started: float = 0.0

    def __post_init__(self) -> None:
        self.logged = self.x

    @property
    def layout(self) -> Layout:
        return self.problem.layout

    @property
    def horizon(self) -> int:
        return self.count + 1

    def evaluate(self, x: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.gradients += 1
        f, g = self.problem.oracle((self.logged if x is None else x)[None])
        return f[0], g[0]

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        self.hvps += 1
        assert self.problem.hessian_vector is not None
        return self.problem.hessian_vector(x[None], v[None])[0]

    def indices(self) -> None:
        return None

    def factor(self, t: int) -> float:
        return 1.0

    def momentum(self, t: int) -> None:
        return None

    def report_state(self, size: float) -> None:
        self.state_bytes = size

    def log(self, x: Tensor) -> None:
        self.logged = x
        # The first step makes the state; it is neither timed nor counted.
        if not self.steps:
            self.gradients, self.hvps = 0, 0
            self.started = time.process_time()
        elif self.steps == self.count:
            self.seconds = time.process_time() - self.started
            raise _EnoughError
        self.steps += 1


class _EnoughError(BaseException):
    """The probe has seen its steps; no `except Exception` holds it."""


def take_steps(
    problem: Problem, optimizer: Optimizer, values: dict[str, Value], count: int = STEPS
) -> Spent:
    """Take steps and see what they cost.

    Args:
        problem: Where.
        optimizer: Who.
        values: Its hyperparameters, tunings resolved, those of its gradients among them.
        count: Steps; one more goes before, which is not timed.

    Returns:
        What was spent.

    Raises:
        OptbenchError: When the optimizer ends by itself before that.
    """
    own = without_gradient_parameters(values)
    probe = _Probe(problem, problem.start(0).float(), count)
    if isinstance(optimizer, UpdateRule):
        _advance(problem, optimizer, values, probe)
    else:
        try:
            message = optimizer.run(probe, **own)
            raise OptbenchError(f"it took {probe.steps} steps: {message}")
        except _EnoughError:
            pass
    return Spent(probe.seconds, probe.gradients, probe.hvps, probe.state_bytes)


def _advance(problem: Problem, rule: UpdateRule, values: dict[str, Value], probe: _Probe) -> None:
    x = probe.x[None]
    shown = Gradients(batch_size=int(values["batch_size"]))
    oracle = BatchOracle(problem, [0], shown, x, horizon=probe.horizon)
    own = without_gradient_parameters(values)
    state = rule.init(x, problem.layout)
    for t in itertools.count():
        oracle.begin(t)
        oracle.gradients, oracle.products = probe.gradients, probe.hvps
        x, state = rule.step(x, state, oracle, t, **own)
        probe.gradients, probe.hvps = oracle.gradients, oracle.products
        probe.state_bytes = bytes_of(state) / x.numel()
        try:
            probe.log(x)
        except _EnoughError:
            return


def bowl(width: int) -> Problem:
    """Return a quadratic with curvatures from 1e-3 to 1, a matrix and a vector, nearly free.

    Args:
        width: w; there are w^2 variables.
    """
    dim = width**2
    h = torch.logspace(-3, 0, dim)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        g = h * x
        return (x * g).sum(-1) / 2, g

    return Problem(
        facts=Facts(
            dim=dim,
            smoothness=1.0,
            strong_convexity=1e-3,
            f_star=0.0,
            x_star=torch.zeros(dim, dtype=torch.float64),
            convex=True,
            quadratic=True,
            noise_variance=None,
        ),
        start=lambda seed: torch.ones(dim, dtype=torch.float64),
        oracle=oracle,
        hessian_vector=lambda x, v: h * v,
        examples=1,
        minibatch=lambda x, indices: h * x,
        sampled_gradient=lambda x, indices, uniforms: h * x,
        fisher_vector=lambda x, v: h * v,
        blocks=(Block("weight", (width, width - 1)), Block("bias", (width,))),
    )
