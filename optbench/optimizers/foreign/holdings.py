"""All that classes in torch's form hold, as tensors and plain data, and back.

`state_dict` is what a class chooses to tell: some leave out counters and averages that they keep
elsewhere, and `load_state_dict` casts state to the parameters' dtype. A run that goes on to the
same bits needs everything as it was.
"""

from __future__ import annotations

import logging
import random
import sys
import types
import weakref
from collections import OrderedDict, deque
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
    kept as their places, and so are numbers that are their ids or addresses, which some classes
    have for keys. Objects of other classes are numbered when the optimizers are new, in an order
    that is the same in every process, and their attributes are kept; one that a step makes is built
    from its attributes, without a call, where its class comes with the optimizer's.
    """

    def __init__(self, optimizers: Sequence[Any], module: nn.Module) -> None:
        """Look at new optimizers, and at the model whose state is not theirs."""
        self._optimizers = optimizers
        self._known: list[Any] = [*module.parameters(), *module.modules()]
        self._places = {id(known): i for i, known in enumerate(self._known)}
        self._addresses = {}
        for i, known in enumerate(self._known):
            self._addresses[id(known)] = ("id", i)
            if isinstance(known, Tensor):
                self._addresses[known.data_ptr()] = ("address", i)
        self._packages = {_root(type(optimizer)) for optimizer in optimizers}
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
        if type(value) is int and value in self._addresses:
            return [*self._addresses[value], None]
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
        if type(value) is _CONTAINERS.get(name):
            return ["made", name, self._content(value)]
        if type(value) is deque:
            return ["deque", value.maxlen, self._content(value)]
        if _root(type(value)) not in self._packages:
            raise UnkeepableError(f"it holds a {name}, which a checkpoint cannot")
        return ["object", [type(value).__module__, name], self._content(value)]

    def _content(self, value: Any) -> Any:
        if isinstance(value, _FIXED):
            return None
        if isinstance(value, Mapping):
            return [[self._write(k), self._write(v)] for k, v in value.items()]
        if isinstance(value, list | tuple | set | frozenset | deque):
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
        if kind in ("known", "id", "address"):
            known = self._known[which]
            return known if kind == "known" else id(known) if kind == "id" else known.data_ptr()
        if kind == "numpy":
            return content.numpy()[()]
        if kind == "same":
            return self._built[which]
        value = self._begun(kind, which)
        place = len(self._built)
        self._built.append(value)
        if isinstance(value, tuple | frozenset):
            self._built[place] = value = type(value)([self._read(part) for part in content])
        else:
            self._fill(value, content)
        return value

    def _begun(self, kind: str, which: Any) -> Any:
        """Return a thing that is to be filled with what it holds."""
        if kind == "born":
            return self._born[which]
        if kind == "made":
            return _CONTAINERS[which]()
        if kind == "deque":
            return deque(maxlen=which)
        module, name = which
        cls = getattr(sys.modules.get(module), name, None)
        if not isinstance(cls, type) or _root(cls) not in self._packages:
            raise UnkeepableError(f"{module}.{name} is not the optimizer's")
        return object.__new__(cls)

    def _fill(self, value: Any, content: Any) -> None:
        """Put what was written into a container, a generator or an object."""
        if isinstance(value, _FIXED):
            return
        if isinstance(value, Mapping):
            pairs = [(self._read(k), self._read(v)) for k, v in content]
            value.clear()  # type: ignore[attr-defined]
            value.update(pairs)  # type: ignore[attr-defined]
        elif isinstance(value, list | set | deque):
            members = [self._read(part) for part in content]
            value.clear()
            value.update(members) if isinstance(value, set) else value.extend(members)
        elif _generator_state(value) is not None:
            _set_generator_state(value, self._read(content))
        else:
            attributes = self._read(content)
            if attributes is not vars(value):  # it is a new one
                vars(value).update(attributes)


def _root(cls: type) -> str:
    return cls.__module__.partition(".")[0]


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
