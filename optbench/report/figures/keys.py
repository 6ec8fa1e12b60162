"""What legends of several kinds say: what shades and bars are, who has no run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from optbench.analysis.statistics import MIN_SEEDS
from optbench.analysis.summary import Row
from optbench.report.figures.panels import nothing
from optbench.report.legend import Entry
from optbench.report.looks import Look
from optbench.report.measures import SHARED, has_both_times
from optbench.report.tables.costs import AMORTISED

SHADE = 0.16
"""How opaque a band is."""

QUARTILES = "quartiles"
INTERVAL = "95 % t-interval of the geometric mean"


def ran(row: Row) -> bool:
    """Return whether anything was recorded at the best learning rate."""
    return any(run.curve for run in row.best)


def shade_key(look: Look, rows: Iterable[Row], what: str) -> list[Entry]:
    """Return what bands are, and of how many seeds; nothing where there are too few for one.

    Args:
        look: Sizes and inks.
        rows: The rows that are drawn.
        what: What a band spans.
    """
    text = _of_seeds(rows)
    box = Patch(facecolor=look.ink, alpha=SHADE, lw=0)
    return [(box, f"shade: {what} of {text}")] if text else []


def bar_key(look: Look, rows: Iterable[Row], what: str) -> list[Entry]:
    """Return what bars are, as `shade_key` does."""
    text = _of_seeds(rows)
    bar = Line2D([], [], color=look.ink, lw=0.8 * look.line)
    return [(bar, f"bar: {what} of {text}")] if text else []


def interval_note(rows: Iterable[Row], *, shown: bool) -> list[Entry]:
    """Return what numbers in brackets are, or where they are.

    Args:
        rows: The rows that are drawn.
        shown: Whether they are in the figure, and not in its CSV alone.
    """
    text = f"95 % t-interval of the mean of {_of_seeds(rows)}"
    return [nothing(f"[ ]: {text}" if shown else f"the {text} is in the CSV beside the figure")]


def _of_seeds(rows: Iterable[Row]) -> str:
    counts = [len(row.best) for row in rows if ran(row) and len(row.best) >= MIN_SEEDS]
    if not counts:
        return ""
    few, many = min(counts), max(counts)
    return f"{few} seeds" if few == many else f"{few} to {many} seeds"


def marked(rows: Sequence[Row], x: str) -> dict[str, str]:
    """Return each name as it is shown: with a mark if its time is amortised and others' is not.

    Args:
        rows: The rows of all plots.
        x: What is on the horizontal axis.
    """
    both = x == "seconds" and has_both_times(rows)
    shared = {row.name for row in rows if both and row.is_amortised}
    return {row.name: row.name + f" {AMORTISED}" * (row.name in shared) for row in rows}


def mark_key(rows: Sequence[Row], x: str) -> list[Entry]:
    """Return what the mark of `marked` says, if there is one.

    Args:
        rows: The rows of all plots.
        x: What is on the horizontal axis.
    """
    if x != "seconds" or not has_both_times(rows):
        return []
    return [nothing(f"{AMORTISED}: time {SHARED}; beside others' it tells the magnitude only")]


def without_runs(groups: Sequence[Sequence[Row]]) -> list[Entry]:
    """Return who is in no plot, as nothing was recorded, by what became of the runs.

    Args:
        groups: The rows of each plot.
    """
    told: dict[str, list[str]] = {}
    for row in (row for same in groups for row in same if not ran(row)):
        status = ", ".join(sorted({str(run.status) for run in row.best})).replace("_", " ")
        where = f" on {row.title}" if len(groups) > 1 else ""
        told.setdefault(status, []).append(row.name + where)
    return [nothing(f"{status}: {', '.join(names)}") for status, names in told.items()]


def all_lost(groups: Sequence[Sequence[Row]]) -> list[Entry]:
    """Return where every run was lost, at the best learning rates and so at all.

    Args:
        groups: The rows of each plot.
    """
    lost = [same[0].title for same in groups if all(row.final is None for row in same)]
    if not lost:
        return []
    where = f" on {', '.join(lost)}" if len(groups) > 1 else ""
    return [nothing(f"every run{where} diverged or failed")]
