"""One file for the arrays of a set, read as a memory map.

Layout: a line that names the format; the length (8 bytes) and CRC-32 (4 bytes, both little-endian)
of a header; the header, JSON, which has each array's dtype, shape, place and CRC-32, and the
file's length; the arrays, each from a multiple of 64 bytes.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.core.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"optbench arrays 1\n"
PREFIX = struct.Struct("<QI")
ALIGNMENT = 64
DTYPES = {"|u1": 1, "<i8": 8, "<f8": 8}
"""What may be kept, and its bytes an item."""


class DamagedFileError(Exception):
    """A file that is not as it was written; the message says in which way."""


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to a file that is whole or not there at all.

    Args:
        path: Of the file; one that is there is replaced. Whoever maps the older one keeps it.
        arrays: By name, of dtype uint8, int64 or float64.

    Raises:
        OptbenchError: When it cannot be written, on a full disk for one; nothing is left behind.
    """
    import numpy as np

    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    head, places = _header(whole)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(head)
            for name, array in whole.items():
                file.seek(places[name])
                file.write(array.data.cast("B"))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise OptbenchError(f"cannot write {path}: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def header(path: Path) -> dict[str, Any]:
    """Return what a file's header says, `{"arrays": {name: {...}}, "length": bytes}`.

    Raises:
        DamagedFileError: When the file is no such file, or shorter or longer than it was.
        FileNotFoundError: When it is not there.
    """
    with path.open("rb") as file:
        start = file.read(len(MAGIC) + PREFIX.size)
        if not start.startswith(MAGIC) or len(start) < len(MAGIC) + PREFIX.size:
            raise DamagedFileError("it does not begin as a file of arrays does")
        length, check = PREFIX.unpack(start[len(MAGIC) :])
        size = os.fstat(file.fileno()).st_size
        text = file.read(min(length, size))
    if zlib.crc32(text) != check:
        raise DamagedFileError("its header is not as it was written")
    found: dict[str, Any] = json.loads(text)
    if size != found["length"]:
        raise DamagedFileError(f"it has {size} bytes of {found['length']}")
    return found


def read(path: Path) -> dict[str, np.ndarray]:
    """Map a file's arrays into memory.

    Only the header and the length are checked, which costs no reading of the data; `is_whole`
    checks all.

    Returns:
        Arrays by name. They may be written to, which changes neither the file nor what others see.

    Raises:
        DamagedFileError: When the file is not as it was written.
        FileNotFoundError: When it is not there.
    """
    import numpy as np

    found = header(path)["arrays"]
    content = np.memmap(path, mode="c").view(np.ndarray)
    return {
        name: content[at["offset"] : at["offset"] + _bytes(at["dtype"], at["shape"])]
        .view(at["dtype"])
        .reshape(at["shape"])
        for name, at in found.items()
    }


def is_whole(path: Path) -> bool:
    """Tell whether a file is there and every byte of its arrays is as it was written."""
    try:
        found, arrays = header(path)["arrays"], read(path)
    except (DamagedFileError, FileNotFoundError):
        return False
    return all(zlib.crc32(arrays[n].data.cast("B")) == found[n]["crc32"] for n in found)


def _bytes(dtype: str, shape: list[int]) -> int:
    return DTYPES[dtype] * math.prod(shape)


def _header(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, dict[str, int]]:
    """Return the bytes before the arrays, and where each array begins."""
    for name, array in arrays.items():
        if array.dtype.str not in DTYPES or array.size == 0:
            raise OptbenchError(f"{name} has dtype {array.dtype} and shape {array.shape}")
    # The places depend on the header's length, which depends on their digits: leave room.
    at = _aligned(len(MAGIC) + PREFIX.size + 256 * (len(arrays) + 1))
    found: dict[str, Any] = {}
    for name, array in arrays.items():
        found[name] = {
            "dtype": array.dtype.str,
            "shape": array.shape,
            "offset": at,
            "crc32": zlib.crc32(array.data.cast("B")),
        }
        end = at + array.nbytes
        at = _aligned(end)
    text = json.dumps({"arrays": found, "length": end}).encode()
    return MAGIC + PREFIX.pack(len(text), zlib.crc32(text)) + text, {
        name: found[name]["offset"] for name in found
    }


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
