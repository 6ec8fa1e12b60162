"""The page of what conforms and what deviates: one matrix, and a word on every deviation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from optbench.conformance.battery import Scope
from optbench.conformance.check import Row, Verdict
from optbench.conformance.survey import Entry, Survey
from optbench.core.errors import OptbenchError
from optbench.report.template import template_of

MARKS = {Verdict.CONFORMS: "✓", Verdict.DEVIATES: "✗", Verdict.NOT_APPLICABLE: "·"}
"""A verdict as one character."""

COLUMNS = {
    "first step": ("first-step",),
    "trajectories": ("trajectory-", "closed-loop", "constant-gradient"),
    "hyperparameters": ("hyper-",),
    "zero to huge": ("zero-gradient", "tiny-gradients", "huge-gradients"),
    "blocks and groups": ("missing-gradient", "blocks-apart", "groups"),
    "resume": ("resume", "deterministic"),
    "paths": ("paths", "maximize", "decay-option"),
    "gradient kept": ("gradient-kept",),
    "precision": ("float32", "bfloat16"),
}
"""Column of the matrix to how the ids of its checks begin; theory's rows are in the last one."""

THEORY = "theory"


@dataclass(frozen=True)
class Line:
    """One class and equation, as the page shows it."""

    entry: Entry
    marks: Sequence[tuple[str, str]]
    difference: str


def write_conformance(survey: Survey, folder: Path) -> Path:
    """Write `index.html` and `table.md`.

    Args:
        survey: What was found.
        folder: Where to write; made if needed.

    Returns:
        The path of the page.

    Raises:
        OptbenchError: When the folder cannot be written.
    """
    page = render(survey)
    table = markdown(survey.entries)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.md").write_text(table, encoding="utf-8")
        (folder / "index.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise OptbenchError(f"cannot write the page to {folder}: {error.strerror}") from error
    return folder / "index.html"


def render(survey: Survey) -> str:
    """Return the page as HTML; every name in it is escaped."""
    entries = survey.entries
    deviating = [entry for entry in entries if entry.found.deviations]
    return template_of("conformance.html.j2").render(
        lines=[Line(entry, marks(entry.found.rows), difference(entry)) for entry in entries],
        columns=[*COLUMNS, THEORY],
        conform=len(entries) - len(deviating),
        scopes=Counter(str(entry.found.scope) for entry in deviating),
        kinds=Counter(str(entry.judgement.kind) for entry in deviating if entry.judgement),
        survey=survey,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def marks(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return for each column a mark and what is behind it, in words."""
    found = []
    for column in (*COLUMNS, THEORY):
        own = [row for row in rows if _column(row.check) == column]
        worst = _worst(own)
        seen = [f"{r.check}: {r.got}" for r in own if r.verdict is Verdict.DEVIATES]
        found.append((MARKS[worst], "; ".join(seen) or str(worst)))
    return found


def _column(check: str) -> str:
    return next((c for c, begin in COLUMNS.items() if check.startswith(begin)), THEORY)


def _worst(rows: Sequence[Row]) -> Verdict:
    verdicts = {row.verdict for row in rows}
    for verdict in (Verdict.DEVIATES, Verdict.CONFORMS):
        if verdict in verdicts:
            return verdict
    return Verdict.NOT_APPLICABLE


def difference(entry: Entry) -> str:
    """Return in one phrase what an implementation is instead of the equation."""
    found = entry.found
    if not found.deviations:
        return ""
    if found.diagnosis is not None:
        return found.diagnosis.text if found.diagnosis.exact else f"perhaps: {found.diagnosis.text}"
    checks = ", ".join(row.check for row in found.deviations)
    if found.scope is Scope.STEPS:
        return f"no known variant agrees; {checks}"
    return f"the equation's steps; {checks}"


def markdown(entries: Sequence[Entry]) -> str:
    """Return what a README says: who conforms, and a table of our judgements of the others."""
    good = [entry for entry in entries if not entry.found.deviations]
    lines = [f"Conform: {', '.join(map(_claim, good))}.", ""]
    lines += ["| deviates | from | in | as | what differs |", "| --- | --- | --- | --- | --- |"]
    for entry in entries:
        if not entry.found.deviations:
            continue
        judgement = entry.judgement
        kind, text = (judgement.kind, judgement.text) if judgement else ("", difference(entry))
        name, equation = f"`{entry.found.name}`", f"`{entry.found.equation}`"
        cells = (name, equation, entry.found.scope, kind, text)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _claim(entry: Entry) -> str:
    settings = f" ({entry.settings})" if entry.settings else ""
    return f"`{entry.found.name}`{settings} to `{entry.found.equation}`"
