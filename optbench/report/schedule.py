"""A schedule as a figure in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from optbench.analysis.tables import printable
from optbench.core.errors import OptbenchError
from optbench.core.schedule import Factors
from optbench.report.canvas import PLOT_HEIGHT, WIDTH
from optbench.report.style import BLUE, ORANGE, RC

ENDINGS = (".svg", ".png", ".pdf")


def save_schedule(numbers: Factors, title: str, path: Path) -> Path:
    """Draw a schedule, and below it the momentum where it cycles.

    Args:
        numbers: Its numbers at the steps 0 to T, each held for one step.
        title: The line above.
        path: Where the figure goes; what it ends in says which kind it is.

    Returns:
        The path.

    Raises:
        OptbenchError: When the path has another ending, or cannot be written.
    """
    if path.suffix not in ENDINGS:
        raise OptbenchError(f"--plot {path}: the file must end in {', '.join(ENDINGS)}")
    panels = [("factor on the learning rate", numbers.lr, BLUE)]
    if numbers.momentum is not None:
        panels.append(("momentum", numbers.momentum, ORANGE))
    with rc_context(RC):
        figure = Figure(figsize=(WIDTH, PLOT_HEIGHT * (1 + 0.6 * len(panels[1:]))))
        figure.set_layout_engine("constrained")
        figure.suptitle(printable(title), x=0.02, ha="left", weight="bold", size=9)
        grid = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axes, (label, values, colour) in zip(grid, panels, strict=True):
            axes.plot(np.arange(len(values)), values, color=colour, drawstyle="steps-post")
            axes.set(ylabel=label, xlim=(0, len(values) - 1))
        grid[0].set_ylim(bottom=0)
        grid[-1].set_xlabel("step")
        figure.align_ylabels()
        try:
            figure.savefig(path, facecolor="white", dpi=200)
        except OSError as error:
            raise OptbenchError(f"--plot {path}: {error.strerror or error}") from error
    return path
