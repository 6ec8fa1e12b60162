"""The verb `run`."""

from __future__ import annotations

import signal
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from optbench import console
from optbench.cli.options import complete, json_option, path_type, results_option
from optbench.core.errors import OptbenchError, StoreError
from optbench.core.training import Training

if TYPE_CHECKING:
    from optbench.analysis.results import Results
    from optbench.engines.execute import Finished
    from optbench.request import Request
    from optbench.store import Store
    from optbench.workflow import Plan


@click.command()
@click.option(
    "--suite", help="A suite, or the folder of your own.", shell_complete=complete("suites")
)
@click.option(
    "--problem", "-p", multiple=True, help="Problem.", shell_complete=complete("problems")
)
@click.option(
    "--optimizer", "-o", multiple=True, help="Optimizer.", shell_complete=complete("optimizers")
)
@click.option(
    "--schedule",
    "-s",
    multiple=True,
    help="Schedule.  [default: constant]",
    shell_complete=complete("schedules"),
)
@click.option(
    "--lr",
    multiple=True,
    help="Learning rates: .1, .1/.2/.5, 1e-4..1:21, 1/L, two-over-sum, polyak.",
)
@click.option("--seeds", type=int, help="Number of seeds: starts and draws.  [default: 1]")
@click.option(
    "--budget",
    type=float,
    help="Gradient evaluations, of minibatches in training.  [default: 1000, or the task's]",
)
@click.option(
    "--target",
    multiple=True,
    help="Relative suboptimality, or distance=, gradient_norm= or value= a number; runs stop at "
    "the smallest.  Of learning problems value= (validation loss) or error= (1 - accuracy).  "
    "[default: 1e-2, 1e-4, 1e-6, 1e-8, or the task's]",
)
@click.option(
    "--dtype", help="float64 or float32.  [default: float64; of learning problems float32]"
)
@click.option("--device", help="cpu or cuda.  [default: cpu]")
@click.option("--record", help="Steps to keep: log or every.  [default: log]")
@click.option(
    "--record-x/--no-record-x", default=None, help="Keep the points.  [default: in two dimensions]"
)
@click.option("--precision", help="full, or bf16: mixed precision.  [default: full]")
@click.option("--compile/--no-compile", default=None, help="Train through torch.compile.")
@click.option("--accumulate", type=int, help="Parts that each minibatch is cut into.  [default: 1]")
@click.option("--evaluations", type=int, help="Log points of a learning problem.  [default: 20]")
@click.option(
    "--sharpness/--no-sharpness",
    default=None,
    help="Record the largest eigenvalue of the training loss's Hessian.",
)
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Train with algorithms that repeat their bits on a GPU.",
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
@results_option
@click.option(
    "--report", type=path_type, help="Folder of the report.  [default: reports/SUITE for a suite]"
)
@click.option("--no-report", is_flag=True, help="Make no report.")
@click.option("--dry-run", is_flag=True, help="Print the plan and the time it takes, and stop.")
@json_option
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
    optbench run -p my_task.py:net -o torch.AdamW --lr 1e-4..1e-2:5
    """  # noqa: D301 (click wants the backspace)
    if suite and jobs != 1 and not dry_run:
        from optbench.executors.server import start_server

        # It imports what workers need while this process does the same.
        start_server("optbench.report.pages")
    requests = requests_of(suite, flags)
    from optbench import reporting, workflow
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
        folder = report or Path("reports") / name
        page = reporting.make_report(reporting.of_today(outcome), folder, title=name)
    console.print_outcome(outcome, results / "results.db", page, as_json=as_json)
    if any(run.status.is_failure for run in outcome.runs):
        raise click.exceptions.Exit(1)
    if not suite and outcome.runs and all(run.status == "refused" for run in outcome.runs):
        raise click.exceptions.Exit(2)


def requests_of(suite: str | None, flags: dict[str, Any]) -> tuple[Request, ...]:
    """Turn flags into requests.

    Args:
        suite: Name or folder of a suite, or None.
        flags: Values of the options that say what is run, by name; None or empty for no value.

    Returns:
        The requests; those of a suite with its numbers replaced by those that flags give.

    Raises:
        OptbenchError: When something is missing, unknown or out of range.
    """
    from optbench.request import Request
    from optbench.suites import load_suite

    plural = {
        "problem": "problems",
        "optimizer": "optimizers",
        "schedule": "schedules",
        "target": "targets",
    }
    given = {plural.get(k, k): value for k, value in flags.items() if value not in ((), None)}
    training = {f.name: given.pop(f.name) for f in fields(Training) if f.name in given}
    if suite is not None:
        for flag in ("problem", "optimizer", "schedule", "lr"):
            if plural.get(flag, flag) in given:
                raise OptbenchError(f"--{flag} does not go with --suite, which names its own")
        return tuple(
            replace(request, **given, training=replace(request.training, **training))
            for request in load_suite(suite).requests
        )
    for flag in ("problem", "optimizer"):
        if plural[flag] not in given:
            raise OptbenchError(f"--{flag} is missing: give --suite, or --problem and --optimizer")
    return (Request(**given, training=Training.of(training)),)


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
            return workflow.carry_out(
                plan,
                store,
                jobs=jobs,
                timeout=timeout,
                on_finished=count,
                on_progress=progress.update,
            )
        except KeyboardInterrupt:
            left = plan.new - done
            click.echo(
                f"optbench: interrupted; {left} runs left, the same command goes on", err=True
            )
            raise
        except StoreError as error:
            click.echo(f"optbench: {error}; {done} runs were kept", err=True)
            raise click.exceptions.Exit(1) from error


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came. No SystemExit, which may also be what a user's code raises in a run."""

    status = 128 + signal.SIGTERM


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise TerminatedError
