"""The verb `compare`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optbench import console
from optbench.cli.options import json_option, left_out, stored_runs
from optbench.core.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.analysis.compare import Comparison
    from optbench.reporting import Gathered
    from optbench.store import Damage


@click.command()
@click.argument("a")
@click.argument("b")
@stored_runs
@json_option
def compare(
    *,
    a: str,
    b: str,
    sources: tuple[Path, ...],
    problems: tuple[str, ...],
    optimizers: tuple[str, ...],
    schedules: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare two optimizers, two versions of one, or two stores: is B better than A?

    \b
    optbench compare adam adamw
    optbench compare 'adam, cosine' nesterov results -p 'quadratic*'
    optbench compare adam@old adam@new
    optbench compare adam@3f2a adam
    optbench compare results other/results.db

    A and B are optimizers as tables show them, or patterns, each at its best learning rate; with
    @old, @new or the first digits of a fingerprint their runs by other code; or stores, compared
    where both ran the same. By problem: ratios B / A of evaluations to the target and of the final
    value, paired by seed, with intervals, tests and what can be concluded. RESULTS are stores; by
    default results. Exit status 1 when something in them is damaged, and so left out.
    """  # noqa: D301 (click wants the backspace)
    from optbench import comparing, reporting

    def gathered(*paths: Path) -> Gathered:
        return reporting.gather(
            paths, problems=problems, optimizers=optimizers, schedules=schedules
        )

    if comparing.is_store(a) and comparing.is_store(b):
        if sources:
            raise OptbenchError(f"{a} and {b} are stores; a third one has no part in this")
        one, other = gathered(Path(a)), gathered(Path(b))
        found = comparing.of_stores(Path(a), Path(b), one, other)
        damaged = (*one.damaged, *other.damaged)
    elif comparing.is_store(a) or comparing.is_store(b):
        raise OptbenchError(f"of {a} and {b} one is a store; compare two stores or two optimizers")
    else:
        stores = sources or (reporting.STORE,)
        every = gathered(*stores)
        found, damaged = [comparing.of_optimizers(a, b, every, stores)], every.damaged
    _print(found, damaged, as_json=as_json)


def _print(found: list[Comparison], damaged: tuple[Damage, ...], *, as_json: bool) -> None:
    from optbench.report.tables.change import change
    from optbench.report.tables.text import text

    if as_json:
        console.print_json([asdict(one) for one in found])
    else:
        click.echo("\n".join(text(change(one), console.width()) for one in found), nl=False)
    left_out(damaged)
