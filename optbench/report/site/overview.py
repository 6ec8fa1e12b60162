"""The overview: what ran, and who is best over all problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.analysis.summary import Row
from optbench.analysis.tables import printable, target_label
from optbench.core.target import Target
from optbench.report.site.entries import is_old
from optbench.report.site.heat import heat_map
from optbench.report.site.overall import DATA, overall
from optbench.report.site.problem import failures, statuses
from optbench.report.site.results import spent
from optbench.report.site.whole import Page, Whole


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table of problems, as text.

    Attributes:
        title: The problem.
        best: Name of the best optimizer on it; empty when all are lost.
        cost: What its hardest target costs the best one, or what it ends at.
        cells: Optimizers, runs, how the runs ended.
        old: Whether one of its runs is of old code.
    """

    title: str
    best: str
    cost: str
    cells: Sequence[str]
    old: bool


def page_of_overview(whole: Whole) -> Page:
    """Make the first page.

    Args:
        whole: The report.

    Returns:
        The page with its data.
    """
    values, data = overall(whole) if whole.rows else ({}, {})
    html = whole.render(
        "overview.html.j2",
        "",
        notes=[printable(note) for note in whole.notes],
        runs=len(whole.runs),
        count=len({run.spec.problem_label for run in whole.runs}),
        statuses=statuses(whole.runs),
        failures=failures(whole.runs),
        old=sum(run.spec.digest in whole.old for run in whole.runs),
        marked=not all(is_old(row.runs, whole.old) for row in whole.rows),
        data=DATA,
        problems=[_line(whole, rows) for rows in whole.problems.values()],
        heat=heat_map(whole.contest),
        **values,
    )
    return Page(path="index.html", html=html, data=data)


def _line(whole: Whole, rows: Sequence[Row]) -> Line:
    runs = [run for row in rows for run in row.runs]
    told = ", ".join(f"{count} {status}" for status, count in statuses(runs))
    best = next((row for row in rows if row.final is not None), None)
    return Line(
        title=rows[0].title,
        best="" if best is None else printable(best.name),
        cost="" if best is None else _cost(best),
        cells=[str(len(rows)), f"{len(runs):,}", told],
        old=is_old(runs, whole.old),
    )


def _cost(row: Row) -> str:
    reached = [reach for reach in row.reach if reach.gradient_calls is not None]
    if reached and not row.is_task:
        level = reached[-1].target
        target = target_label([row], Target(row.target_measure, level))
        return f"{spent(row, level)} evaluations to {target}"
    return "" if row.final is None else f"ends at {row.final.center:.3g}"
