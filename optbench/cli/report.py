"""The verb `report`."""

from __future__ import annotations

from pathlib import Path

import click

from optbench.cli.options import left_out, path_type, stored_runs


@click.command()
@stored_runs
@click.option(
    "--output",
    "-o",
    type=path_type,
    help="Folder of the pages.  [default: reports/NAME of the store]",
)
@click.option("--title", help="Heading of the pages.  [default: the folder's name]")
def report(
    *,
    sources: tuple[Path, ...],
    problems: tuple[str, ...],
    optimizers: tuple[str, ...],
    schedules: tuple[str, ...],
    output: Path | None,
    title: str | None,
) -> None:
    """Write a report of stored runs: pages that open from disk, without a network.

    \b
    optbench report
    optbench report results other/results.db -o reports/both
    optbench report -p 'quadratic*' --optimizer adam -o reports/adam

    RESULTS are stores, folders or .db files; by default results. Exit status 1 when something in
    them is damaged, and so left out.
    """  # noqa: D301 (click wants the backspace)
    from optbench import reporting

    gathered = reporting.gather(
        sources, problems=problems, optimizers=optimizers, schedules=schedules, code=True
    )
    folder = output or Path("reports") / (sources[0].stem if sources else "results")
    click.echo(reporting.make_report(gathered, folder, title=title or folder.name))
    left_out(gathered.damaged)
