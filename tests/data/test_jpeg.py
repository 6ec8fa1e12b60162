from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from optbench.core.errors import OptbenchError
from optbench.data import jpeg
from optbench.data.sets import SETS, DataSet
from tests.data.fakes import labels_of, sha256, write_files

COLOURS = np.array([[200, 30, 60], [20, 90, 250], [120, 220, 40]], dtype=np.uint8)


def _jpeg(picture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


def _picture(number: int) -> np.ndarray:
    """Return one colour above another, so that axes and channels cannot be exchanged unseen."""
    picture = np.empty((32, 32, 3), np.uint8)
    picture[:16], picture[16:] = COLOURS[number % 3], COLOURS[(number + 1) % 3]
    return picture


def _pack(count: int, **changes: np.ndarray) -> bytes:
    files = [_jpeg(_picture(number)) for number in range(count)]
    arrays = {
        "jpeg": np.frombuffer(b"".join(files), np.uint8),
        "offsets": np.cumsum([0, *map(len, files)]),
        "labels": np.array(labels_of(count), np.uint8),
    } | changes
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


FILES = {"cifar10_jpeg_train.npz": _pack(30), "cifar10_jpeg_test.npz": _pack(20)}


def _small(files: dict[str, bytes], train: int = 30, test: int = 20) -> DataSet:
    contents = {name: f"sha256:{sha256(content)}" for name, content in files.items()}
    return replace(SETS["cifar10-jpeg"], train=train, test=test, contents=contents)


def test_pictures_are_decoded_with_their_axes_and_colours(tmp_path: Path) -> None:
    """Colours agree to what JPEG loses, at the top and at the bottom; labels are as they were."""
    found = jpeg.read(write_files(tmp_path, FILES) / "cifar10_jpeg_test.npz", _small(FILES))
    wanted = np.stack([_picture(number).transpose(2, 0, 1) for number in range(30)])

    assert found["train_images"].dtype == np.uint8
    assert np.abs(found["train_images"].astype(int) - wanted).max() <= 4  # quality 95
    np.testing.assert_array_equal(found["test_images"], found["train_images"][:20])
    np.testing.assert_array_equal(found["train_labels"], labels_of(30))


def test_a_part_decodes_the_first_pictures_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set of 20 and 10 pictures reads as many, the same as those of the whole."""
    write_files(tmp_path, FILES)
    whole = jpeg.read(tmp_path, _small(FILES))
    opened: list[int] = []
    decode = jpeg.decode

    def counting(name: str, files: list[bytes]) -> np.ndarray:
        opened.append(len(files))
        return decode(name, files)

    monkeypatch.setattr(jpeg, "decode", counting)
    part = jpeg.read(tmp_path, _small(FILES, 20, 10))

    assert opened == [20, 10]
    for name, array in part.items():
        np.testing.assert_array_equal(array, whole[name][: len(array)])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"offsets": np.arange(31)}, "offsets do not fit"),
        ({"offsets": np.array([0, 5])}, "offsets do not fit"),
        ({"labels": np.zeros(29, np.uint8)}, "offsets do not fit"),
        ({"jpeg": np.zeros(10, np.uint8)}, "offsets do not fit"),
        ({"labels": np.array([*labels_of(29), 77], np.uint8)}, "label 77 of image 29"),
        ({"labels": np.array([0] * 30, np.uint8)}, "train part: class 1 has no image"),
        ({"offsets": np.array([None] * 31)}, "is no pack of images"),
    ],
)
def test_packs_that_do_not_fit_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], complaint: str
) -> None:
    """Offsets, labels and pictures must agree, and nothing in a pack is unpickled."""
    files = FILES | {"cifar10_jpeg_train.npz": _pack(30, **changes)}

    with pytest.raises(OptbenchError, match=complaint):
        jpeg.read(write_files(tmp_path, files), _small(files))


def test_offsets_that_go_back_are_refused() -> None:
    """A picture of negative length is no picture."""
    whole = np.load(io.BytesIO(_pack(30)))["offsets"]
    whole[[4, 5]] = whole[[5, 4]]

    with pytest.raises(OptbenchError, match="offsets do not fit"):
        jpeg.unpack("pack", _pack(30, offsets=whole))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (_jpeg(_picture(0))[:300], "pictures: image 1 is no whole JPEG"),
        (b"\x89PNG\r\n\x1a\n", "pictures: image 1 is no whole JPEG"),
        (b"", "pictures: image 1 is no whole JPEG"),
        (_jpeg(np.zeros((16, 32, 3), np.uint8)), r"image 1 is RGB \(32, 16\)"),
        (_jpeg(np.zeros((32, 32), np.uint8)), r"image 1 is L \(32, 32\)"),
    ],
)
def test_a_damaged_picture_is_named(content: bytes, complaint: str) -> None:
    """Cut, foreign, empty, of another size or grey: its number is told."""
    with pytest.raises(OptbenchError, match=complaint):
        jpeg.decode("pictures", [_jpeg(_picture(0)), content])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", FILES["cifar10_jpeg_test.npz"][:500]])
def test_what_is_no_pack_is_refused(content: bytes) -> None:
    """Empty, cut and foreign files are one line."""
    with pytest.raises(OptbenchError, match="pack is no pack of images"):
        jpeg.unpack("pack", content)
