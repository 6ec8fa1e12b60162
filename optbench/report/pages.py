"""The report: one page that opens anywhere, with its figures and its table beside it."""

from __future__ import annotations

import csv
import multiprocessing
import os
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby, repeat
from pathlib import Path

from markupsafe import Markup

from optbench.analysis.curves import FLOOR, is_task, relative_suboptimality
from optbench.analysis.summary import Row, summarize
from optbench.analysis.tables import (
    Cells,
    cells,
    csv_table,
    ends_shown,
    is_learning,
    judged_targets,
    measure_shown,
    measure_words,
    printable,
    target_label,
)
from optbench.cards import cards
from optbench.core.errors import OptbenchError
from optbench.core.fingerprint import fingerprint
from optbench.core.run import Run
from optbench.report.canvas import Drawing
from optbench.report.figures import KINDS, figures_for_problem
from optbench.report.measures import SYMBOLS
from optbench.report.style import LineStyle, line_styles
from optbench.report.template import TEMPLATES, template_of
from optbench.theory.diagnosis.diagnose import Diagnosis, behaviour_of

WORTH_PROCESSES = 6
"""Problems from which on more processes draw faster than one."""

INLINE_LIMIT = 5_000_000
"""Bytes of figures that the page holds itself; beyond, it shows the files beside it."""

WRONG_MINIMUM = -1e-8
"""A relative suboptimality below this is no rounding: f* is not the infimum."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """What the page shows of one problem, or of one measure of it.

    Attributes:
        title: The heading.
        facts: What is known of the problem.
        stem: What its files and its place on the page are called.
        measure: What its rows are compared by.
        figures: Its figures by kind.
        targets: The table's columns that say when targets were reached.
        ends: Of a task: the columns that tell more of the runs' ends.
        rows: The table.
        rates: The rate of every row; none of a task.
        warnings: What the reader must know first.
        is_task: Whether it is a learning problem.
    """

    title: str
    facts: str
    stem: str
    measure: str
    figures: Mapping[str, Drawing]
    targets: Sequence[str]
    ends: Sequence[str]
    rows: Sequence[Cells]
    rates: Sequence[Diagnosis]
    warnings: Sequence[str]
    is_task: bool


def write_report(
    runs: Iterable[Run],
    folder: Path,
    *,
    title: str,
    notes: Sequence[str] = (),
    old: Set[str] = frozenset(),
    jobs: int = 1,
) -> Path:
    """Write `index.html`, `table.csv` and `figures/*.svg`.

    Everything is made in full before the first file of an older report is replaced, the page last;
    what else lies in the folder is left alone. A report of the same runs by the same code stays as
    it is.

    Args:
        runs: The runs, any number.
        folder: Where to write; made if needed.
        title: Heading of the page, such as the suite's name.
        notes: Lines for the page's head: versions, device, how to make it again.
        old: Digests of runs that code made which is not today's.
        jobs: Processes that draw.

    Returns:
        The path of the page.

    Raises:
        OptbenchError: When the folder cannot be written.
    """
    runs = tuple(runs)
    stamp = _stamp(runs, title, notes)
    if _is_current(folder / "index.html", stamp):
        return folder / "index.html"
    rows = summarize(runs)
    sections = make_sections(rows, jobs=jobs)
    page = render_page(runs, sections, title=title, notes=notes, stamp=stamp)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as made:
            _write_files(Path(made), page, rows, sections)
            _move(Path(made), folder)
    except OSError as error:
        raise OptbenchError(f"cannot write the report to {folder}: {error.strerror}") from error
    return folder / "index.html"


def make_sections(rows: Sequence[Row], *, jobs: int = 1) -> list[Section]:
    """Draw and tabulate every problem; one whose runs aim at several measures has a section each.

    Args:
        rows: Rows of `summarize`.
        jobs: Processes that draw.

    Returns:
        The sections, in the order of the rows.
    """
    styles = line_styles(row.name for row in rows)
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row.title)]
    sections = []
    for same, figures in zip(groups, _draw(groups, styles, jobs), strict=True):
        title, targets = same[0].title, judged_targets(same)
        # What has a figure of its own would make the table too wide.
        ends = [name for name in ends_shown(same) if name not in ("train_loss", "epochs")]
        learning = is_learning(same)
        section = Section(
            title=printable(title),
            facts=_facts(same[0].runs[0]),
            stem=file_stem(title),
            measure=measure_words(same) if learning else SYMBOLS[measure_shown(same)],
            figures=figures,
            targets=[target_label(same, target) for target in targets],
            ends=[name.replace("_", " ") for name in ends],
            rows=[cells(row, targets, ends) for row in same],
            rates=[] if learning else [behaviour_of(row.best[0]) for row in same],
            warnings=_warnings(same),
            is_task=learning,
        )
        sections.append(section)
    return sections


def _draw(
    groups: Sequence[Sequence[Row]], styles: Mapping[str, LineStyle], jobs: int
) -> list[dict[str, Drawing]]:
    if jobs == 1 or len(groups) < WORTH_PROCESSES:
        return [figures_for_problem(rows, styles) for rows in groups]
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        return list(pool.map(figures_for_problem, groups, repeat(styles)))


def render_page(
    runs: Sequence[Run],
    sections: Sequence[Section],
    *,
    title: str,
    notes: Sequence[str],
    stamp: str = "",
) -> str:
    """Return the page as HTML; every name in it is escaped."""
    size = sum(len(svg) for section in sections for _, svg in _files(section))
    return template_of("index.html.j2").render(
        inline_svg=_inline_svg,
        title=printable(title),
        stamp=stamp,
        notes=[printable(note) for note in notes],
        runs=len(runs),
        problems=len({run.spec.problem_label for run in runs}),
        statuses=Counter(str(run.status) for run in runs).most_common(),
        sections=sections,
        tasks=any(section.is_task for section in sections),
        functions=not all(section.is_task for section in sections),
        inline=size <= INLINE_LIMIT,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        floor=FLOOR,
    )


def _stamp(runs: Iterable[Run], title: str, notes: Iterable[str]) -> str:
    """Return a hash of all that a report is made of: the runs, the words, the code that draws."""
    looks = [path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.iterdir())]
    whole = sha256("\0".join([fingerprint([__name__]), *looks, title, *notes]).encode())
    for run in runs:
        whole.update(f"{run.spec.digest} {run.spec.label} {run.status} {run.message}".encode())
        whole.update(run.curve["value"].tobytes() if run.curve else b"")
        for name in sorted(run.trained):
            whole.update(run.trained[name].tobytes())
    return whole.hexdigest()


def _is_current(page: Path, stamp: str) -> bool:
    try:
        return stamp in page.read_text(encoding="utf-8")[:4000]
    except (OSError, UnicodeDecodeError):
        return False


def file_stem(name: str) -> str:
    """Return a file name for any text: short, plain, and different for different texts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_+.-]+", "-", plain).strip("-.").lower()[:60]
    if plain and plain == name:
        return name
    return f"{plain or 'problem'}-{sha256(name.encode()).hexdigest()[:6]}"


def _inline_svg(svg: str, prefix: str) -> Markup:
    # In one page the figures share one space of ids, and matplotlib numbers each from one.
    svg = re.sub(r'( id="|xlink:href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    # On dark paper the page replaces a colour by means of a CSS variable of its name.
    svg = re.sub(r"((?:stroke|fill): )#([0-9a-f]{6})", r"\1var(--\2, #\2)", svg)
    return Markup(svg)  # matplotlib has escaped the names in it


def _facts(run: Run) -> str:
    """Return what is known of a run's problem, in one line."""
    signs = {"dim": "d", "smoothness": "L", "strong_convexity": "mu", "kappa": "kappa"}
    signs |= {"f_star": "f*", "radius": "|x0 - x*|", "noise_variance": "noise variance"}
    if is_task(run):
        signs = {"dim": "parameters", "examples": "training examples"}
    known = [(sign, run.facts.get(name)) for name, sign in signs.items()]
    form = ",.0f" if is_task(run) else ".6g"
    parts = [f"{sign} = {value:{form}}" for sign, value in known if value is not None]
    if is_task(run):
        parts.append(f"budget = {run.spec.budget:,g} minibatches")
    card = cards().get(run.spec.problem_label)
    learning = None if card is None or card.problem.name != run.spec.problem.name else card.learning
    told = "" if learning is None else f". Published: {' '.join(learning.published.split())}"
    return printable(", ".join([*parts, str(run.spec.problem)]) + told)


def _warnings(rows: Sequence[Row]) -> list[str]:
    gaps = (relative_suboptimality(run) for row in rows for run in row.runs)
    lowest = min((float(gap.min()) for gap in gaps if len(gap)), default=0.0)
    if lowest < WRONG_MINIMUM:
        return [f"A run went below f* by {-lowest:.2g} of the starting gap: f* may be wrong."]
    return []


def _write_files(folder: Path, page: str, rows: Sequence[Row], sections: Sequence[Section]) -> None:
    (folder / "figures").mkdir()
    for section in sections:
        for name, drawing in _files(section):
            svg = drawing.replace("<svg", '<svg style="background:#fff;color:#1b1f24"', 1)
            (folder / "figures" / name).write_text(svg, encoding="utf-8")
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as file:
        header, lines = csv_table(rows)
        csv.writer(file).writerows([header, *lines])
    (folder / "index.html").write_text(page, encoding="utf-8")


def _files(section: Section) -> list[tuple[str, str]]:
    return [
        (f"{section.stem}-{kind}.svg", drawing.svg) for kind, drawing in section.figures.items()
    ]


def _move(made: Path, folder: Path) -> None:
    (folder / "figures").mkdir(exist_ok=True)
    new = {path.name for path in (made / "figures").iterdir()}
    for path in (made / "figures").iterdir():
        os.replace(path, folder / "figures" / path.name)
    os.replace(made / "table.csv", folder / "table.csv")
    os.replace(made / "index.html", folder / "index.html")
    for old in (folder / "figures").glob("*.svg"):
        if old.name not in new and old.stem.endswith(tuple(f"-{kind}" for kind in KINDS)):
            old.unlink()
