"""A schedule's figure shows its numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from optbench.core.errors import OptbenchError
from optbench.core.schedule import Factors
from optbench.report.schedule import save_schedule

FALL = np.linspace(1, 0, 11)
SIGNATURES = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}


@pytest.mark.parametrize("ending", SIGNATURES)
def test_the_ending_says_which_file_is_written(tmp_path: Path, ending: str) -> None:
    """Each of the three kinds begins as such a file does."""
    path = save_schedule(Factors(FALL), "linear", tmp_path / f"plot{ending}")

    assert path.read_bytes().startswith(SIGNATURES[ending])


def test_the_figure_has_the_numbers_and_the_momentum_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One panel for the factors and a second one where the momentum cycles, in steps, from 0 on."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **kwargs: figures.append(figure))
    save_schedule(Factors(FALL, 1 - FALL / 5), "one_cycle:steps=10", tmp_path / "a.svg")
    save_schedule(Factors(FALL), "linear", tmp_path / "a.svg")

    both, one = figures
    lines = [axes.lines[0] for axes in both.axes]
    np.testing.assert_array_equal(lines[0].get_ydata(), FALL)
    np.testing.assert_array_equal(lines[1].get_ydata(), 1 - FALL / 5)
    np.testing.assert_array_equal(lines[0].get_xdata(), np.arange(11))
    assert {line.get_drawstyle() for line in lines} == {"steps-post"}
    assert [a.get_ylabel() for a in both.axes] == ["factor on the learning rate", "momentum"]
    assert both.axes[0].get_ylim()[0] == 0
    assert both.get_suptitle() == "one_cycle:steps=10"
    assert len(one.axes) == 1


@pytest.mark.parametrize(
    ("name", "message"), [("a.txt", "must end in .svg"), ("b/a.svg", "No such")]
)
def test_a_file_that_cannot_be_is_named(tmp_path: Path, name: str, message: str) -> None:
    """A wrong ending or a missing folder is one line with the path."""
    with pytest.raises(OptbenchError, match=message) as caught:
        save_schedule(Factors(FALL), "linear", tmp_path / name)

    assert name in str(caught.value)
