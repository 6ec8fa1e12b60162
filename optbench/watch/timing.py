"""What a step costs, measured so that nights can be compared: time as a ratio, memory as a peak.

Seconds on shared machines vary many times over. The CPU time of a stretch of steps, over that of a
fixed kernel of the same kind of work timed right beside it, varied by 3 % where plain seconds
varied by 70 %.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing as mp
import resource
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import Optimizer, Oracle, State, StepMethod, UpdateRule, missing
from optbench.core.parameters import Value
from optbench.core.spec import Spec
from optbench.engines.costs import bowl, take_steps
from optbench.engines.seeded import seeded
from optbench.engines.threads import one_thread
from optbench.executors.server import start_server
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.from_torch import adapt
from optbench.optimizers.tuning import resolve_tunings

PAIRS, STEPS = 15, 100
"""Pairs that are timed in turn, and steps in each."""

WIDTH, MEMORY_WIDTH = 64, 2048
"""Widths of the models: small, where Python's share shows, and of 16 MB, where memory does.

Linux counts resident pages in batches a processor, up to a quarter of a megabyte off.
"""

MEMORY_STEPS = 3


def measure_step(spec: Spec) -> tuple[float, ...]:
    """Time an optimizer's steps, here and now.

    Args:
        spec: The optimizer; a learning rate that is missing is taken as 1e-3.

    Returns:
        CPU time of a step over that of one round of the kernel, a number a pair.

    Raises:
        OptbenchError: When it cannot be run.
    """
    work, kernel = _steps(spec, WIDTH, STEPS), _kernel(find_optimizer(spec.name))
    with one_thread(), torch.no_grad(), seeded(0):
        work(), kernel()  # what is made once is not timed
        gc.collect()
        return tuple(work() / kernel() for _ in range(PAIRS))


def measure_memory(spec: Spec) -> float:
    """Return the peak of what an optimizer's steps allocate, over the size of the model.

    It is measured in a process of its own, by the peak of its resident memory.

    Raises:
        OptbenchError: When it cannot be run.
    """
    start_server()
    context = mp.get_context("forkserver")
    mine, theirs = context.Pipe()
    process = context.Process(target=_report_peak, args=(theirs, spec), daemon=True)
    process.start()
    theirs.close()
    try:
        found = mine.recv()
    except EOFError as error:
        raise OptbenchError(f"{spec}: the process that measured its memory died") from error
    finally:
        process.join()
    if isinstance(found, str):
        raise OptbenchError(found)
    return float(found)


def _report_peak(connection: Connection, spec: Spec) -> None:
    try:
        _give_back_at_once()
        work = _steps(spec, MEMORY_WIDTH, MEMORY_STEPS)
        size = 4 * MEMORY_WIDTH**2
        with one_thread(), torch.no_grad(), seeded(0):
            _steps(spec, 8, 2)()  # imports and caches are no part of a step
            gc.collect()
            _forget_peak()
            before = _peak()
            work()
            connection.send((_peak() - before) / size)
    except Exception as error:  # whatever an optimizer raises
        connection.send(f"{spec}: {type(error).__name__}: {error}")


def _give_back_at_once() -> None:
    """Have freed tensors leave the resident memory, which glibc else does when it likes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 64 * 1024)


_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of <malloc.h>


def _forget_peak() -> None:
    """Set the peak of the resident memory to what is resident now, where the system lets one."""
    place = Path("/proc/self/clear_refs")
    if place.exists():
        place.write_text("5")


def _peak() -> int:
    """Return the peak of the resident memory, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _steps(spec: Spec, width: int, steps: int) -> Callable[[], float]:
    """Return what takes steps and returns the CPU seconds of one of them."""
    optimizer, problem = find_optimizer(spec.name), bowl(width)
    reason = missing(spec.name, optimizer.needs, problem)
    if reason:
        raise OptbenchError(reason)
    defaults = {p.name: p.default for p in optimizer.parameters.values() if p.default is not None}
    values: dict[str, Value] = {"batch_size": 0}
    values |= ({"lr": 1e-3} if "lr" in optimizer.parameters else {}) | defaults
    numbers, reason = resolve_tunings(values | dict(spec.params), problem.facts)
    if reason:
        raise OptbenchError(f"{spec}: {reason}")

    def work() -> float:
        return take_steps(problem, optimizer, numbers, steps).seconds / steps

    return work


def _kernel(optimizer: Optimizer) -> Callable[[], float]:
    """Return what does fixed work of the same kind, and returns the CPU seconds of one round.

    A round is a step of Adam, written out: as torch's classes are for those, else as an equation.
    Interpreted Python that calls small kernels is slowed by neighbours as an optimizer is, and by
    as much only where it goes the same ways.
    """
    problem = bowl(WIDTH)
    if isinstance(optimizer, StepMethod):
        fixed: Optimizer = adapt(Fixed, f"{__name__}:Fixed")
    else:
        fixed = UpdateRule(step=_round, memory=2)
    return lambda: take_steps(problem, fixed, {"batch_size": 0}, STEPS).seconds / STEPS


def _round(x: Tensor, state: State, oracle: Oracle, t: int) -> tuple[Tensor, State]:
    """Take a step of Adam."""
    g = oracle.gradient(x)
    m = state[0].mul(0.9).add(g, alpha=0.1)
    v = state[1].mul(0.999).addcmul(g, g, value=0.001)
    scale = v.div(1 - 0.999 ** (t + 1)).sqrt().add(1e-8)
    return x.addcdiv(m, scale, value=-1e-3 / (1 - 0.9 ** (t + 1))), (m, v)


class Fixed(torch.optim.Optimizer):
    """Adam as a class in torch's form, never to be changed: ratios of all nights are over it."""

    def __init__(self, params: Any) -> None:
        """Take the parameters."""
        super().__init__(params, {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step."""
        del closure
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["t"], state["m"] = 0, torch.zeros_like(p)
                    state["v"] = torch.zeros_like(p)
                state["t"] += 1
                state["m"].lerp_(p.grad, 0.1)
                state["v"].mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                scale = (state["v"] / (1 - 0.999 ** state["t"])).sqrt().add_(1e-8)
                p.addcdiv_(state["m"], scale, value=-1e-3 / (1 - 0.9 ** state["t"]))
