"""The tables are scikit-learn's, read without it, and anything else is refused."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler

from optbench.core.errors import OptbenchError
from optbench.data import tabular


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(tabular.breast_cancer, load_breast_cancer), (tabular.digits, load_digits)],
)
def test_tables_are_scikit_learns(
    ours: Callable[[], tuple[np.ndarray, np.ndarray]], theirs: Callable[..., Any]
) -> None:
    """Features and classes equal those of scikit-learn's own loaders, to the bit."""
    X, y = ours()

    expected_X, expected_y = theirs(return_X_y=True)
    np.testing.assert_array_equal(X, expected_X)
    np.testing.assert_array_equal(y, expected_y)
    assert X.dtype == np.float64
    assert y.dtype == np.int64


def test_tables_are_read_only() -> None:
    """The cached arrays cannot be changed by one user for all others."""
    with pytest.raises(ValueError, match="read-only"):
        tabular.digits()[0][0, 0] = 1.0


def test_design_matrix_standardises_and_appends_ones() -> None:
    """As StandardScaler does it, without the columns that never vary, plus an intercept."""
    X = tabular.digits()[0]

    design = tabular.design_matrix(X)

    varying = X[:, X.max(0) > X.min(0)]
    np.testing.assert_allclose(design[:, :-1], StandardScaler().fit_transform(varying), atol=1e-12)
    assert (design[:, -1] == 1).all()
    assert design.shape == (1797, 62)


def test_reading_does_not_import_scikit_learn() -> None:
    """Loading both tables leaves sklearn out of the process."""
    code = (
        "import sys; from optbench.data import tabular; tabular.digits(); "
        "tabular.breast_cancer(); print('sklearn' in sys.modules)"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout.strip() == "False"


def test_missing_scikit_learn_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(OptbenchError, match="pip install scikit-learn"):
        tabular._read("digits.csv.gz")


def test_a_changed_or_missing_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file with other bytes is named and not used; so is one that is not there."""
    package = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: package)

    with pytest.raises(OptbenchError, match=r"has no .*digits\.csv\.gz"):
        tabular._read("digits.csv.gz")
    folder = tmp_path / "datasets" / "data"
    folder.mkdir(parents=True)
    (folder / "digits.csv.gz").write_bytes(b"other")
    with pytest.raises(OptbenchError, match="not the known file"):
        tabular._read("digits.csv.gz")
