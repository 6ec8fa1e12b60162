"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optbench import catalogue

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

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
