"""The verb `certify`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from optbench import console
from optbench.cli.options import complete, json_option

if TYPE_CHECKING:
    from optbench.theory.certificates.certify import Certificate

MEASURES = {
    "value": "f(x_T) - f*",
    "gradient": "|grad f(x_T)|^2",
    "distance": "|x_T - x*|^2",
}


@click.command()
@click.argument("optimizer", shell_complete=complete("optimizers"))
@click.option("--steps", type=int, default=10, show_default=True, help="Steps T.")
@click.option(
    "--kappa", type=float, help="L/mu of the functions.  [default: convex and no more, mu = 0]"
)
@click.option(
    "--measure",
    type=click.Choice(list(MEASURES)),
    default="value",
    show_default=True,
    help="What is measured at x_T: f(x_T) - f*, |grad f(x_T)|^2, |x_T - x*|^2.",
)
@json_option
def certify(
    *, optimizer: str, steps: int, kappa: float | None, measure: str, as_json: bool
) -> None:
    """Compute how bad OPTIMIZER can be on smooth convex functions, exactly.

    \b
    optbench certify gd:lr=1.5/L --steps 10
    optbench certify heavy_ball:lr=polyak,beta=polyak --kappa 25 --measure distance

    For any method whose steps are fixed combinations of gradients: they are read off its own code,
    and a semidefinite program finds the worst function and start, with L = 1 and |x_0 - x*| = 1.
    Needs pip install "optbench[pepit]".
    """  # noqa: D301 (click wants the backspace)
    from optbench.theory.certificates.certify import certify as work_out

    with console.prints_to_stderr():
        found = work_out(optimizer, steps, kappa=kappa, measure=measure)  # type: ignore[arg-type]
    if as_json:
        console.print_json(asdict(found))
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: Certificate) -> list[str]:
    """Return a certificate in words, one line a number."""
    functions = "convex" if found.kappa is None else f"strongly convex, kappa = {found.kappa:g}"
    lines = [
        f"{found.optimizer}, T = {found.steps}: largest {MEASURES[found.measure]} over {functions} "
        "functions, L = 1, |x_0 - x*| = 1",
        f"exact worst case  {found.worst_case:.8g}  semidefinite program, accurate to 2e-5",
    ]
    form = found.closed_form
    if form is None:
        lines.append("closed form       none is known here")
    else:
        ratio = found.worst_case / form.value
        lines.append(
            f"closed form       {form.value:.8g}  {form.formula} ({form.source}); ratio {ratio:.6f}"
        )
    reached = found.instance
    lines.append(
        f"reached in a run  {reached.value:.8g}  {reached.problem}; "
        f"{reached.value / found.worst_case:.6f} of the worst case"
    )
    return lines
