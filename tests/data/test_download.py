from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from optbench.core.errors import OptbenchError
from optbench.data import download as module
from optbench.data.download import download
from optbench.data.sets import Download
from tests.data.fakes import Server, serving, sha256

CONTENT = np.random.default_rng(0).bytes(500_000)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a server of one file, which is asked again without a pause."""
    monkeypatch.setattr(module, "PAUSE", 0.0)
    with serving(Server(CONTENT)) as running:
        yield running


def _source(server: Server) -> Download:
    return Download(url=server.url, size=len(CONTENT), sha256=sha256(CONTENT))


def _get(source: Download, folder: Path) -> Path:
    return download(source, folder, lambda source, here: None)


def test_a_file_arrives_and_its_progress_is_told(server: Server, tmp_path: Path) -> None:
    """The bytes are the server's; progress ascends to the file's size; no part is left."""
    told: list[int] = []
    path = download(_source(server), tmp_path, lambda source, here: told.append(here))

    assert path.read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_a_file_that_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    """The second call asks the server for nothing; a wrong file of that name is replaced."""
    path = _get(_source(server), tmp_path)
    _get(_source(server), tmp_path)

    assert len(server.asked) == 1
    path.write_bytes(b"x" * len(CONTENT))
    assert _get(_source(server), tmp_path).read_bytes() == CONTENT


def test_a_broken_connection_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    """Each new connection asks for what is missing, and no byte is fetched twice."""
    server.cuts = [100_000, 1, 250_000]

    assert _get(_source(server), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=100001-", "bytes=350001-"]


def test_a_later_command_goes_on_from_the_part(server: Server, tmp_path: Path) -> None:
    """What an interrupted process has left is not fetched again."""
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:123_456])

    assert _get(_source(server), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=123456-"]


def test_a_server_that_ignores_ranges_starts_anew(server: Server, tmp_path: Path) -> None:
    """An answer from byte 0 replaces the part instead of following it."""
    server.ranges, server.cuts = False, [300_000]

    assert _get(_source(server), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]


def test_a_part_of_another_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    """Where the joined file has a wrong checksum it is fetched once more as a whole."""
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)

    assert _get(_source(server), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-", None]


@pytest.mark.parametrize("extra", [0, 1])
def test_a_part_of_full_length_or_longer_is_no_trap(
    server: Server, tmp_path: Path, extra: int
) -> None:
    """A part that is complete but wrong, or too long, does not end in the same error for ever."""
    (tmp_path / "file.bin.part").write_bytes(b"x" * (len(CONTENT) + extra))

    assert _get(_source(server), tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused(server: Server, tmp_path: Path) -> None:
    """A file of the right length with one other byte is named, with both checksums, and removed."""
    source = _source(server)
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])

    with pytest.raises(OptbenchError) as caught:
        _get(source, tmp_path)
    assert str(caught.value) == (
        f"{source.url} is not the known file: expected sha256:{source.sha256}, "
        f"found sha256:{sha256(server.content)}"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"<html>no such file</html>"])
def test_another_length_is_refused_before_anything_is_fetched(
    server: Server, tmp_path: Path, content: bytes
) -> None:
    """The server's length is compared with the known one; nothing is written."""
    server.content = content

    with pytest.raises(OptbenchError, match=rf"has {len(content)} bytes where 500000"):
        _get(_source(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_connections_that_bring_nothing_are_given_up(server: Server, tmp_path: Path) -> None:
    """Three in a row end in one line with what is here; that part is kept."""
    server.cuts = [200_000, 0, 0, 0]

    with pytest.raises(OptbenchError, match=r"with 200000 of 500000 bytes here; the same command"):
        _get(_source(server), tmp_path)
    assert (tmp_path / "file.bin.part").read_bytes() == CONTENT[:200_000]
    assert _get(_source(server), tmp_path).read_bytes() == CONTENT


def test_a_server_that_always_breaks_at_the_same_place_is_given_up(
    server: Server, tmp_path: Path
) -> None:
    """Without ranges, getting as far as before is no progress."""
    server.ranges, server.cuts = False, [200_000] * 9

    with pytest.raises(OptbenchError, match="200000 of 500000"):
        _get(_source(server), tmp_path)
    assert len(server.asked) == 1 + module.ATTEMPTS


def test_server_errors_are_retried_and_refusals_are_not(server: Server, tmp_path: Path) -> None:
    """503 is asked again; 404 is the answer."""
    server.statuses = [503]
    assert _get(_source(server), tmp_path).read_bytes() == CONTENT

    server.statuses = [404]
    with pytest.raises(OptbenchError, match=r"file\.bin: 404 Not Found"):
        _get(_source(server), tmp_path / "other")
    assert len(server.asked) == 3


def test_nobody_listening_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection names the address and the reason."""
    monkeypatch.setattr(module, "PAUSE", 0.0)
    with serving(Server(CONTENT)) as gone:
        source = _source(gone)

    with pytest.raises(OptbenchError, match=r"127\.0\.0\.1.*cannot connect: .*refused"):
        _get(source, tmp_path)


def test_a_file_url_is_copied(tmp_path: Path) -> None:
    """A mirror in a folder serves as well, and a part of it starts anew."""
    (tmp_path / "file.bin").write_bytes(CONTENT)
    source = Download(
        url=(tmp_path / "file.bin").as_uri(), size=len(CONTENT), sha256=sha256(CONTENT)
    )
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "file.bin.part").write_bytes(CONTENT[:10])

    assert _get(source, tmp_path / "to").read_bytes() == CONTENT
