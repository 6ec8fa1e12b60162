"""The picture of a claim, its formula in the title, as SVG for the page or as files."""

from __future__ import annotations

import csv
import multiprocessing
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.transforms import Affine2D

from optbench.core.errors import OptbenchError
from optbench.report.canvas import Canvas, Drawing, to_svg
from optbench.report.style import INK, RC
from optbench.report.theory_formulas import EM, outline
from optbench.report.theory_plot import draw_plot
from optbench.theory.plot import Plot

if TYPE_CHECKING:
    from optbench.theory.verify import Row

FORMULA_SIZE = 11.5 / 72
"""Inches to an em."""

FORMULA_WIDTH = 5.4
"""Inches; a longer formula is drawn smaller."""

LABELS = 0.14
"""Inches for the labels of thresholds."""

WORTH_PROCESSES = 24
"""Figures from which on more processes draw faster than one."""

T = TypeVar("T")

Subject = tuple[str, str, str, Plot]
"""Id, statement, formula and picture of a claim: what a process that draws is sent."""


def draw(row: Row) -> Drawing:
    """Draw the picture of a claim.

    Args:
        row: A row whose finding has a plot.

    Returns:
        The figure; its `alt` is the caption.
    """
    return _draw(_subject(row))


def draw_all(rows: Sequence[Row], *, jobs: int = 1) -> dict[str, Drawing]:
    """Draw the picture of every claim that has one.

    Args:
        rows: Rows of `verify`.
        jobs: Processes that draw.

    Returns:
        The figures by the claims' ids.
    """
    drawn = [row for row in rows if row.finding.plot is not None]
    drawings = _spread(_draw, [_subject(row) for row in drawn], jobs)
    return {row.claim.id: drawing for row, drawing in zip(drawn, drawings, strict=True)}


def save_figures(rows: Sequence[Row], folder: Path, *, jobs: int = 1) -> list[Path]:
    """Write each claim's picture as a PDF for papers, a PNG for slides, and its numbers as CSV.

    Args:
        rows: Rows of `verify`; those without a picture are passed over.
        folder: Where to write; made if needed.
        jobs: Processes that draw.

    Returns:
        The PDFs, in the order of the rows; the others lie beside them.

    Raises:
        OptbenchError: When the folder cannot be written.
    """
    subjects = [_subject(row) for row in rows if row.finding.plot is not None]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return list(_spread(partial(_save, folder), subjects, jobs))
    except OSError as error:
        raise OptbenchError(f"cannot write figures to {folder}: {error.strerror}") from error


def _subject(row: Row) -> Subject:
    claim, plot = row.claim, row.finding.plot
    assert plot is not None
    return claim.id, claim.statement, claim.formula, plot


def _spread(do: Callable[[Subject], T], subjects: Sequence[Subject], jobs: int) -> Iterator[T]:
    if jobs == 1 or len(subjects) < WORTH_PROCESSES:
        yield from map(do, subjects)
        return
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield from pool.map(do, subjects, chunksize=4)


def _draw(subject: Subject) -> Drawing:
    alt = subject[-1].caption
    # The salt makes the ids in an SVG the same each time.
    with rc_context(RC | {"svg.hashsalt": "optbench"}):
        return Drawing(svg=_short(to_svg(figure_of(*subject), alt)), alt=alt)


def _save(folder: Path, subject: Subject) -> Path:
    path = folder / f"{subject[0]}.pdf"
    with rc_context(RC | {"pdf.fonttype": 42}):
        figure = figure_of(*subject)
        undated = dict.fromkeys(("CreationDate", "Creator", "Producer"))
        figure.savefig(path, facecolor="white", metadata=undated)
        figure.savefig(path.with_suffix(".png"), facecolor="white", dpi=200)
    _save_numbers(path.with_suffix(".csv"), subject[-1])
    return path


def _save_numbers(path: Path, plot: Plot) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["series", "role", plot.x_label, plot.y_label, "low", "high"])
        for one in plot.series:
            ends = (one.low, one.high)
            low, high = ([""] * len(one.x) if end is None else end.tolist() for end in ends)
            columns = zip(one.x.tolist(), one.y.tolist(), low, high, strict=True)
            writer.writerows((one.label, one.role, *numbers) for numbers in columns)


def figure_of(name: str, statement: str, formula: str, plot: Plot) -> Figure:
    """Return a claim's figure: id and statement, below them the formula, the plot, its legend."""
    shape = outline(formula)
    scale = min(FORMULA_SIZE / EM, FORMULA_WIDTH / shape.width)
    labels = LABELS if plot.verticals else 0.0
    canvas = Canvas(f"{name}: {statement}", above=scale * shape.height + labels + 0.08)
    draw_plot(canvas, plot)
    figure = canvas.figure()
    width, height = figure.get_size_inches()
    base = canvas.axes.get_position().y1 * height + scale * shape.depth + labels + 0.08
    place = Affine2D().scale(scale).translate(0.01 * width, base) + figure.dpi_scale_trans
    figure.add_artist(PathPatch(shape.path, color=INK, lw=0, transform=place))
    return figure


def _short(svg: str) -> str:
    """Return an SVG that looks the same in two thirds of the bytes."""
    svg = re.sub(r"font-family: [^;]*;", "font-family: 'DejaVu Sans', sans-serif;", svg)
    svg = re.sub(r' transform="rotate\(-0 [^)]*\)"|\n +', lambda found: found[0][:1].strip(), svg)
    return re.sub(r' d="[^"]*"', lambda found: re.sub(r"(\.\d)\d+", r"\1", found[0]), svg)
