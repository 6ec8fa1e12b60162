"""Targets: what a run is to reach, and in which measure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from optbench.core.errors import SpecError, unknown

SUBOPTIMALITY = "suboptimality"
"""The measure of a target that is a number and no more."""

MEASURES = {
    SUBOPTIMALITY: "(f - f*)/(f_0 - f*), relative to the start",
    "distance": "|x - x*|, to the nearest minimiser",
    "gradient_norm": "|grad f(x)|, of the true gradient",
    "value": "f(x); of a task the validation loss",
    "error": "1 - accuracy on validation data, of a task",
}
"""What targets can measure; all but the first are absolute."""


class Target(NamedTuple):
    """A level of a measure, at or below which a run has arrived.

    Attributes:
        measure: One of `MEASURES`.
        level: The level.
    """

    measure: str
    level: float

    @property
    def label(self) -> str:
        """The target as headings show it: `1e-06`, `distance 1e-03`."""
        short = f"{self.level:.0e}"
        rounds_to_itself = 0 < self.level < 1 and float(short) == self.level
        text = short if rounds_to_itself else f"{self.level:g}"
        return text if self.measure == SUBOPTIMALITY else f"{self.measure} {text}"

    @property
    def column(self) -> str:
        """The target as names of columns end: `1e-06`, `distance_0.001`."""
        text = f"{self.level:g}"
        return text if self.measure == SUBOPTIMALITY else f"{self.measure}_{text}"


def read_targets(given: Iterable[float | str]) -> tuple[str, tuple[float, ...]]:
    """Read targets.

    Args:
        given: Numbers, which are relative suboptimalities, or texts `measure=number`.

    Returns:
        The measure that they share, and their levels, strictly decreasing.

    Raises:
        SpecError: For an unknown measure, a level out of range, or targets of several measures.
    """
    targets = [_read(target) for target in given]
    measures = sorted({target.measure for target in targets}) or [SUBOPTIMALITY]
    if len(measures) > 1:
        raise SpecError(f"targets of one run have one measure, got {' and '.join(measures)}")
    return measures[0], tuple(sorted({target.level for target in targets}, reverse=True))


def _read(given: float | str) -> Target:
    measure, equals, number = str(given).rpartition("=")
    measure = measure if equals else SUBOPTIMALITY
    if measure not in MEASURES:
        raise SpecError(str(unknown("measure of a target:", measure, MEASURES)))
    try:
        level = float(number)
    except ValueError as error:
        raise SpecError(f"target {given!r} is not a number, nor measure=number") from error
    if measure == SUBOPTIMALITY and not 0 <= level < 1:
        raise SpecError(f"target must be in [0, 1), relative to the start, got {level:g}")
    if not math.isfinite(level) or (measure != "value" and level < 0):
        raise SpecError(f"target of {measure} must be a number from 0 on, got {level:g}")
    if measure == "error" and level > 1:
        raise SpecError(f"target of error must be a share in [0, 1], 0.05 for 5%, got {level:g}")
    return Target(measure, level)
