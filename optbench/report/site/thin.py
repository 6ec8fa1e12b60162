"""Leaves out the points of a curve that no screen would show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optbench.analysis.curves import Array

WIDTH = 800
"""Pixel columns of the widest chart."""


def thin(x: Array, values: Sequence[Array], width: int = WIDTH) -> NDArray[np.int64]:
    """Choose the points that draw the same picture as all of them.

    In every pixel column the first, the last, the lowest and the highest point stay, on a linear
    and on a logarithmic axis; any scale of the other axis that keeps the order then shows the same
    line, to the pixel.

    Source: Jugel, Jerzak, Hackenbroich, Markl, "M4: a visualization-oriented time series data
    aggregation", 2014.

    Args:
        x: Abscissae, ascending, shape (points,).
        values: Curves over them that are drawn together, each of shape (points,).
        width: Pixel columns.

    Returns:
        Indices to keep, ascending.
    """
    n = len(x)
    if n <= 2 * width:  # two in each column are what a line that only falls would keep
        return np.arange(n)
    positive = x > 0
    scales = [x, np.log(np.where(positive, x, x[positive].min(initial=np.inf)))]
    kept = [_kept(_columns(scale, width), values) for scale in scales if scale[-1] > scale[0]]
    return np.asarray(np.unique(np.concatenate([np.array([0, n - 1]), *kept])), dtype=np.int64)


def _columns(x: Array, width: int) -> NDArray[np.int64]:
    share = (x - x[0]) / (x[-1] - x[0])
    return np.asarray(np.minimum((share * width).astype(np.int64), width - 1))


def _kept(columns: NDArray[np.int64], values: Sequence[Array]) -> NDArray[np.int64]:
    kept = []
    for y in values:
        known = np.flatnonzero(~np.isnan(y))  # a line goes on over what is unknown
        starts = np.flatnonzero(np.diff(columns[known], prepend=-1))
        if not len(starts):
            continue
        ends = np.append(starts[1:], len(known)) - 1
        group = np.repeat(np.arange(len(starts)), ends - starts + 1)
        kept += [known[starts], known[ends]]
        for signed in (y[known], -y[known]):
            at = np.flatnonzero(signed == np.minimum.reduceat(signed, starts)[group])
            kept.append(known[at[np.unique(group[at], return_index=True)[1]]])
    return np.unique(np.concatenate(kept)) if kept else np.empty(0, dtype=np.int64)
