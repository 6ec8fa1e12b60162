"""What every page of a report shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from optbench.analysis.contest import Contest, contest
from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
from optbench.core.run import Run
from optbench.report.site.names import optimizer_page, parted, problem_page
from optbench.report.style import LineStyle, line_styles
from optbench.report.template import template_of


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page, and its files of data.

    Attributes:
        path: Where it lies in the folder.
        html: The page.
        data: Files of data by their names without folder and ending.
    """

    path: str
    html: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Whole:
    """The runs of a report as its pages need them.

    Attributes:
        title: The report's heading.
        notes: Lines for the overview.
        runs: Every run.
        rows: Rows of `summarize`.
        old: Digests of runs by code that is not today's.
        stamp: Hash of all that the report is made of.
        date: When it was made.
    """

    title: str
    notes: Sequence[str]
    runs: Sequence[Run]
    rows: Sequence[Row]
    old: Set[str]
    stamp: str
    date: str

    @cached_property
    def styles(self) -> Mapping[str, LineStyle]:
        """The look of every optimizer, the same on all pages."""
        return line_styles(row.name for row in self.rows)

    @cached_property
    def problems(self) -> Mapping[str, list[Row]]:
        """The rows of each title, best first."""
        grouped = groupby(self.rows, key=lambda row: row.title)
        return {title: list(rows) for title, rows in grouped}

    @cached_property
    def optimizers(self) -> Mapping[str, list[Row]]:
        """The rows of each name, by title."""
        ordered = sorted(self.rows, key=lambda row: (row.name, row.title))
        return {name: list(rows) for name, rows in groupby(ordered, key=lambda row: row.name)}

    @cached_property
    def contest(self) -> Contest:
        """Who competes on what."""
        return contest(self.rows)

    def render(self, template: str, root: str, **values: Any) -> str:
        """Return a page as HTML; every name in it is escaped.

        Args:
            template: Its file in `templates/site`.
            root: From the page to the folder's root, such as `../`.
            values: What the template shows.
        """
        return template_of(f"site/{template}").render(
            report=printable(self.title),
            stamp=self.stamp,
            date=self.date,
            root=root,
            problem_page=problem_page,
            optimizer_page=optimizer_page,
            printable=printable,
            parted=parted,
            **values,
        )
