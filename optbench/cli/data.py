"""The verbs about data sets: `data list`, `data fetch`, `data add`, `data where`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optbench import console
from optbench.cli.options import json_option, path_type
from optbench.data import library
from optbench.data.sets import SETS, find

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from optbench.data.sets import DataSet, Download


def _complete(
    context: click.Context, parameter: click.Parameter, text: str
) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(n, help=SETS[n].about) for n in SETS if n.startswith(text)]


@click.group()
def data() -> None:
    """Get real data sets, and look up what is here.

    They are kept in the folder OPTBENCH_DATA, else in the user's cache folder.
    """


@data.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the data sets: whether they are here, size, examples, licence."""
    kept = library.listing()
    if as_json:
        console.print_json([_record(entry) for entry in kept])
        return
    columns = ["data set", "here", "download", "examples", "licence", "what it is"]
    rows = [
        [
            entry.dataset.name,
            _here(entry),
            _size(_download_size(entry.dataset)) if entry.dataset.downloads else "-",
            _examples(entry.dataset),
            entry.dataset.licence,
            entry.dataset.about,
        ]
        for entry in kept
    ]
    console.print_table(columns, rows, texts=(0, 4, 5))


@data.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=_complete)
def fetch(names: tuple[str, ...]) -> None:
    """Download data sets from their official places, verify and unpack them.

    An interrupted download goes on from where it stopped. Prints the files that were made.
    """
    for name in names:
        find(name)
    for name in names:
        with _progress(find(name)) as progress:
            file = library.fetch(name, progress)
        click.echo(file)


@data.command()
@click.argument("name", shell_complete=_complete)
@click.argument("path", type=path_type)
def add(name: str, path: Path) -> None:
    """Make the data set NAME from a local copy of its files at PATH.

    PATH is the official archive, one of the official files, or a folder that has them, such as
    torchvision's. Only the known files are accepted. Prints the file that was made.
    """
    click.echo(library.add(name, path))


@data.command()
@click.argument("name", default="", shell_complete=_complete)
def where(name: str) -> None:
    """Print the folder of all data sets, or the file of the data set NAME."""
    click.echo(library.where(name))


def _record(entry: library.Kept) -> dict[str, object]:
    dataset = entry.dataset
    return {
        "name": dataset.name,
        "about": dataset.about,
        "here": entry.file is not None,
        "file": str(entry.file) if entry.file else None,
        "file_bytes": entry.size,
        "download_bytes": _download_size(dataset),
        "train": dataset.train,
        "test": dataset.test,
        "unit": dataset.unit,
        "licence": dataset.licence,
        "home": dataset.home,
        "part_of": dataset.part_of or None,
    }


def _here(entry: library.Kept) -> str:
    if entry.file is None:
        return "no"
    return _size(entry.size) if entry.file.stem == entry.dataset.name else "in the whole"


def _examples(dataset: DataSet) -> str:
    count = f"{dataset.train:,}" + (f" + {dataset.test:,}" if dataset.test else "")
    return f"{count} {dataset.unit}"


def _download_size(dataset: DataSet) -> int:
    return sum(source.size for source in dataset.downloads)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


@contextlib.contextmanager
def _progress(dataset: DataSet) -> Iterator[Callable[[Download, int], None]]:
    """Show how much of a set's files has arrived: a bar on a terminal, a line a file elsewhere.

    Yields:
        What is told of the bytes that are here.
    """
    here: dict[str, int] = {}
    if not sys.stderr.isatty():
        yield lambda source, arrived: _announce(here, source, arrived)
        return
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    # The bar begins with the first byte: nothing is shown where nothing is fetched.
    task = bar.add_task(dataset.name, total=_download_size(dataset))

    def show(source: Download, arrived: int) -> None:
        if not here:
            bar.start()
        here[source.url] = arrived
        bar.update(task, completed=sum(here.values()))

    try:
        yield show
    finally:
        bar.stop()


def _announce(here: dict[str, int], source: Download, arrived: int) -> None:
    if source.url not in here:
        click.echo(f"fetching {source.url}, {_size(source.size)}", err=True)
    here[source.url] = arrived
