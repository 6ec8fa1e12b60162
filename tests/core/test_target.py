"""Targets as text and as names of columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench.core.errors import SpecError
from optbench.core.target import MEASURES, Target, read_targets


@given(
    st.sampled_from(sorted(MEASURES)),
    st.lists(st.floats(0, 0.99, allow_subnormal=False), max_size=5),
)
def test_targets_are_read_back_exactly_and_ordered(measure: str, levels: list[float]) -> None:
    """Every digit counts, doubles are one target, and the hardest comes last."""
    found = read_targets(f"{measure}={level!r}" for level in levels)

    assert found == (measure if levels else "suboptimality", tuple(sorted({*levels})[::-1]))


def test_a_number_is_a_relative_suboptimality() -> None:
    """What has no name is what targets always were; both ways of writing it may be mixed."""
    assert read_targets([1e-2, "1e-4", "suboptimality=1e-6"]) == (
        "suboptimality",
        (1e-2, 1e-4, 1e-6),
    )
    assert read_targets(["value=-3", "value=5"]) == ("value", (5.0, -3.0))


def test_an_error_is_a_share_and_not_a_percentage() -> None:
    """What 8.75% is written as is 0.0875; every run begins below 8.75."""
    assert read_targets(["error=0.0875", "error=1"]) == ("error", (1.0, 0.0875))
    with pytest.raises(SpecError, match=r"a share in \[0, 1\], 0.05 for 5%, got 8.75"):
        read_targets(["error=8.75"])


@pytest.mark.parametrize(
    ("target", "label", "column"),
    [
        (Target("suboptimality", 1e-6), "1e-06", "1e-06"),
        (Target("suboptimality", 0.025), "0.025", "0.025"),
        (Target("distance", 1e-3), "distance 1e-03", "distance_0.001"),
        (Target("value", -1.5), "value -1.5", "value_-1.5"),
        (Target("value", -5.0), "value -5", "value_-5"),
    ],
)
def test_names_say_what_is_measured(target: Target, label: str, column: str) -> None:
    """Headings and columns name every measure but the usual one, and lose no digit."""
    assert (target.label, target.column) == (label, column)
