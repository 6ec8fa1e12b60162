"""What tests of a GPU need: a machine that has one may have little else, and no network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ABSENT = """
import importlib.machinery, sys
import pytest

NAMES = {"click", "rich", "sklearn", "hypothesis", "jinja2", "matplotlib", "schedulefree", "singd"}
finder = importlib.machinery.PathFinder


class WithoutThem:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] in NAMES else finder.find_spec(name, path, target)


sys.meta_path = [WithoutThem if known is finder else known for known in sys.meta_path]
sys.exit(pytest.main(["-m", "gpu", "--collect-only", "-q", "-p", "no:cacheprovider"]))
"""


def test_the_marker_picks_tests_that_import_little() -> None:
    """`pytest -m gpu` finds the tests of both engines where only torch and its like are there."""
    process = subprocess.run(
        [sys.executable, "-c", ABSENT],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )

    assert process.returncode == 0, process.stdout
    found = {line.partition("::")[0] for line in process.stdout.splitlines() if "::" in line}
    assert found == {"tests/engines/test_gpu.py", "tests/engines/training/test_gpu.py"}
