"""Data sets by their names: load, fetch, add."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.errors import OptbenchError
from optbench.core.registry import load as imported
from optbench.data import arrays as file_format
from optbench.data import place
from optbench.data.sets import SETS, DataSet, Download, find

if TYPE_CHECKING:
    import numpy as np


class DataMissingError(OptbenchError):
    """A data set that is not on this machine; the message says how to get it."""


@dataclass(frozen=True)
class Kept:
    """A data set and what is here of it.

    Attributes:
        dataset: The set.
        file: Its arrays; None where there are none.
        size: Bytes of that file, 0 where it is none.
    """

    dataset: DataSet
    file: Path | None
    size: int


def load(name: str) -> dict[str, np.ndarray]:
    """Map the arrays of a data set into memory.

    Args:
        name: `cifar10`, `fashion-mnist` ..., or a small part such as `cifar10-5k`, which is also
            made from the whole set where only that is here.

    Returns:
        Arrays by name: of image sets `train_images` uint8 (n, C, H, W), `train_labels` int64 (n,),
        `test_images` and `test_labels`; of `tinyshakespeare` `text` uint8 (n,); of `a9a` the rows
        in compressed form, `train_values` float64, `train_columns`, `train_starts` and
        `train_labels` int64, and the same of the test part. They may be written to; nobody else
        sees it.

    Raises:
        OptbenchError: When there is no such set, or its file is damaged.
        DataMissingError: When it is not here.
    """
    dataset = find(name)
    file = where(name)
    try:
        loaded = file_format.read(file)
    except file_format.DamagedFileError as error:
        again = ways(find(file.stem))
        raise OptbenchError(f"{file} is damaged ({error}); make it again: {again}") from None
    if file == place.file_of(name):
        return loaded
    from optbench.data.parts import part

    return part(loaded, dataset)


def where(name: str = "") -> Path:
    """Return the folder of all data sets, or the file that one is loaded from.

    Raises:
        OptbenchError: When there is no such set.
        DataMissingError: When it is not here.
    """
    if not name:
        return place.folder()
    dataset = find(name)
    for owner in (name, dataset.part_of):
        if owner and place.file_of(owner).is_file():
            return place.file_of(owner)
    raise DataMissingError(f"{name} is not here: {ways(dataset)}")


def ways(dataset: DataSet) -> str:
    """Return the commands that get a data set."""
    add = f"optbench data add {dataset.name} PATH"
    source = SETS.get(dataset.part_of, dataset)
    return f"optbench data fetch {source.name}, or {add}" if source.downloads else add


def listing() -> list[Kept]:
    """Return every data set with what is here of it, without reading any."""
    kept = []
    for name, dataset in SETS.items():
        try:
            file = where(name)
        except DataMissingError:
            kept.append(Kept(dataset, None, 0))
        else:
            kept.append(Kept(dataset, file, file.stat().st_size))
    return kept


def add(name: str, path: Path) -> Path:
    """Make a data set from a local copy of its files.

    Args:
        name: Of the set.
        path: The official archive or files, or a folder that has them; see each format's `read`.

    Returns:
        The file of its arrays; an older one is replaced.

    Raises:
        OptbenchError: When there is no such set, the files are missing, damaged or other ones, or
            the arrays cannot be written.
    """
    dataset = find(name)
    with place.held(name):
        return _make(dataset, path)


def fetch(name: str, progress: Callable[[Download, int], None] = lambda source, here: None) -> Path:
    """Get a data set from its official place; nothing is done where it is here and whole.

    Args:
        name: Of the set.
        progress: Called with a file and how many of its bytes have arrived.

    Returns:
        The file of its arrays.

    Raises:
        OptbenchError: When there is no such set, it has no official place, the download fails, or
            the arrays cannot be written.
    """
    dataset = find(name)
    if not dataset.downloads:
        reason = f"is a part of {dataset.part_of}" if dataset.part_of else "has no official place"
        raise OptbenchError(f"{name} cannot be fetched, it {reason}: {ways(dataset)}")
    from optbench.data.download import download

    with place.held(name):
        if file_format.is_whole(place.file_of(name)):
            return place.file_of(name)
        folder = place.folder() / "downloads" / name
        for source in dataset.downloads:
            try:
                download(source, folder, progress)
            except OptbenchError as error:
                raise OptbenchError(f"{error}; a copy: optbench data add {name} PATH") from error
        file = _make(dataset, folder)
        shutil.rmtree(folder)
    return file


def _make(dataset: DataSet, path: Path) -> Path:
    """Read a set's files and write its arrays."""
    source = SETS.get(dataset.part_of, dataset)
    if dataset.shuffled:
        arrays = imported(dataset.reader)(path, dataset)  # the first ones: no need for the others
    elif source is not dataset:
        from optbench.data.parts import part

        arrays = part(imported(source.reader)(path, source), dataset)
    else:
        arrays = imported(dataset.reader)(path, dataset)
    file = place.file_of(dataset.name)
    file_format.write(file, arrays)
    return file
