"""The mutation table: every planted bug is caught, and most are called by their name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from optbench.conformance.battery import checks_for, conform, pair_of, rows_of
from optbench.conformance.check import Verdict, apply
from optbench.conformance.diagnose import diagnose, tapes, trials
from optbench.conformance.pair import Pair
from optbench.conformance.trial import Trial
from optbench.core.optimizer import UpdateRule
from optbench.optimizers.foreign.quiet import quiet
from tests.conformance.contract_mutants import CONTRACT_BUGS
from tests.conformance.mutants import BUGS, PLAIN, RULE_BUGS, optimizer

SEEN = {"adam", "amsgrad", "adamw", "heavy_ball", "nesterov", "rmsprop", "adagrad", "lamb"}
"""Equations that other tests hold implementations against."""


@pytest.mark.parametrize("equation", sorted(set(PLAIN) - SEEN))
def test_an_independent_implementation_conforms(equation: str) -> None:
    """A plain rewriting of the published algorithm passes every check that applies to it."""
    _plain_conforms(equation)


@pytest.mark.slow
@pytest.mark.parametrize("equation", sorted(set(PLAIN) & SEEN))
def test_every_other_independent_implementation_conforms(equation: str) -> None:
    """So do those of equations to which torch's classes and unusual styles are held already."""
    _plain_conforms(equation)


def _plain_conforms(equation: str) -> None:
    update, defaults = PLAIN[equation]
    found = conform(optimizer(update, **defaults), equation)

    assert found.verdict is Verdict.CONFORMS, found.deviations


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught_and_named(bug: str) -> None:
    """Some check deviates; on shown gradients the diagnosis says which bug it is, if one does."""
    _caught_and_named(bug, tapes)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_named_by_its_trajectories_too(bug: str) -> None:
    """The diagnosis is the same when trajectories of a few hundred steps must agree as well."""
    _caught_and_named(bug, trials)


def _caught_and_named(bug: str, among: Callable[[Pair], Iterator[Trial]]) -> None:
    equation, update, defaults, said = BUGS[bug]
    with quiet():
        pair = pair_of(optimizer(update, **defaults), equation)
        caught = next((row for row in rows_of(pair) if row.verdict is Verdict.DEVIATES), None)
        diagnosis = diagnose(pair, among) if said else None

    assert caught is not None
    if said:
        assert diagnosis is not None
        assert said in diagnosis.text


@pytest.mark.parametrize("bug", RULE_BUGS)
def test_a_bug_in_a_rule_is_caught_by_the_row_of_theory(bug: str) -> None:
    """Bugs that a one-sided bound lets pass are caught by the check that theory names."""
    equation, rule, checks = RULE_BUGS[bug]
    assert checks <= _deviating(rule, equation, checks)


@pytest.mark.parametrize("bug", CONTRACT_BUGS)
def test_a_broken_contract_is_caught_by_its_check(bug: str) -> None:
    """What breaks blocks, groups, checkpoints or gradients is caught by the check that says so."""
    equation, cls, check = CONTRACT_BUGS[bug]
    assert _deviating(cls, equation, {check}) == {check}


def _deviating(implementation: type | UpdateRule, equation: str, ids: set[str]) -> set[str]:
    """Return which of the checks deviate; the others are not carried out."""
    with quiet():
        pair = pair_of(implementation, equation)
        checks = [c for c in checks_for(equation, pair.equation.rule) if c.id in ids]
        rows = [apply(check, pair) for check in checks]
    return {row.check for row in rows if row.verdict is Verdict.DEVIATES}
