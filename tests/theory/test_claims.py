"""Every claim: it holds, it is written out, and its texts can be shown."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

from optbench.theory.claim import Claim, Kind
from optbench.theory.claims import load_claims
from optbench.theory.finding import Verdict
from optbench.theory.verify import verify

CLAIMS = load_claims()


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
def test_the_claim_holds(claim: Claim) -> None:
    """Its verdict is PASS, and what textbooks say of it is shown by a picture."""
    (row,) = verify([claim])
    finding = row.finding
    assert finding.verdict is Verdict.PASS, finding.reason
    if claim.says or claim.headline or claim.kind in (Kind.RATE, Kind.SCALING, Kind.THRESHOLD):
        assert finding.plot is not None
    for series in finding.plot.series if finding.plot else ():
        assert len(series.x) == len(series.y) <= 4000
        assert np.isfinite(series.y).any(), series.label


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
def test_the_claim_is_written_out(claim: Claim) -> None:
    """One sentence, a formula that can be drawn, assumptions, a source, a reason."""
    assert re.fullmatch(r"[A-Z]{1,3}-\d\d[a-z]?", claim.id)
    assert claim.statement[0].isupper()
    assert claim.statement.endswith(".")
    assert len(claim.statement) <= 200
    MathTextParser("path").parse(f"${claim.formula}$")
    assert claim.assumptions
    assert claim.source
    assert claim.tolerance.reason


def test_ids_are_unique() -> None:
    """No two claims have one name."""
    assert max(Counter(claim.id for claim in CLAIMS).values()) == 1


def test_no_statement_of_a_textbook_is_settled_twice() -> None:
    """Each quote belongs to one claim."""
    quotes = Counter((q.text, q.statement) for claim in CLAIMS for q in claim.says)
    assert max(quotes.values(), default=1) == 1
