"""One look a name, the same everywhere."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from optbench.analysis.tables import printable
from optbench.optimizers import OPTIMIZERS
from optbench.report.style import (
    DASHES,
    KNOWN,
    PALETTE,
    PowerFormatter,
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
    """`torch.Adam` is purple like `adam`, never dashed like it, whether `adam` is there or not."""
    style = line_styles(["torch.Adam", *others])["torch.Adam"]

    assert style.colour == KNOWN["adam"][0]
    assert style.dash != KNOWN["adam"][1]


@pytest.mark.parametrize("known", KNOWN)
def test_a_known_name_looks_the_same_in_every_report(known: str) -> None:
    """Colour, dash and marker are the table's, whatever else is in the figure."""
    alone = line_styles([known])[known]

    assert (alone.colour, alone.dash) == KNOWN[known]
    for others in (NAMES, [*KNOWN], [f"{known}:a={i}" for i in range(9)], [f"x{i}" for i in "abc"]):
        assert line_styles([known, *others])[known] == alone


def test_a_variant_alone_looks_as_its_optimizer_and_a_stranger_is_solid() -> None:
    """A dash is another one only where somebody has it."""
    styles = line_styles(["heavy_ball:beta=0.5", "mine"])

    assert styles["heavy_ball:beta=0.5"].dash == KNOWN["heavy_ball"][1]
    assert styles["mine"].dash == "-"
    assert line_styles(["gd", "mine"])["mine"].dash != "-"


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


TOGETHER = (
    "gd sgd heavy_ball nesterov adagrad rmsprop adam adamw scipy.L-BFGS-B scipy.BFGS",
    "adam adamw amsgrad nadam radam adamax adadelta adafactor sgd",
    "sgd heavy_ball adam adamw lion muon shampoo soap kfac sophia_g",
    "gd heavy_ball nesterov adagrad rmsprop adam adamw "
    "scipy.BFGS scipy.CG scipy.L-BFGS-B scipy.Newton-CG",
    "gd heavy_ball nesterov_convex ogm fista chebyshev conjugate_gradient newton closed_form",
)
"""The methods of a suite, Adam's relatives, what trains networks, and what theory knows."""


@pytest.mark.parametrize("together", TOGETHER)
def test_optimizers_that_are_shown_together_differ(together: str) -> None:
    """In colour; in greyscale all dashes are used, and names of one dash differ in markers."""
    styles = list(line_styles(together.split()).values())

    assert len({style.colour for style in styles}) == len(styles)
    assert len({style.dash for style in styles}) == min(len(styles), len(DASHES))
    assert len({(style.dash, style.marker) for style in styles}) == len(styles)


def test_known_names_of_one_colour_differ_in_dash() -> None:
    """`nesterov` is not `nesterov_convex`, nor `adam` `ogm`: no two have the same look."""
    assert len(set(KNOWN.values())) == len(KNOWN)


def test_strangers_differ_in_greyscale() -> None:
    """Eight unknown names have eight dashes, whatever their colours; seventy, markers too."""
    for count in (8, 70):
        styles = line_styles(f"mine{i}" for i in range(count)).values()
        assert len({style.dash for style in styles}) == len(DASHES)
        assert len({(style.dash, style.marker) for style in styles}) == count


USUAL = ("gd", "sgd", "heavy_ball", "nesterov", "adagrad", "rmsprop", "adam", "adamw")

BLINDNESS = {
    "none": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
"""What becomes of linear red, green and blue (Machado, Oliveira and Fernandes 2009)."""


def test_colours_are_seen_on_white() -> None:
    """Every known optimizer's contrast with white paper is 2.5 or more, as WCAG measures it."""
    for colour, _ in KNOWN.values():
        luminance = float(_linear(colour) @ [0.2126, 0.7152, 0.0722])
        assert 1.05 / (luminance + 0.05) >= 2.5


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_the_usual_colours_stay_apart_for_every_eye(blindness: str) -> None:
    """Any two of eight are 0.08 apart; for Petroff's own ten that is 0.06."""
    eye = np.array(BLINDNESS[blindness])
    seen = [_oklab(eye @ _linear(KNOWN[name][0])) for name in USUAL]

    # A hundredth is about what can be told apart at all; the figures are rounded to 0.005.
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > 0.075


def _linear(colour: str) -> NDArray[np.float64]:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear: NDArray[np.float64] = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear


def _oklab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lightness and two hues of a colour, evenly spaced to the eye (Ottosson 2020)."""
    cones = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]])
    axes = np.array([[0.2105, 0.7936, -0.0041], [1.978, -2.429, 0.451], [0.026, 0.783, -0.809]])
    seen: NDArray[np.float64] = axes @ np.cbrt(cones @ np.clip(linear, 0, 1))
    return seen


def test_every_equation_has_a_colour_in_the_table() -> None:
    """An optimizer that is added gets its colour by thought, not by checksum."""
    ours = {name for name in OPTIMIZERS if not re.search(r"[.:]", name)}

    assert ours <= set(KNOWN)


def test_fifty_variants_of_one_optimizer_look_different() -> None:
    """Dash and marker tell apart what shares a colour."""
    styles = line_styles(f"adam:beta1={i}" for i in range(50))

    assert len(set(styles.values())) == 50
    assert {style.colour for style in styles.values()} == {KNOWN["adam"][0]}
