"""Who is best over all problems: mean ranks, and which of them are not told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

from optbench.analysis.contest import Contest, contest
from optbench.analysis.ranks import LEVEL, Ranks
from optbench.analysis.ranks import ranks as rank
from optbench.analysis.summary import Row
from optbench.analysis.tables import printable
from optbench.report.tables import grid
from optbench.report.tables.table import Cell, Form, Mark, Table


def ranks(rows: Sequence[Row]) -> Table:
    """Tabulate mean ranks by what reaching each problem's target costs.

    Args:
        rows: Rows of `summarize`.

    Returns:
        The table, best first.

    Raises:
        OptbenchError: For fewer than 5 problems that all optimizers ran on, or one optimizer.
    """
    field = contest(rows)
    found = rank(field)
    lines = [_line(found, i) for i in range(len(found.names))]
    return Table(
        kind="ranks",
        caption=f"Mean rank over {len(found.problems)} problems by the gradient evaluations to "
        "each problem's target, 1 the best (median of seeds at the best learning rate; ties and "
        "misses by the final value, down to the last target; lost runs last).",
        corner="optimizer",
        columns=("mean rank", "first on", "group", "p to the best"),
        rows=tuple(_shown(line) for line in lines),
        notes=(*_tests(found, field), *_tuning(field)),
        said="{best}: the best; {tied}: in a group with it.",
        records=tuple(lines),
    )


def _line(found: Ranks, i: int) -> dict[str, Any]:
    """Return the numbers of an optimizer."""
    best = found.mean[i] == found.mean[0]
    tied = any(low == 0 and i <= high for low, high in found.cliques)
    pair = next((p for p in found.pairs if (p.a, p.b) == (found.names[0], found.names[i])), None)
    return {
        "optimizer": found.names[i],
        "mean_rank": float(found.mean[i]),
        "first": int((found.matrix[:, i] == found.matrix.min(axis=1)).sum()),
        "groups": _groups(found, i),
        "p": None if pair is None else pair.p,
        "p_holm": None if pair is None else pair.p_holm,
        "problems": len(found.problems),
        "friedman_p": found.friedman_p,
        "critical_difference": found.critical_difference,
        "mark": str(Mark.BEST if best else Mark.TIED if tied else Mark.NONE),
    }


def _shown(line: Mapping[str, Any]) -> tuple[str, tuple[Cell, ...]]:
    p = line["p_holm"]
    return printable(line["optimizer"]), (
        Cell(value=line["mean_rank"], mark=Mark(line["mark"])),
        Cell(value=line["first"], form=Form.COUNT),
        Cell(words=line["groups"]),
        Cell(words="—") if p is None else Cell(value=p),
    )


def _tuning(field: Contest) -> list[str]:
    return [note for note in grid.warnings(field) if note.startswith("Tuning")]


def _groups(found: Ranks, i: int) -> str:
    """Return the letters of the groups that an optimizer is in."""
    within = [place for place, (low, high) in enumerate(found.cliques) if low <= i <= high]
    return " ".join(_letter(place) for place in within) or "—"


def _letter(place: int) -> str:
    turn, rest = divmod(place, len(ascii_lowercase))
    return ascii_lowercase[rest] + (str(turn) if turn else "")


def _tests(found: Ranks, field: Contest) -> list[str]:
    sees = "sees a difference" if found.friedman_p < LEVEL else "sees no difference"
    notes = [
        f"Friedman's test {sees} at 5% (p = {found.friedman_p:.3g}). Mean ranks closer than "
        f"Nemenyi's critical difference, {found.critical_difference:.3g}, are not told apart: a "
        "group has a letter.",
        "p to the best: Wilcoxon's signed-rank test over the problems, with Holm's correction for "
        f"all {len(found.pairs)} pairs.",
    ]
    groups = {
        "Optimizers left out, as they did not run on all these problems": field.names,
        "Problems left out, as not all these optimizers ran on them": field.problems,
    }
    for why, names in groups.items():
        missing = [printable(name) for name in names if name in found.left_out]
        if missing:
            notes.append(f"{why}: {'; '.join(missing)}.")
    return notes
