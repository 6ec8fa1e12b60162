"""A comparison in plain text, and as plain data for `summary.json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from optbench.nightly.compare import Comparison
from optbench.nightly.judgement import Judgement, Verdict
from optbench.nightly.record import Value, digest

TOLD = 40
"""Series that are told one by one; of more, the count."""

_SHOWN = (Verdict.REGRESSION, Verdict.SUSPICIOUS, Verdict.IMPROVED, Verdict.ROUNDING)


def lines(comparison: Comparison) -> list[str]:
    """Return what a terminal shows: what could not run, what has changed, and a verdict."""
    night, against = comparison.night, comparison.against
    told = [f"could not run: {failure}" for failure in night.failures]
    told += [f"note: {note}" for note in comparison.notes]
    shown = [j for verdict in _SHOWN for j in comparison.judgements if j.verdict is verdict]
    told += [_line(judgement) for judgement in shown[:TOLD]]
    if len(shown) > TOLD:
        told.append(f"... and {len(shown) - TOLD} more, see summary.json")
    if comparison.gone:
        told.append(f"no longer measured: {_some(map(str, comparison.gone))}")
    commit = f" at {night.commit[:10]}{'-dirty' if night.dirty else ''}" if night.commit else ""
    past = f"against {against.id}" if against else "the first night"
    told.append(f"night {night.id}{commit}, {past}")
    counts = [f"{count} {verdict}" for verdict, count in comparison.counts.items()]
    told.append(f"{len(comparison.judgements)} series: {', '.join(counts) or 'none'}")
    return told


def _line(judgement: Judgement) -> str:
    parts = [f"{judgement.verdict}: {judgement.key}", _change(judgement)]
    return "; ".join(part for part in (*parts, judgement.reason) if part)


def _change(judgement: Judgement) -> str:
    if isinstance(judgement.before, str) or isinstance(judgement.after, str):
        return ""
    text = f"{shown(judgement.before)} -> {shown(judgement.after)}"
    change = judgement.change
    return (
        text
        if change is None
        else f"{text} ({change:+.2g})"
        if abs(change) < 1e-4
        else (f"{text} ({change:+.1%})")
    )


def shown(value: Value) -> str:
    """Return a value as people read it."""
    if value is None:
        return "never"
    return value if isinstance(value, str) else f"{value:.6g}"


def _some(names: Iterable[str], limit: int = 5) -> str:
    every = list(names)
    rest = f" and {len(every) - limit} more" if len(every) > limit else ""
    return f"{', '.join(every[:limit])}{rest}"


def as_data(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data, for JSON."""
    night, against = comparison.night, comparison.against
    return {
        "night": night.id,
        "date": night.date,
        "suite": night.suite,
        "device": night.device,
        "commit": night.commit,
        "subject": night.subject,
        "dirty": night.dirty,
        "against": against.id if against else None,
        "against_commit": against.commit if against else None,
        "verdict": str(comparison.verdict),
        "exit_status": int(comparison.exit),
        "counts": {str(verdict): count for verdict, count in comparison.counts.items()},
        "failures": list(night.failures),
        "notes": list(comparison.notes),
        "gone": [key._asdict() for key in comparison.gone],
        "series": [
            {
                **judgement.key._asdict(),
                "id": digest(list(judgement.key)),
                "kind": str(judgement.kind),
                "verdict": str(judgement.verdict),
                "before": judgement.before,
                "after": judgement.after,
                "change": judgement.change,
                "reason": judgement.reason,
                "against": judgement.against or None,
            }
            for judgement in comparison.judgements
        ],
    }
