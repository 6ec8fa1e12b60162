"""The house itself: who imports whom, and what a name costs before it is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import optbench
from optbench.families import FAMILIES
from optbench.optimizers import OPTIMIZERS
from optbench.schedules import SCHEDULES

PACKAGE = Path(optbench.__file__).parent
HEAVY = {"torch", "numpy", "scipy", "pandas", "matplotlib", "sklearn", "rich", "jinja2"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["list", "problems"],
        ["list", "optimizers"],
        ["list", "schedules"],
        ["list", "suites"],
        ["list", "problems", "--json"],
    ],
    ids=" ".join,
)
def test_answers_that_should_be_quick_import_nothing_heavy(arguments: list[str]) -> None:
    """Help, version and lists are made of names and lines, not of torch."""
    code = (
        "import sys\n"
        "from optbench.__main__ import _status\n"
        f"sys.argv[1:] = {arguments!r}\n"
        "status = _status()\n"
        f"print('LOADED', *sorted({HEAVY!r} & set(sys.modules)))\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "LOADED"


def test_completion_imports_nothing_heavy() -> None:
    """Shell completion of names answers from the registries."""
    code = (
        "import os, sys\n"
        "os.environ |= {'_OPTBENCH_COMPLETE': 'bash_complete', 'COMP_CWORD': '3',"
        " 'COMP_WORDS': 'optbench run --optimizer ad'}\n"
        "from optbench.cli import cli\n"
        "try:\n    cli(prog_name='optbench')\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', *sorted({HEAVY!r} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "plain,adam" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_a_run_given_by_flags_does_not_import_matplotlib(tmp_path: Path) -> None:
    """Only a report draws."""
    code = (
        "import sys\n"
        "from optbench.__main__ import _status\n"
        "sys.argv[1:] = 'run -p parabola -o gd --lr 0.1 --budget 5 -j 1'.split()\n"
        "status = _status()\n"
        "print('LOADED', *sorted({'matplotlib', 'pandas'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert done.stdout.splitlines()[-1] == "LOADED"


def test_imports_point_down() -> None:
    """import-linter finds every contract of pyproject.toml kept."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], capture_output=True, text=True, check=False, cwd=PACKAGE.parent)

    assert done.returncode == 0, done.stdout


def test_the_public_surface_is_small_and_real() -> None:
    """At most 24 names, each of which exists."""
    assert len(optbench.__all__) <= 24
    for name in optbench.__all__:
        assert getattr(optbench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        getattr(optbench, "rnu")  # noqa: B009


@pytest.mark.parametrize("name", sorted(FAMILIES | OPTIMIZERS | SCHEDULES))
def test_every_name_has_a_line(name: str) -> None:
    """Registries say what each name is in one short line."""
    about = (FAMILIES | OPTIMIZERS | SCHEDULES)[name].about

    assert 0 < len(about) <= 80
    assert "\n" not in about


def _own_lines(function: ast.FunctionDef) -> int:
    """Count a function's lines without its docstring and without the functions inside it."""
    inner = [n for n in ast.walk(function) if isinstance(n, ast.FunctionDef) and n is not function]
    covered = {i for node in inner for i in range(node.lineno, (node.end_lineno or 0) + 1)}
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        covered |= set(range(first.lineno, (first.end_lineno or 0) + 1))
    return len(set(range(first.lineno, (function.end_lineno or 0) + 1)) - covered)


def test_modules_and_functions_stay_small() -> None:
    """No module is above 400 lines, no function above 40."""
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text()
        assert source.count("\n") <= 400, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                assert _own_lines(node) <= 40, f"{path.name}:{node.name} is too long"


def test_every_test_says_what_is_true() -> None:
    """Each test's docstring is a sentence."""
    for path in Path(__file__).parent.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = ast.get_docstring(node) or ""
                assert re.search(r"[.!?]$", text.strip()), f"{path.name}:{node.name}"
