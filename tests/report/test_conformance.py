"""The page of what conforms and what deviates."""

from __future__ import annotations

from pathlib import Path

import pytest

from optbench.conformance.battery import Conformance
from optbench.conformance.check import Row, Verdict
from optbench.conformance.diagnose import Diagnosis
from optbench.conformance.judgements import JUDGEMENTS, Judgement, Kind
from optbench.conformance.match import CLAIMS
from optbench.conformance.survey import Entry, Survey
from optbench.core.errors import OptbenchError
from optbench.report.conformance import marks, write_conformance


def _row(check: str, verdict: Verdict) -> Row:
    return Row(check=check, statement="what is true", expected="0", got="1 <b>", verdict=verdict)


def _entry(name: str, *rows: Row, judgement: Judgement | None = None) -> Entry:
    deviates = any(row.verdict is Verdict.DEVIATES for row in rows)
    found = Conformance(
        name=name,
        equation="adam",
        rows=rows,
        diagnosis=Diagnosis("epsilon <inside>", "known") if deviates else None,
        notes=("default lr is 1, not 2",),
    )
    return Entry(found, judgement, "centered=True")


GOOD = _entry("torch.Good", _row("first-step", Verdict.CONFORMS))
BAD = _entry(
    "zoo.Bad<script>",
    _row("first-step", Verdict.DEVIATES),
    _row("groups", Verdict.NOT_APPLICABLE),
    _row("AD-02", Verdict.CONFORMS),
    judgement=Judgement(Kind.BUG, "It divides |x| by zero."),
)


def test_the_page_and_the_table_hold_every_entry(tmp_path: Path) -> None:
    """Names are escaped, deviations have their words and judgement, the page loads nothing."""
    found = Survey([GOOD, BAD], {"torch": "1"}, ["torch.Gone"], ["zoo.Other"])
    page = write_conformance(found, tmp_path / "new")
    text, table = page.read_text(), (tmp_path / "new" / "table.md").read_text()

    assert "1 conform, 1 deviate: 1 in steps. Our judgement of them: 1 bug." in text
    assert "does not have them: torch.Gone." in text
    assert "zoo.Other" in text
    assert "zoo.Bad&lt;script&gt; as adam: bug" in text
    assert "epsilon &lt;inside&gt; (known)." in text
    assert "<script" not in text
    assert "http" not in text
    assert "Conform: `torch.Good` (centered=True) to `adam`." in table
    assert "| `zoo.Bad<script>` | `adam` | steps | bug | It divides \\|x\\| by zero. |" in table


def test_a_column_shows_its_worst_check() -> None:
    """Deviation outweighs conformance; what is not applicable is told from both."""
    first, *_, theory = marks(BAD.found.rows)

    assert first == ("✗", "first-step: 1 <b>")
    assert theory[0] == "✓"
    assert [mark for mark, _ in marks(BAD.found.rows)].count("·") == 8


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """The error names the folder."""
    (tmp_path / "file").write_text("")

    with pytest.raises(OptbenchError, match="cannot write the page to"):
        write_conformance(Survey([GOOD], {}), tmp_path / "file")


def test_judgements_are_of_claims() -> None:
    """Nothing is judged that is not surveyed."""
    assert all(equation in CLAIMS[name] for name, equation in JUDGEMENTS)
