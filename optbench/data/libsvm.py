"""Sparse tables in LIBSVM's text format, `label index:value index:value ...` (Chang and Lin)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from optbench.core.errors import OptbenchError
from optbench.data.files import contents
from optbench.data.sets import DataSet

FEATURES = 123
"""Columns of a9a; no row of its test part has the last."""


def read(path: Path, dataset: DataSet) -> dict[str, np.ndarray]:
    """Read the training and the test part of a set of two classes.

    Args:
        path: A folder that has both files, or one of them.
        dataset: Which set.

    Returns:
        For each part the rows in compressed form (CSR): `train_values` float64 and `train_columns`
        int64, both (nonzeros,), `train_starts` int64 (n + 1,), and `train_labels` int64 (n,), -1 or
        +1; `test_...` likewise. Columns are 0 to 122 in both.

    Raises:
        OptbenchError: When a file is missing, is not the known one, or has labels other than these.
    """
    found = contents(path, dataset)
    result: dict[str, np.ndarray] = {}
    for part, (name, content), count in zip(
        ("train", "test"), found.items(), (dataset.train, dataset.test), strict=True
    ):
        arrays = parse(name, content, FEATURES)
        labels = arrays["labels"]
        if len(labels) != count:
            raise OptbenchError(f"{name} has {len(labels)} rows where {count} are known")
        if set(np.unique(labels)) != {-1.0, 1.0}:
            raise OptbenchError(f"{name} has labels other than -1 and +1, or only one of them")
        arrays["labels"] = labels.astype(np.int64)
        result |= {f"{part}_{key}": array for key, array in arrays.items()}
    return result


def parse(name: str, content: bytes, features: int) -> dict[str, np.ndarray]:
    """Read rows; what follows a `#` is left out, and so are empty lines.

    Args:
        name: Of the file, for messages.
        content: Of the file.
        features: Columns of the table, at least the largest index; indices start at 1.

    Returns:
        `values` float64 and `columns` int64, from 0, both (nonzeros,); `starts` int64 (n + 1,): row
        i has the entries from starts[i] up to starts[i + 1]; `labels` float64 (n,).

    Raises:
        OptbenchError: When a line is no such row, with its number: a word that is no number, NaN,
            infinity, or indices that do not ascend within 1..features.
    """
    labels: list[float] = []
    values: list[float] = []
    columns: list[int] = []
    starts = [0]
    for number, line in enumerate(content.splitlines(), 1):
        words = line.partition(b"#")[0].split()
        if not words:
            continue
        try:
            labels.append(float(words[0]))
            entries = [word.split(b":") for word in words[1:]]
            row = [int(index) for index, _ in entries]
            values += [float(value) for _, value in entries]
        except ValueError:
            raise OptbenchError(
                f"{name}, line {number}: not 'label index:value index:value ...'"
            ) from None
        if not all(a < b for a, b in zip([0, *row], [*row, features + 1], strict=True)):
            raise OptbenchError(f"{name}, line {number}: indices must ascend within 1..{features}")
        columns += row
        starts.append(len(columns))
    if not labels:
        raise OptbenchError(f"{name} has no rows")
    arrays = {
        "values": np.array(values, dtype=np.float64),
        "columns": np.array(columns, dtype=np.int64) - 1,
        "starts": np.array(starts, dtype=np.int64),
        "labels": np.array(labels, dtype=np.float64),
    }
    _demand_finite(name, arrays)
    return arrays


def _demand_finite(name: str, arrays: dict[str, np.ndarray]) -> None:
    """Refuse NaN and infinity, naming the row (not the line: comments are gone)."""
    wrong = np.flatnonzero(~np.isfinite(arrays["values"]))
    rows = np.searchsorted(arrays["starts"], wrong, side="right") - 1
    rows = np.append(rows, np.flatnonzero(~np.isfinite(arrays["labels"])))
    if len(rows):
        raise OptbenchError(f"{name}, row {rows.min() + 1}: a number that is NaN or infinite")
