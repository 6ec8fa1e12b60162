"""CIFAR-10 as JPEG files, packed end to end into two npz files."""

from __future__ import annotations

import io
import itertools
import zipfile
from pathlib import Path

import numpy as np

from optbench.core.errors import OptbenchError
from optbench.data import images
from optbench.data.files import contents
from optbench.data.sets import DataSet

SIDE = 32


def read(path: Path, dataset: DataSet) -> dict[str, np.ndarray]:
    """Read both packs and decode the first images of each, as many as the set has.

    Args:
        path: A folder that has both, or one of them.
        dataset: All of the images or a part of them.

    Returns:
        `train_images` uint8 (n, 3, 32, 32), `train_labels` int64 (n,), `test_images`,
        `test_labels`.

    Raises:
        OptbenchError: When a pack is missing or not the known one, or an image is damaged.
    """
    (train, test) = (unpack(*item) for item in contents(path, dataset).items())
    return images.parts(
        dataset.name, _decoded(*train, dataset.train), _decoded(*test, dataset.test)
    )


def unpack(name: str, content: bytes) -> tuple[list[bytes], np.ndarray]:
    """Take a pack apart.

    Args:
        name: Of the file, for messages.
        content: Of an npz file with `jpeg`, uint8 (bytes,), the images end to end; `offsets`, int64
            (n + 1,), where each begins and the last ends; `labels`, (n,).

    Returns:
        The JPEG file of each image, and the labels.

    Raises:
        OptbenchError: When it is no such file, or offsets and data do not fit.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as pack:
            packed, offsets, labels = pack["jpeg"], pack["offsets"], pack["labels"]
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise OptbenchError(f"{name} is no pack of images: {error}") from error
    fits = (
        packed.dtype == np.uint8
        and offsets.dtype == np.int64
        and offsets.shape == (len(labels) + 1,)
        and offsets[0] == 0
        and offsets[-1] == len(packed)
        and bool((np.diff(offsets) > 0).all())
    )
    if not fits:
        raise OptbenchError(f"{name}: the offsets do not fit the images and the labels")
    raw = packed.tobytes()
    return [raw[a:b] for a, b in itertools.pairwise(offsets)], labels


def decode(name: str, files: list[bytes]) -> np.ndarray:
    """Decode colour images of 32x32 pixels.

    Args:
        name: Of the pack, for messages.
        files: A JPEG file each.

    Returns:
        Shape (n, 3, 32, 32), uint8: red, green, blue.

    Raises:
        OptbenchError: When one is no whole JPEG of that size, with its number.
    """
    from PIL import Image

    result = np.empty((len(files), 3, SIDE, SIDE), dtype=np.uint8)
    for number, content in enumerate(files):
        try:
            with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
                if (image.size, image.mode) != ((SIDE, SIDE), "RGB"):
                    raise OptbenchError(f"{name}: image {number} is {image.mode} {image.size}")
                result[number] = np.asarray(image).transpose(2, 0, 1)
        except (OSError, SyntaxError) as error:  # Pillow's words for damaged files
            raise OptbenchError(f"{name}: image {number} is no whole JPEG: {error}") from error
    return result


def _decoded(
    files: list[bytes], labels: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, int]:
    return decode("cifar10-jpeg", files[:count]), labels[:count], count
