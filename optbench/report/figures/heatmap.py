"""Optimizer against problem: how many times the best one's cost to the target each one needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LogNorm

from optbench.analysis.contest import Contest, contest, costs_to, hessian_users, median_cost
from optbench.analysis.summary import Row
from optbench.core.errors import OptbenchError
from optbench.report.canvas import Made
from optbench.report.figures.cells import draw_cells, missed
from optbench.report.figures.panels import Numbers, nothing
from optbench.report.looks import Look

TALL = 12
"""Problems from which on they are rows, if there are more of them than optimizers."""

MANY = 15
"""More optimizers than this are too many for a page, if some hardly ran: those ..."""

RARE = 0.25
"""... that ran on less than this share of the problems are left out."""


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """One optimizer on one problem.

    Attributes:
        ratio: Its cost divided by the best one's; inf for a miss, NaN where it did not run.
        text: What is printed.
    """

    ratio: float
    text: str


def draw(rows: Sequence[Row], look: Look) -> Made:
    """Draw a cell for each optimizer on each problem, best optimizers first.

    The number is the median over seeds of gradient evaluations to the problem's target, divided by
    that of the best; hatched cells say how many seeds of how many reach the target.

    Args:
        rows: Rows of `summarize`.
        look: Sizes and inks.

    Returns:
        The figure.

    Raises:
        OptbenchError: When nobody has a target.
    """
    found = contest(rows)
    if not any(row.reach for row in rows):
        raise OptbenchError("a heatmap needs runs with targets; none here has one")
    numbers = Numbers()
    cells = {
        (title, name): _cell(found, title, name, numbers)
        for title in found.problems
        for name in found.names
    }
    names, rare = _drawn(found)
    names = sorted(names, key=lambda name: _order(found, cells, name))
    pairs = [[(title, name) for title in found.problems] for name in names]
    side, top = names, list(found.problems)
    if len(top) > max(TALL, len(side)):
        side, top, pairs = top, side, [list(line) for line in zip(*pairs, strict=True)]
    ratios = np.array([[cells[pair].ratio for pair in line] for line in pairs])
    texts = [[cells[pair].text for pair in line] for line in pairs]
    title = "Gradient evaluations to the target, relative to the best"
    finite = ratios[np.isfinite(ratios)]
    norm = LogNorm(1.0, max(10.0, float(finite.max(initial=1.0))))
    canvas = draw_cells(title, look, side, top, (ratios, texts), norm)
    hatched = "missed by half of the seeds or more: k of n reach it"
    words = nothing("number: gradient evaluations to the target, best = 1")
    canvas.keys[:0] = [words, *missed(look, ratios, hatched)]
    if rare:
        among = "left out, ran on few of the problems (some best may be among them)"
        canvas.keys.append(nothing(f"{among}: {'; '.join(rare)}"))
    if found.refused:
        canvas.keys.append(nothing("ref.: refused, as the method does not suit the problem"))
    users = hessian_users(found)
    if users:
        canvas.keys.append(nothing(f"Hessian products are not counted: {', '.join(users)}"))
    return Made(figure=canvas.figure(), data=numbers.table(), alt=_alt(found, cells, names))


def _cell(found: Contest, title: str, name: str, numbers: Numbers) -> _Cell:
    row, target = found.row(title, name), found.target(title)
    if row is None:
        refused = (title, name) in found.refused
        numbers.add(title, name, cell="refused" if refused else "not run")
        return _Cell(ratio=np.nan, text="ref." if refused else "n/a")
    costs = [] if target is None else costs_to(row, target)
    reached, runs = sum(map(np.isfinite, costs)), len(row.best)
    cost = median_cost(row, target)
    best = min(
        (median_cost(other, target) for other in _rows(found, title)),
        default=np.inf,
    )
    ratio = cost / best if np.isfinite(cost) and best > 0 else 1.0 if cost == best == 0 else np.inf
    text = _short(ratio) if np.isfinite(ratio) else f"{reached}/{runs}"
    more = {"target": target, "cost": cost, "ratio": ratio, "reached": reached, "runs": runs}
    numbers.add(title, name, cell=text, **more)
    return _Cell(ratio=ratio, text=text)


def _drawn(found: Contest) -> tuple[list[str], list[str]]:
    """Return the optimizers that are drawn, and of many those that ran on too few problems."""
    ran = Counter(name for _, name in found.rows)
    least = RARE * len(found.problems) if len(found.names) > MANY else 0.0
    kept = [name for name in found.names if ran[name] >= least] or list(found.names)
    return kept, [name for name in found.names if name not in kept]


def _rows(found: Contest, title: str) -> list[Row]:
    return [row for (other, _), row in found.rows.items() if other == title]


def _short(ratio: float) -> str:
    """Return a ratio in four characters at most: 1, 1.2, 35, 2e3."""
    if ratio < 9.95:
        return f"{ratio:.1f}" if f"{ratio:.1f}" != "1.0" or ratio > 1 else "1"
    if ratio < 999.5:
        return f"{ratio:.0f}"
    mantissa, _, exponent = f"{ratio:.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _order(
    found: Contest, cells: Mapping[tuple[str, str], _Cell], name: str
) -> tuple[int, float, str]:
    """Order by the mean logarithm of the ratios, where a miss is ten times the worst of all.

    Who ran on fewer than half of the problems stands below, by how many they are: it won no
    contest, and who was tried on one problem only won even less.
    """
    worst = 10 * max((c.ratio for c in cells.values() if np.isfinite(c.ratio)), default=1.0)
    own = [cells[title, name].ratio for title in found.problems]
    ran = [np.log(min(ratio, worst)) for ratio in own if not np.isnan(ratio)]
    absent = len(own) - len(ran)
    return absent if 2 * absent > len(own) else 0, float(np.mean(ran or [np.inf])), name


def _alt(found: Contest, cells: Mapping[tuple[str, str], _Cell], names: Sequence[str]) -> str:
    parts = []
    for name in names:
        own = [cells[title, name].ratio for title in found.problems]
        best = sum(ratio == 1 for ratio in own)
        missed = sum(map(np.isinf, own))
        parts.append(f"{name} is best on {best} and misses {missed}")
    size = f"{len(names)} optimizers on {len(found.problems)} problems"
    return f"Cost to the target relative to the best, {size}: {'; '.join(parts)}."
