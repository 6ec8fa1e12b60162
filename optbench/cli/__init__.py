"""The command line: verbs, options and exit statuses; everything else is in `workflow`."""

from __future__ import annotations

import click

from optbench.cli.conform import conform
from optbench.cli.lookup import list_, show
from optbench.cli.runs import run
from optbench.cli.stores import export, merge, report, verify_store


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="optbench", message="optbench %(version)s")
def cli() -> None:
    """Benchmark optimizers and schedules, and check their convergence against theory.

    Start with: optbench run --suite convex
    """


for _verb in (list_, show, run, report, export, merge, verify_store, conform):
    cli.add_command(_verb)
