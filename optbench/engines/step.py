"""The step engine: one run at a time, for optimizers that keep their own state or loop."""

from __future__ import annotations

import functools
import math
import traceback
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import Gradients, StepMethod, without_gradient_parameters
from optbench.core.parameters import Value
from optbench.core.problem import Model, Problem
from optbench.core.run import Run, Status
from optbench.core.schedule import Factors
from optbench.core.spec import RunSpec
from optbench.engines.columns import with_exclusions
from optbench.engines.deadline import TimeUpError, deadline
from optbench.engines.oracle import BatchOracle, measure
from optbench.engines.recorder import Recorder, Span
from optbench.engines.seeded import seeded
from optbench.engines.trajectory import collect


class _EndOfRunError(BaseException):
    """The run is over, spent or cut by the recorder; no `except Exception` holds it."""


class StepSession:
    """One run as its optimizer sees it; implements `core.optimizer.Session`."""

    def __init__(self, problem: Problem, spec: RunSpec, factors: Factors) -> None:
        """Stand at the start, which is the first point on record."""
        options = dict(spec.optimizer.params)
        device, dtype = torch.device(spec.device), getattr(torch, spec.dtype)
        start = problem.start(spec.seed).to(device, dtype, copy=True)
        self.x = start if problem.project is None else problem.project(start[None])[0]
        self.layout = with_exclusions(problem.layout, options)
        self._problem, self._budget, self._factors = problem, spec.budget, factors
        self._oracle = BatchOracle(
            problem, [spec.seed], Gradients.of(options), self.x[None], horizon=self.horizon
        )
        self.recorder = Recorder(problem, [spec], self.horizon)
        self.state_bytes: float | None = None
        # Of a large model a copy of the point costs as much as a step of SGD.
        self._lasting = self.recorder.looks_at_points or not self._oracle.deterministic
        self._t = 0
        self._g: Tensor | None = None
        self._record(self.x)

    @functools.cached_property
    def model(self) -> Model | None:
        """A fresh torch module of the problem's model, in the run's dtype, or None."""
        if self._problem.model is None:
            return None
        model = self._problem.model()
        model.module.to(self.x)
        return model

    @property
    def horizon(self) -> int:
        """Steps that the run is planned to take."""
        return len(self._factors.lr) - 1

    @property
    def examples(self) -> int:
        """Examples behind the function, 1 where there are none."""
        return self._problem.examples or 1

    def report_state(self, size: float) -> None:
        """Take the size of the optimizer's state, in bytes per variable."""
        self.state_bytes = size

    def evaluate(self, x: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return f(x), shape (), and the gradient that the run is shown, shape (d,); counted.

        With minibatches or noise f is the true value, for methods that want to look at it. The
        gradient is the optimizer's to change. Ends a run that cannot pay for it.
        """
        spent = (self._oracle.gradients + 1) * self._oracle.gradient_cost
        if spent > self._budget * (1 + 1e-12):
            raise _EndOfRunError
        f, g = self._f, self._g
        self._g = None  # it is the optimizer's now
        if x is None:
            x = self._x
        elif not self._lasting or not torch.equal(x, self._x):
            f, g = self._measure(x)
        if g is None or not self._oracle.deterministic:
            g = self._oracle.gradient(x[None])
        else:
            self._oracle.gradients += 1
            g = self._oracle.clip(g)
        shared = g.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        return f[0] + self._problem.shift, g[0].clone() if shared else g[0]

    def indices(self) -> Tensor | None:
        """Return the examples behind this step's gradient, shape (b,), or None for all."""
        return None if self._oracle.deterministic else self._oracle.indices(self.x[None])[0]

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the Hessian at x times v, shape (d,); counted apart."""
        return self._oracle.hessian_vector(x[None], v[None])[0]

    def factor(self, t: int) -> float:
        """Return the schedule's factor at step t."""
        return float(self._factors.lr[min(t, self.horizon)])

    def momentum(self, t: int) -> float | None:
        """Return the schedule's momentum at step t, or None for the optimizer's own."""
        cycled = self._factors.momentum
        return None if cycled is None else float(cycled[min(t, self.horizon)])

    def log(self, x: Tensor) -> None:
        """Take the point after a step; ends the run when it is done or out of steps."""
        if x.shape != self.x.shape:
            raise ValueError(
                f"a step changed the shape of x from {list(self.x.shape)} to {list(x.shape)}"
            )
        if self._problem.project is not None:
            x.copy_(self._problem.project(x[None])[0])
        self._t += 1
        self._record(x)
        if self._t == self.horizon:
            raise _EndOfRunError

    def _record(self, x: Tensor) -> None:
        x = x.detach().clone() if self._lasting else x.detach()
        self._oracle.begin(self._t)
        f, g = self._measure(x)
        self._x, self._f, self._g = x, f, g
        calls = self._oracle.calls()
        if self.recorder.push(x[None], f, g, calls, lasting=self._lasting):
            self.recorder.judge()
            if self.recorder.cuts:
                raise _EndOfRunError

    def _measure(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what is recorded at x; the gradient too when the optimizer is shown the same."""
        if self._oracle.deterministic:
            return self._problem.oracle(x[None])
        return measure(self._problem, x[None])


def run_step(
    problem: Problem,
    method: StepMethod,
    spec: RunSpec,
    hyper: Mapping[str, Value],
    factors: Factors,
    *,
    batch: str = "",
    timeout: float = math.inf,
) -> tuple[Run, Span]:
    """Run one optimizer that takes its own steps.

    Args:
        problem: What it minimises.
        method: The optimizer.
        spec: The run.
        hyper: The optimizer's parameters, tunings resolved.
        factors: What the schedule says of each step.
        batch: Name of the batch.
        timeout: Seconds after which the run is stopped, wherever it is.

    Returns:
        The result, and when the engine started and ended. An exception in the optimizer ends the
        run with status `error`; what was recorded before is kept.

    Raises:
        OptbenchError: When the method refuses the run.
    """
    status, message = Status.BUDGET, ""
    own = without_gradient_parameters(hyper)
    with torch.no_grad():
        session = StepSession(problem, spec, factors)
        try:
            with deadline(timeout), seeded(spec.seed):
                message = method.run(session, **own)
        except _EndOfRunError:
            pass
        except OptbenchError:
            raise
        except TimeUpError:
            status, message = Status.TIMEOUT, f"stopped after {timeout:g} s"
        except (Exception, SystemExit, GeneratorExit) as error:  # whatever an optimizer raises
            status, message = failure(error)
        session.recorder.judge(last=status)
    numbers = {k: float(v) for k, v in hyper.items() if isinstance(v, int | float)}
    recorder = session.recorder
    (run,) = collect(
        recorder,
        hyper=[numbers],
        factors=factors.lr,
        engine="step",
        batch=batch,
        message=message,
        state_bytes=session.state_bytes,
    )
    return run, recorder.span


def failure(error: BaseException) -> tuple[Status, str]:
    """Return what an exception makes of a run: a status, and one line with type, message, place."""
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())
    line = f"{type(error).__name__}: {text}{place}"
    return (Status.OUT_OF_MEMORY if out_of_memory else Status.ERROR), line
