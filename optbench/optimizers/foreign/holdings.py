"""All that classes in torch's form hold, as tensors and plain data, and back.

`state_dict` is what a class chooses to tell: some leave out counters and averages that they keep
elsewhere, and `load_state_dict` casts state to the parameters' dtype. A run that goes on to the
same bits needs everything as it was.
"""

from __future__ import annotations

import logging
import random
import types
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from optbench.core.errors import OptbenchError

_LEAVES = {Tensor, nn.Parameter, int, float, bool, complex, str, type(None), torch.dtype}
_LEAVES |= {torch.device, torch.Size}

_CONTAINERS = {t.__name__: t for t in (dict, OrderedDict, list, tuple, set, frozenset)}
"""Containers that are built from what was in them; any other must be there from the beginning."""

_FIXED = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    type,
    Enum,
    weakref.ref,
    RemovableHandle,
    logging.Logger,
)
"""What no step changes."""


class UnkeepableError(OptbenchError):
    """An optimizer holds what is neither a tensor nor plain data, and not from the beginning."""


class Holdings:
    """What some optimizers hold; made when they are new.

    Attributes are followed through containers and objects; the model's parameters and modules are
    kept as their places. Objects of other classes are numbered when the optimizers are new, in an
    order that is the same in every process, and their attributes are kept; one that a step makes
    cannot be built from data.
    """

    def __init__(self, optimizers: Sequence[Any], module: nn.Module) -> None:
        """Look at new optimizers, and at the model whose state is not theirs."""
        self._optimizers = optimizers
        self._known = [*module.parameters(), *module.modules()]
        self._places = {id(known): i for i, known in enumerate(self._known)}
        self._seen: dict[int, tuple[int, Any]] = {}  # with the values, so that no id is used twice
        self._numbers: dict[int, int] = {}
        self._new = True
        self.take()
        self._new = False
        self._born = [value for _, value in self._seen.values()]
        self._numbers = {id(value): i for i, value in enumerate(self._born)}
        self._built: list[Any] = []

    def take(self) -> list[Any]:
        """Return what is held as tensors, the ones in use, and plain data.

        Raises:
            UnkeepableError: When something cannot be kept.
        """
        self._seen = {}
        return [self._write(vars(optimizer)) for optimizer in self._optimizers]

    def put(self, kept: Sequence[Any]) -> None:
        """Hold what `take` returned, in this process or another.

        Raises:
            UnkeepableError: When the optimizers are others.
        """
        if len(kept) != len(self._optimizers):
            raise UnkeepableError(f"{len(kept)} optimizers were kept, not {len(self._optimizers)}")
        self._built = []
        for parts in kept:
            self._read(parts)

    def _write(self, value: Any) -> Any:
        """Return a leaf itself, and anything else as `[kind, which, content]`."""
        if id(value) in self._places:
            return ["known", self._places[id(value)], None]
        if type(value) in _LEAVES:
            return value
        if isinstance(value, np.ndarray | np.generic):
            return ["numpy", "", torch.from_numpy(np.array(value))]
        if id(value) in self._seen:
            return ["same", self._seen[id(value)][0], None]
        self._seen[id(value)] = (len(self._seen), value)
        name, number = type(value).__name__, self._numbers.get(id(value))
        if self._new or (number is not None and not isinstance(value, tuple | frozenset)):
            return ["born", number, self._content(value)]
        if type(value) is not _CONTAINERS.get(name):
            raise UnkeepableError(f"it holds a {name}, which a checkpoint cannot")
        return ["made", name, self._content(value)]

    def _content(self, value: Any) -> Any:
        if isinstance(value, _FIXED):
            return None
        if isinstance(value, Mapping):
            return [[self._write(k), self._write(v)] for k, v in value.items()]
        if isinstance(value, list | tuple | set | frozenset):
            return [self._write(member) for member in value]
        generator = _generator_state(value)
        if generator is not None:
            return self._write(generator)
        if hasattr(value, "__dict__") and not isinstance(value, Tensor):
            return self._write(vars(value))
        if self._new:
            return None
        raise UnkeepableError(f"it holds a {type(value).__name__}, which a checkpoint cannot")

    def _read(self, kept: Any) -> Any:
        """Return what was written."""
        if not isinstance(kept, list):
            return kept
        kind, which, content = kept
        if kind == "known":
            return self._known[which]
        if kind == "numpy":
            return content.numpy()[()]
        if kind == "same":
            return self._built[which]
        value = self._born[which] if kind == "born" else _CONTAINERS[which]()
        place = len(self._built)
        self._built.append(value)
        if isinstance(value, tuple | frozenset):
            self._built[place] = value = type(value)([self._read(part) for part in content])
        else:
            self._fill(value, content)
        return value

    def _fill(self, value: Any, content: Any) -> None:
        """Put what was written into a container, a generator or an object."""
        if isinstance(value, _FIXED):
            return
        if isinstance(value, Mapping):
            pairs = [(self._read(k), self._read(v)) for k, v in content]
            value.clear()  # type: ignore[attr-defined]
            value.update(pairs)  # type: ignore[attr-defined]
        elif isinstance(value, list | set):
            members = [self._read(part) for part in content]
            value.clear()
            value.extend(members) if isinstance(value, list) else value.update(members)
        elif _generator_state(value) is not None:
            _set_generator_state(value, self._read(content))
        else:
            self._read(content)


def _generator_state(value: Any) -> Any:
    """Return a random generator's state as tensors or plain data; None for anything else."""
    if isinstance(value, torch.Generator):
        return value.get_state()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    return value.getstate() if isinstance(value, random.Random) else None


def _set_generator_state(generator: Any, state: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.setstate(state)
