"""Figures of stored runs: for the command line, and as matplotlib's objects to go on editing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.analysis.summary import summarize
from optbench.core.run import Run
from optbench.report.figures import check_kind, draw
from optbench.reporting import Sources, gathered_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from optbench.report.looks import Look


def figure(
    kind: str,
    results: Sources = (),
    style: str = "neurips",
    *,
    width: str = "",
    x: str = "",
    measure: str = "",
) -> Figure:
    """Draw what `optbench figure` draws, and return it as matplotlib's figure.

    Its axes, lines and texts can be changed as any others; `optbench.save_figure` then writes it as
    `optbench figure` does, with TrueType fonts and no date.

        figure = optbench.figure("convergence", optbench.run(...), style="icml")
        figure.axes[0].set_ylim(1e-6, 1)
        optbench.save_figure(figure, "fig.pdf")

    Args:
        kind: One of `optbench.report.figures.KINDS`: convergence, sensitivity, ...
        results: As for `optbench.reporting.gathered_of`.
        style: `neurips`, `icml`, `jmlr`, `thesis`, `slides` or `web`.
        width: `column` or `text` where the style has two columns of text.
        x: What is on the horizontal axis, where the kind has a choice, such as `seconds`.
        measure: What is on the vertical one, likewise, such as `validation_accuracy`.

    Returns:
        The figure, in no window.

    Raises:
        OptbenchError: For an unknown name, or runs that do not suit the kind.
        StoreError: When a store is not there or cannot be read.
    """
    from optbench.report.looks import find_look

    look = find_look(style, width)
    check_kind(kind, x=x, measure=measure)
    rows = summarize(gathered_of(results).runs)
    return draw(kind, rows, look, named=True, x=x, measure=measure).figure


def write_figure(
    kind: str,
    runs: Sequence[Run],
    path: Path,
    look: Look,
    *,
    named: bool = False,
    **choices: str,
) -> tuple[Path, Path]:
    """Draw a figure into a file, its numbers beside it.

    Args:
        kind: One of `optbench.report.figures.KINDS`.
        runs: The runs.
        path: The file.
        look: Sizes and inks.
        named: Whether each optimizer was asked for by name, so that all of many are in colour.
        choices: As for `optbench.report.figures.draw`.

    Returns:
        The file and that of the numbers.

    Raises:
        OptbenchError: When the runs do not suit the kind, or the file cannot be written.
    """
    from optbench.report.save import save

    return path, save(draw(kind, summarize(runs), look, named=named, **choices), path)
