"""The claims that `optbench verify --json` has printed, as a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optbench.analysis.tables import printable
from optbench.core.errors import OptbenchError
from optbench.report.tables.table import Cell, Table

NUMBER = 7
"""Significant digits of what theory says and of what was measured, as `optbench verify` prints."""

_NEEDED = ("id", "statement", "theory", "measured", "verdict")


def read_claims(path: Path) -> list[dict[str, Any]]:
    """Read what `optbench verify --json` printed.

    Raises:
        OptbenchError: For a file that is not there, or another one.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptbenchError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise OptbenchError(f"{path} is not JSON: {error}") from error
    sound = isinstance(rows, list) and all(
        isinstance(row, dict) and {*_NEEDED} <= row.keys() for row in rows
    )
    if not sound:
        raise OptbenchError(f"{path} is not what optbench verify --json prints")
    if not rows:
        raise OptbenchError(f"{path} holds no claim")
    return list(rows)


def claims(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Tabulate claims: what theory says, what was measured, the verdict.

    Args:
        rows: Claims as data, see `optbench.theory.table.as_data`.

    Returns:
        The table.
    """
    lines = tuple(
        (
            printable(str(row["id"])),
            (
                Cell(words=printable(" ".join(str(row["statement"]).split()))),
                Cell(words=_shown(row["theory"])),
                Cell(words=_shown(row["measured"])),
                Cell(words=_tolerance(row)),
                Cell(words=_shown(row.get("tightness"), 4)),
                Cell(words=printable(str(row["verdict"]))),
            ),
        )
        for row in rows
    )
    counts = Counter(str(row["verdict"]) for row in rows)
    told = ", ".join(f"{count} {printable(verdict)}" for verdict, count in counts.most_common())
    reasons = [
        f"{row['id']} {row['verdict']}: {row['reason']}" for row in rows if row.get("reason")
    ]
    return Table(
        kind="claims",
        caption=f"{len(rows)} claims of theory held against running code: {told}. Tolerance is how "
        "far the two may lie apart, or the interval of what was measured (4.5 standard errors); "
        "tightness is how close a bound comes.",
        corner="claim",
        columns=("statement", "theory", "measured", "tolerance", "tightness", "verdict"),
        rows=lines,
        notes=tuple(printable(" ".join(reason.split())) for reason in reasons),
        texts=(0,),
        records=tuple(_record(row) for row in rows),
    )


def _shown(value: object, digits: int = NUMBER) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.{digits}g}"
    return printable(" ".join(str(value).split()))


def _tolerance(row: Mapping[str, Any]) -> str:
    interval = row.get("interval")
    if isinstance(interval, list | tuple) and len(interval) == 2:
        return f"[{_shown(interval[0], 5)}, {_shown(interval[1], 5)}]"
    return _shown(row.get("tolerance"))


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {k: v for k, v in row.items() if not isinstance(v, list | tuple | dict)}
    interval = row.get("interval")
    ends = interval if isinstance(interval, list | tuple) and len(interval) == 2 else (None, None)
    return {**plain, "interval_low": ends[0], "interval_high": ends[1]}
