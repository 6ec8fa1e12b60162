"""The two tables that every scikit-learn wheel carries, read without importing scikit-learn."""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.util
from pathlib import Path

import numpy as np

from optbench.core.errors import OptbenchError

SHA256 = {
    "breast_cancer.csv": "fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed",
    "digits.csv.gz": "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
}


@functools.cache
def breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """Read the Wisconsin diagnostic breast cancer data (Street, Wolberg and Mangasarian 1993).

    Returns:
        Features of shape (569, 30), float64, and classes of shape (569,), int64: 0 malignant,
        1 benign. Both are read-only.

    Raises:
        OptbenchError: When scikit-learn is missing, or its file is not the one that is known.
    """
    lines = _read("breast_cancer.csv").decode().splitlines()
    return _table(lines[1:])


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Read the 8x8 images of handwritten digits (Alpaydin and Kaynak 1998, test part).

    Returns:
        Grey levels 0 to 16 of shape (1797, 64), float64, and digits of shape (1797,), int64. Both
        are read-only.

    Raises:
        OptbenchError: When scikit-learn is missing, or its file is not the one that is known.
    """
    return _table(gzip.decompress(_read("digits.csv.gz")).decode().splitlines())


def design_matrix(features: np.ndarray) -> np.ndarray:
    """Standardise features and append an intercept.

    Args:
        features: Shape (n, p).

    Returns:
        Shape (n, q + 1): the q columns that vary, each with mean 0 and variance 1 (divisor n), and
        a column of ones.
    """
    deviation = features.std(axis=0)
    varying = features[:, deviation > 0]
    standard = (varying - varying.mean(axis=0)) / deviation[deviation > 0]
    return np.column_stack([standard, np.ones(len(features))])


def _table(lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Split comma-separated lines into features and, from the last column, classes."""
    table = np.loadtxt(lines, delimiter=",")
    features, classes = table[:, :-1].copy(), table[:, -1].astype(np.int64)
    features.flags.writeable = classes.flags.writeable = False
    return features, classes


def _read(name: str) -> bytes:
    """Return the bytes of one of scikit-learn's data files, checked."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise OptbenchError(f"{name} comes with scikit-learn: pip install scikit-learn")
    path = Path(package.origin).parent / "datasets" / "data" / name
    if not path.is_file():
        raise OptbenchError(f"this scikit-learn has no {path}: pip install -U scikit-learn")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise OptbenchError(f"{path} is not the known file; reinstall scikit-learn")
    return content
