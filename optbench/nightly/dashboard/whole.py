"""What every page of the dashboard shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optbench.analysis.tables import printable
from optbench.nightly.dashboard.series import Suite
from optbench.nightly.dashboard.trend import Trend
from optbench.report.template import template_of

SCRIPTS = ("columns", "series", "figure", "controls", "nightly", "report")
"""Scripts of every page, in the order in which they need each other."""

PLOTTING = "plotly-cartesian.min"
"""What pages with charts load before."""


Options = Mapping[str, Sequence[str]]
"""Definition of a series to the options of `optbench bisect` that ask for its run."""


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A dashboard.

    Attributes:
        title: Its heading.
        suites: The suites.
        left_out: Files of the history that could not be used, `file: why`.
        trend: What asv has measured; None for nothing.
        options: How runs are asked for, by the definitions of their series.
        date: When it was made.
    """

    title: str
    suites: Sequence[Suite]
    left_out: Sequence[str]
    trend: Trend | None
    options: Options
    date: str

    def render(self, template: str, root: str, *, charts: Sequence[str] = (), **values: Any) -> str:
        """Return a page as HTML; every name in it is escaped.

        Args:
            template: Its file in `templates/nightly`.
            root: From the page to the folder's root, such as `../`.
            charts: The page's charts; without any it needs no plotting.
            values: What the template shows.
        """
        return template_of(f"nightly/{template}").render(
            report=printable(self.title),
            stamp="nightly",
            date=self.date,
            root=root,
            scripts=[PLOTTING, *SCRIPTS] if charts else SCRIPTS,
            charts=charts,
            printable=printable,
            **values,
        )
