"""Parameters read off signatures, and checked."""

from __future__ import annotations

from typing import Annotated

import pytest

from optbench.core.errors import SpecError
from optbench.core.parameters import (
    LearningRate,
    Momentum,
    Numbers,
    Param,
    Value,
    Vector,
    complete,
    parameters_of,
    vector_of,
    vectors_among,
)


def family(
    x: NoSuchType,  # type: ignore[name-defined]  # noqa: F821
    *,
    dim: Annotated[int, Param("variables", low=1)] = 10,
    kappa: Annotated[float, Param("condition number", low=1)] = 2.0,
    kind: Annotated[str, Param("shape", choices=("round", "long"))] = "round",
    rotated: bool = True,
    lr: LearningRate = "1/L",
    beta: Momentum = 0.9,
) -> None:
    """Stand for a family; what is not a parameter may have any annotation."""


PARAMETERS = parameters_of(family)


def test_keyword_arguments_are_the_parameters() -> None:
    """Names, types and defaults come from the signature."""
    found = [(p.name, p.kind, p.default) for p in PARAMETERS.values()]

    assert found == [
        ("dim", int, 10),
        ("kappa", float, 2.0),
        ("kind", str, "round"),
        ("rotated", bool, True),
        ("lr", float, "1/L"),
        ("beta", float, 0.9),
    ]


def test_defaults_are_filled_in_and_numbers_take_the_declared_type() -> None:
    """A whole number given for a float is a float, and 1e1 for an int is an int."""
    values = complete("family", PARAMETERS, {"kappa": 5, "dim": 1e1, "lr": 1})

    assert values == {
        "dim": 10,
        "kappa": 5.0,
        "kind": "round",
        "rotated": True,
        "lr": 1.0,
        "beta": 0.9,
    }
    assert (type(values["dim"]), type(values["kappa"]), type(values["lr"])) == (int, float, float)


@pytest.mark.parametrize("lr", ["1/L", "1.9/L", "two-over-sum", "polyak"])
def test_tunings_pass_for_learning_rates(lr: str) -> None:
    """The closed vocabulary is accepted where it belongs."""
    assert complete("family", PARAMETERS, {"lr": lr})["lr"] == lr


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"dmi": 1}, "did you mean dim"),
        ({"dim": 0}, r"dim must be in \[1, inf\), got 0"),
        ({"dim": 1.5}, "whole number"),
        ({"kappa": 0.5}, r"kappa must be in \[1, inf\)"),
        ({"kappa": "high"}, "must be a number"),
        ({"kappa": True}, "must be a number"),
        ({"kind": "lnog"}, "did you mean long"),
        ({"rotated": 1}, "true or false"),
        ({"lr": -1.0}, r"lr must be in \(0, inf\)"),
        ({"lr": 0}, r"lr must be in \(0, inf\)"),
        ({"lr": "0/L"}, r"lr must be in \(0, inf\)"),
        ({"lr": "nan"}, "tuning"),
        ({"lr": float("nan")}, "lr must be in"),
        ({"lr": float("inf")}, "lr must be in"),
        ({"beta": 1.0}, r"beta must be in \[0, 1\)"),
        ({"beta": "1/L"}, "polyak"),
        ({"kappa": "1/L"}, "must be a number"),
    ],
)
def test_wrong_values_are_refused_with_the_rule(given: dict[str, Value], complaint: str) -> None:
    """The message names the parameter, the rule and what was got."""
    with pytest.raises(SpecError, match=complaint):
        complete("family", PARAMETERS, given)


def test_a_parameter_without_default_is_refused() -> None:
    """A name alone must be a full spec."""

    def incomplete(*, dim: int) -> None: ...

    with pytest.raises(SpecError, match="needs a default"):
        parameters_of(incomplete)


def curve(
    *,
    start: Annotated[Vector, Param("first point")] = "",
    steps: Annotated[Vector, Param("milestones", low=0)] = "30/60",
    side: Annotated[Vector, Param("a word or a point", choices=("left", "right"))] = "left",
    speed: Annotated[float, Param("speed")] = 1.0,
) -> None:
    """Stand for a family with vectors among its parameters."""


def _complete(**given: Value) -> dict[str, Value]:
    return complete("curve", parameters_of(curve), given)


def test_vectors_are_text_and_an_empty_one_is_left_to_the_owner() -> None:
    """The annotation makes the kind; of an empty vector nothing is written in the spec."""
    assert {name: p.kind for name, p in parameters_of(curve).items()} == {
        "start": Numbers,
        "steps": Numbers,
        "side": Numbers,
        "speed": float,
    }
    assert vectors_among(parameters_of(curve)) == {"start", "steps", "side"}
    assert _complete() == {"steps": "30/60", "side": "left", "speed": 1.0}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("1.50/-2e0/+.5", "1.5/-2/0.5"),
        ("0.1234567890123456/1", "0.1234567890123456/1"),
        (1.5, "1.5"),
        (3, "3"),
        ("1e-300/1e300", "1e-300/1e+300"),
    ],
)
def test_equal_vectors_have_one_text(given: Value, text: str) -> None:
    """However a number is written, the spec holds its shortest form; one number is a vector too."""
    assert _complete(start=given)["start"] == text
    assert vector_of(text) == tuple(float(part) for part in str(given).split("/"))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"start": "1/two"}, "curve: start: '1/two' is not numbers joined by /, as in 1.5/1.5"),
        ({"start": "1//2"}, "is not numbers"),
        ({"start": "1e999"}, "is not numbers"),
        ({"start": "nan/1"}, "is not numbers"),
        ({"start": True}, "is not numbers"),
        ({"steps": "3/-1"}, r"steps must be in \[0, inf\), got -1"),
        ({"side": "lfet"}, "did you mean left"),
    ],
)
def test_wrong_vectors_are_refused_with_the_rule(given: dict[str, Value], complaint: str) -> None:
    """Every number of a vector is looked at."""
    with pytest.raises(SpecError, match=complaint):
        _complete(**given)
