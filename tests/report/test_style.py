"""One look a name, the same everywhere."""

from __future__ import annotations

from itertools import combinations

import pytest

from optbench.analysis.tables import printable
from optbench.report.style import COLOURS, PowerFormatter, line_styles, power_of_ten

NAMES = ["gd", "sgd", "heavy_ball:beta=0.9", "heavy_ball:beta=0.5", "adam", "torch.Adam", "mine"]


def test_the_look_does_not_depend_on_the_order() -> None:
    """Every permutation of the names gives the same styles."""
    assert line_styles(NAMES) == line_styles(reversed(NAMES))


def test_no_two_names_look_the_same() -> None:
    """Colour and dash together tell fifty names apart, also five of one colour."""
    names = [*NAMES, *(f"adam:beta1={i}" for i in range(3)), "scipy.cg", "scipy.lbfgs"]

    looks = [(style.colour, style.dash) for style in line_styles(names).values()]
    assert all(a != b for a, b in combinations(looks, 2))


@pytest.mark.parametrize("others", [[], ["adam"], ["adam", "adam:beta1=0.5"]])
def test_a_torch_twin_has_its_equations_colour_and_another_dash(others: list[str]) -> None:
    """`torch.Adam` is purple like `adam` and never solid, whether `adam` is there or not."""
    style = line_styles(["torch.Adam", *others])["torch.Adam"]

    assert style.colour == COLOURS["adam"]
    assert style.dash != "-"


def test_a_known_name_looks_the_same_in_every_report() -> None:
    """Other names in the figure do not change it."""
    assert line_styles(["gd"])["gd"] == line_styles(NAMES)["gd"]


@pytest.mark.parametrize(
    ("value", "text"), [(1e-6, "10⁻⁶"), (1.0, "10⁰"), (1e12, "10¹²"), (2e-6, ""), (0.3, "")]
)
def test_ticks_are_powers_of_ten(value: float, text: str) -> None:
    """The formatter writes powers of ten, and nothing between them."""
    assert PowerFormatter()(value) == text


def test_names_lose_what_no_document_may_hold() -> None:
    """Control characters and line breaks are replaced, letters of any script stay."""
    assert printable("a\x00b\nc ü 梯度") == "a\ufffdb\ufffdc ü 梯度"
    assert power_of_ten(-10) == "10⁻¹⁰"


def test_an_optimizer_of_ones_own_has_a_colour_of_its_own() -> None:
    """Beside registered ones, a name that no table knows takes a colour that is free."""
    for mine in ("MyOpt", "my_file.py:MyAdam", "Sophia2", "x", "pytorch_optimizer.Lion"):
        styles = line_styles(["adam", "gd", "nesterov", mine])
        assert len({style.colour for style in styles.values()}) == 4
