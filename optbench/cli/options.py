"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from optbench import catalogue

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from optbench.store import Damage

Verb = TypeVar("Verb", bound=Callable[..., Any])
MOST_NAMED = 5
"""Damaged rows that are named one by one."""

Names = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def complete(kind: str) -> Names:
    """Return the shell completion of the names of a kind, see `catalogue.completions`."""

    def names(
        context: click.Context, parameter: click.Parameter, text: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = catalogue.completions(kind, text)
        return [CompletionItem(name, help=about) for name, about in found]

    return names


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
path_type = click.Path(path_type=Path)
results_option = click.option(
    "--results",
    type=path_type,
    default="results",
    show_default=True,
    help="Folder of the store, results.db.",
)


def stored_runs(verb: Verb) -> Verb:
    """Add what picks stored runs to a verb: `sources`, `problems`, `optimizers`, `schedules`."""
    options = [
        click.argument("sources", type=path_type, nargs=-1, metavar="[RESULTS]..."),
        click.option(
            "--problem",
            "-p",
            "problems",
            multiple=True,
            help="Only runs on this problem: a name, or a pattern in quotes.",
            shell_complete=complete("problems"),
        ),
        click.option(
            "--optimizer",
            "optimizers",
            multiple=True,
            help="Only runs of this optimizer, likewise.",
            shell_complete=complete("optimizers"),
        ),
        click.option(
            "--schedule",
            "schedules",
            multiple=True,
            help="Only runs with this schedule, likewise.",
            shell_complete=complete("schedules"),
        ),
    ]
    for option in reversed(options):
        verb = option(verb)
    return verb


def left_out(damaged: Sequence[Damage]) -> None:
    """Name what is damaged, if anything is, and exit with status 1."""
    for damage in damaged[:MOST_NAMED]:
        click.echo(f"optbench: left out: {damage}", err=True)
    if len(damaged) > MOST_NAMED:
        more = len(damaged) - MOST_NAMED
        click.echo(f"optbench: left out: {more} more; see: optbench verify-store", err=True)
    if damaged:
        raise click.exceptions.Exit(1)
