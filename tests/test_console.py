"""What is printed of runs says what they came to."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import geometric_mean

import pytest

from optbench.analysis.results import Results
from optbench.console import print_outcome
from tests.learning_runs import learning_run, learning_runs


def test_learning_runs_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Rate, loss, accuracies, steps to the target and lost runs stand in the optimizer's line."""
    outcome = Results(runs=tuple(learning_runs()), new=30)
    print_outcome(outcome, Path("results.db"), None, as_json=False)

    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if line.strip().startswith("adam")]
    row = outcome.summary()[0]
    test = row.ends["test_accuracy"]
    hits = [run.hit(0.5) for run in row.best]
    calls = geometric_mean(hit.gradient_calls for hit in hits if hit is not None)
    assert row.final is not None
    for text in (
        "0.01",
        f"{calls:.0f}",
        f"{row.final.center:.4g}",
        f"{test.center:.2%}",
        "4/15 (27%)",
    ):
        assert text in line
    words = " ".join(shown.split())
    assert "digits-mlp (loss)" in words
    assert "loss 1 loss 0.5 validation loss accuracy" in words
    assert "f*" not in words


def test_learning_runs_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The summary has the ends of tasks as numbers; what is not known is null."""
    runs = (learning_run(1e-2, validation=False, accuracy=False, targets=()),)
    print_outcome(Results(runs=runs, new=1), Path("results.db"), None, as_json=True)

    (row,) = json.loads(capsys.readouterr().out)["summary"]
    assert row["test_loss"] == pytest.approx(runs[0].last("test_loss"))
    assert row["validation_loss"] is None
    assert row["epochs"] == 4
