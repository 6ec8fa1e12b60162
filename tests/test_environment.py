"""What decides how numbers are rounded is told, and tells machines apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from optbench.environment import arithmetic

CODE = "import json; from optbench.environment import arithmetic; " + (
    "print(json.dumps(dict(arithmetic('cpu'))))"
)


def _elsewhere(**variables: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_same_machine_says_the_same_in_every_process() -> None:
    """Nights on one machine share their arithmetic, whatever was imported before."""
    assert _elsewhere() == dict(arithmetic("cpu"))


def test_other_kernels_are_another_arithmetic() -> None:
    """A processor whose vector units are others rounds sums otherwise."""
    here, there = arithmetic("cpu"), _elsewhere(ATEN_CPU_CAPABILITY="default")

    assert {name for name in here if here[name] != there[name]} == {"vector"}
    assert {"numpy", "scipy", "torch", "machine", "blas", "threads", "device"} < here.keys()
