"""Files are written whole or not at all."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from optbench.core.errors import OptbenchError
from optbench.core.output import write_whole


def test_two_files_are_replaced_together(tmp_path: Path) -> None:
    """Where the second has no space, the first is what it was, and nothing else is left."""
    first, second = tmp_path / "a.txt", tmp_path / "new" / "b.txt"
    first.write_text("older")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OptbenchError, match=f"cannot write {second}: File too large"):
            write_whole({first: b"newer", second: b"x" * 2000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert first.read_text() == "older"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.txt"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What a link points at is written."""
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "there" / "file.txt")
    write_whole({link: b"text"})

    assert link.is_symlink()
    assert (tmp_path / "there" / "file.txt").read_bytes() == b"text"


def test_a_loop_of_links_is_one_line(tmp_path: Path) -> None:
    """It is an error with the file's name, and no crash."""
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(OptbenchError, match=f"cannot write {loop}"):
        write_whole({loop / "file.txt": b""})
