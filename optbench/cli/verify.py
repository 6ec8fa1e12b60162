"""The verb `verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from optbench import console
from optbench.cli.options import complete, json_option, path_type
from optbench.core.errors import OptbenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optbench.theory.verify import Row

WIDE = 140
"""Columns of a terminal that the table needs; narrower ones get a few lines a claim."""


@click.command()
@click.argument("ids", nargs=-1)
@click.option(
    "--optimizer",
    help="Your optimizer, put in the place of the textbook's.",
    shell_complete=complete("optimizers"),
)
@click.option("--quick", is_flag=True, help="Leave out the claims that take long, and list them.")
@click.option("--html", is_flag=True, help="Write the page of the claims too, with every figure.")
@click.option(
    "--output",
    "-o",
    type=path_type,
    default="reports/theory",
    show_default=True,
    help="Folder of the page.",
)
@click.option("--figures", type=path_type, help="Folder for the figures, one file a claim.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Processes.  [default: cores]")
@json_option
def verify(
    *,
    ids: tuple[str, ...],
    optimizer: str | None,
    quick: bool,
    html: bool,
    output: Path,
    figures: Path | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Check what theory says about convergence: all claims, or those with these IDS.

    \b
    optbench verify --quick
    optbench verify GD-03 "K-*" --optimizer my_file.py:MyGD
    optbench verify "HB-*" --figures reports/figures

    Exit status 1 when a claim fails or is not decided.
    """  # noqa: D301 (click wants the backspace)
    from optbench.theory.table import settles, summary
    from optbench.theory.verify import choose, read_substitute
    from optbench.theory.verify import verify as check
    from optbench.workflow import cores

    with console.prints_to_stderr():
        substitute = None if optimizer is None else read_substitute(optimizer)
    chosen, left_out = choose(ids, substitute, quick=quick)
    missed = [
        f"left out, {why}: {', '.join(claim.id for claim in claims)}"
        for why, claims in left_out.items()
    ]
    if not chosen:
        raise OptbenchError(f"nothing to check; {'; '.join(missed)}")
    with console.prints_to_stderr(), console.Progress(len(chosen), "claims") as progress:
        rows = check(
            chosen,
            substitute=substitute,
            jobs=jobs or cores(),
            on_row=lambda row: progress.advance(1),
        )
    _print(rows, as_json=as_json)
    for line in missed:
        click.echo(line, err=True)
    _write(rows, output if html else None, figures, jobs or cores())
    click.echo(summary(rows), err=as_json)
    if not all(settles(row.finding) for row in rows):
        raise click.exceptions.Exit(1)
    if substitute is not None and all(row.finding.verdict == "SKIPPED" for row in rows):
        raise OptbenchError(f"no claim can be checked of {optimizer}, for the reasons above")


def _print(rows: Sequence[Row], *, as_json: bool) -> None:
    from optbench.theory.table import COLUMNS, as_data, cells

    if as_json:
        console.print_json([as_data(row) for row in rows])
        return
    if console.width() >= WIDE:
        console.print_table(COLUMNS, [cells(row) for row in rows], texts=(0, 1))
    else:
        _print_narrow([cells(row) for row in rows])
    for row in rows:
        if row.finding.reason:
            click.echo(f"{row.claim.id} {row.finding.verdict}: {row.finding.reason}")


def _print_narrow(rows: Sequence[Sequence[str]]) -> None:
    from optbench.theory.table import COLUMNS

    size = max(len(row[0]) for row in rows)
    for name, statement, *numbers, verdict in rows:
        pairs = zip(COLUMNS[2:], numbers, strict=False)
        details = "; ".join(f"{column} {value}" for column, value in pairs if value)
        console.print_record((f"{name:<{size}}", f"{verdict:<4}"), statement, details)


def _write(rows: Sequence[Row], page: Path | None, figures: Path | None, jobs: int) -> None:
    """Write the page and the figures where they are wanted, and say where they are."""
    if figures is not None:
        from optbench.report.theory_figures import save_figures

        click.echo(f"{len(save_figures(rows, figures, jobs=jobs))} figures in {figures}", err=True)
    if page is not None:
        from optbench.report.theory import write_theory

        click.echo(write_theory(rows, page, jobs=jobs), err=True)
