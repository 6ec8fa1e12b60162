"""The page of a problem: who is best on it, at which learning rate, at what cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optbench.analysis.contest import contest
from optbench.analysis.curves import is_task, relative_suboptimality
from optbench.analysis.sensitivity import good_region
from optbench.analysis.summary import Row
from optbench.analysis.tables import (
    ends_shown,
    is_learning,
    judged_targets,
    measure_shown,
    measure_words,
    printable,
    target_label,
    targets_of,
)
from optbench.cards import cards
from optbench.core.run import Run
from optbench.report.measures import SYMBOLS
from optbench.report.site.columns import Columns, script
from optbench.report.site.cost import cost_table, pareto_chart
from optbench.report.site.curves import bands_of, convergence, medians, single_runs
from optbench.report.site.entries import is_old, old_ones
from optbench.report.site.grid import schedule_grid
from optbench.report.site.heat import UNMEASURED
from optbench.report.site.names import file_stem, problem_page
from optbench.report.site.picture import picture
from optbench.report.site.results import line, rated
from optbench.report.site.sensitivity import boundary_text, region_text, sensitivity_chart
from optbench.report.site.thin import WIDTH
from optbench.report.site.whole import Page, Whole
from optbench.theory.diagnosis.diagnose import behaviour_of

LIMIT = 5_000_000
"""Characters of a file of data beyond which its curves are thinned for fewer columns ..."""

LEAST = 200
"""... though not for fewer than these."""

WRONG_MINIMUM = -1e-8
"""A relative suboptimality below this is no rounding: f* is not the infimum."""

PLANE = 2
"""Variables of problems on which paths can be drawn."""

FACTS = {
    "dim": "d",
    "smoothness": "L",
    "strong_convexity": "μ",
    "kappa": "κ",
    "f_star": "f*",
    "radius": "|x₀ - x*|",
    "noise_variance": "noise variance",
}
"""What a page tells of a function."""

FACTS_OF_TASKS = {"dim": "parameters", "examples": "training examples"}


def page_of_problem(whole: Whole, title: str) -> Page:
    """Make the page of a problem; one whose runs aim at several measures has one for each.

    Args:
        whole: The report.
        title: `Row.title` of its rows.

    Returns:
        The page with its data.
    """
    rows = whole.problems[title]
    files = {kind: f"{kind}/{file_stem(title)}" for kind in ("problem", "runs", "seconds")}
    titles = list(whole.problems)
    place = titles.index(title)
    drawn = rows[0].runs[0].facts.get("dim") == PLANE
    html = whole.render(
        "problem.html.j2",
        "../",
        title=printable(title),
        data=files["problem"],
        before=titles[place - 1] if place else "",
        after=titles[place + 1] if place + 1 < len(titles) else "",
        **_about(rows),
        **_table(whole, rows),
        **cost_table(rows),
        grid=schedule_grid(rows),
        picture=picture("trajectory", rows) if drawn else "",
        failures=failures(run for row in rows for run in row.runs),
    )
    return Page(path=problem_page(title), html=html, data=_data(whole, rows, files))


def _data(whole: Whole, rows: Sequence[Row], files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of data: the charts, single runs, and medians against time."""
    bands = bands_of(rows)

    def charts(columns: Columns, width: int) -> dict[str, Any]:
        drawn = convergence(
            rows, bands, whole.styles, columns, files=files, old=whole.old, width=width
        )
        others = {
            "sensitivity": sensitivity_chart(rows, whole.styles, columns, whole.old),
            "pareto": pareto_chart(rows, whole.styles, columns, whole.old),
        }
        return {"charts": {"convergence": drawn, **others}}

    def single(columns: Columns, width: int) -> dict[str, Any]:
        return {"runs": single_runs(rows, columns, width)}

    def seconds(columns: Columns, width: int) -> dict[str, Any]:
        return {"curves": medians(rows, bands, ["seconds"], columns, width)}

    makers = {"problem": charts, "runs": single, "seconds": seconds}
    return {files[kind]: fitted(files[kind], make) for kind, make in makers.items()}


def fitted(name: str, make: Callable[[Columns, int], Mapping[str, Any]]) -> str:
    """Return a file of data that is small enough, if thinning makes it so.

    Args:
        name: What the page asks for it by.
        make: From where columns go, and the pixel columns to thin for, to what the file holds.
    """
    width = WIDTH
    while True:
        columns = Columns()
        found = make(columns, width)
        text = script(name, {**found, "columns": columns.written()})
        if len(text) <= LIMIT or width <= LEAST:
            return text
        width //= 2


def failures(runs: Any) -> list[tuple[str, str, str, int]]:
    """Return optimizer, status and message of the runs that did not run to an end, with numbers."""
    found = Counter(
        (
            printable(run.spec.optimizer.name),
            str(run.status).replace("_", " "),
            printable(run.message),
        )
        for run in runs
        if not run.status.is_final or run.status == "refused"
    )
    return [(*words, count) for words, count in sorted(found.items())]


def _about(rows: Sequence[Row]) -> dict[str, Any]:
    run = rows[0].runs[0]
    card = cards().get(run.spec.problem_label)
    known = card is not None and card.problem.name == run.spec.problem.name
    learning = card.learning if known and card is not None else None
    return {
        "about": card.about if known and card is not None else "",
        "reference": card.reference if known and card is not None else "",
        "published": "" if learning is None else " ".join(learning.published.split()),
        "facts": _facts(run),
        "spec": printable(str(run.spec.problem)),
        "warnings": _warnings(rows),
        "statuses": statuses(run for row in rows for run in row.runs),
    }


def statuses(runs: Any) -> list[tuple[str, int]]:
    """Return how many runs ended how, most first."""
    return Counter(str(run.status).replace("_", " ") for run in runs).most_common()


def _facts(run: Run) -> list[tuple[str, str]]:
    signs: Mapping[str, str] = FACTS_OF_TASKS if is_task(run) else FACTS
    form = ",.0f" if is_task(run) else ".6g"
    known = [(sign, run.facts.get(name)) for name, sign in signs.items()]
    found = [(sign, format(value, form)) for sign, value in known if value is not None]
    unit = "minibatches" if is_task(run) else "gradient evaluations"
    return [*found, ("budget", f"{run.spec.budget:,g} {unit}")]


def _warnings(rows: Sequence[Row]) -> list[str]:
    warnings = []
    if not contest(rows).is_measured(rows[0].title) and targets_of(rows):
        warnings.append(f"Its targets are {UNMEASURED}: f itself is shown.")
    gaps = (relative_suboptimality(run) for row in rows for run in row.runs)
    lowest = min((float(gap.min()) for gap in gaps if len(gap)), default=0.0)
    if lowest < WRONG_MINIMUM:
        warnings.append(
            f"A run went below f* by {-lowest:.2g} of the starting gap: f* may be wrong."
        )
    return warnings


def _table(whole: Whole, rows: Sequence[Row]) -> dict[str, Any]:
    targets = judged_targets(rows)
    ends = [name for name in ends_shown(rows) if name not in ("train_loss", "epochs")]
    learning = is_learning(rows)
    regions = [good_region(row) for row in rows]
    return {
        "measure": measure_words(rows) if learning else SYMBOLS[measure_shown(rows)],
        "targets": [target_label(rows, target) for target in targets],
        "ends": [name.replace("_", " ") for name in ends],
        "rows": [line(row, targets, ends) for row in rows],
        "pages": [row.name for row in rows],
        "old": old_ones(rows, whole.old),
        "whole_old": all(is_old(row.runs, whole.old) for row in rows),
        "rates": [] if learning else [rated(behaviour_of(row.best[0])) for row in rows],
        "regions": [(region_text(region), boundary_text(region)) for region in regions],
        "is_task": learning,
    }
