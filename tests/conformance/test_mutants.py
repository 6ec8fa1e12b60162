"""The mutation table: every planted bug is caught, and most are called by their name."""

from __future__ import annotations

import pytest

from optbench.conformance.battery import conform
from optbench.conformance.check import Verdict
from tests.conformance.mutants import BUGS, PLAIN, optimizer


@pytest.mark.parametrize("equation", PLAIN)
def test_an_independent_implementation_conforms(equation: str) -> None:
    """A plain rewriting of the published algorithm passes every check that applies to it."""
    update, defaults = PLAIN[equation]
    found = conform(optimizer(update, **defaults), equation)

    assert found.verdict is Verdict.CONFORMS, found.deviations


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught_and_named(bug: str) -> None:
    """The battery deviates, and the diagnosis says which bug it is, where a variant has it."""
    equation, update, defaults, said = BUGS[bug]
    found = conform(optimizer(update, **defaults), equation)

    assert found.verdict is Verdict.DEVIATES
    if said:
        assert found.diagnosis is not None
        assert said in found.diagnosis.text
