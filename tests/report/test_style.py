"""One look a name, the same everywhere."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from optbench.analysis.tables import printable
from optbench.optimizers import OPTIMIZERS
from optbench.report.style import (
    COLOURS,
    PALETTE,
    PowerFormatter,
    colour_of,
    line_styles,
    power_of_ten,
)

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


@pytest.mark.parametrize("mine", ["MyOpt", "my_file.py:MyAdam", "Sophia2", "torch.Rprop", "x"])
def test_a_colour_depends_on_the_name_alone(mine: str) -> None:
    """Known or not, a name has one colour, alone and beside any others, with any parameters."""
    alone = line_styles([mine])[mine].colour

    assert alone in PALETTE
    for others in (["adam", "gd"], NAMES, [f"{mine}:beta={i}" for i in range(4)]):
        styles = line_styles([mine, *others])
        assert styles[mine].colour == alone
        assert {styles[n].colour for n in others if n.startswith(mine)} <= {alone}


def test_optimizers_that_are_shown_together_differ_in_colour() -> None:
    """The methods of a suite, Adam's relatives, and what trains networks differ among them."""
    together = (
        "gd sgd heavy_ball nesterov adagrad rmsprop adam adamw scipy.L-BFGS-B scipy.BFGS",
        "adam adamw amsgrad nadam radam adamax adadelta adafactor sgd",
        "sgd heavy_ball adam adamw lion muon shampoo soap kfac sophia_g",
        "gd heavy_ball nesterov adagrad rmsprop adam adamw "
        "scipy.BFGS scipy.CG scipy.L-BFGS-B scipy.Newton-CG",
        "gd heavy_ball nesterov_convex ogm fista chebyshev conjugate_gradient newton closed_form",
    )
    for names in map(str.split, together):
        assert len({colour_of(name) for name in names}) == len(names)


def test_every_equation_has_a_colour_in_the_table() -> None:
    """An optimizer that is added gets its colour by thought, not by checksum."""
    ours = {name for name in OPTIMIZERS if not re.search(r"[.:]", name)}

    assert ours <= set(COLOURS)


def test_fifty_variants_of_one_optimizer_look_different() -> None:
    """Dash and marker tell apart what shares a colour."""
    styles = line_styles(f"adam:beta1={i}" for i in range(50))

    assert len(set(styles.values())) == 50
    assert {style.colour for style in styles.values()} == {COLOURS["adam"]}
