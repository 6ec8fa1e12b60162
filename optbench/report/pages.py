"""The report: a folder of pages that open from a disk, with their data and table beside them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from optbench.analysis.summary import Row, summarize
from optbench.analysis.tables import csv_table
from optbench.core.fingerprint import fingerprint
from optbench.core.run import Run
from optbench.report.publish import GENERATOR, head, publish, put
from optbench.report.site.columns import LOAD
from optbench.report.site.optimizer import page_of_optimizer
from optbench.report.site.overview import page_of_overview
from optbench.report.site.problem import page_of_problem
from optbench.report.site.rates import page_of_theory
from optbench.report.site.whole import Page, Whole
from optbench.report.template import TEMPLATES, template_of

ASSETS = Path(__file__).parent / "assets"
"""The plotting bundle and our scripts, which every report has a copy of."""

OURS = (
    ("problems", "html", GENERATOR),
    ("optimizers", "html", GENERATOR),
    ("data", "js", f"{LOAD}("),
)
"""Where older reports have left files that this one may not have."""


def write_report(
    runs: Iterable[Run],
    folder: Path,
    *,
    title: str,
    notes: Sequence[str] = (),
    old: Set[str] = frozenset(),
) -> Path:
    """Write `index.html`, a page a problem and optimizer, their data, and `table.csv`.

    Everything is made in full before the first file of an older report is replaced, the overview
    last; pages of ours that are no longer made go, what else lies in the folder is left alone. A
    report of the same runs by the same code stays as it is.

    Args:
        runs: The runs, any number.
        folder: Where to write; made if needed.
        title: Heading of the pages, such as the suite's name.
        notes: Lines for the overview: versions, device, what is left out.
        old: Digests of runs that code made which is not today's.

    Returns:
        The path of the overview.

    Raises:
        OptbenchError: When the folder cannot be written.
    """
    runs = tuple(runs)
    stamp = _stamp(runs, title, notes, old)
    if _is_current(folder / "index.html", stamp):
        return folder / "index.html"
    whole = Whole(
        title=title,
        notes=notes,
        runs=runs,
        rows=summarize(runs),
        old=old,
        stamp=stamp,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    publish(folder, lambda made: _write(made, make_pages(whole), whole.rows), OURS)
    return folder / "index.html"


def make_pages(whole: Whole) -> Iterator[Page]:
    """Make every page of a report, one after the other."""
    yield page_of_overview(whole)
    yield page_of_theory(whole)
    for title in whole.problems:
        yield page_of_problem(whole, title)
    for name in whole.optimizers:
        yield page_of_optimizer(whole, name)


def _stamp(runs: Iterable[Run], title: str, notes: Iterable[str], old: Set[str]) -> str:
    """Return a hash of all that a report is made of: the runs, the words, the code that draws."""
    whole = sha256(fingerprint([__name__]).encode())
    for path in sorted(path for looks in (TEMPLATES, ASSETS) for path in looks.rglob("*")):
        whole.update(path.read_bytes() if path.is_file() else b"")
    whole.update("\0".join([title, *notes, *sorted(old)]).encode())
    for run in runs:
        whole.update(f"{run.spec.digest} {run.spec.label} {run.status} {run.message}".encode())
        whole.update(run.curve["value"].tobytes() if run.curve else b"")
        for name in sorted(run.trained):
            whole.update(run.trained[name].tobytes())
    return whole.hexdigest()


def _is_current(page: Path, stamp: str) -> bool:
    return stamp in head(page)


def _write(folder: Path, pages: Iterable[Page], rows: Sequence[Row]) -> None:
    for page in pages:
        put(folder / page.path, page.html)
        for name, text in page.data.items():
            put(folder / "data" / f"{name}.js", text)
    shutil.copytree(ASSETS, folder / "assets")
    put(folder / "assets" / "report.css", template_of("site/report.css.j2").render())
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as file:
        header, lines = csv_table(rows)
        csv.writer(file).writerows([header, *lines])
