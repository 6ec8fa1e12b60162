"""The verbs that look things up: `list`, `show`."""

from __future__ import annotations

from pathlib import Path

import click

from optbench import catalogue, console
from optbench.cli.options import json_option


@click.command("list")
@click.argument("kind", type=click.Choice(catalogue.KINDS))
@json_option
def list_(kind: str, as_json: bool) -> None:
    """List what there is, one line each."""
    found = catalogue.entries(kind)
    if as_json:
        console.print_json([{"name": name, "about": about} for name, about in found])
    else:
        console.print_pairs(found)


@click.command()
@click.argument("name")
@json_option
@click.option(
    "--plot",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Draw a schedule, here or to FILE.svg, .png or .pdf.",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 10**6),
    default=1000,
    show_default=True,
    help="Steps of the run that is drawn.",
)
def show(name: str, as_json: bool, plot: str | None, steps: int) -> None:
    """Show a problem, optimizer, schedule or suite: parameters, facts, formula, source.

    NAME may be a spec, such as quadratic:kappa=1e4 or cosine:end=0.1.
    """
    found = catalogue.describe(name)
    drawing = _drawing(name, plot, steps) if plot else ""
    if as_json:
        console.print_json(found)
    else:
        for description in found:
            console.print_description(description)
    if drawing:
        click.echo(drawing, err=as_json)


def _drawing(name: str, plot: str, steps: int) -> str:
    """Return a schedule drawn in characters, or the path of the file that it was drawn to."""
    numbers = catalogue.numbers_of_schedule(name, steps)
    if plot == "-":
        return console.drawn_schedule(numbers)
    from optbench.report.schedule import save_schedule

    return str(save_schedule(numbers, name, Path(plot)))
