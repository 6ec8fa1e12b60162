"""The verb `rate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench import console
from optbench.cli.options import complete, json_option, left_out, results_option

if TYPE_CHECKING:
    from optbench.theory.diagnosis.stored import Diagnosed


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--problem",
    "-p",
    "problems",
    multiple=True,
    help="Only runs on this problem: a name, or a pattern in quotes.",
    shell_complete=complete("problems"),
)
@click.option(
    "--optimizer",
    "-o",
    "optimizers",
    multiple=True,
    help="Only runs of this optimizer, likewise.",
    shell_complete=complete("optimizers"),
)
@results_option
@json_option
def rate(
    *,
    runs: tuple[str, ...],
    problems: tuple[str, ...],
    optimizers: tuple[str, ...],
    results: Path,
    as_json: bool,
) -> None:
    """Estimate the rate of stored runs: geometric, a power law, a floor, a divergence.

    \b
    optbench rate
    optbench rate -p rosenbrock -o 'nesterov*'
    optbench rate 3f2a9c

    RUN is the first digits of a run's digest, as this verb shows it, or of its key, as the exports
    do. Exit status 1 when something is damaged, and so left out.
    """  # noqa: D301 (click wants the backspace)
    from optbench.analysis.summary import short_names
    from optbench.theory.diagnosis.stored import rates

    with console.prints_to_stderr():
        found, damaged = rates(results, runs, problems=problems, optimizers=optimizers)
    if as_json:
        console.print_json([_record(row) for row in found])
    else:
        columns = ["run", "problem", "optimizer", "status", "kind", "rate", "steps", "of", "theory"]
        short = short_names(row.run.spec.optimizer for row in found)
        rows = [_cells(row, short[row.run.spec.optimizer]) for row in found]
        console.print_table(columns, rows, texts=range(len(columns)))
    left_out(damaged)


def _cells(row: Diagnosed, optimizer: str) -> list[str]:
    from optbench.analysis.tables import printable

    said, run = row.diagnosis, row.run
    schedule = run.spec.schedule
    name = optimizer if schedule.name == "constant" else f"{optimizer}, {schedule}"
    window = f"{said.window[0]:.0f}-{said.window[1]:.0f}" if said.points else ""
    texts = [row.name, run.spec.problem_label, name, run.status, said.kind, said.text]
    theory = said.theory.text if said.theory else ""
    return [printable(str(text)) for text in (*texts, window, said.measure, theory)]


def _record(row: Diagnosed) -> dict[str, Any]:
    from dataclasses import asdict

    spec, said = row.run.spec, row.diagnosis
    return {
        "run": spec.digest,
        "problem": spec.problem_label,
        "optimizer": str(spec.optimizer),
        "schedule": str(spec.schedule),
        "seed": spec.seed,
        "status": str(row.run.status),
        **asdict(said),
        "rho": said.rho,
        "steps_per_decade": said.steps_per_decade,
        "words": said.text,
    }
