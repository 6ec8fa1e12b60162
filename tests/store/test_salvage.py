"""Damaged, truncated and full: nothing wrong is ever read, and what can be read is saved."""

from __future__ import annotations

import random
import sqlite3
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from optbench.core.errors import StoreError
from optbench.core.run import Hit, Status
from optbench.store import Record, check, open_store, salvage
from optbench.store.file import FIRST_WINS
from optbench.store.record import Encoded, _crc32, encode
from tests.disks import small_disk

COUNT = 120
"""Runs in the file that the tests damage."""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, record: Callable[..., Record]) -> bytes:
    """The bytes of a whole file of `COUNT` runs with curves of 80 points."""
    path = tmp_path_factory.mktemp("pristine")
    with open_store(path) as store:
        store.add([original(record, i) for i in range(COUNT)])
    return (path / "results.db").read_bytes()


@pytest.fixture
def whole(pristine: bytes, tmp_path: Path) -> Path:
    """A whole file of `COUNT` runs."""
    path = tmp_path / "results.db"
    path.write_bytes(pristine)
    return path


def original(record: Callable[..., Record], number: int) -> Record:
    """Return a run of the whole file, with a hit of every target as a converged run has them."""
    hits = tuple(Hit(10.0**-k, number + k, number + k + 0.5) for k in range(1, 13))
    return record(number, points=80, hits=hits)


def flip(path: Path, near: bytes) -> None:
    """Flip one bit in the only place of the file where some bytes are."""
    data = bytearray(path.read_bytes())
    assert data.count(near) == 1
    data[data.index(near) + len(near) // 2] ^= 0x80  # not UTF-8 any more, where it was text
    path.write_bytes(data)


def curve_of(record: Record) -> bytes:
    """Return bytes from the middle of a run's stored curve."""
    return bytes(encode(record).row["curve"][4000:4032])


def hit_of(record: Record) -> bytes:
    """Return a hit as SQLite stores it: target, step and gradient calls, big-endian."""
    hit = record.run.hits[0]
    return struct.pack(">dBd", hit.target, hit.step, hit.gradient_calls)


@pytest.mark.parametrize(
    "place",
    [curve_of, hit_of, lambda r: r.run.message.encode() + b"batched", lambda r: b'"seed":59,'],
    ids=["curve", "hit", "message", "spec"],
)
def test_a_flipped_bit(
    whole: Path,
    record: Callable[..., Record],
    same: Callable[[Record, Record], None],
    place: Callable[[Record], bytes],
) -> None:
    """One flipped bit: check names exactly that run, and every other one is still read."""
    victim = original(record, 59)
    assert check(whole) == []
    flip(whole, place(victim))

    assert [damage.key for damage in check(whole)] == [victim.key]
    with open_store(whole, create=False) as store:
        found = list(store.read(on_damage=lambda _: None))
    assert [r.run.spec.seed for r in found] == [i for i in range(COUNT) if i != 59]
    for read in found:
        same(original(record, read.run.spec.seed), read)


def test_a_damaged_environment(whole: Path, record: Callable[..., Record], tmp_path: Path) -> None:
    """A damaged environment is one damage; its runs are saved without it."""
    flip(whole, b"some processor")
    (damage,) = check(whole)
    saved = salvage(whole, tmp_path / "saved")

    assert damage.where.startswith("environment ")
    assert (saved.saved, saved.damaged) == (COUNT, [damage])
    with open_store(tmp_path / "saved", create=False) as store:
        assert {tuple(r.environment) for r in store.read()} == {()}


@pytest.mark.parametrize("share", [0.95, 0.6, 0.3])
def test_a_truncated_file(
    whole: Path,
    record: Callable[..., Record],
    same: Callable[[Record, Record], None],
    tmp_path: Path,
    share: float,
) -> None:
    """Of a truncated file the readable runs go to a new file, and it stays as it is."""
    data = whole.read_bytes()
    cut = data[: int(len(data) * share)]
    whole.write_bytes(cut)
    with pytest.raises(StoreError, match=r"is damaged .*see: optbench verify-store"):
        open_store(whole, create=False)
    damages = check(whole)
    saved = salvage(whole, tmp_path / "saved")

    assert damages
    assert set(saved.damaged) <= set(damages)
    assert COUNT * share * 0.8 < saved.saved < COUNT
    assert whole.read_bytes() == cut
    assert check(tmp_path / "saved") == []
    with open_store(tmp_path / "saved", create=False) as store:
        for read in store.read():
            same(original(record, read.run.spec.seed), read)


def test_random_damage(
    pristine: bytes,
    record: Callable[..., Record],
    same: Callable[[Record, Record], None],
    tmp_path: Path,
) -> None:
    """Whatever bytes are overwritten, no wrong run is read and nothing but StoreError is raised."""
    originals = {record(i).key: original(record, i) for i in range(COUNT)}
    chance = random.Random(3)
    saved = []
    for trial in range(30):
        path, target = tmp_path / f"{trial}.db", tmp_path / f"{trial}-saved.db"
        data = bytearray(pristine)
        for _ in range(chance.choice([1, 3])):
            start, length = chance.randrange(100, len(data)), chance.choice([1, 16, 5000])
            data[start : start + length] = chance.randbytes(len(data[start : start + length]))
        path.write_bytes(data)
        damages = check(path)
        if [damage.where for damage in damages] == ["file"]:
            with pytest.raises(StoreError, match="nothing can be read"):
                salvage(path, target)
            continue
        result = salvage(path, target)

        assert path.read_bytes() == data
        assert result.saved == COUNT or damages
        saved.append(result.saved)
        with open_store(target, create=False) as store:
            for read in store.read():
                assert read.environment in ({}, originals[read.key].environment)
                if read.environment:
                    same(originals[read.key], read)
    assert len(saved) > 20
    assert sum(saved) > 0.9 * COUNT * len(saved)


def test_salvage_includes_the_log(tmp_path: Path, record: Callable[..., Record]) -> None:
    """Runs that a killed writer left in the write-ahead log are saved too, and the log stays."""
    with open_store(tmp_path / "a") as store:
        store.add([record(1)])
        for name in ("results.db", "results.db-wal"):
            (tmp_path / name).write_bytes((tmp_path / "a" / name).read_bytes())
    before = [(tmp_path / name).read_bytes() for name in ("results.db", "results.db-wal")]
    saved = salvage(tmp_path, tmp_path / "saved")

    assert (saved.saved, saved.damaged) == (1, [])
    assert [(tmp_path / n).read_bytes() for n in ("results.db", "results.db-wal")] == before


def test_salvage_overwrites_nothing(whole: Path, tmp_path: Path) -> None:
    """Salvage into a file that exists, the damaged one above all, is refused."""
    (tmp_path / "other.db").write_text("precious")
    for target in (whole, tmp_path, tmp_path / "other.db"):
        with pytest.raises(StoreError, match="exists already; salvage only writes to a new file"):
            salvage(whole, target)

    assert (tmp_path / "other.db").read_text() == "precious"
    with pytest.raises(StoreError, match="there are no results"):
        salvage(tmp_path / "nowhere", tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_destroyed_first_page(whole: Path, tmp_path: Path) -> None:
    """Without the page that lists the tables nothing is saved, and that is said in one line."""
    data = bytearray(whole.read_bytes())
    data[100:4096] = bytes(3996)
    whole.write_bytes(data)

    assert [damage.where for damage in check(whole)] == ["file"]
    with pytest.raises(StoreError, match=r"nothing can be read from .*results\.db"):
        salvage(whole, tmp_path / "saved")
    with pytest.raises(StoreError, match="is damaged"):
        open_store(whole)


HOSTILE = {
    "code": '{"__reduce__": "os.system", "problem": "__import__(\'os\').abort()"}',
    "deep": "[" * 100_000,
    "types": '{"problem": {"name": 1, "params": []}, "optimizer": null, "schedule": 3}',
    "not JSON": "cos\nsystem\n(S'true'\ntR.",
    "number": "1" * 10_000,
}


@pytest.mark.parametrize("spec", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("column", ["spec", "hyper", "facts", "status", "points_dim", "curve"])
def test_forged_rows_are_data(
    tmp_path: Path, record: Callable[..., Record], spec: str, column: str
) -> None:
    """A forged row with the right checksums is a damaged row; nothing in it is executed."""
    original = encode(record(1))
    forged = original.row | {column: spec}
    if column == "curve":
        forged["blob_crc32"] = zlib.crc32(forged["curve"].encode())
    if column != "points_dim":
        forged["crc32"] = _crc32(forged, original.hits, ())
    with open_store(tmp_path) as store:
        store.add([record(0)])
        store.write([Encoded(forged, original.hits, (), original.environment)], FIRST_WINS)

    assert [damage.where for damage in check(tmp_path)] == ["row 2"]
    assert salvage(tmp_path, tmp_path / "saved.db").saved == 1


def fill(folder: Path, record: Callable[..., Record], limit: int | None = None) -> int:
    """Add runs until there is no space; check the message and return how many were added."""
    with open_store(folder) as store:
        if limit:
            store.connection.execute(f"PRAGMA max_page_count = {limit}")
        for number in range(2000):
            try:
                store.add([record(number, points=300)])
            except StoreError as error:
                message = str(error)
                break
        assert message.startswith(f"no space left to write {folder / 'results.db'} (")
        assert "bytes free); what was stored before is kept" in message
        assert len(list(store.read())) == number
        return number


def resume(folder: Path, record: Callable[..., Record], count: int) -> None:
    """Read what is there, and add the run that found no space."""
    with open_store(folder) as store:
        assert store.final_keys() == {record(i).key for i in range(count)}
        store.add([record(count, points=300)])
        assert len(list(store.read())) == count + 1
    assert check(folder) == []


def test_no_more_pages(tmp_path: Path, record: Callable[..., Record]) -> None:
    """When the file may not grow, that is one clear line; what was stored stays."""
    count = fill(tmp_path, record, limit=100)
    assert count > 5
    resume(tmp_path, record, count)


def test_full_disk(tmp_path: Path, record: Callable[..., Record]) -> None:
    """On a full disk the same holds, and the file can still be read."""
    with small_disk(tmp_path / "disk", "2m") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(500_000))
        count = fill(disk / "results", record)
        assert count > 5
        with open_store(disk / "results", create=False) as store:
            assert len(list(store.read())) == count
        ballast.unlink()
        resume(disk / "results", record, count)


@pytest.mark.parametrize("status", Status)
def test_every_status_survives(
    tmp_path: Path, record: Callable[..., Record], status: Status
) -> None:
    """Salvage keeps runs of every status, failed ones too."""
    with open_store(tmp_path) as store:
        store.add([record(1, status=status)])
    salvage(tmp_path, tmp_path / "saved.db")
    with open_store(tmp_path / "saved.db", create=False) as store:
        assert [r.run.status for r in store.read()] == [status]


def test_check_of_a_whole_file_changes_nothing(whole: Path, pristine: bytes) -> None:
    """Verifying does not write, not even to a file that nobody has open."""
    assert check(whole.parent) == []
    assert whole.read_bytes() == pristine
    assert sqlite3.connect(whole).execute("PRAGMA integrity_check").fetchall() == [("ok",)]
