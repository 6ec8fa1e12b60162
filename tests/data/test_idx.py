from __future__ import annotations

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench.core.errors import OptbenchError
from optbench.data import idx
from optbench.data.sets import SETS, DataSet
from tests.data.fakes import labels_of, sha256, write_files

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (40, 28, 28), dtype=np.uint8)
TEST = RNG.integers(0, 256, (20, 28, 28), dtype=np.uint8)


def _idx(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def _files(labels: list[int]) -> dict[str, bytes]:
    return {
        "train-images-idx3-ubyte": _idx(TRAIN),
        "train-labels-idx1-ubyte": _idx(np.array(labels, np.uint8)),
        "t10k-images-idx3-ubyte": _idx(TEST),
        "t10k-labels-idx1-ubyte": _idx(np.array(labels_of(20), np.uint8)),
    }


FILES = _files(labels_of(40))


def _small(files: dict[str, bytes]) -> DataSet:
    contents = {name: f"sha256:{sha256(content)}" for name, content in files.items()}
    return replace(SETS["fashion-mnist"], train=40, test=20, contents=contents)


def test_plain_and_recompressed_files_are_the_same_set(tmp_path: Path) -> None:
    """Files as they are, gzipped by anybody, in torchvision's folders, or named one by one."""
    packed = {f"{name}.gz": gzip.compress(content, 1) for name, content in FILES.items()}
    plain = write_files(tmp_path / "plain", FILES)
    torchvision = tmp_path / "root"
    write_files(torchvision / "FashionMNIST" / "raw", FILES | packed)
    gzipped = write_files(tmp_path / "gzipped", packed)

    for path in (
        plain,
        gzipped,
        torchvision,
        torchvision / "FashionMNIST",
        gzipped / "t10k-labels-idx1-ubyte.gz",
    ):
        found = idx.read(path, _small(FILES))
        np.testing.assert_array_equal(found["train_images"], TRAIN[:, None])
        np.testing.assert_array_equal(found["test_images"], TEST[:, None])
        np.testing.assert_array_equal(found["train_labels"], labels_of(40))
        assert found["test_labels"].dtype == np.int64


def test_the_unpacked_bytes_must_be_the_known_ones(tmp_path: Path) -> None:
    """MNIST's files have the same names; another checksum is refused with both values."""
    other = FILES | {"train-images-idx3-ubyte": _idx(TRAIN[::-1])}

    with pytest.raises(OptbenchError, match="as train-images-idx3-ubyte of fashion-mnist, is not"):
        idx.read(write_files(tmp_path, other), _small(FILES))


@pytest.mark.parametrize("keep", [0, 12, 1000])
def test_a_truncated_gzip_file_is_one_line(tmp_path: Path, keep: int) -> None:
    """A cut file is named, whether or not a byte can be unpacked."""
    packed = {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()}
    packed["train-images-idx3-ubyte.gz"] = packed["train-images-idx3-ubyte.gz"][:keep]

    with pytest.raises(OptbenchError, match=r"train-images-idx3-ubyte(\.gz is truncated|,? )"):
        idx.read(write_files(tmp_path, packed), _small(FILES))


def test_a_wrong_label_is_found_behind_a_right_checksum(tmp_path: Path) -> None:
    """Labels beyond 9 are refused whatever the checksum."""
    files = _files([10, *labels_of(39)])

    with pytest.raises(OptbenchError, match="train part: label 10 of image 0"):
        idx.read(write_files(tmp_path, files), _small(files))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 12))
def test_any_array_of_bytes_is_read_and_any_cut_is_refused(shape: list[int], cut: int) -> None:
    """The header's lengths are the array's; fewer or more bytes are refused."""
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    content = _idx(array)

    np.testing.assert_array_equal(idx.parse("f", content), array)
    for wrong in (content[:-cut], content + b"\0" * cut, content[:3], b"\x1f\x8b" + content[2:]):
        with pytest.raises(OptbenchError, match=r"f (is|has)"):
            idx.parse("f", wrong)
