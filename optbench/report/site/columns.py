"""Numbers as the page's script reads them: packed, and each column once."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from optbench.analysis.curves import Array

LOAD = "optbench.load"
"""The script's function that a file of data calls; a browser reads no other files from a disk."""


class Columns:
    """Columns of one file, written down at the end; equal ones are one."""

    def __init__(self) -> None:
        """Begin without any."""
        self._places: dict[str, int] = {}

    def add(self, values: Array) -> int:
        """Return the place of a column, which is added unless it is there.

        Args:
            values: Numbers, shape (points,); float32 is kept where it shows the same digits.
        """
        return self._places.setdefault(_packed(values), len(self._places))

    def derived(self, values: Array, of: Array, scale: float, offset: float) -> int:
        """Return the place of a column that is another one, scaled and shifted, in few characters.

        Args:
            values: As for `add`.
            of: The other column; where `of * scale + offset` does not show the same digits as the
                values, they are added as they are.
            scale: A number.
            offset: Another.
        """
        place = self.add(of)
        text = f"~{place}*{scale!r}+{offset!r}"
        with np.errstate(over="ignore", invalid="ignore"):
            close = _is_close(_shown(of).astype(np.float64) * scale + offset, values)
        return self._places.setdefault(text, len(self._places)) if close else self.add(values)

    def written(self) -> list[Any]:
        """Return the columns: `f` and `d` for floats of 4 and 8 bytes, `=` and `~` for others."""
        return list(self._places)


def _packed(values: Array) -> str:
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n and np.isfinite(values[0]) and (values == values[0]).all():
        return f"={n}*{float(values[0])!r}"
    data = _shown(values)
    return {4: "f", 8: "d"}[data.itemsize] + base64.b64encode(data.tobytes()).decode()


def _shown(values: Array) -> np.ndarray:
    """Return floats of as few bytes as hold the values."""
    with np.errstate(over="ignore", under="ignore"):
        short = values.astype("<f4")
    return short if _is_close(short, values) else values.astype("<f8")


def _is_close(short: np.ndarray, values: Array) -> bool:
    """Return whether floats of 4 bytes hold the values to the seven digits that are shown."""
    with np.errstate(invalid="ignore"):
        error = np.abs(short - values)
        near = error <= 1e-7 * np.abs(values)
    return bool((near | (short == values) | np.isnan(values)).all())


def script(name: str, data: Mapping[str, Any]) -> str:
    """Return a file of data: a call with a name and an object.

    Args:
        name: What the page asks for it by.
        data: Anything that JSON can hold; no NaN and no infinity but in columns.

    Returns:
        JavaScript, in ASCII.
    """
    return f"{LOAD}({json.dumps(name)},{_json(data)})\n"


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)
