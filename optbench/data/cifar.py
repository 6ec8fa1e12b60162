"""CIFAR-10 in its official form: batches that Python 2 pickled (Krizhevsky 2009)."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from optbench.core.errors import OptbenchError
from optbench.data import archive, checksum, images
from optbench.data.files import contents
from optbench.data.sets import DataSet

FOLDER = "cifar-10-batches-py"


def read(path: Path, dataset: DataSet) -> dict[str, np.ndarray]:
    """Read the official archive, or the batches that were unpacked from it.

    Args:
        path: The archive, a folder that has it, the folder of the batches, or one that holds that
            folder (where torchvision keeps its data).
        dataset: With the checksums of the batches, each of which is compared before it is read.

    Returns:
        `train_images` uint8 (n, 3, 32, 32), `train_labels` int64 (n,), `test_images`,
        `test_labels`.

    Raises:
        OptbenchError: When a file is missing, damaged, or not the known one.
    """
    batches = [_batch(name, content) for name, content in _batches(path, dataset).items()]
    return images.parts(
        dataset.name,
        (
            np.concatenate([pixels for pixels, _ in batches[:-1]]),
            np.concatenate([labels for _, labels in batches[:-1]]),
            dataset.train,
        ),
        (*batches[-1], dataset.test),
    )


def _batches(path: Path, dataset: DataSet) -> dict[str, bytes]:
    """Return the checked bytes of each batch, the test batch last."""
    if path.is_dir():
        packed = [path / download.url.rpartition("/")[2] for download in dataset.downloads]
        if not any(place.is_file() for place in packed):
            return contents(path, dataset, inside=(FOLDER,))
        path = packed[0]
    if not path.is_file() or path.name in dataset.contents:
        return contents(path, dataset)
    expected, found = f"sha256:{dataset.downloads[0].sha256}", checksum.of_file(path)
    if found != expected:
        raise checksum.different(f"{path}, as {dataset.name},", expected, found)
    unpacked = archive.members(path, FOLDER, dataset.contents)
    for name, known in dataset.contents.items():
        checksum.demand(f"{path}: {name}", unpacked[name], known)
    return {name: unpacked[name] for name in dataset.contents}


def _batch(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 3, 32, 32) and labels (n,) of a pickled batch."""
    batch = unpickled(name, content)
    pixels, labels = (
        (batch.get("data"), batch.get("labels")) if isinstance(batch, dict) else (None, None)
    )
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.dtype != np.uint8
        or pixels.shape[1:] != (3 * 32 * 32,)
        or not isinstance(labels, list)
        or not all(isinstance(label, int) for label in labels)
    ):
        raise OptbenchError(f"{name} has no 'data' of rows of 3072 bytes with 'labels' beside it")
    return pixels.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)


def unpickled(name: str, content: bytes) -> Any:
    """Unpickle arrays, lists, dicts, strings and numbers, and nothing else.

    Args:
        name: Of the file, for messages.
        content: A pickle of Python 2 and numpy 1; its text is read as Latin-1.

    Returns:
        What was pickled.

    Raises:
        OptbenchError: When it holds anything else, or is no whole pickle.
    """
    try:
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a damaged pickle raises whatever its opcodes come upon
        raise OptbenchError(f"{name} is no pickle of arrays and lists: {error}") from error


class _Unpickler(pickle.Unpickler):
    """Knows the three names that an array's pickle calls, and no other."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("numpy.core.multiarray", "_reconstruct"): _array,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): _dtype,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it calls {module}.{name}")
        return known[module, name]


def _array(kind: type, shape: tuple[int, ...], code: str | bytes) -> np.ndarray:
    """Make the empty array that the pickle fills afterwards."""
    del kind, shape, code
    return np.empty(0, dtype=np.uint8)


def _dtype(code: str | bytes, *rest: object) -> np.dtype[Any]:
    """Make a plain dtype; numpy 2.4.0 to 2.4.4 warn of the flags 0 and 1 of such pickles."""
    del rest
    # A copy, for what follows in the pickle sets the state of this very object.
    return np.dtype(code if isinstance(code, str) else code.decode(), copy=True)
