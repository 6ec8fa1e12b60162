"""Thinned curves look as the whole ones do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench.analysis.curves import Array
from optbench.report.site.thin import thin

WIDTH = 40


def extremes(y: Array, scale: Array) -> dict[int, tuple[float, ...]]:
    """Return first, last, lowest and highest value in each pixel column that has a point."""
    known = ~np.isnan(y)
    place = (scale - scale[0]) / (scale[-1] - scale[0]) * WIDTH
    columns, y = np.minimum(place.astype(int), WIDTH - 1)[known], y[known]
    inside = {int(column): y[columns == column] for column in np.unique(columns)}
    return {c: (v[0], v[-1], v.min(), v.max()) for c, v in inside.items()}


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 3000),
    st.sampled_from(["even", "early", "few values"]),
    st.booleans(),
)
def test_no_visible_point_is_lost(seed: int, n: int, kind: str, gaps: bool) -> None:
    """In every pixel column, linear or logarithmic, what was extreme or at its edge is kept."""
    rng = np.random.default_rng(seed)
    x = np.unique(rng.exponential(size=n) ** (5 if kind == "early" else 1))
    y = rng.standard_normal(len(x)).cumsum()
    other = np.round(rng.standard_normal(len(x))) if kind == "few values" else np.exp(-x)
    if gaps:
        y[rng.random(len(x)) < 0.2] = np.nan
    kept = thin(x, [y, other], WIDTH)

    assert (np.diff(kept) > 0).all()
    if len(x) > 1:
        for scale in (x, np.log(x)):
            for values in (y, other):
                whole = extremes(values, scale)
                assert extremes(values[kept], scale[kept]) == whole


@pytest.mark.parametrize("n", [10_000, 300_000])
def test_long_curves_become_short(n: int) -> None:
    """A curve that falls keeps two points a column at most, on two scales."""
    x = np.arange(n, dtype=np.float64)
    kept = thin(x, [np.exp(-x / n), np.exp(-x / n) / 2], 100)

    assert len(kept) <= 4 * 100 + 2
    assert (kept[0], kept[-1]) == (0, n - 1)


def test_short_curves_stay_as_they_are() -> None:
    """Points fewer than two a column are all kept."""
    assert len(thin(np.arange(80.0), [np.zeros(80)], 40)) == 80


def test_curves_of_one_place_are_kept_at_their_ends() -> None:
    """Where every x is the same there is no column to divide by."""
    assert thin(np.ones(200), [np.arange(200.0)], 10).tolist() == [0, 199]
