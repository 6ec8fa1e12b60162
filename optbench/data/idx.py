"""Image sets in the idx format of MNIST (LeCun, Cortes and Burges 1998)."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from optbench.core.errors import OptbenchError
from optbench.data import images
from optbench.data.files import contents
from optbench.data.sets import DataSet

UNSIGNED_BYTE = 8


def read(path: Path, dataset: DataSet) -> dict[str, np.ndarray]:
    """Read the four files of a set, plain or gzipped.

    Args:
        path: A folder that has them, or a folder where torchvision keeps them, or one of them.
        dataset: Which one, with the checksums of the unpacked files.

    Returns:
        `train_images` uint8 (n, 1, H, W), `train_labels` int64 (n,), `test_images`, `test_labels`.

    Raises:
        OptbenchError: When a file is missing, truncated, or not the known one.
    """
    found = contents(path, dataset, inside=("raw", "FashionMNIST/raw"))
    parsed = {name: parse(name, content) for name, content in found.items()}
    return images.parts(
        dataset.name,
        (
            parsed["train-images-idx3-ubyte"][:, None],
            parsed["train-labels-idx1-ubyte"],
            dataset.train,
        ),
        (
            parsed["t10k-images-idx3-ubyte"][:, None],
            parsed["t10k-labels-idx1-ubyte"],
            dataset.test,
        ),
    )


def parse(name: str, content: bytes) -> np.ndarray:
    """Read an array of bytes: two zeros, 8, the number of axes, their lengths (big-endian), data.

    Args:
        name: Of the file, for messages.
        content: Of the file.

    Returns:
        The array, uint8.

    Raises:
        OptbenchError: When the content is no such array, or shorter or longer than it says.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise OptbenchError(f"{name} is no idx file of bytes")
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise OptbenchError(f"{name} is truncated")
    shape = struct.unpack(f">{axes}I", content[4:start])
    if len(content) != start + math.prod(shape):
        raise OptbenchError(
            f"{name} has {len(content) - start} bytes of data where its header says "
            f"{' x '.join(map(str, shape))}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
