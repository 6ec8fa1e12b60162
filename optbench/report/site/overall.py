"""Who is best over all problems, as the tables and charts of the overview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optbench.analysis.contest import is_equal_tuning, trials
from optbench.analysis.profiles import (
    Profile,
    data_profile,
    performance_profile,
    profile_score,
)
from optbench.analysis.ranks import Ranks, ranks
from optbench.analysis.running_time import RunningTime, running_times
from optbench.analysis.statistics import wilson
from optbench.analysis.summary import Row
from optbench.analysis.tables import printable, target_label
from optbench.core.errors import OptbenchError
from optbench.core.target import Target
from optbench.report.site.columns import Columns, script
from optbench.report.site.entries import is_old
from optbench.report.site.picture import picture
from optbench.report.site.profile import profile_chart
from optbench.report.site.whole import Whole

MOST_PAIRS = 300
"""Of more pairs no table is made: nobody reads it."""

DATA = "overview"
"""The overview's file of data."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One line of the table of optimizers, as text.

    Attributes:
        name: The optimizer with its schedule.
        cells: Problems, mean rank, score, learning rates tried, seeds, runs, diverged share.
        old: Whether one of its runs is of old code.
    """

    name: str
    cells: Sequence[str]
    old: bool


@dataclass(frozen=True, kw_only=True)
class Times:
    """Expected running times to one target.

    Attributes:
        label: The target.
        problems: Titles of the problems that have it.
        lines: A name with a cell a problem: time, and its interval and successes; None where it
            did not run.
    """

    label: str
    problems: Sequence[str]
    lines: Sequence[tuple[str, Sequence[tuple[str, str] | None]]]


def overall(whole: Whole) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the overview says of all problems together, and its file of data."""
    performance, data = performance_profile(whole.contest), data_profile(whole.contest)
    try:
        ranked, why = ranks(whole.contest), ""
    except OptbenchError as error:
        ranked, why = None, str(error)
    times = _times(whole)
    several = len(performance.names) > 1 and bool(performance.problems)
    values = {
        "profiles": several,
        "block_size": (len(performance.names), performance.problems, data.instances),
        "left_out": _left_out([performance, data], ranked),
        "ranks": ranked,
        "no_ranks": why,
        "picture": picture("ranks", whole.rows) if ranked else "",
        "pairs": ranked.pairs if ranked and len(ranked.pairs) <= MOST_PAIRS else (),
        "standings": _standings(whole, performance, ranked),
        "equal": is_equal_tuning(whole.contest),
        "times": times,
        # The hardest of the targets that most problems have.
        "first_time": max(range(len(times)), key=lambda i: (len(times[i].problems), i), default=0),
        "unmeasured": any(not whole.contest.is_measured(t) for t in whole.contest.problems),
        "uncounted": _with_products(whole),
    }
    return values, {DATA: _charts(whole, performance, data)}


def _charts(whole: Whole, performance: Profile, data: Profile) -> str:
    columns = Columns()
    charts = {
        "performance": profile_chart(
            performance,
            whole.styles,
            columns,
            x="cost of the target, relative to the best (gradient evaluations)",
            y="share of problems",
        ),
        "data": profile_chart(
            data,
            whole.styles,
            columns,
            x="gradient evaluations",
            y="share of problems, targets and seeds",
        ),
    }
    return script(DATA, {"charts": charts, "columns": columns.written()})


def _with_products(whole: Whole) -> list[str]:
    """Return who spends Hessian products, which no count of gradient evaluations has."""
    spent = {row.name for row in whole.rows for run in row.best if run.last("hvp_calls") > 0}
    return [printable(name) for name in sorted(spent)]


def _left_out(profiles: Sequence[Profile], ranked: Ranks | None) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for left_out in [profile.left_out for profile in profiles]:
        found |= left_out
    found |= {} if ranked is None else ranked.left_out
    return [(printable(name), printable(why)) for name, why in sorted(found.items())]


def _standings(whole: Whole, profile: Profile, ranked: Ranks | None) -> list[Standing]:
    scores = profile_score(profile) if profile.problems else {}
    mean = {} if ranked is None else dict(zip(ranked.names, ranked.mean.tolist(), strict=True))
    names = sorted(
        whole.optimizers,
        key=lambda name: (mean.get(name, 1e9), -scores.get(name, -1.0), name),
    )
    return [_standing(whole, name, mean.get(name), scores.get(name)) for name in names]


def _standing(whole: Whole, name: str, rank: float | None, score: float | None) -> Standing:
    rows = whole.optimizers[name]
    runs = [run for row in rows for run in row.runs]
    lost = sum(row.diverged for row in rows)
    low, high = wilson(lost, len(runs))
    return Standing(
        name=name,
        cells=[
            str(len({row.title for row in rows})),
            "—" if rank is None else f"{rank:.2f}",
            "—" if score is None else f"{score:.2f}",
            _between([trials(row) for row in rows]),
            _between([len(row.seeds) for row in rows]),
            f"{len(runs):,}",
            f"{lost / len(runs):.0%} [{low:.0%}, {high:.0%}]",
        ],
        old=is_old(runs, whole.old),
    )


def _between(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}"


def _times(whole: Whole) -> list[Times]:
    """Return the expected running times, one table a target, easiest first."""
    by_target: dict[Target, dict[tuple[str, str], RunningTime]] = {}
    for time in running_times(whole.contest):
        row = whole.contest.rows[time.problem, time.name]
        target = Target(row.target_measure, time.target)
        by_target.setdefault(target, {})[time.problem, time.name] = time
    ordered = sorted(by_target, key=lambda target: (target.measure, -target.level))
    return [_table(whole, target, by_target[target]) for target in ordered]


def _table(whole: Whole, target: Target, times: dict[tuple[str, str], RunningTime]) -> Times:
    problems = sorted({title for title, _ in times})
    names = sorted({name for _, name in times})
    rows: list[Row] = [whole.contest.rows[next(iter(times))]]
    return Times(
        label=target_label(rows, target),
        problems=problems,
        lines=[(name, [_time(times.get((title, name))) for title in problems]) for name in names],
    )


def _time(time: RunningTime | None) -> tuple[str, str] | None:
    if time is None:
        return None
    share = f"{time.successes}/{time.runs}"
    if not time.successes:
        return "—", share
    text = f"{time.expected:,.4g}" if time.expected < 1e6 else f"{time.expected:.2e}"
    if time.low is None or time.high is None or time.low == time.high:
        return text, share
    return text, f"[{time.low:.4g}, {time.high:.4g}] {share}"
