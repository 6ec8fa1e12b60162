from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optbench.core.errors import OptbenchError
from optbench.data import arrays

NUMBERS = np.arange(300, dtype=np.int64)


@given(
    kept=st.dictionaries(
        st.text("abcdefgh_", min_size=1, max_size=20),
        st.tuples(
            st.sampled_from([np.uint8, np.int64, np.float64]),
            st.lists(st.integers(1, 5), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, kept: dict[str, tuple[type, list[int]]]
) -> None:
    """Any names, shapes and kinds of number come back, each array at a multiple of 64 bytes."""
    path = tmp_path_factory.mktemp("arrays") / "kept"
    rng = np.random.default_rng(0)
    given_arrays: dict[str, np.ndarray] = {
        n: rng.integers(0, 256, shape).astype(t) for n, (t, shape) in kept.items()
    }
    arrays.write(path, given_arrays)
    read = arrays.read(path)

    assert list(read) == list(given_arrays)
    for name, array in given_arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)
    assert all(at["offset"] % 64 == 0 for at in arrays.header(path)["arrays"].values())
    assert arrays.is_whole(path)


def test_writing_to_a_loaded_array_changes_nothing_else(tmp_path: Path) -> None:
    """A tensor on a loaded array may be changed in place; neither file nor other loads see it."""
    path = tmp_path / "kept"
    arrays.write(path, {"numbers": NUMBERS})
    before = path.read_bytes()
    first, second = arrays.read(path)["numbers"], arrays.read(path)["numbers"]
    torch.from_numpy(first).zero_()

    assert (first == 0).all()
    np.testing.assert_array_equal(second, NUMBERS)
    assert path.read_bytes() == before


def test_loading_maps_and_does_not_copy(tmp_path: Path) -> None:
    """Arrays of one file are views of one memory map, in plain numpy arrays."""
    path = tmp_path / "kept"
    arrays.write(path, {"a": NUMBERS, "b": NUMBERS})
    a, b = arrays.read(path).values()
    owner = a
    while isinstance(owner.base, np.ndarray):
        owner = owner.base

    assert type(a) is np.ndarray
    assert isinstance(owner, np.memmap)
    assert owner.mode == "c"
    assert np.shares_memory(b, owner)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda content: content[:-1], "it has .* bytes of"),
        (lambda content: content + b"\0", "it has .* bytes of"),
        (lambda content: b"PK" + content[2:], "does not begin"),
        (lambda content: content[:20], "does not begin"),
        (lambda content: b"", "does not begin"),
        (lambda content: content.replace(b'"offset": ', b'"offset":1'), "header"),
    ],
)
def test_a_damaged_file_is_seen_when_it_is_opened(
    tmp_path: Path, damage: object, complaint: str
) -> None:
    """Cut, grown, foreign, empty and with another header: none is read."""
    path = tmp_path / "kept"
    arrays.write(path, {"numbers": NUMBERS})
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]

    with pytest.raises(arrays.DamagedFileError, match=complaint):
        arrays.read(path)
    assert not arrays.is_whole(path)


def test_a_flipped_bit_of_the_data_is_found_by_the_whole_check(tmp_path: Path) -> None:
    """Opening does not read the data; `is_whole` does."""
    path = tmp_path / "kept"
    arrays.write(path, {"numbers": NUMBERS})
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)

    assert len(arrays.read(path)["numbers"]) == 300
    assert not arrays.is_whole(path)


def _dies(path: Path, how: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import os, resource, signal, sys\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from optbench.data import arrays\n"
        f"{how}\n"
        "arrays.write(Path(sys.argv[1]), {'numbers': np.zeros(10**5, dtype=np.int64)})\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=False
    )


def test_a_process_killed_while_it_writes_leaves_the_older_file(tmp_path: Path) -> None:
    """After kill -9 with all bytes written and none certain, the file is the older one."""
    path = tmp_path / "kept"
    arrays.write(path, {"numbers": NUMBERS})
    done = _dies(path, "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)")

    assert done.returncode == -9
    np.testing.assert_array_equal(arrays.read(path)["numbers"], NUMBERS)
    arrays.write(path, {"numbers": NUMBERS + 1})
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_a_full_disk_leaves_nothing_half_made(tmp_path: Path) -> None:
    """Where no more can be written there is one error, the older file, and nothing else."""
    path = tmp_path / "kept"
    arrays.write(path, {"numbers": NUMBERS})
    done = _dies(path, "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))")

    assert f"OptbenchError: cannot write {path}: File too large" in done.stderr
    np.testing.assert_array_equal(arrays.read(path)["numbers"], NUMBERS)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_objects_and_empty_arrays_are_not_kept(tmp_path: Path) -> None:
    """Only bytes, whole numbers and float64 have a place in the file."""
    for array in (np.array([None]), np.zeros(3, np.float32), np.zeros(0)):
        with pytest.raises(OptbenchError, match="dtype"):
            arrays.write(tmp_path / "kept", {"array": array})
    assert list(tmp_path.iterdir()) == []
