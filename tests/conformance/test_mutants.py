"""The mutation table: every planted bug is caught, and most are called by their name."""

from __future__ import annotations

import pytest

from optbench.conformance.battery import conform, pair_of, rows_of
from optbench.conformance.check import Verdict
from optbench.conformance.diagnose import diagnose
from optbench.optimizers.foreign.quiet import quiet
from tests.conformance.contract_mutants import CONTRACT_BUGS
from tests.conformance.mutants import BUGS, PLAIN, RULE_BUGS, optimizer


@pytest.mark.parametrize("equation", PLAIN)
def test_an_independent_implementation_conforms(equation: str) -> None:
    """A plain rewriting of the published algorithm passes every check that applies to it."""
    update, defaults = PLAIN[equation]
    found = conform(optimizer(update, **defaults), equation)

    assert found.verdict is Verdict.CONFORMS, found.deviations


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught_and_named(bug: str) -> None:
    """Some check deviates, and the diagnosis says which bug it is, where a variant has it."""
    equation, update, defaults, said = BUGS[bug]
    with quiet():
        pair = pair_of(optimizer(update, **defaults), equation)
        caught = next((row for row in rows_of(pair) if row.verdict is Verdict.DEVIATES), None)
        diagnosis = diagnose(pair) if said else None

    assert caught is not None
    if said:
        assert diagnosis is not None
        assert said in diagnosis.text


@pytest.mark.parametrize("bug", RULE_BUGS)
def test_a_bug_in_a_rule_is_caught_by_the_row_of_theory(bug: str) -> None:
    """Bugs that a one-sided bound lets pass are caught by the check that theory names."""
    equation, rule, checks = RULE_BUGS[bug]
    with quiet():
        rows = list(rows_of(pair_of(rule, equation)))

    deviating = {row.check for row in rows if row.verdict is Verdict.DEVIATES}
    assert checks <= deviating


@pytest.mark.parametrize("bug", CONTRACT_BUGS)
def test_a_broken_contract_is_caught_by_its_check(bug: str) -> None:
    """What breaks blocks, groups, checkpoints or gradients is caught by the check that says so."""
    equation, cls, check = CONTRACT_BUGS[bug]
    found = conform(cls, equation)

    assert check in {row.check for row in found.deviations}
