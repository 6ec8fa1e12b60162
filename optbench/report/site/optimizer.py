"""The page of an optimizer: where it ran, how it did, and how much its learning rate mattered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optbench.analysis.curves import FLOOR, LOGARITHMIC, Array
from optbench.analysis.sensitivity import good_region, sensitivity
from optbench.analysis.statistics import wilson
from optbench.analysis.summary import Row
from optbench.analysis.tables import judged_targets, printable, target_label
from optbench.core.target import Target
from optbench.report.site.columns import Columns, script
from optbench.report.site.entries import is_old, look, old_ones
from optbench.report.site.names import file_stem, optimizer_page
from optbench.report.site.problem import failures, statuses
from optbench.report.site.results import line, rated
from optbench.report.site.sensitivity import boundary_text, rail, region_text
from optbench.report.site.whole import Page, Whole
from optbench.report.style import line_styles
from optbench.theory.diagnosis.diagnose import behaviour_of


@dataclass(frozen=True, kw_only=True)
class Place:
    """How an optimizer did on a problem, as text.

    Attributes:
        title: The problem.
        rank: Place among those that ran on it, of how many.
        lr: Best learning rate.
        edge: Whether it lies at the edge of its grid.
        region: Width of the good learning rates, and where divergence begins.
        target: The hardest target that it was to reach.
        reach: What that took, or how many seeds reached it.
        final: Final measure with its interval.
        note: What that leaves out or costs besides, if anything.
        rate: How the end of the first seed goes with the step.
        told: The rate's uncertainty.
        diverged: Number and share of runs, with its interval.
        old: Whether to mark it as of old code.
    """

    title: str
    rank: str
    lr: str
    edge: bool
    region: tuple[str, str]
    target: str
    reach: str
    final: str
    note: str
    rate: str
    told: str
    diverged: str
    old: bool


def page_of_optimizer(whole: Whole, name: str) -> Page:
    """Make the page of an optimizer with its schedule.

    Args:
        whole: The report.
        name: `Row.name` of its rows.

    Returns:
        The page with its data.
    """
    rows = whole.optimizers[name]
    data = f"optimizer/{file_stem(name)}"
    runs = [run for row in rows for run in row.runs]
    chart = _chart(whole, rows)
    html = whole.render(
        "optimizer.html.j2",
        "../",
        name=printable(name),
        variant=sorted({printable(str(row.variant)) for row in rows}),
        schedule=sorted({printable(str(run.spec.schedule)) for run in runs}),
        statuses=statuses(runs),
        places=[_place(whole, *pair) for pair in zip(rows, old_ones(rows, whole.old), strict=True)],
        whole_old=all(is_old(row.runs, whole.old) for row in rows),
        data=data,
        failures=failures(runs),
    )
    return Page(path=optimizer_page(name), html=html, data={data: chart})


def _place(whole: Whole, row: Row, old: bool) -> Place:
    rivals = whole.problems[row.title]
    targets = judged_targets(rivals)
    mine = [target for target in targets if any(r.target == target.level for r in row.reach)]
    hardest: list[Target] = mine[-1:]
    text, region = line(row, hardest), good_region(row)
    rate, told = ("", "") if row.is_task else rated(behaviour_of(row.best[0]))
    low, high = wilson(row.diverged, len(row.runs))
    return Place(
        title=row.title,
        rank=f"{[rival.name for rival in rivals].index(row.name) + 1} of {len(rivals)}",
        lr=text.lr,
        edge=text.edge,
        region=(region_text(region), boundary_text(region)),
        target=target_label(rivals, hardest[0]) if hardest else "",
        reach=text.reach[0] if hardest else "",
        final=text.final,
        note=text.note,
        rate=rate,
        told=told,
        diverged=f"{row.diverged}/{len(row.runs)} [{low:.0%}, {high:.0%}]",
        old=old,
    )


def _chart(whole: Whole, rows: Sequence[Row]) -> str:
    """Return the file of data: the end relative to the best on each problem, by learning rate."""
    tuned = [row for row in rows if row.learning_rates]
    styles = line_styles(row.title for row in tuned)
    columns, curves = Columns(), []
    found = list(map(sensitivity, tuned))
    for place, (row, curve) in enumerate(zip(tuned, found, strict=True)):
        ratio = _relative(curve.median, row, whole.problems[row.title])
        best = np.flatnonzero(curve.lr == row.best_lr)
        if np.isfinite(ratio).any() or curve.lost.any():
            at = {"lr": {"ratio": [columns.add(curve.lr), columns.add(ratio)]}}
            ring = {"ring": int(best[0])} if len(best) else {}
            curves.append({"of": place, "at": at, "every": True, **ring})
    chart: dict[str, Any] = {
        "about": "One line a problem; 1 is the end of the best optimizer there.",
        "names": [
            {"text": printable(row.title), **look(styles[row.title]), "spec": [], "tips": []}
            for row in tuned
        ],
        "x": [{"key": "lr", "label": "learning rate", "log": True}],
        "y": [{"key": "ratio", "label": "final measure, relative to the best one", "log": True}],
        "curves": curves,
        **rail(enumerate(found), columns, ", or ended far above the start"),
        "rings": "best learning rate",
        "reached": "",
        "every": True,
    }
    name = f"optimizer/{file_stem(rows[0].name)}"
    return script(name, {"charts": {"sensitivity": chart}, "columns": columns.written()})


def _relative(ends: Array, row: Row, rivals: Sequence[Row]) -> Array:
    """Return ends divided by the best one on the problem; NaN where that is not positive.

    Runs that stop at their last target are as good as it, wherever their last step took them.
    """
    floor = max(row.stop, FLOOR if row.measure in LOGARITHMIC else -np.inf)
    ended = [r.final.center for r in rivals if r.final and r.measure == row.measure]
    best = min(ended, default=0.0)
    ends = np.where(np.isfinite(ends), np.maximum(ends, floor), np.nan)
    return ends / max(best, floor) if max(best, floor) > 0 else np.full_like(ends, np.nan)
