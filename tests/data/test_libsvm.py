from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_svmlight_file

from optbench.core.errors import OptbenchError
from optbench.data import libsvm
from optbench.data.sets import SETS
from tests.data.fakes import sha256, write_files

FEATURES = 30
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)
ROWS = st.lists(
    st.tuples(NUMBERS, st.dictionaries(st.integers(1, FEATURES), NUMBERS, max_size=8)),
    min_size=1,
    max_size=10,
)


@given(ROWS, st.sampled_from([" ", "  ", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_rows_are_read_as_scikit_learn_reads_them(
    rows: list[tuple[float, dict[int, float]]], space: str, end: str
) -> None:
    """Any finite numbers, gaps and empty rows give the same labels and matrix, bit by bit."""
    lines = [
        space.join([repr(label), *(f"{i}:{row[i]!r}" for i in sorted(row))]) for label, row in rows
    ]
    content = (end.join(lines) + end).encode()
    matrix, labels = load_svmlight_file(io.BytesIO(content), n_features=FEATURES, zero_based=False)
    found = libsvm.parse("f", content, FEATURES)

    np.testing.assert_array_equal(found["labels"], labels)
    np.testing.assert_array_equal(found["values"], matrix.data)
    np.testing.assert_array_equal(found["columns"], matrix.indices)
    np.testing.assert_array_equal(found["starts"], matrix.indptr)


def test_comments_and_empty_lines_are_left_out() -> None:
    """What follows a # is no data, on a line of its own or not."""
    found = libsvm.parse("f", b"# a table\n\n+1 2:0.5 # first\n-1\n", 3)

    assert found["labels"].tolist() == [1.0, -1.0]
    assert found["columns"].tolist() == [1]
    assert found["starts"].tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "f has no rows"),
        (b"+1 1:1\n+1 x:1\n", "f, line 2: not 'label"),
        (b"+1 1\n", "line 1: not 'label"),
        (b"+1 1:2:3\n", "line 1: not 'label"),
        (b"yes 1:2\n", "line 1: not 'label"),
        (b"\n+1 0:1\n", "line 2: indices must ascend within 1..3"),
        (b"+1 4:1\n", "line 1: indices must ascend within 1..3"),
        (b"+1 2:1 2:1\n", "line 1: indices must ascend within 1..3"),
        (b"+1 3:1 2:1\n", "line 1: indices must ascend within 1..3"),
        (b"+1\n-1 1:1 2:nan\n", "f, row 2: a number that is NaN or infinite"),
        (b"+1 1:1\n-1 1:inf\n+1 1:nan\n", "f, row 2: a number that is NaN or infinite"),
        (b"+1 1:1\nnan 1:1\n", "f, row 2: a number that is NaN or infinite"),
        (b"\xff\xfe 1:1\n", "line 1: not 'label"),
    ],
)
def test_what_is_no_table_is_refused_by_line(content: bytes, complaint: str) -> None:
    """Each fault is one line that says where it is."""
    with pytest.raises(OptbenchError, match=complaint):
        libsvm.parse("f", content, 3)


@pytest.mark.parametrize(
    ("train", "complaint"),
    [
        (b"+1 1:1\n", "a9a has 1 rows where 2 are known"),
        (b"+1 1:1\n2 2:1\n", "a9a has labels other than -1 and [+]1"),
        (b"+1 1:1\n+1 2:1\n", "a9a has labels other than -1 and [+]1, or only one"),
    ],
)
def test_two_classes_of_a_known_number_of_rows(
    tmp_path: Path, train: bytes, complaint: str
) -> None:
    """Missing rows, a third class and a missing class are refused behind a right checksum."""
    files = {"a9a": train, "a9a.t": b"+1 123:1\n-1\n"}
    contents = {name: f"sha256:{sha256(content)}" for name, content in files.items()}
    small = replace(SETS["a9a"], train=2, test=2, contents=contents)

    with pytest.raises(OptbenchError, match=complaint):
        libsvm.read(write_files(tmp_path, files), small)


def test_a9a_is_what_scikit_learn_reads(real: Path) -> None:
    """Both parts of the official files, 123 features each, from the folder and from either file."""
    found = libsvm.read(real / "a9a.t", SETS["a9a"])

    for part, name, rows in (("train", "a9a", 32_561), ("test", "a9a.t", 16_281)):
        matrix, labels = load_svmlight_file(str(real / name), n_features=123)
        assert len(labels) == rows
        np.testing.assert_array_equal(found[f"{part}_labels"], labels)
        np.testing.assert_array_equal(found[f"{part}_values"], matrix.data)
        np.testing.assert_array_equal(found[f"{part}_columns"], matrix.indices)
        np.testing.assert_array_equal(found[f"{part}_starts"], matrix.indptr)
