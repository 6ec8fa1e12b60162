"""The verbs about stored runs: `export`, `merge`, `verify-store`."""

from __future__ import annotations

from pathlib import Path

import click

from optbench.cli.options import left_out, path_type, results_option


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
    left_out(outcome.damaged)


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
