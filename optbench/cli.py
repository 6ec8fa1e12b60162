"""The command line: verbs, options and exit statuses; everything else is in `workflow`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from optbench import catalogue, console
from optbench.core.errors import OptbenchError, StoreError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from optbench.analysis.results import Results
    from optbench.engines.execute import Finished
    from optbench.request import Request
    from optbench.store import Damage, Store
    from optbench.workflow import Plan

Names = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _complete(kind: str) -> Names:
    def names(
        context: click.Context, parameter: click.Parameter, text: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = catalogue.completions(kind, text)
        return [CompletionItem(name, help=about) for name, about in found]

    return names


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_path = click.Path(path_type=Path)
_results = click.option(
    "--results",
    type=_path,
    default="results",
    show_default=True,
    help="Folder of the store, results.db.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="optbench", message="optbench %(version)s")
def cli() -> None:
    """Benchmark optimizers and schedules, and check their convergence against theory.

    Start with: optbench run --suite convex
    """


@cli.command("list")
@click.argument("kind", type=click.Choice(catalogue.KINDS))
@_json
def list_(kind: str, as_json: bool) -> None:
    """List what there is, one line each."""
    found = catalogue.entries(kind)
    if as_json:
        console.print_json([{"name": name, "about": about} for name, about in found])
    else:
        console.print_pairs(found)


@cli.command()
@click.argument("name")
@_json
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


@cli.command()
@click.option(
    "--suite", help="A suite, or the folder of your own.", shell_complete=_complete("suites")
)
@click.option(
    "--problem", "-p", multiple=True, help="Problem.", shell_complete=_complete("problems")
)
@click.option(
    "--optimizer", "-o", multiple=True, help="Optimizer.", shell_complete=_complete("optimizers")
)
@click.option(
    "--schedule",
    "-s",
    multiple=True,
    help="Schedule.  [default: constant]",
    shell_complete=_complete("schedules"),
)
@click.option(
    "--lr",
    multiple=True,
    help="Learning rates: .1, .1/.2/.5, 1e-4..1:21, 1/L, two-over-sum, polyak.",
)
@click.option("--seeds", type=int, help="Number of seeds: starts and draws.  [default: 1]")
@click.option("--budget", type=float, help="Gradient evaluations.  [default: 1000]")
@click.option(
    "--target",
    multiple=True,
    help="Relative suboptimality, or distance=, gradient_norm= or value= a number; runs stop at "
    "the smallest.  [default: 1e-2, 1e-4, 1e-6, 1e-8]",
)
@click.option("--dtype", help="float64 or float32.  [default: float64]")
@click.option("--device", help="cpu or cuda.  [default: cpu]")
@click.option("--record", help="Steps to keep: log or every.  [default: log]")
@click.option(
    "--record-x/--no-record-x", default=None, help="Keep the points.  [default: in two dimensions]"
)
@click.option(
    "--jobs", "-j", type=click.IntRange(min=1), help="Processes.  [default: by work and cores]"
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=float("inf"),
    help="Seconds that one batch of runs may take.  [default: no limit]",
)
@_results
@click.option(
    "--report", type=_path, help="Folder of the report.  [default: reports/SUITE for a suite]"
)
@click.option("--no-report", is_flag=True, help="Make no report.")
@click.option("--dry-run", is_flag=True, help="Print the plan and the time it takes, and stop.")
@_json
def run(
    *,
    suite: str | None,
    jobs: int | None,
    timeout: float,
    results: Path,
    report: Path | None,
    no_report: bool,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Run a suite, or optimizers on problems.

    \b
    optbench run --suite convex
    optbench run -p quadratic:kappa=1e4 -o gd -o adam --lr 1e-4..1:21
    optbench run -p rosenbrock -o my_file.py:MyOptimizer --lr 1e-3
    """  # noqa: D301 (click wants the backspace)
    if suite and jobs != 1 and not dry_run:
        from optbench.executors.server import start_server

        # It imports what workers need while this process does the same.
        start_server("optbench.report.figures")
    requests = _requests(suite, flags)
    from optbench import workflow
    from optbench.store import open_store

    plan = workflow.make_plan(workflow.runs_of(requests), workflow.stored_keys(results))
    if dry_run:
        console.print_plan(plan, workflow.estimate(plan), as_json=as_json)
        return
    with open_store(results) as store:
        outcome = _carry_out(plan, store, jobs or workflow.choose_jobs(plan), timeout)
    page = None
    if not no_report and (report or suite):
        name = Path(suite).resolve().name if suite else "run"
        page = workflow.make_report(outcome, report or Path("reports") / name, title=name)
    console.print_outcome(outcome, results / "results.db", page, as_json=as_json)
    if any(run.status.is_failure for run in outcome.runs):
        raise click.exceptions.Exit(1)
    if not suite and outcome.runs and all(run.status == "refused" for run in outcome.runs):
        raise click.exceptions.Exit(2)


def _requests(suite: str | None, flags: dict[str, Any]) -> tuple[Request, ...]:
    """Turn flags into requests; on a suite, numbers given as flags replace its own."""
    from optbench.request import Request
    from optbench.suites import load_suite

    plural = {
        "problem": "problems",
        "optimizer": "optimizers",
        "schedule": "schedules",
        "target": "targets",
    }
    given = {plural.get(k, k): value for k, value in flags.items() if value not in ((), None)}
    if suite is not None:
        for flag in ("problem", "optimizer", "schedule", "lr"):
            if plural.get(flag, flag) in given:
                raise OptbenchError(f"--{flag} does not go with --suite, which names its own")
        return tuple(replace(request, **given) for request in load_suite(suite).requests)
    for flag in ("problem", "optimizer"):
        if plural[flag] not in given:
            raise OptbenchError(f"--{flag} is missing: give --suite, or --problem and --optimizer")
    return (Request(**given),)


def _carry_out(plan: Plan, store: Store, jobs: int, timeout: float) -> Results:
    """Run a plan under a progress bar; what was finished is kept, however it ends."""
    from optbench import workflow

    signal.signal(signal.SIGTERM, _terminate)
    done = 0

    def count(finished: Finished) -> None:
        nonlocal done
        done += len(finished.runs)
        progress.advance(len(finished.runs))

    with console.Progress(plan.new) as progress:
        try:
            return workflow.carry_out(plan, store, jobs=jobs, timeout=timeout, on_finished=count)
        except (KeyboardInterrupt, SystemExit):
            left = plan.new - done
            click.echo(
                f"optbench: interrupted; {left} runs left, the same command goes on", err=True
            )
            raise
        except StoreError as error:
            click.echo(f"optbench: {error}; {done} runs were kept", err=True)
            raise click.exceptions.Exit(1) from error


def _terminate(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


@cli.command()
@click.argument("output", type=_path)
@_results
@click.option("--title", default="optbench", show_default=True, help="Heading of the page.")
def report(output: Path, results: Path, title: str) -> None:
    """Write a report of everything in a store to the folder OUTPUT.

    Exit status 1 when something is damaged, and so left out.
    """
    from optbench import workflow

    page, damaged = workflow.report_store(results, output, title=title)
    click.echo(page)
    _left_out(damaged)


@cli.command()
@click.argument("output", type=_path)
@_results
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


@cli.command()
@click.argument("sources", type=_path, nargs=-1, required=True)
@click.option(
    "--into", type=_path, required=True, help="Store that takes them all; made if needed."
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


@cli.command("verify-store")
@_results
@click.option("--salvage", "saved", type=_path, help="New store for all that can be read.")
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


@cli.command()
@click.argument("implementation", required=False)
@click.option(
    "--as",
    "equation",
    default="",
    help="The equation that it claims to be.  [default: by its name]",
    shell_complete=_complete("optimizers"),
)
@click.option("--all", "every", is_flag=True, help="Every class of every package, on one page.")
@click.option(
    "--output",
    "-o",
    type=_path,
    default="reports/conformance",
    show_default=True,
    help="Folder of the page of --all.",
)
@_json
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
