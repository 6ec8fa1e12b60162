"""The verbs about stored runs: `report`, `export`, `merge`, `verify-store`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from optbench.cli.options import path_type, results_option

if TYPE_CHECKING:
    from optbench.store import Damage


@click.command()
@click.argument("output", type=path_type)
@results_option
@click.option("--title", default="optbench", show_default=True, help="Heading of the page.")
def report(output: Path, results: Path, title: str) -> None:
    """Write a report of everything in a store to the folder OUTPUT.

    Exit status 1 when something is damaged, and so left out.
    """
    from optbench import workflow

    page, damaged = workflow.report_store(results, output, title=title)
    click.echo(page)
    _left_out(damaged)


@click.command()
@click.argument("output", type=path_type)
@results_option
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Of the files.",
)
def export(output: Path, results: Path, kind: str) -> None:
    """Write a store's runs and curves as CSV or Parquet files to the folder OUTPUT."""
    from optbench.store import export as write
    from optbench.store import open_store

    with open_store(results, create=False) as store:
        for path in write(store, output, kind):
            click.echo(path)


@click.command()
@click.argument("sources", type=path_type, nargs=-1, required=True)
@click.option(
    "--into", type=path_type, required=True, help="Store that takes them all; made if needed."
)
def merge(sources: tuple[Path, ...], into: Path) -> None:
    """Join the stores SOURCES (folders or .db files) into one."""
    from optbench.store import merge as join

    outcome = join(sources, into)
    click.echo(f"{outcome.written} runs added to {into}, {outcome.known} known")
    _left_out(outcome.damaged)


def _left_out(damaged: list[Damage]) -> None:
    """Name what is damaged, if anything is, and exit with status 1."""
    for damage in damaged:
        click.echo(f"optbench: left out: {damage}", err=True)
    if damaged:
        raise click.exceptions.Exit(1)


@click.command("verify-store")
@results_option
@click.option("--salvage", "saved", type=path_type, help="New store for all that can be read.")
def verify_store(results: Path, saved: Path | None) -> None:
    """Check every row of a store; name damaged ones, and save the rest if asked to.

    The store itself is never changed. Exit status 1 when something is damaged.
    """
    from optbench.store import check, salvage

    damages = check(results)
    for damage in damages:
        click.echo(f"damaged: {damage}")
    if saved is not None:
        click.echo(f"{salvage(results, saved).saved} runs saved to {saved}")
    if damages:
        raise click.exceptions.Exit(1)
    click.echo(f"{results}: every run is whole")
