"""The verbs about data sets as they are typed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from optbench.cli import cli
from optbench.data.sets import SETS
from tests.cli.conftest import Command
from tests.data.fakes import (
    Server,
    cifar10_archive,
    cifar10_files,
    serving,
    small_cifar10,
)

FILES = cifar10_files()
PACKED = cifar10_archive(FILES)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the archive of a small cifar10, which is the known one in this process."""
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setitem(SETS, "cifar10", small_cifar10(PACKED, FILES))
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(PACKED)
    return path


def _typed(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["data", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_add_prints_the_file_that_where_finds(small: Path, tmp_path: Path) -> None:
    """Both print one line, the path."""
    path = f"{tmp_path / 'home' / 'cifar10.arrays'}\n"

    assert _typed("add", "cifar10", str(small)) == path
    assert _typed("where", "cifar10") == path
    assert _typed("where") == f"{tmp_path / 'home'}\n"


def test_fetch_announces_on_stderr_and_prints_the_file(
    small: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a terminal there is one line a file; a second fetch finds everything here."""
    with serving(Server(PACKED)) as server:
        monkeypatch.setitem(SETS, "cifar10", small_cifar10(PACKED, FILES, server.url))
        first = CliRunner().invoke(cli, ["data", "fetch", "cifar10"], catch_exceptions=False)
        second = CliRunner().invoke(cli, ["data", "fetch", "cifar10"], catch_exceptions=False)

        assert first.stderr == f"fetching {server.url}, {len(PACKED) / 1e6:.1f} MB\n"
    assert first.stdout == second.stdout == f"{tmp_path / 'home' / 'cifar10.arrays'}\n"
    assert second.stderr == ""


def test_list_tells_what_is_here(small: Path) -> None:
    """As a table and as JSON: every set, size, examples, licence; a part is here in its whole."""
    _typed("add", "cifar10", str(small))
    table = [line.split() for line in _typed("list").splitlines()]
    found = {entry["name"]: entry for entry in json.loads(_typed("list", "--json"))}

    rows = {row[0]: row for row in table if row and row[0] in SETS}
    assert set(rows) == set(found) == set(SETS)
    assert rows["cifar10"][1:3] == ["0.4", "MB"]
    assert rows["cifar10-5k"][1:4] == ["in", "the", "whole"]
    assert rows["fashion-mnist"][1:4] == ["no", "30.9", "MB"]
    assert found["cifar10"]["here"]
    assert found["cifar10"]["file_bytes"] == os.path.getsize(found["cifar10"]["file"])
    assert not found["a9a"]["here"]
    assert (found["a9a"]["train"], found["a9a"]["test"]) == (32_561, 16_281)
    assert found["fashion-mnist"]["licence"] == "MIT"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("where fashion-mnist", "fashion-mnist is not here: optbench data fetch fashion-mnist, or"),
        ("where fashon-mnist", "unknown data set 'fashon-mnist'; did you mean fashion-mnist"),
        ("fetch a9a cifar", "unknown data set 'cifar'; did you mean cifar10"),
        ("fetch cifar10-jpeg", "cannot be fetched, it has no official place: optbench data add"),
        ("fetch", "Missing argument 'NAME...'"),
        ("add a9a", "Missing argument 'PATH'"),
        ("add a9a nowhere", "there is no nowhere"),
        ("add a9a .", "has no file of a9a: a9a, a9a.t"),
        ("add tinyshakespeare suspect.txt", "is not the known file: expected sha256:86c4e6aa"),
        ("remove a9a", "No such command 'remove'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    optbench: Command, tmp_path: Path, arguments: str, complaint: str
) -> None:
    """Nothing is fetched, nothing is made, and the line names the thing."""
    (tmp_path / "suspect.txt").write_text("To be, or not to be\n")
    environment = os.environ | {"OPTBENCH_DATA": str(tmp_path / "home")}
    done = optbench("data", *arguments.split(), env=environment)

    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert not list(tmp_path.rglob("*.arrays"))
