"""The same problem with other rounding, to see how much of a result is an accident of rounding.

Another BLAS, processor or order of a sum changes last bits everywhere. Here the start is moved by a
few of them, and the last bit or two of every number that the oracle returns are changed; exact
zeros stay, as they would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from optbench.core.problem import Problem
from optbench.core.task import Task

MOVED = {"float64": 1e-13, "float32": 5e-7}
"""How far a start is moved, relative to each coordinate: a few hundred, or a few, last bits."""

_MIXERS = {torch.float64: (torch.int64, 62), torch.float32: (torch.int32, 30)}
_ODD = 0x9E3779B97F4A7C15  # its multiples are spread evenly, see Knuth 1998, section 6.4


def shaken(problem: Problem | Task, number: int, dtype: str) -> Problem | Task:
    """Return a problem or a task as another machine might round it.

    Args:
        problem: What is to be shaken.
        number: Names the rounding, 1 or more; the same number always changes the same bits.
        dtype: Of the run.

    Returns:
        The problem with its start, gradients, values and products shaken; of a task only the start,
        since what it rounds is in the hands of the model.
    """
    if isinstance(problem, Task):
        return replace(problem, module=_moved_module(problem.module, number))
    optional: dict[str, Any] = {
        name: _shaken_function(function, number)
        for name in ("value", "hessian_vector", "minibatch", "sampled_gradient", "stream")
        if (function := getattr(problem, name)) is not None
    }
    return replace(
        problem,
        start=lambda seed: _moved(problem.start(seed), number, seed, MOVED[dtype]),
        oracle=_shaken_function(problem.oracle, number),
        **optional,
    )


def _moved(x: Tensor, number: int, seed: int, size: float) -> Tensor:
    """Return a tensor each of whose numbers is moved; zeros only where there is nothing else."""
    generator = torch.Generator().manual_seed(1_000_003 * number + seed)
    step = size * (2 * torch.rand(x.shape, generator=generator, dtype=x.dtype) - 1)
    return x + (step * x if bool(x.any()) else step)


def _moved_module(make: Callable[[], Module], number: int) -> Callable[[], Module]:
    def moved() -> Module:
        module = make()
        with torch.no_grad():
            for place, parameter in enumerate(module.parameters()):
                parameter.copy_(_moved(parameter, number, place, MOVED["float32"]))
        return module

    return moved


def _shaken_function(function: Callable[..., Any], number: int) -> Callable[..., Any]:
    def other(*arguments: Any) -> Any:
        result = function(*arguments)
        if isinstance(result, tuple):
            return tuple(_shake(part, number) for part in result)
        return _shake(result, number)

    return other


def _shake(x: Tensor, number: int) -> Tensor:
    """Change the last bits of a tensor by -2 to 1 units: a function of each number alone."""
    if x.dtype not in _MIXERS:
        return x
    integer, shift = _MIXERS[x.dtype]
    bits = x.detach().contiguous().view(integer)
    odd = _ODD * (2 * number + 1)
    width = torch.iinfo(integer).bits
    odd = (odd + 2 ** (width - 1)) % 2**width - 2 ** (width - 1)
    other = (bits + ((bits * odd) >> shift)).view(x.dtype)
    return torch.where((x != 0) & x.isfinite() & other.isfinite(), other, x)
