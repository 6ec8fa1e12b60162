"""The matrix of the overview: suite, problem and optimizer by metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from optbench.analysis.tables import printable
from optbench.nightly.dashboard.changes import Change
from optbench.nightly.dashboard.series import Series, Suite, Track
from optbench.nightly.dashboard.sparkline import sparkline
from optbench.nightly.judgement import Verdict
from optbench.nightly.metrics import CONFORMANCE, STEP, STEPS_TO_TARGET, THEORY
from optbench.nightly.record import Night, Value
from optbench.nightly.summary import shown

SPARK = 60
"""Nights in a sparkline."""

SIGNS: Mapping[Verdict | None, str] = {
    Verdict.REGRESSION: "▲ worse",
    Verdict.IMPROVED: "▼ better",
    Verdict.SUSPICIOUS: "? suspicious",
    Verdict.ROUNDING: "≈ rounding",
    Verdict.NO_CHANGE: "",
    Verdict.INSUFFICIENT: "· too little data",
    None: "not measured",
}
"""Verdicts in a cell: a sign and a word, since colours alone are not for everybody."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One series on one device.

    Attributes:
        page: Its page.
        value: The newest value as text.
        change: The relative change as text, empty for none.
        verdict: Name of the verdict, `gone` where the newest night lacks the series.
        sign: The verdict in a word.
        about: The whole in a sentence, for a pointer and for who does not see.
        spark: A picture of the last nights.
    """

    page: str
    value: str
    change: str
    verdict: str
    sign: str
    about: str
    spark: Markup


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of a matrix: what it is about, and a cell a column, None where there is no series."""

    names: Sequence[str]
    cells: Sequence[Cell | None]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A table of the overview.

    Attributes:
        title: What it shows.
        heads: Heads of the columns of names.
        metrics: Heads of the columns of cells.
        lines: Its rows.
    """

    title: str
    heads: Sequence[str]
    metrics: Sequence[str]
    lines: Sequence[Line]


def matrices(suite: Suite) -> list[Matrix]:
    """Arrange the series of a suite.

    Args:
        suite: The suite.

    Returns:
        One matrix each of the runs, the steps, the claims and the implementations; of the last two
        every claim and every equation is a row.
    """
    parts: dict[str, list[Series]] = {kind: [] for kind in ("", STEP, THEORY, CONFORMANCE)}
    for series in suite.series:
        kind = series.key.problem
        parts[kind if kind in parts else ""].append(series)
    made = [
        _by_metric(suite, "runs", parts[""]),
        _by_metric(suite, "cost of a step", parts[STEP]),
        _verdicts(suite, THEORY, parts[THEORY]),
        _verdicts(suite, CONFORMANCE, parts[CONFORMANCE]),
    ]
    return [matrix for matrix in made if matrix.lines]


def _by_metric(suite: Suite, title: str, members: Iterable[Series]) -> Matrix:
    rows: dict[tuple[str, ...], dict[str, Cell]] = {}
    metrics: dict[str, int] = {}
    for series in members:
        key = series.key
        metrics[key.metric] = metrics.get(key.metric, 0) + 1
        for track in series.tracks:
            schedule = "" if key.schedule == "constant" else key.schedule
            problem = "" if key.problem == STEP else key.problem
            names = (problem, key.optimizer, schedule, track.device)
            rows.setdefault(names, {})[key.metric] = _cell(series, track, suite)
    # What is measured of most comes first, steps to target before all.
    order = sorted(metrics, key=lambda m: (not m.startswith(STEPS_TO_TARGET), -metrics[m], m))
    whole = [(names, [cells.get(metric) for metric in order]) for names, cells in rows.items()]
    heads = ["problem", "optimizer", "schedule", "device"]
    used = [any(n[i] for n, _ in whole) if i < 3 else len(suite.nights) > 1 for i in range(4)]
    return Matrix(
        title=title,
        heads=[head for head, kept in zip(heads, used, strict=True) if kept],
        metrics=[printable(metric.replace("_", " ")) for metric in order],
        lines=[
            Line(names=[printable(n) for n, kept in zip(names, used, strict=True) if kept], cells=c)
            for names, c in whole
        ],
    )


def _verdicts(suite: Suite, kind: str, members: Sequence[Series]) -> Matrix:
    lines = []
    for series in members:
        for track in series.tracks:
            device = [track.device] if len(suite.nights) > 1 else []
            names = [series.key.metric, series.key.optimizer, *device]
            cell = _cell(series, track, suite)
            lines.append(Line(names=[printable(name) for name in names], cells=[cell]))
    first = "claim" if kind == THEORY else "implementation"
    heads = [first, "optimizer", *(["device"] if len(suite.nights) > 1 else [])]
    return Matrix(title=kind, heads=heads, metrics=["verdict"], lines=lines)


def _cell(series: Series, track: Track, suite: Suite) -> Cell:
    judgement = track.judgement
    verdict = judgement.verdict if judgement else None
    share = judgement.change if judgement and verdict is not Verdict.NO_CHANGE else None
    value, change = shown(track.rows[-1].value), percent(share)
    sign = SIGNS[verdict]
    if verdict is Verdict.INSUFFICIENT and judgement and judgement.reason == "new":
        sign = "new"
    reason = f" ({judgement.reason})" if judgement and judgement.reason else ""
    told = f"{series.key}: {value}{f', {change}' if change else ''}; {sign or 'no change'}{reason}"
    return Cell(
        page=series.page,
        value=printable(value),
        change=change,
        verdict="gone" if verdict is None else str(verdict),
        sign=sign,
        about=printable(told),
        spark=Markup(_spark(track, suite.nights[track.device])),  # made of numbers alone
    )


def word(verdict: Verdict) -> str:
    """Return a verdict as it is counted."""
    return str(verdict).replace("_", " ")


def percent(share: float | None) -> str:
    """Return a relative change as text; empty for none."""
    if not share:
        return ""
    return f"{share:+.1%}" if 5e-4 <= abs(share) < 100 else f"{share:+.2g}"


def _spark(track: Track, nights: Sequence[Night]) -> str:
    first = max(len(nights) - SPARK, 0)
    recent = [(p, r.value) for p, r in zip(track.places, track.rows, strict=True) if p >= first]
    words = list(dict.fromkeys(value for _, value in recent if isinstance(value, str)))
    values: list[float | None] = [None] * (len(nights) - first)
    for place, value in recent:
        values[place - first] = _height(value, words)
    marked = [c.place - first for c in track.changes if _is_told(c) and c.place >= first]
    return sparkline(values, marked[-1] if marked else None)


def _is_told(change: Change) -> bool:
    return change.verdict is not None and change.verdict.is_change


def _height(value: Value, words: Sequence[str]) -> float | None:
    return float(words.index(value)) if isinstance(value, str) else value
