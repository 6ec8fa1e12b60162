"""Tables of runs hold what the runs hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np

from optbench.analysis.results import Results
from optbench.core.run import Run, Status

Made = Callable[..., Run]


def test_one_row_a_run(made: Made) -> None:
    """Names, the resolved rate, the end and the exact hits are in the row."""
    runs = (made(0.1, 3, (2, 1), {1e-1: 8}), made(0.2, 4, (1, 2), status=Status.DIVERGED))

    table = Results(runs=runs).to_pandas()
    assert table["lr"].tolist() == [0.1, 0.2]
    assert table["optimizer"].tolist() == ["gd", "gd"]
    assert table["status"].tolist() == ["budget", "diverged"]
    assert table["relative_suboptimality"].tolist() == [0.5, np.inf]
    assert table["steps_to_0.1"].iloc[0] == 4
    assert table["gradient_calls_to_0.1"].iloc[0] == 8
    assert np.isnan(table["steps_to_0.001"].iloc[0])
    assert table["hyper_beta"].tolist() == [0.9, 0.9]


def test_one_row_a_point(made: Made) -> None:
    """The long table has every recorded point of every run, in order."""
    runs = (made(seed=0, gaps=(1, 0.5)), made(seed=1, gaps=(4, 2, 1)), made(seed=2, gaps=()))

    table = Results(runs=runs).curves()
    assert table["seed"].tolist() == [0, 0, 1, 1, 1]
    assert table["value"].tolist() == [6, 5.5, 9, 7, 6]
    assert table["relative_suboptimality"].tolist() == [1, 0.5, 1, 0.5, 0.25]


def test_no_runs_are_empty_tables() -> None:
    """Every table of nothing is empty, and no error."""
    nothing = Results(runs=())

    assert (len(nothing.to_pandas()), len(nothing.curves()), nothing.summary()) == (0, 0, [])


def test_the_analysis_imports_nothing_heavy() -> None:
    """Neither torch nor pandas nor matplotlib comes with the summary."""
    code = (
        "import sys, optbench.analysis.results; "
        "print([m for m in ('torch', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_look_at_results_is_a_line(made: Callable[..., Run]) -> None:
    """What a notebook shows of a thousand curves counts them."""
    runs = (made(), made(0.2), made(0.4, status=Status.DIVERGED))

    assert repr(Results(runs=runs)) == "<Results of 3 runs: 2 budget, 1 diverged>"
