"""Command lines that search for the commit of a change, for what a suite runs."""

from __future__ import annotations

from collections.abc import Mapping

from optbench.core.spec import RunSpec
from optbench.core.target import SUBOPTIMALITY
from optbench.core.training import PLAIN
from optbench.nightly.metrics import Asked


def bisect_options(runs: Mapping[Asked, RunSpec]) -> dict[str, tuple[str, ...]]:
    """Return the options of `optbench bisect` that ask for the runs of a suite.

    Args:
        runs: What the suite runs, by what names it.

    Returns:
        Definition of a series to options. Runs with another seed than 0, and how tasks are trained,
        have none: `bisect` cannot ask for them.
    """
    return {
        asked.definition: _options(asked, spec)
        for asked, spec in runs.items()
        if spec.seed == 0 and spec.training == PLAIN
    }


def _options(asked: Asked, spec: RunSpec) -> tuple[str, ...]:
    options = ["--problem", str(spec.problem), "--optimizer", asked.optimizer]
    if asked.schedule != "constant":
        options += ["--schedule", asked.schedule]
    options += ["--budget", f"{spec.budget:.12g}"]
    for level in spec.targets:
        measure = "" if spec.target_measure == SUBOPTIMALITY else f"{spec.target_measure}="
        options += ["--target", f"{measure}{level!r}"]
    return (*options, "--dtype", spec.dtype)
