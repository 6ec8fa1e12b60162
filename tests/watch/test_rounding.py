"""Another processor's kernels move last digits, and nobody is woken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from optbench.nightly.exact import judge_exact
from optbench.nightly.judgement import Verdict
from optbench.nightly.record import Key, Row

REQUEST = {
    "problems": ["quadratic-k100"],
    "optimizers": ["torch.AdamW:lr=0.03"],
    "targets": [1e-2, 1e-8],
    "budget": 1000,
}
"""AdamW ends in a cycle there: with AVX-512 at 8e-5, without at 2e-5, by the last bits alone."""


def _rows(**variables: str) -> dict[str, Row]:
    done = subprocess.run(
        [sys.executable, "-m", "optbench.watch.measure", json.dumps(REQUEST)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])["rows"]
    return {
        metric: Row(
            key=Key("", "", "", metric),
            value=cell["value"],
            spread=tuple(cell["spread"]),
            floor=cell["floor"],
        )
        for metric, cell in found.items()
    }


def test_other_kernels_are_rounding_by_the_spread_alone() -> None:
    """Even where nothing is forgiven to another environment, and where the value changes much."""
    here = _rows()
    there = _rows(OPENBLAS_CORETYPE="Prescott", ATEN_CPU_CAPABILITY="default")
    verdicts = {
        metric: judge_exact(here[metric], there[metric], same_arithmetic=True).verdict
        for metric in here
    }

    assert here.keys() == there.keys()
    assert set(verdicts.values()) <= {Verdict.NO_CHANGE, Verdict.ROUNDING}
    assert verdicts["steps_to_target@1e-02"] is Verdict.NO_CHANGE
    numbers = [v for v in here["final_suboptimality"].spread if isinstance(v, float)]
    assert max(numbers) > 2 * min(numbers)
