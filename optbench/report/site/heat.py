"""Optimizers against problems as a table with colours: what each costs relative to the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.colors import to_hex

from optbench.analysis.contest import Contest, costs_to, median_cost
from optbench.analysis.summary import Row
from optbench.analysis.tables import printable, target_label
from optbench.core.target import Target

WORST = 100.0
"""Ratio at which the colours end."""

SCALE = colormaps["cividis_r"]
"""Colours that stay in order for every eye and on paper; bright is good."""

UNMEASURED = "not measurable, as f* is unknown"
"""What is said of targets of a function whose infimum nobody knows."""

BRIGHT = 0.5
"""Up to this share of the scale letters are dark."""


@dataclass(frozen=True, kw_only=True)
class Heat:
    """A cell.

    Attributes:
        text: The ratio, or why there is none.
        kind: `ratio`, `miss`, `refused` or `none`.
        title: The numbers behind it.
        colour: Background, of a ratio.
        ink: Colour of the letters on it.
    """

    text: str
    kind: str
    title: str
    colour: str = ""
    ink: str = ""


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """The table.

    Attributes:
        problems: Its columns: title, and the target at which the problem is judged.
        lines: A name with a cell a problem, those first that solve the most problems.
    """

    problems: Sequence[tuple[str, str]]
    lines: Sequence[tuple[str, Sequence[Heat]]]


def heat_map(contest: Contest) -> HeatMap:
    """Return the table of a contest."""
    best = {
        title: min(
            (
                median_cost(row, contest.target(title))
                for name in contest.names
                if (row := contest.row(title, name)) is not None
            ),
            default=math.inf,
        )
        for title in contest.problems
    }
    lines = [
        (name, [_cell(contest, title, name, best[title]) for title in contest.problems])
        for name in contest.names
    ]
    return HeatMap(
        problems=[(title, _label(contest, title)) for title in contest.problems],
        lines=sorted(lines, key=_order),
    )


def _order(line: tuple[str, Sequence[Heat]]) -> tuple[int, float, str]:
    ratios = [float(cell.text) for cell in line[1] if cell.kind == "ratio"]
    return -len(ratios), sum(map(math.log, ratios)), line[0]


def _label(contest: Contest, title: str) -> str:
    if not contest.is_measured(title):
        return UNMEASURED
    level = contest.target(title)
    rows = [row for name in contest.names if (row := contest.row(title, name)) is not None]
    if level is None or not rows:
        return "no target reached"
    return target_label(rows, Target(rows[0].target_measure, level))


def _cell(contest: Contest, title: str, name: str, best: float) -> Heat:
    if (title, name) in contest.refused:
        return Heat(text="refused", kind="refused", title="every run was refused")
    row, target = contest.row(title, name), contest.target(title)
    if row is None:
        return Heat(text="", kind="none", title="did not run")
    if not contest.is_measured(title):
        return Heat(text="?", kind="miss", title=UNMEASURED)
    if target is None:
        return Heat(text="—", kind="miss", title="nobody reaches a target that all aim at")
    return _ratio(row, target, best)


def _ratio(row: Row, target: float, best: float) -> Heat:
    costs = costs_to(row, target)
    reached = sum(map(math.isfinite, costs))
    cost = median_cost(row, target)
    said = f"{printable(row.name)} on {printable(row.title)}: {reached} of {len(costs)} seeds"
    if not math.isfinite(cost):
        return Heat(text="—", kind="miss", title=f"{said} reach {target:g}")
    low, high = min(costs), max(costs)
    spread = f", {low:g} to {high:g}" if low < high else ""
    ratio = cost / best if best > 0 else (1.0 if cost == best else math.inf)
    share = min(math.log(max(ratio, 1.0)) / math.log(WORST), 1.0)
    return Heat(
        text=f"{ratio:.3g}" if ratio < 1e4 else f"{ratio:.0e}",
        kind="ratio",
        title=f"{said} reach {target:g}, in {cost:g} gradient evaluations (median{spread})",
        colour=to_hex(SCALE(share)),
        ink="#111" if share < BRIGHT else "#fff",
    )
