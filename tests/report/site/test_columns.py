"""Packed columns come back as they went in, and are stored once."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.report.site.columns import Columns, script
from tests.report.folder import column


def back(values: list[float]) -> np.ndarray:
    """Pack and unpack a column."""
    columns = Columns()
    place = columns.add(np.array(values))
    return column({"columns": columns.written()}, place)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [0.1, 0.2, 0.3],
        [1e300, 1e-300, 0.0],
        [1e-42, 1.0],
        [np.nan, np.inf, -np.inf, 0.5],
        [np.nan, np.nan],
        [16_777_217.0, 1.0],
        [2.5] * 9,
        [-0.0, 0.0],
    ],
    ids=str,
)
def test_values_keep_seven_digits(values: list[float]) -> None:
    """Floats of four bytes are used only where they hold what is shown."""
    np.testing.assert_allclose(back(values), values, rtol=1e-7, atol=0)


def test_equal_columns_are_one_and_constants_are_short() -> None:
    """Steps and gradient evaluations of most runs are the same numbers."""
    columns = Columns()
    steps = np.arange(1000.0)
    places = [columns.add(steps), columns.add(steps.copy()), columns.add(steps + 1)]

    assert places == [0, 0, 1]
    assert columns.add(np.full(1000, 0.1)) == 2
    assert columns.written()[2] == "=1000*0.1"


def test_a_file_of_data_has_no_number_that_json_lacks() -> None:
    """NaN outside of columns is a mistake of ours, and found here."""
    with pytest.raises(ValueError, match="JSON"):
        script("x", {"lr": float("nan")})
