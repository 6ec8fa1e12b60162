"""The overview: what ran, and who is best over all problems."""

from __future__ import annotations

from optbench.analysis.tables import printable
from optbench.report.site.problem import failures, statuses
from optbench.report.site.whole import Page, Whole


def page_of_overview(whole: Whole) -> Page:
    """Make the first page.

    Args:
        whole: The report.

    Returns:
        The page with its data.
    """
    html = whole.render(
        "overview.html.j2",
        "",
        notes=[printable(note) for note in whole.notes],
        runs=len(whole.runs),
        count=len({run.spec.problem_label for run in whole.runs}),
        statuses=statuses(whole.runs),
        failures=failures(whole.runs),
        problems=list(whole.problems),
        optimizers=list(whole.optimizers),
        old=sum(run.spec.digest in whole.old for run in whole.runs),
    )
    return Page(path="index.html", html=html)
