"""The history holds every night that was ever added, and stumbles over nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from shutil import copy

import pytest

from optbench.core.errors import OptbenchError
from optbench.nightly.history import (
    NotKeptError,
    append,
    check_writable,
    name_curve,
    new_id,
    read_curve,
    read_history,
    room,
)
from tests.nightly.nights import exact, night

CURVE = {"step": [0.0, 1.0, 2.0], "value": [1.0, 0.5, float("nan")]}


def test_nights_are_read_in_the_order_of_their_dates(tmp_path: Path) -> None:
    """Whatever the order in which files were written or copied."""
    for day in (3, 1, 2):
        append(tmp_path, night(day, exact(day)))
    history = read_history(tmp_path)

    assert [found.rows[0].value for found in history.nights] == [1, 2, 3]
    assert history.left_out == ()


def test_a_history_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    """The first night has no past, and that is no mistake."""
    assert read_history(tmp_path / "none").nights == ()


def test_suites_and_devices_are_kept_apart(tmp_path: Path) -> None:
    """A night on a GPU, or of another suite, is no past of a night on a CPU."""
    append(tmp_path, night(1))
    append(tmp_path, night(2, device="cuda"))
    append(tmp_path, night(3, suite="other"))
    found = read_history(tmp_path).of("nightly", "cpu")

    assert [night(1).id] == [one.id for one in found]


def test_an_id_is_a_date_in_utc_and_never_the_same() -> None:
    """Two machines in two time zones sort right, and do not clash in the same second."""
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    here, there = new_id(now), new_id(now.astimezone(timezone(timedelta(hours=5))))

    assert (here[:16], there[:16]) == ("20260102T030405Z", "20260102T030405Z")
    assert here != there


def test_ids_are_in_the_order_in_which_nights_were_made() -> None:
    """Within a second, and after a clock went backwards for some nights or for good."""
    dates = ["2026-01-01", "2026-01-01", "2099-05-05", "2026-01-03", "2026-01-04"]
    ids = [""]
    for date in dates:
        ids.append(new_id(datetime.fromisoformat(f"{date}T23:59:59+00:00"), after=ids[-1]))

    assert ids == sorted(ids)
    assert ids[2][:16] == "20260102T000000Z"
    assert new_id(datetime(2026, 1, 2, tzinfo=UTC), "by hand")[:16] == "20260102T000000Z"


def test_histories_of_two_machines_merge_by_copying(tmp_path: Path) -> None:
    """All files of one folder put into the other make one history, curves included."""
    one, two = tmp_path / "one", tmp_path / "two"
    name = name_curve(CURVE)
    append(one, night(1, exact(1)))
    append(two, night(2, exact(2, curve=name)), {name: CURVE})
    for path in two.rglob("*.json"):
        copy(path, one / path.relative_to(two))
    history = read_history(one)

    assert [found.rows[0].value for found in history.nights] == [1, 2]
    assert read_curve(one, name) == {"step": [0, 1, 2], "value": [1, 0.5, None]}


def test_equal_curves_are_kept_once(tmp_path: Path) -> None:
    """A thousand nights in which nothing changes have one curve, not a thousand."""
    name = name_curve(CURVE)
    for day in range(1, 6):
        append(tmp_path, night(day, exact(1, curve=name)), {name: CURVE})

    assert len(list((tmp_path / "curves").iterdir())) == 1
    assert name_curve({**CURVE, "step": [0.0, 1.0, 3.0]}) != name


@pytest.mark.parametrize("text", [None, "", "{}", '{"step":[0,1,9]}'])
def test_a_curve_that_is_not_what_it_was_is_none(tmp_path: Path, text: str | None) -> None:
    """A missing, empty or altered curve is not drawn, and stops nothing."""
    name = name_curve(CURVE)
    append(tmp_path, night(1), {name: CURVE})
    path = tmp_path / "curves" / f"{name}.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text)

    assert read_curve(tmp_path, name) is None


def test_what_cannot_be_used_is_named_and_left_out(tmp_path: Path) -> None:
    """A damaged, a foreign, a doubled and a binary file cost themselves only; a gap is no fault."""
    for day in (1, 2, 3, 4):
        append(tmp_path, night(day))
    files = sorted(tmp_path.glob("*.json"))
    files[0].write_text(files[0].read_text()[:-100])
    files[1].unlink()
    copy(files[2], tmp_path / "a copy.json")
    (tmp_path / "foreign.json").write_text('{"runs": 3}')
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\0")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "._resource.json").write_bytes(b"\0")
    (tmp_path / "notes.txt").write_text("hello")
    history = read_history(tmp_path)

    assert [night(3).id, night(4).id] == [found.id for found in history.nights]
    named = {line.partition(":")[0] for line in history.left_out}
    assert named == {files[0].name, "a copy.json", "foreign.json", "binary.json", "folder.json"}


def test_a_night_is_never_overwritten(tmp_path: Path) -> None:
    """The same night once more is refused, and what was there stays."""
    append(tmp_path, night(1, exact(1)))

    with pytest.raises(OptbenchError, match="already"):
        append(tmp_path, night(1, exact(2)))
    assert read_history(tmp_path).nights[0].rows[0].value == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from optbench.nightly import history
from tests.nightly.nights import exact, night

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

setattr({owner}, {name!r}, die)
curve = {{"step": [0.0]}}
history.append(Path(sys.argv[1]), night(2, exact(2)), {{history.name_curve(curve): curve}})
"""


@pytest.mark.parametrize(
    ("owner", "name"), [("os", "fsync"), ("os", "replace")], ids=["half written", "not renamed"]
)
def test_kill_9_while_appending_loses_nothing(tmp_path: Path, owner: str, name: str) -> None:
    """A night whose writer dies is absent; those before it, and the next, are whole."""
    append(tmp_path, night(1, exact(1)))
    code = KILLED.format(owner=owner, name=name)
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    after = read_history(tmp_path)
    append(tmp_path, night(2, exact(2)))

    assert done.returncode == -signal.SIGKILL
    assert ([night(1).id], ()) == ([found.id for found in after.nights], after.left_out)
    assert [found.rows[0].value for found in read_history(tmp_path).nights] == [1, 2]


def test_an_interrupted_append_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one line, and what was written of the night is taken away again."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    append(tmp_path, night(1))
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OptbenchError, match="No space left"):
        append(tmp_path, night(2))

    assert [f"{night(1).id}.json"] == [path.name for path in tmp_path.iterdir() if path.is_file()]


def test_a_disk_that_is_full_before_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is measured where there is no space for what comes out."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    check_writable(tmp_path)
    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(NotKeptError, match="needs 16 MiB for a night: No space"), room(tmp_path):
        raise AssertionError("measured all the same")
    assert list((tmp_path / "curves").iterdir()) == []


def test_nights_that_end_together_are_both_there(tmp_path: Path) -> None:
    """Sixteen writers at once, each with the same curves: sixteen nights, all whole."""
    name = name_curve(CURVE)

    def write(day: int) -> None:
        append(tmp_path, night(day, exact(day, curve=name)), {name: CURVE})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(1, 17)))
    history = read_history(tmp_path)

    assert list(range(1, 17)) == [found.rows[0].value for found in history.nights]
    assert history.left_out == ()
    assert read_curve(tmp_path, name) is not None


def test_a_folder_that_cannot_be_written_is_said_before_anything_runs(tmp_path: Path) -> None:
    """A history below a file is refused with its name."""
    (tmp_path / "file").write_text("")

    with pytest.raises(OptbenchError, match="file/history"):
        check_writable(tmp_path / "file" / "history")
