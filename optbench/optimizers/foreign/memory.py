"""The size of what an optimizer keeps between its steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor


def state_bytes(optimizers: Iterable[Any]) -> int:
    """Return the bytes in all tensors that `state_dict` would save; 0 without such a method."""
    return sum(
        bytes_of(o.state_dict()) for o in optimizers if callable(getattr(o, "state_dict", 0))
    )


def bytes_of(value: Any) -> int:
    """Return the bytes in all tensors of a value, containers and objects looked into."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(map(bytes_of, value.values()))
    if isinstance(value, str | int | float | bool | type(None)):
        return 0
    if isinstance(value, Iterable):
        return sum(map(bytes_of, value))
    return sum(map(bytes_of, getattr(value, "__dict__", {}).values()))
