"""The verbs about stored runs: `export`, `import`, `merge`, `verify-store`."""

from __future__ import annotations

from pathlib import Path

import click

from optbench.cli.options import left_out, path_type, stored_runs
from optbench.core.errors import OptbenchError


@click.command()
@click.argument("output", type=path_type)
@stored_runs
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet", "json"]),
    default="csv",
    show_default=True,
    help="Of the files.",
)
def export(
    *,
    output: Path,
    sources: tuple[Path, ...],
    problems: tuple[str, ...],
    optimizers: tuple[str, ...],
    schedules: tuple[str, ...],
    kind: str,
) -> None:
    """Write stored runs and their curves as CSV, Parquet or JSON files to the folder OUTPUT.

    \b
    optbench export tables
    optbench export tables results other/results.db --format parquet
    optbench export tables -p 'quadratic*' --format json

    RESULTS are stores, folders or .db files; by default results. Their columns are described in
    results/README.md. Exit status 1 when something in them is damaged, and so left out.
    """  # noqa: D301 (click wants the backspace)
    from optbench import reporting

    paths, damaged = reporting.export_runs(
        output, kind, sources, problems=problems, optimizers=optimizers, schedules=schedules
    )
    for path in paths:
        click.echo(path)
    left_out(damaged)


@click.command("import")
@click.argument("files", type=path_type, nargs=-1, required=True)
@click.option(
    "--into", type=path_type, required=True, help="Store that takes them; made if needed."
)
@click.option(
    "--metric",
    default="value",
    show_default=True,
    help="Of benchopt's files: which objective_METRIC is the value.",
)
def import_(files: tuple[Path, ...], into: Path, metric: str) -> None:
    """Add the runs of other programs to a store, for reports, figures and tables.

    \b
    optbench import outputs/benchopt_run_2026-01-01_12h00m00.parquet --into others
    optbench import curves.csv --into results

    FILES are results of benchopt (.parquet), or plain tables of curves (.csv) with the columns
    problem, optimizer, seed, step and value, as results/README.md describes them. Either every run
    of all FILES is imported or none.
    """  # noqa: D301 (click wants the backspace)
    from optbench.store import import_files

    done = import_files(files, into, metric=metric)
    click.echo(f"{done.written} runs added to {into}, {done.known} known")
    if done.replaced:
        click.echo(f"{done.replaced} of them supersede an earlier import of the same name")
    if done.renamed:
        click.echo(f"code here has some of their names; theirs are: {', '.join(done.renamed)}")


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
@click.argument("sources", type=path_type, nargs=-1, metavar="[RESULTS]...")
@click.option("--salvage", "saved", type=path_type, help="New store for all that can be read.")
def verify_store(sources: tuple[Path, ...], saved: Path | None) -> None:
    """Check every row of stores; name damaged ones, and save the rest of one if asked to.

    RESULTS are stores, folders or .db files; by default results. They are never changed. Exit
    status 1 when something is damaged.
    """
    from optbench.store import check, salvage

    stores = sources or (Path("results"),)
    if saved is not None and len(stores) > 1:
        raise OptbenchError("--salvage takes one store at a time; merge joins what was saved")
    damages = {store: check(store) for store in stores}
    for store, found in damages.items():
        for damage in found:
            click.echo(f"damaged: {damage}")
        if not found:
            click.echo(f"{store}: every run is whole")
    if saved is not None:
        click.echo(f"{salvage(stores[0], saved).saved} runs saved to {saved}")
    if any(damages.values()):
        raise click.exceptions.Exit(1)
