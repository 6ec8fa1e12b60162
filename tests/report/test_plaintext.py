"""What the terminal shows is the curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from optbench.report.plaintext import HEIGHT, draw


def body(plot: str) -> list[str]:
    """Return what is right of the axis, a line each, top first."""
    return [line.partition("|")[2] for line in plot.splitlines()[1 : HEIGHT + 1]]


def test_a_line_is_a_diagonal() -> None:
    """From 1 to 0 in as many columns as lines: each line starts one further right."""
    width = HEIGHT + len("0.5 ") + 1
    plot = draw("factor", np.linspace(1, 0, HEIGHT), width, braille=False)

    starts = [len(line) - len(line.lstrip()) for line in body(plot)]
    assert starts == [0, *range(1, HEIGHT)]
    assert all(line.strip("* ") == "" for line in body(plot))


def test_the_axes_are_labelled() -> None:
    """Highest, middle and lowest value on the left, first and last step below."""
    lines = draw("momentum", np.linspace(0.95, 0.85, 101), 60, braille=True).splitlines()

    assert lines[0] == "momentum"
    labels = [lines[1 + row].split("│")[0].strip() for row in (0, HEIGHT // 2, HEIGHT - 1)]
    assert labels == ["0.95", "0.875", "0.8"]
    assert lines[-1].split() == ["0", "step", "100"]


@pytest.mark.parametrize("half", [50, 35, 7])
def test_a_jump_has_no_gap(half: int) -> None:
    """Where a value falls from 1 to 0, in a column or between two, one is full."""
    values = np.r_[np.ones(half), np.zeros(half)]
    columns = zip(
        *(line.ljust(80) for line in body(draw("", values, 40, braille=False))), strict=True
    )

    assert sum(set(column) == {"*"} for column in columns) == 1


def test_braille_and_stars_show_the_same() -> None:
    """A cell has dots exactly where it has a star, for a curve that is flat in each cell."""
    values = np.repeat(np.linspace(1, 0, HEIGHT), 3)
    width = 3 * HEIGHT + 5
    stars = body(draw("", values, width, braille=False))
    dots = body(draw("", values, width, braille=True).replace("│", "|"))

    assert [len(line.rstrip()) for line in stars] == [len(line.rstrip()) for line in dots]


@given(
    arrays.arrays(np.float64, st.integers(1, 300), elements=st.floats(0, 1)),
    st.integers(1, 250),
    st.booleans(),
)
def test_every_curve_fits_its_width(values: np.ndarray, width: int, braille: bool) -> None:
    """No line is longer than the terminal, or than the narrowest plot; ASCII where asked for."""
    plot = draw("", values, width, braille=braille)
    lines = plot.splitlines()

    margin = max(len(line.split("|")[0].split("│")[0]) for line in lines[1 : HEIGHT + 1])
    assert max(map(len, lines)) <= max(width, margin + 9)
    assert len(lines) == HEIGHT + 3
    assert braille or plot.isascii()


@pytest.mark.parametrize("value", [0.0, 1.0, 0.95])
def test_a_constant_is_one_straight_line(value: float) -> None:
    """A constant is drawn in one line: on the floor if it is 0, else at the top."""
    lines = body(draw("", np.full(20, value), 40, braille=False))

    assert [bool(line.strip()) for line in lines].index(True) == (0 if value else HEIGHT - 1)
    assert sum(bool(line.strip()) for line in lines) == 1
