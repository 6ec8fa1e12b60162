"""A claim must be able to fail: for each claim a planted bug, which its check must see."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from optbench.theory.claim import Claim
from optbench.theory.claims import load_claims
from optbench.theory.finding import Verdict
from optbench.theory.verify import verify
from tests.theory.planting import Mutant, forget

CLAIMS = {claim.id: claim for claim in load_claims()}


def _mutants() -> dict[str, tuple[Mutant, ...]]:
    found: dict[str, tuple[Mutant, ...]] = {}
    for path in sorted((Path(__file__).parent / "mutants").glob("*.py")):
        table = importlib.import_module(f"tests.theory.mutants.{path.stem}").MUTANTS
        assert not found.keys() & table.keys()
        found |= table
    return found


MUTANTS = _mutants()


def _cases() -> list[ParameterSet]:
    """Return every bug; those of long claims, and all but the first of each, take too long."""
    return [
        pytest.param(
            name,
            mutant,
            id=f"{name}: {mutant.bug}",
            marks=[pytest.mark.slow] if place or (name in CLAIMS and CLAIMS[name].long) else [],
        )
        for name, mutants in MUTANTS.items()
        for place, mutant in enumerate(mutants)
    ]


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Leave nothing of a planted bug behind in a cache."""
    yield
    forget()


@pytest.mark.parametrize(("name", "mutant"), _cases())
def test_the_bug_is_seen(name: str, mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bug planted the claim's verdict is FAIL."""
    claim: Claim = CLAIMS[name]
    mutant.plant(monkeypatch)
    (row,) = verify([claim])
    assert row.finding.verdict is Verdict.FAIL, row.finding


def test_every_claim_has_a_bug_that_it_catches() -> None:
    """No claim is without a mutant, and no mutant without a claim."""
    assert set(MUTANTS) == set(CLAIMS)
