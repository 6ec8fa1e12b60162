"""The table of claims is what `optbench verify --json` printed; nothing else is taken for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optbench.core.errors import OptbenchError
from optbench.report.tables import FORMATS
from optbench.report.tables.claims import claims, read_claims

ROW: dict[str, Any] = {
    "id": "GD-03",
    "statement": "After T steps   gradient descent is at worst <L R^2>/(4 T + 2) above.",
    "theory": 0.00024987506,
    "measured": 0.00024987509,
    "interval": None,
    "tolerance": "1e-09 relative",
    "tightness": 0.99999,
    "window": [1, 2],
    "verdict": "PASS",
    "reason": "",
    "textbooks": [],
}
SAMPLED = ROW | {
    "id": "SG-01",
    "theory": "at least 2",
    "measured": None,
    "interval": [0.5, 0.25],
    "tightness": None,
    "verdict": "FAIL",
    "reason": "the interval lies outside",
}


def write(path: Path, data: object) -> Path:
    """Write JSON."""
    path.write_text(json.dumps(data))
    return path


def test_claims_come_back(tmp_path: Path) -> None:
    """Words, numbers, tolerances and verdicts are those of the file; reasons stand below."""
    made = claims(read_claims(write(tmp_path / "claims.json", [ROW, SAMPLED])))
    (first, sampled) = ([cell.words for cell in cells] for _, cells in made.rows)

    assert [label for label, _ in made.rows] == ["GD-03", "SG-01"]
    assert first[1:] == ["0.0002498751", "0.0002498751", "1e-09 relative", "1", "PASS"]
    assert "  " not in first[0]
    assert sampled[1:] == ["at least 2", "", "[0.5, 0.25]", "", "FAIL"]
    assert made.notes == ("SG-01 FAIL: the interval lies outside",)
    assert "2 claims" in made.caption
    assert "1 PASS, 1 FAIL" in made.caption
    frame = made.to_pandas()
    assert frame["measured"].tolist()[0] == ROW["measured"]
    assert frame["interval_low"].tolist()[1] == 0.5


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_every_claim(form: str) -> None:
    """Each format names both claims and their verdicts."""
    written = FORMATS[form](claims([ROW, SAMPLED]))

    for word in ("GD", "SG", "PASS", "FAIL", "gradient descent"):
        assert word in " ".join(written.split())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "is not what optbench verify --json prints"),
        ('[{"id": 1}]', "is not what optbench verify --json prints"),
        ("[]", "holds no claim"),
    ],
)
def test_another_file_is_one_clear_line(tmp_path: Path, content: str, complaint: str) -> None:
    """What is not the output of verify is refused by its name."""
    path = tmp_path / "claims.json"
    path.write_text(content)
    with pytest.raises(OptbenchError, match=complaint) as error:
        read_claims(path)

    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(OptbenchError, match=r"cannot read .*nowhere: No such file"):
        read_claims(tmp_path / "nowhere")
