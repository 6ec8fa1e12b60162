"""The verb `conform`."""

from __future__ import annotations

from pathlib import Path

import click

from optbench import console
from optbench.cli.options import complete, json_option, path_type
from optbench.core.errors import OptbenchError


@click.command()
@click.argument("implementation", required=False)
@click.option(
    "--as",
    "equation",
    default="",
    help="The equation that it claims to be.  [default: by its name]",
    shell_complete=complete("optimizers"),
)
@click.option("--all", "every", is_flag=True, help="Every class of every package, on one page.")
@click.option(
    "--output",
    "-o",
    type=path_type,
    default="reports/conformance",
    show_default=True,
    help="Folder of the page of --all.",
)
@json_option
def conform(
    *, implementation: str | None, equation: str, every: bool, output: Path, as_json: bool
) -> None:
    """Hold IMPLEMENTATION against the equation that it claims to be.

    \b
    optbench conform torch.AdamW
    optbench conform my_file.py:MyAdam --as adam
    optbench conform --all

    Exit status 1 when it deviates.
    """  # noqa: D301 (click wants the backspace)
    if every == (implementation is not None):
        raise OptbenchError("conform takes the name of one implementation, or --all")
    if implementation is None:
        click.echo(_survey(output))
        return
    from optbench.conformance.battery import conform as hold

    found = hold(implementation, equation)
    console.print_conformance(found, as_json=as_json)
    if found.deviations:
        raise click.exceptions.Exit(1)


def _survey(output: Path) -> Path:
    """Hold every class against its equation and return the page."""
    from optbench.conformance.survey import survey
    from optbench.report.conformance import write_conformance

    return write_conformance(survey(lambda line: click.echo(line, err=True)), output)
