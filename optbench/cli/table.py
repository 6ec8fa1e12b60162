"""The verb `table`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optbench import console
from optbench.cli.options import left_out, path_type, stored_runs
from optbench.core.errors import OptbenchError, unknown

if TYPE_CHECKING:
    from optbench.store import Damage


@click.command()
@click.argument("kind")
@stored_runs
@click.option("--output", "-o", type=path_type, help="File to write, .tex, .md, .csv or .txt.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "latex", "markdown", "csv"]),
    help="Format.  [default: by the file's ending; text]",
)
def table(
    *,
    kind: str,
    sources: tuple[Path, ...],
    problems: tuple[str, ...],
    optimizers: tuple[str, ...],
    schedules: tuple[str, ...],
    output: Path | None,
    form: str | None,
) -> None:
    """Make a table for a paper: steps, final, ranks, costs or claims.

    \b
    optbench table steps
    optbench table final -p 'quadratic*' -o final.tex
    optbench table ranks results other/results.db --format markdown
    optbench verify --json > claims.json; optbench table claims claims.json -o claims.tex

    KIND steps is the gradient evaluations to each problem's target, final the value at the end,
    ranks the mean rank over problems, costs time, calls and memory a step; claims are read from
    what verify --json has printed. RESULTS are stores, folders or .db files; by default results.
    Exit status 1 when something in them is damaged, and so left out.
    """  # noqa: D301 (click wants the backspace)
    from optbench import reporting
    from optbench.core.output import write_whole
    from optbench.report.tables import CLAIMS, ENDINGS, FORMATS, check_kind
    from optbench.report.tables.text import text

    check_kind(kind)
    if form is None and output is not None:
        ending = output.suffix.lower()
        if ending not in ENDINGS:
            raise unknown("ending of a table's file:", ending, ENDINGS)
        form = ENDINGS[ending]
    damaged: Sequence[Damage] = ()
    if kind == CLAIMS:
        if problems or optimizers or schedules:
            raise OptbenchError("claims have no problem, optimizer or schedule to pick by")
        made = reporting.table_of_claims(sources)
    else:
        gathered = reporting.gather(
            sources, problems=problems, optimizers=optimizers, schedules=schedules
        )
        made, damaged = reporting.make_table(kind, gathered), gathered.damaged
    if output is None:
        shown = FORMATS[form](made) if form else text(made, console.width())
        click.echo(shown, nl=False)
    else:
        write_whole({output: FORMATS[form or "text"](made).encode()})
        click.echo(output)
    left_out(damaged)
