"""A change of code is seen, in helper modules too; a change of comments is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from optbench.core import fingerprint as module
from optbench.core.fingerprint import fingerprint


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Path]:
    """Yield a user's file that imports a helper, which imports a package beside it."""
    (tmp_path / "mine.py").write_text("import helper\n\ndef f():\n    return helper.g()\n")
    (tmp_path / "helper.py").write_text("from pieces.deep import h\n\ndef g():\n    return h()\n")
    (tmp_path / "pieces").mkdir()
    (tmp_path / "pieces" / "__init__.py").write_text("")
    (tmp_path / "pieces" / "deep.py").write_text("def h():\n    return 1\n")
    yield tmp_path / "mine.py"
    module._describe.cache_clear()


def _again(path: Path) -> str:
    module._describe.cache_clear()
    return fingerprint([str(path)])


def test_a_change_in_a_helper_of_a_helper_changes_the_fingerprint(user: Path) -> None:
    """The import graph is followed to its end."""
    before = _again(user)
    (user.parent / "pieces" / "deep.py").write_text("def h():\n    return 2\n")

    assert _again(user) != before


def test_relative_imports_and_packages_on_the_way_count(user: Path) -> None:
    """A package's own files are followed through its relative imports."""
    package = user.parent / "pieces"
    (package / "deep.py").write_text("from .deeper import value\n\ndef h():\n    return value\n")
    (package / "deeper.py").write_text("value = 1\n")
    before = _again(user)
    (package / "deeper.py").write_text("value = 2\n")
    changed = _again(user)
    (package / "__init__.py").write_text("setting = 3\n")

    assert len({before, changed, _again(user)}) == 3


def test_comments_docstrings_and_layout_do_not_count(user: Path) -> None:
    """What the interpreter does not see is not part of the code."""
    before = _again(user)
    (user.parent / "helper.py").write_text(
        '"""New."""\n# new\nfrom pieces.deep import h\n'
        'def g():\n    "Also new."\n\n    return (h())\n'
    )

    assert _again(user) == before


def test_the_folder_does_not_count(user: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A moved project keeps its results."""
    other = tmp_path_factory.mktemp("elsewhere") / "mine.py"
    other.write_text(user.read_text())
    (other.parent / "helper.py").write_text((user.parent / "helper.py").read_text())
    (other.parent / "pieces").mkdir()
    for name in ("__init__.py", "deep.py"):
        (other.parent / "pieces" / name).write_text((user.parent / "pieces" / name).read_text())

    assert _again(other) == _again(user)


def test_engines_reach_the_code_they_stand_on() -> None:
    """The engine's fingerprint covers the recorder, the oracle and the packages' versions."""
    seen: dict[str, str] = {}
    waiting = ["optbench.engines.batched"]
    while waiting:
        place = waiting.pop()
        if place not in seen:
            seen[place], imports = module._describe(place)
            waiting.extend(imports)

    parts = {"engines.recorder", "engines.oracle", "core.randomness"}
    assert {f"optbench.{part}" for part in parts} <= set(seen)
    assert seen["numpy"][0].isdigit()
    assert seen["torch"][0].isdigit()
    assert "optbench.optimizers" not in seen  # a new entry makes no run stale


def test_another_version_of_a_package_changes_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """numpy, scipy and torch are part of what made a result."""
    before = fingerprint(["optbench.engines.batched"])
    module._describe.cache_clear()
    monkeypatch.setattr(module, "_version", lambda package: "0.0")
    after = fingerprint(["optbench.engines.batched"])
    module._describe.cache_clear()

    assert after != before


def test_packages_that_another_environment_lends_count_by_their_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system or another environment has is no user's code: torch is not read through."""
    package = tmp_path / "lender" / "site-packages" / "lent"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import lent.inner\n")
    monkeypatch.syspath_prepend(str(package.parent))

    assert module._source("lent") is None
