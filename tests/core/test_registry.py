"""Names to code."""

from __future__ import annotations

from pathlib import Path

import pytest

from optbench.core.errors import OptbenchError, unknown
from optbench.core.registry import Entry, load, plugins, resolve

TABLE = {"gradient": Entry("a method", "math:sqrt")}


def test_registered_names_files_and_modules_resolve() -> None:
    """A registered name gives its target; anything with a colon is a target itself."""
    assert resolve("optimizer", TABLE, "gradient") == "math:sqrt"
    assert resolve("optimizer", TABLE, "dir/file.py:Name") == "dir/file.py:Name"


def test_an_unknown_name_is_answered_with_the_closest() -> None:
    """A typing mistake costs one look."""
    with pytest.raises(OptbenchError, match="unknown optimizer 'gradeint'; did you mean gradient"):
        resolve("optimizer", TABLE, "gradeint")


def test_a_file_without_a_name_in_it_is_explained() -> None:
    """The path alone does not say which optimizer."""
    with pytest.raises(OptbenchError, match=r"write my\.py:NAME"):
        resolve("optimizer", TABLE, "my.py")


def test_files_are_loaded_with_the_modules_beside_them(tmp_path: Path) -> None:
    """A user's file may import its neighbours."""
    (tmp_path / "neighbour_of_user.py").write_text("value = 7\n")
    (tmp_path / "user_file.py").write_text("from neighbour_of_user import value\n")

    assert load(f"{tmp_path}/user_file.py:value") == 7


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1\n", "unknown name in .*: 'thing'"),
        ("raise ValueError('boom')\n", "cannot import .*: ValueError: boom"),
        ("def (:\n", "cannot import .*: SyntaxError"),
    ],
)
def test_files_that_do_not_load_say_why(tmp_path: Path, source: str, complaint: str) -> None:
    """The user's mistake is named, without a traceback."""
    (tmp_path / "broken.py").write_text(source)
    with pytest.raises(OptbenchError, match=complaint):
        load(f"{tmp_path}/broken.py:thing")


def test_missing_files_and_modules_are_named() -> None:
    """What is not there is said to be not there."""
    with pytest.raises(OptbenchError, match="no such file"):
        load("/no/such/file.py:thing")
    with pytest.raises(OptbenchError, match="cannot import no_such_module"):
        load("no_such_module:thing")


def test_installed_packages_join_by_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that declares an optimizer is found by name, listed, and not imported for that."""
    (tmp_path / "plugged.py").write_text("raise RuntimeError('imported too early')\n")
    info = tmp_path / "plugged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[optbench.optimizers]\nplugged = plugged:Thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert resolve("optimizer", TABLE, "plugged") == "plugged:Thing"
    assert plugins("optbench.optimizers")["plugged"].about == "from plugged"


def test_names_with_commas_are_told_apart() -> None:
    """`adam, cosine` is one of three names, not two of four."""
    known = ["adam", "adam, cosine", "gd"]

    assert str(unknown("optimizer", "zzz", known)).endswith("(known: adam; adam, cosine; gd)")
    assert str(unknown("optimizer", "zzz", ["adam", "gd"])).endswith("(known: adam, gd)")
