"""Draws are pure functions of their names."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.core.randomness import stream


def test_the_same_name_gives_the_same_bits_whatever_was_drawn_before() -> None:
    """No stream disturbs another."""
    first = stream(1, 2, "noise", 3).standard_normal(5)
    stream(1, 2, "noise", 4).standard_normal(100)

    np.testing.assert_array_equal(stream(1, 2, "noise", 3).standard_normal(5), first)


@pytest.mark.parametrize(
    "other", [(9, 2, "noise", 3), (1, 9, "noise", 3), (1, 2, "start", 3), (1, 2, "noise", 9)]
)
def test_every_part_of_the_name_counts(other: tuple[int, int, str, int]) -> None:
    """Problem seed, run seed, purpose and counter each name another stream."""
    draws = stream(1, 2, "noise", 3).standard_normal(1000)
    correlation = np.corrcoef(draws, stream(*other).standard_normal(1000))[0, 1]

    assert abs(correlation) < 4.5 / np.sqrt(1000)
