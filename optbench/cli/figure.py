"""The verb `figure`."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from optbench.cli.options import left_out, path_type, stored_runs
from optbench.report.figures import CHOICES, KINDS, check_kind

STYLES = ("neurips", "icml", "jmlr", "thesis", "slides", "web")
"""The names of `optbench.report.looks.LOOKS`, whose import takes a second."""


def _kinds(context: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    found = [(kind, entry.about) for kind, entry in KINDS.items() if kind.startswith(text)]
    return [CompletionItem(kind, help=about) for kind, about in found]


def _styles(context: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    return [CompletionItem(style) for style in STYLES if style.startswith(text)]


def _values(name: str) -> str:
    known = {kind: choices[name] for kind, choices in CHOICES.items() if name in choices}
    return "; ".join(f"Of {kind}: {', '.join(values)}" for kind, values in known.items()) + "."


@click.command(
    epilog="\b\nKinds:\n"
    + "\n".join(f"  {kind:<14} {entry.about}" for kind, entry in KINDS.items())
)
@click.argument("kind", shell_complete=_kinds)
@stored_runs
@click.option(
    "--output",
    "-o",
    type=path_type,
    help="The file: .pdf, .svg, .png or .pgf.  [default: KIND.pdf]",
)
@click.option(
    "--style",
    default=STYLES[0],
    show_default=True,
    help=f"Where it is shown: {', '.join(STYLES)}.",
    shell_complete=_styles,
)
@click.option("--width", default="", help="In a style with two columns: column or text.")
@click.option("--x", default="", help=_values("x"))
@click.option("--measure", default="", help=_values("measure"))
def figure(
    *,
    kind: str,
    sources: tuple[Path, ...],
    problems: tuple[str, ...],
    optimizers: tuple[str, ...],
    schedules: tuple[str, ...],
    output: Path | None,
    style: str,
    width: str,
    x: str,
    measure: str,
) -> None:
    """Draw one figure of stored runs, for a paper, a thesis, slides or a page.

    \b
    optbench figure convergence -p quadratic-k100 -o fig.pdf
    optbench figure ranks results --style icml --width text -o ranks.pdf

    The numbers that are drawn lie beside the file as .csv. RESULTS are stores, folders or .db
    files; by default results. Exit status 1 when something in them is damaged, and so left out.
    """  # noqa: D301 (click wants the backspace)
    from optbench import figures, reporting
    from optbench.report.looks import find_look
    from optbench.report.save import check_path

    path = output or Path(f"{kind}.pdf")
    check_kind(kind, x=x, measure=measure)
    check_path(path)
    look = find_look(style, width)
    gathered = reporting.gather(
        sources, problems=problems, optimizers=optimizers, schedules=schedules
    )
    paths = figures.write_figure(
        kind, gathered.runs, path, look, named=bool(optimizers), x=x, measure=measure
    )
    for written in paths:
        click.echo(written)
    left_out(gathered.damaged)
