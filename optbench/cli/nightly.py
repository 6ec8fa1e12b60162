"""The verbs `nightly` and `bisect`."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optbench import console
from optbench.cli.options import complete, json_option, path_type

if TYPE_CHECKING:
    from optbench.nightly.compare import Comparison
    from optbench.watch.bisect import Answer
    from optbench.watch.night import Prepared


@click.command()
@click.option(
    "--suite",
    default="nightly",
    show_default=True,
    help="A suite, or the folder or TOML file of your own.",
    shell_complete=complete("suites"),
)
@click.option(
    "--history",
    type=path_type,
    default="results/history",
    show_default=True,
    help="Folder of the nights; each adds a file.",
)
@click.option("--against", metavar="REF", help="Commit, tag or date.  [default: the last night]")
@click.option("--device", help="cpu or cuda.  [default: as the suite says]")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Processes.  [default: by work]")
@click.option(
    "--output",
    "-o",
    type=path_type,
    default="reports/nightly",
    show_default=True,
    help="Folder of the report.",
)
@json_option
def nightly(
    *,
    suite: str,
    history: Path,
    against: str | None,
    device: str | None,
    jobs: int | None,
    output: Path,
    as_json: bool,
) -> None:
    """Run a suite afresh, keep what came out, and compare it with the nights before.

    \b
    optbench nightly
    optbench nightly --suite ./optbench.toml --against v1.2

    Exit status 1 when something got worse, 3 when something could not be run; too little history
    is no failure.
    """  # noqa: D301 (click wants the backspace)
    from optbench.core.errors import OptbenchError
    from optbench.nightly.history import NotKeptError
    from optbench.nightly.summary import as_data, lines
    from optbench.watch.night import prepare, watch

    with console.prints_to_stderr(), _could_not_run(NotKeptError):
        prepared = prepare(suite, history, against=against, device=device)
        output.mkdir(parents=True, exist_ok=True)
        with console.Progress(prepared.tasks.size, "things") as progress:
            found = watch(prepared, jobs=jobs, advance=progress.advance)
    # The verdict comes first: it is kept by now, and pages can be made again.
    if as_json:
        console.print_json(as_data(found))
    else:
        click.echo("\n".join([*lines(found), f"{history / found.night.id}.json"]))
    with _could_not_run(OptbenchError, OSError):
        place = _write_summary(found, output)
        page = _write_dashboard(prepared, output)
    if not as_json:
        click.echo(f"{page}, {place.name}")
    if found.exit:
        raise click.exceptions.Exit(int(found.exit))


@contextlib.contextmanager
def _could_not_run(*errors: type[Exception]) -> Iterator[None]:
    """Make exit status 3 of some errors."""
    try:
        yield
    except errors as error:
        click.echo(f"optbench: {error}", err=True)
        raise click.exceptions.Exit(COULD_NOT_RUN) from error


COULD_NOT_RUN = 3


def _write_dashboard(prepared: Prepared, folder: Path) -> Path:
    """Write the pages of all nights, and the trend of asv where the project has one."""
    from optbench.nightly.dashboard.folder import write_dashboard
    from optbench.nightly.dashboard.trend import find_trend
    from optbench.nightly.history import read_history
    from optbench.watch.commands import bisect_options

    source = prepared.folder
    return write_dashboard(
        read_history(source),
        source,
        folder,
        title="Nights",
        options=bisect_options(prepared.tasks.runs),
        trend=find_trend(Path.cwd(), folder),
    )


def _write_summary(found: Comparison, folder: Path) -> Path:
    """Write `summary.json`, whole or not at all."""
    from optbench.nightly.summary import as_data

    place = folder / "summary.json"
    hidden = place.with_name(f".summary.{os.getpid()}")
    hidden.write_text(json.dumps(as_data(found), indent=1, allow_nan=False))
    return hidden.replace(place)


@click.command()
@click.argument("good")
@click.argument("bad")
@click.option("--metric", default="steps_to_target", show_default=True, help="An exact metric.")
@click.option(
    "--problem", "-p", required=True, help="Problem.", shell_complete=complete("problems")
)
@click.option(
    "--optimizer", "-o", required=True, help="Optimizer.", shell_complete=complete("optimizers")
)
@click.option("--schedule", "-s", default="constant", show_default=True, help="Schedule.")
@click.option("--budget", type=float, help="Gradient evaluations.  [default: as in run]")
@click.option("--target", multiple=True, help="Levels to reach.  [default: as in run]")
@click.option("--dtype", help="float64 or float32.  [default: as in run]")
@click.option(
    "--repo", type=path_type, default=".", show_default=True, help="A folder of the repository."
)
@json_option
def bisect(
    *,
    good: str,
    bad: str,
    metric: str,
    problem: str,
    optimizer: str,
    schedule: str,
    budget: float | None,
    target: tuple[str, ...],
    dtype: str | None,
    repo: Path,
    as_json: bool,
) -> None:
    """Find the commit between GOOD and BAD that changed an exact metric.

    \b
    optbench bisect -p quadratic:kappa=100 -o mylib.sgd:SGD:lr=0.1 v1.0 main
    optbench bisect --metric state_bytes -p rosenbrock -o mylib.adam:Adam --repo ../mylib v1.0 main

    The repository is only read: commits are measured in a temporary clone of it. Exit status 1 when
    commits that cannot be measured hide which one it was, 3 when GOOD or BAD cannot be.
    """  # noqa: D301 (click wants the backspace)
    from optbench.watch.bisect import CannotRunError, Question
    from optbench.watch.bisect import bisect as search

    request = {
        "problems": [problem],
        "optimizers": [optimizer],
        "schedules": [schedule],
        "budget": budget,
        "targets": list(target) or None,
        "dtype": dtype,
    }
    question = Question(metric, request, good, bad, repo)
    with _could_not_run(CannotRunError):
        found = search(question, lambda line: click.echo(line, err=True))
    if as_json:
        console.print_json(asdict(found))
    else:
        name = f"{metric} of {optimizer} on {problem}"
        click.echo("\n".join(_told(found, name)))
    if len(found.suspects) > 1:
        raise click.exceptions.Exit(1)


def _told(found: Answer, name: str) -> list[str]:
    from optbench.nightly.summary import shown

    skipped = f", {len(found.skipped)} could not be" if found.skipped else ""
    if len(found.suspects) == 1:
        first = f"first changed commit: {found.suspects[0]} {found.subject}"
    else:
        first = f"first changed commit: one of {', '.join(found.suspects)}"
    return [
        first,
        f"{found.verdict}: {name}: {shown(found.before)} before, {shown(found.after)} after",
        f"{found.measured} of {found.commits + 1} commits were measured{skipped}",
    ]
