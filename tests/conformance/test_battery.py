"""The battery as a user meets it: verdicts, names, errors, the assertion for a library's tests."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest
import torch

import optbench
from optbench.conformance.battery import Conformance, assert_conforms, conform
from optbench.conformance.check import Verdict
from optbench.conformance.equations import equations
from optbench.conformance.match import CLAIMS
from optbench.core.errors import OptbenchError
from tests.conformance.mutants import ADAM, BUGS, PLAIN, adam, optimizer

HEAVY = {
    *("adafactor", "lamb", "lars", "lbfgs", "muon", "newton", "radam", "shampoo", "soap"),
    *("prodigy", "dadapt_sgd", "dadapt_adam", "nadam", "sophia_h", "schedule_free_adamw"),
}
QUICK_TORCH = [
    (name, equation)
    for name, claims in CLAIMS.items()
    for equation in claims
    if name.startswith("torch.") and name not in {"torch.ASGD", "torch.NAdam", "torch.Muon"}
]


SEEN = {*PLAIN, *(equation for _, equation in QUICK_TORCH)}
"""Equations whose checks an implementation that shares no code with them passes already."""


@functools.cache
def _found(name: str, equation: str) -> Conformance:
    """Return what the battery says, worked out once for all tests."""
    return conform(name, equation)


def _itself(equation: str) -> None:
    found = conform(equations()[equation], equation)

    assert found.verdict is Verdict.CONFORMS, found.deviations


@pytest.mark.parametrize("equation", sorted(set(equations()) - HEAVY - SEEN))
def test_an_equation_conforms_to_itself(equation: str) -> None:
    """No check is at odds with the equation that it is about."""
    _itself(equation)


@pytest.mark.slow
@pytest.mark.parametrize("equation", sorted(HEAVY | SEEN))
def test_every_other_equation_conforms_to_itself(equation: str) -> None:
    """Nor with those whose steps cost more, or that others conform to."""
    _itself(equation)


@pytest.mark.parametrize(("name", "equation"), QUICK_TORCH)
def test_torch_conforms(name: str, equation: str) -> None:
    """Torch's classes are the algorithms, but for those whose deviation is on the page."""
    found = _found(name, equation)

    assert found.verdict is Verdict.CONFORMS, found.deviations


def test_a_name_says_its_equation() -> None:
    """torch.AdamW is meant to be adamw; a class of a user's name is not guessed at."""
    assert conform("torch.Adagrad").equation == "adagrad"
    with pytest.raises(
        OptbenchError, match=r"which equation is pytorch_optimizer.Yogi meant to be"
    ):
        conform("pytorch_optimizer.Yogi")


def test_an_unknown_equation_is_answered_with_those_like_it() -> None:
    """A slip of the finger gets a suggestion."""
    with pytest.raises(OptbenchError, match=r"did you mean .*adam"):
        conform("torch.AdamW", "adamm")


def test_what_is_no_optimizer_is_refused() -> None:
    """A class without step(), or one that wants a model, is one clear line."""
    with pytest.raises(OptbenchError, match="neither a class with a step"):
        conform(dict, "adam")
    with pytest.raises(OptbenchError, match="needs sparse gradients"):
        conform("torch.SparseAdam", "adam")


def test_a_class_that_cannot_be_built_is_one_line() -> None:
    """What its constructor raises is said, with its name."""

    class Broken:
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            raise ValueError("no\nluck")

        def step(self) -> None:
            raise AssertionError

    with pytest.raises(OptbenchError, match=r"Broken cannot be built: ValueError: no luck"):
        conform(Broken, "gd")


def test_an_exception_in_a_step_is_a_deviation_that_shows_it() -> None:
    """An implementation may raise anything; the battery goes on."""

    class Raises(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, lr=lr)

        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            raise RuntimeError("out of order")

    found = conform(Raises, "gd")

    assert found.verdict is Verdict.DEVIATES
    assert all("out of order" in row.got for row in found.deviations)


def test_options_that_a_class_lacks_are_not_applicable() -> None:
    """A class without beta2 is not tested on it, and does not fail for it."""
    fixed = {key: ADAM[key] for key in ("lr", "eps")}
    found = conform(optimizer(lambda p, g, s, h: adam(p, g, s, {**ADAM, **h}), **fixed), "adam")

    rows = {row.check: row for row in found.rows}
    assert rows["hyper-beta2"].verdict is Verdict.NOT_APPLICABLE
    assert rows["hyper-eps"].verdict is Verdict.CONFORMS
    assert found.verdict is Verdict.CONFORMS, found.deviations


def test_weight_decay_is_tested_where_its_default_is_zero() -> None:
    """Lion ignores decay by default; a Lion that ignores it always is caught."""
    equation, update, defaults, _ = BUGS["lion: L2"]

    assert defaults["weight_decay"] == 0.0
    assert conform(optimizer(update, **defaults), equation).verdict is Verdict.DEVIATES


def test_a_librarys_own_test_says_what_is_wrong() -> None:
    """The assertion names the variant and the checks; it is silent about what conforms."""
    assert_conforms(torch.optim.Adagrad, "adagrad")
    equation, update, defaults, _ = BUGS["eps inside the root"]
    with pytest.raises(AssertionError) as caught:
        optbench.assert_conforms(optimizer(update, **defaults), equation)

    message = str(caught.value)
    assert "it is adam with this difference: epsilon inside the square root" in message
    assert "AD-02: expected 0.5, got" in message


def test_defaults_that_differ_are_noted_and_no_deviation() -> None:
    """Torch's momentum is 0 by default; the heavy ball's is 0.9."""
    found = _found("torch.SGD", "heavy_ball")

    assert found.notes == ("default beta is 0, not 0.9",)
    assert found.verdict is Verdict.CONFORMS


def test_a_verdict_is_plain_data() -> None:
    """Everything in it goes into JSON."""
    found = dataclasses.asdict(conform(equations()["gd"], "gd"))

    assert found["name"]
    assert {type(row["verdict"]) for row in found["rows"]} == {Verdict}
