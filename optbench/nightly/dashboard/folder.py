"""Writes the dashboard: pages and data of a history, with the scripts of the report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from optbench.nightly.dashboard.overview import page_of_overview
from optbench.nightly.dashboard.page import page_of_series
from optbench.nightly.dashboard.series import suites
from optbench.nightly.dashboard.trend import Trend, page_of_trend
from optbench.nightly.dashboard.whole import Options, Whole
from optbench.nightly.history import History, read_curve
from optbench.report.pages import ASSETS
from optbench.report.publish import GENERATOR, publish, put
from optbench.report.site.columns import LOAD
from optbench.report.site.whole import Page
from optbench.report.template import template_of

OWN = Path(__file__).parent / "assets"
"""The script that reports do not have."""

OURS = (("series", "html", GENERATOR), ("data", "js", f"{LOAD}("))
"""Where an older dashboard has left files that this one may not have."""


def write_dashboard(
    history: History,
    source: Path,
    folder: Path,
    *,
    title: str,
    options: Options,
    trend: Trend | None = None,
) -> Path:
    """Write `index.html`, a page a series, and their data.

    Everything is made before the first older file is replaced, the overview last.

    Args:
        history: The nights.
        source: The folder that they are from, which has their curves.
        folder: Where to write; made if needed.
        title: Heading of the pages.
        options: How runs are asked for, by the definitions of their series.
        trend: What asv has measured of the project's own commits.

    Returns:
        The path of the overview.

    Raises:
        OptbenchError: When the folder cannot be written.
    """
    whole = Whole(
        title=title,
        suites=suites(history.nights),
        left_out=history.left_out,
        trend=trend,
        options=options,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    publish(folder, partial(_write, whole, source), OURS)
    return folder / "index.html"


def _write(whole: Whole, source: Path, made: Path) -> None:
    for page in _pages(whole, source):
        put(made / page.path, page.html)
        for name, text in page.data.items():
            put(made / "data" / f"{name}.js", text)
    shutil.copytree(ASSETS, made / "assets")
    shutil.copytree(OWN, made / "assets", dirs_exist_ok=True)
    put(made / "assets" / "report.css", template_of("nightly/report.css.j2").render())


def _pages(whole: Whole, source: Path) -> Iterator[Page]:
    yield page_of_overview(whole)
    if whole.trend is not None:
        yield page_of_trend(whole, whole.trend)
    for suite in whole.suites:
        for place in range(len(suite.series)):
            yield page_of_series(whole, suite, place, partial(read_curve, source))
