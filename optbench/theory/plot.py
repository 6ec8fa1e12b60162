"""A picture as data: what is drawn, on which axes; `optbench.report` draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Scale = Literal["linear", "log"]
Role = Literal["measured", "theory", "quoted"]
"""What a series is: what ran, what theory says (dashed), what a textbook says (dotted)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One line or set of points.

    Attributes:
        label: For the legend.
        x: Abscissae, shape (n,).
        y: Ordinates, shape (n,).
        role: What it is.
        low: Lower ends of the intervals, shape (n,), where chance plays a part.
        high: Upper ends.
        points: Whether it is drawn as points and not as a line.
    """

    label: str
    x: Array
    y: Array
    role: Role = "measured"
    low: Array | None = None
    high: Array | None = None
    points: bool = False


def series(
    label: str,
    x: ArrayLike,
    y: ArrayLike,
    role: Role = "measured",
    *,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    points: bool = False,
) -> Series:
    """Make a series of anything that numpy takes for an array; see `Series`."""
    return Series(
        label=label,
        x=np.asarray(x, dtype=np.float64),
        y=np.asarray(y, dtype=np.float64),
        role=role,
        low=None if low is None else np.asarray(low, dtype=np.float64),
        high=None if high is None else np.asarray(high, dtype=np.float64),
        points=points,
    )


def theory(label: str, x: ArrayLike, y: ArrayLike) -> Series:
    """Make the dashed line of what theory says."""
    return series(label, x, y, "theory")


def quoted(label: str, x: ArrayLike, y: ArrayLike) -> Series:
    """Make the dotted line of what a textbook says."""
    return series(label, x, y, "quoted")


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One picture, on axes where the claim is a straight line.

    Attributes:
        x_label: Of the abscissa, in words or symbols as plain text: `steps t`, `kappa`.
        y_label: Of the ordinate.
        series: What is drawn.
        x_scale: `linear` or `log`.
        y_scale: `linear` or `log`.
        verticals: Abscissae of thresholds, with their labels.
        caption: What is to be seen, in a sentence.
    """

    x_label: str
    y_label: str
    series: tuple[Series, ...]
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    verticals: tuple[tuple[float, str], ...] = ()
    caption: str
