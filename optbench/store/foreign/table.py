"""Reading a plain CSV of curves, as `results/README.md` describes it."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from optbench.core.errors import OptbenchError, SpecError, unknown
from optbench.core.registry import plugins
from optbench.core.run import Status
from optbench.core.spec import Spec, parse_one
from optbench.optimizers import OPTIMIZERS
from optbench.store.foreign import IMPORTED
from optbench.store.foreign.curve import Curve, Point, rate_of
from optbench.store.schema import CURVE

NEEDED = ("problem", "optimizer", "seed", "step", "value")
"""Columns that a CSV of curves has."""

OPTIONAL = (*(name for name in CURVE if name not in NEEDED), "f_star", "status")
"""Columns that it may have."""

_OF_THE_POINT = [name for name in CURVE if name != "lr"]


def read_csv(path: Path, environment: Mapping[str, str]) -> list[Curve]:
    """Read a CSV of curves: one row a point, in any order.

    Args:
        path: The file, in UTF-8.
        environment: What names it.

    Returns:
        Its curves, in the order in which they begin.

    Raises:
        OptbenchError: For a column that is missing or unknown, or a cell that is not what it should
            be, or a run whose first step is not 0: the file, the row and the column are named.
    """
    taken = frozenset({**OPTIMIZERS, **plugins("optbench.optimizers")})
    curves: dict[tuple[object, ...], Curve] = {}
    firsts: dict[str, tuple[str, float | None]] = {}
    try:
        for line, row in _rows(path):
            where = f"{path}: row {line}"
            columns = {name: _number(where, name, row) for name in _OF_THE_POINT if name in row}
            columns.setdefault("gradient_calls", columns["step"])
            optimizer = _optimizer(where, row, taken)
            columns["lr"] = rate_of(optimizer)
            f_star = _number(where, "f_star", row) if "f_star" in row else math.nan
            if math.isinf(f_star):
                raise OptbenchError(f"{where}, f_star: {f_star:g} is not a minimum")
            known = None if math.isnan(f_star) else f_star
            problem, seed = _word(where, "problem", row), _seed(where, row)
            place, said = firsts.setdefault(problem, (where, known))
            if said != known:
                raise OptbenchError(f"{where}, f_star: another one than at {place}, same problem")
            curve = curves.setdefault(
                (problem, optimizer, seed),
                Curve(
                    problem=Spec.of(IMPORTED, {"problem": problem}),
                    label=problem,
                    optimizer=optimizer,
                    seed=seed,
                    f_star=known,
                    status=_status(where, row),
                    environment=environment,
                ),
            )
            if curve.status != _status(where, row):
                raise OptbenchError(f"{where}, status: another one than before, same run")
            curve.points.append(Point(where, columns))
    except UnicodeDecodeError as error:
        raise OptbenchError(f"{path} is not text in UTF-8: {error.reason}") from error
    except csv.Error as error:
        raise OptbenchError(f"{path} is not a CSV file: {error}") from error
    for curve in curves.values():
        _check_start(curve)
    return list(curves.values())


def _check_start(curve: Curve) -> None:
    """Refuse a curve without the start: relative suboptimality would be to some later point."""
    first = min(curve.points, key=lambda point: point.columns["step"])
    if first.columns["step"] > 0:
        who = f"{curve.optimizer} on {curve.label}, seed {curve.seed}"
        raise OptbenchError(
            f"{first.where}, step: {who} begins at {first.columns['step']:g}, not at the start, 0"
        )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each row, the header's being 1, and its cells by column."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file, strict=True)
        header = next(lines, [])
        for name in header:
            if name not in (*NEEDED, *OPTIONAL):
                raise OptbenchError(f"{path}: {unknown('column', name, NEEDED + OPTIONAL)}")
            if header.count(name) > 1:
                raise OptbenchError(f"{path}: two columns are called {name}")
        missing = [name for name in NEEDED if name not in header]
        if missing:
            raise OptbenchError(f"{path} has no column {' and no column '.join(missing)}")
        for number, cells in enumerate(lines, start=2):
            if not cells:
                continue
            if len(cells) != len(header):
                raise OptbenchError(
                    f"{path}: row {number} has {len(cells)} cells, the header {len(header)}"
                )
            yield number, dict(zip(header, cells, strict=True))


def _number(where: str, name: str, row: Mapping[str, str]) -> float:
    """Return a cell as a number; NaN where it is empty and may be."""
    text = row[name].strip()
    if not text and name not in NEEDED:
        return math.nan
    try:
        return float(text.replace("_", "?"))
    except ValueError:
        raise OptbenchError(f"{where}, {name}: {text!r} is not a number") from None


def _word(where: str, name: str, row: Mapping[str, str]) -> str:
    text = row[name].strip()
    if not text or not text.isprintable():
        raise OptbenchError(f"{where}, {name}: {text!r} is not a name")
    return text


def _seed(where: str, row: Mapping[str, str]) -> int:
    text = row["seed"].strip()
    plain = text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20
    if not plain or abs(int(text)) >= 2**63:
        raise OptbenchError(f"{where}, seed: {text!r} is not a whole number")
    return int(text)


def _status(where: str, row: Mapping[str, str]) -> Status | None:
    text = row.get("status", "").strip()
    if text and text not in list(Status):
        raise OptbenchError(f"{where}, {unknown('status', text, Status)}")
    return Status(text) if text else None


def _optimizer(where: str, row: Mapping[str, str], taken: frozenset[str]) -> Spec:
    """Return who it was; what code here answers to, or could, is called `imported.NAME`."""
    text = _word(where, "optimizer", row)
    spec = _named(text, taken)
    if "lr" not in row:
        return spec
    lr, params = _number(where, "lr", row), dict(spec.params)
    if math.isnan(lr):
        return spec
    if not 0 < lr < math.inf:
        raise OptbenchError(f"{where}, lr: {lr:g} is not a learning rate")
    if params.setdefault("lr", lr) != lr:
        raise OptbenchError(f"{where}, lr: {lr:g}, and another one in {text}")
    return Spec.of(spec.name, params)


@lru_cache(maxsize=1024)
def _named(text: str, taken: frozenset[str]) -> Spec:
    try:
        spec = parse_one(text)
    except SpecError:
        spec = Spec(text)
    if spec.name in taken or any(sign in spec.name for sign in ".:"):
        return Spec.of(f"{IMPORTED}.{spec.name}", dict(spec.params))
    return spec
