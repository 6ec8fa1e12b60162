"""How a model is trained, where neither the task nor the optimizer has a say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from optbench.core.errors import SpecError, unknown

PRECISIONS = ("full", "bf16")


@dataclass(frozen=True, kw_only=True)
class Training:
    """Options of a run of a task; part of what names the run.

    Attributes:
        precision: `full`, which is the run's dtype, or `bf16`: parameters and state stay float32,
            forward passes use bfloat16 where torch's autocast does.
        compile: Whether the model goes through `torch.compile`.
        accumulate: Parts that each batch is cut into, one after another; their mean is the
            gradient. Memory for less, and the same numbers but for batch norm.
        evaluations: Log points of a run besides the start, evenly spaced: validation and all that
            is recorded.
        sharpness: Whether the largest eigenvalue of the training loss's Hessian is recorded.
        deterministic: Whether only algorithms that repeat their bits are used on a GPU, which are
            slower; on a CPU all of them do.
    """

    precision: str = "full"
    compile: bool = False
    accumulate: int = 1
    evaluations: int = 20
    sharpness: bool = False
    deterministic: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SpecError: For a number out of range or an unknown word.
        """
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)
        for name in ("accumulate", "evaluations"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise SpecError(f"{name} must be a whole number from 1 on, got {value}")

    def options(self) -> dict[str, Any]:
        """Return the options that differ from the defaults, by name."""
        values = {f.name: (getattr(self, f.name), f.default) for f in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Training:
        """Build from options by name; the inverse of `options`.

        Raises:
            SpecError: For an unknown name, or a value that it does not take.
        """
        known = [f.name for f in fields(cls)]
        for name in options:
            if name not in known:
                raise unknown("option", name, known)
        return cls(**options)


PLAIN = Training()
"""The defaults."""
