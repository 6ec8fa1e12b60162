"""The command line: verbs, options and exit statuses; everything else is in `workflow`."""

from __future__ import annotations

import click

from optbench.cli.certify import certify
from optbench.cli.compare import compare
from optbench.cli.conform import conform
from optbench.cli.data import data
from optbench.cli.figure import figure
from optbench.cli.lookup import list_, show
from optbench.cli.nightly import bisect, nightly
from optbench.cli.rate import rate
from optbench.cli.report import report
from optbench.cli.runs import run
from optbench.cli.stores import export, import_, merge, verify_store
from optbench.cli.table import table
from optbench.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="optbench", message="optbench %(version)s")
def cli() -> None:
    """Benchmark optimizers and schedules, and check their convergence against theory.

    Start with: optbench run --suite convex
    """


for _verb in (
    verify,
    list_,
    show,
    run,
    rate,
    report,
    figure,
    table,
    compare,
    export,
    import_,
    merge,
    verify_store,
    conform,
    certify,
    nightly,
    bisect,
    data,
):
    cli.add_command(_verb)
