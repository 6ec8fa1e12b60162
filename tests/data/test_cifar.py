from __future__ import annotations

import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optbench.core.errors import OptbenchError
from optbench.data import cifar
from optbench.data.sets import DataSet
from tests.data.fakes import (
    archive,
    cifar10_archive,
    cifar10_files,
    cifar_batches,
    labels_of,
    python2_batch,
    small_cifar10,
    write_files,
)

FILES = cifar10_files()
PACKED = cifar10_archive(FILES)
SMALL = small_cifar10(PACKED, FILES)


def _demand_images(found: dict[str, np.ndarray]) -> None:
    """Compare with the batches that were pickled: row-major planes of red, green, blue."""
    batches = list(cifar_batches().values())
    train = np.concatenate([pixels for pixels, _ in batches[:-1]])
    assert found["train_images"].shape == (100, 3, 32, 32)
    assert found["train_images"][17, 2, 5, 9] == train[17, 2 * 1024 + 5 * 32 + 9]
    np.testing.assert_array_equal(found["train_images"].reshape(100, -1), train)
    np.testing.assert_array_equal(found["test_images"].reshape(30, -1), batches[-1][0])
    np.testing.assert_array_equal(found["train_labels"], labels_of(20) * 5)
    np.testing.assert_array_equal(found["test_labels"], labels_of(30))


def test_every_form_of_the_set_is_read(tmp_path: Path) -> None:
    """The archive under any name, its folder, the batches, their parent and one of them."""
    archive_file = tmp_path / "copy.tgz"
    archive_file.write_bytes(PACKED)
    official = write_files(tmp_path / "downloads", {"cifar-10-python.tar.gz": PACKED})
    batches = write_files(tmp_path / "root" / "cifar-10-batches-py", FILES)

    for path in (archive_file, official, batches, batches.parent, batches / "data_batch_3"):
        _demand_images(cifar.read(path, SMALL))


def test_an_archive_with_another_checksum_is_refused_unopened(tmp_path: Path) -> None:
    """One appended byte is enough; the message has both checksums."""
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(PACKED + b"\0")

    with pytest.raises(
        OptbenchError, match=rf"expected sha256:{SMALL.downloads[0].sha256}, found sha256:\w{{64}}"
    ):
        cifar.read(path, SMALL)


def test_a_batch_with_another_checksum_is_not_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder each batch is compared before any is read."""
    folder = write_files(tmp_path / "batches", FILES | {"test_batch": _evil(tmp_path)})
    monkeypatch.setattr(cifar, "unpickled", lambda *_: pytest.fail("a batch was unpickled"))

    with pytest.raises(OptbenchError, match="test_batch of cifar10, is not the known file"):
        cifar.read(folder, SMALL)


def _evil(folder: Path) -> bytes:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (folder / "executed",))

    return pickle.dumps(Evil())


@pytest.mark.parametrize(
    "call", [b"cos\nsystem\n", b"cbuiltins\neval\n", b"cnumpy\nload\n", b"cnumpy\nndarray.dumps\n"]
)
def test_a_pickle_that_calls_anything_is_refused(tmp_path: Path, call: bytes) -> None:
    """Even with the right checksum only the three names of an array are admitted."""
    with pytest.raises(OptbenchError, match=r"test_batch is no pickle of .*: it calls"):
        cifar.unpickled("test_batch", b"\x80\x02" + call + b"U\x04echo\x85R.")

    with pytest.raises(OptbenchError, match="it calls"):
        cifar.unpickled("test_batch", _evil(tmp_path))
    assert not (tmp_path / "executed").exists()


def test_a_truncated_pickle_is_one_line() -> None:
    """Wherever a batch is cut, the error names it."""
    content = FILES["test_batch"]
    for length in (0, 1, 60, 1000, len(content) - 1):
        with pytest.raises(OptbenchError, match="test_batch is no pickle"):
            cifar.unpickled("test_batch", content[:length])


def _known(files: dict[str, bytes], **changes: object) -> DataSet:
    return replace(small_cifar10(PACKED, files), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("batch", "complaint"),
    [
        ((np.zeros((30, 3072), np.uint8), [12, *labels_of(29)]), "label 12 of image 0 is not in"),
        ((np.zeros((30, 3072), np.uint8), [0] * 30), "test part: class 1 has no image"),
        ((np.zeros((29, 3072), np.uint8), labels_of(29)), "29 images and 29 labels where 30"),
        ((np.zeros((30, 3072), np.uint8), labels_of(29)), "30 images and 29 labels"),
        ((np.zeros((30, 3071), np.uint8), labels_of(30)), "test_batch has no 'data' of rows of"),
    ],
)
def test_batches_that_cannot_be_are_refused(
    tmp_path: Path, batch: tuple[np.ndarray, list[int]], complaint: str
) -> None:
    """Labels out of range, an empty class, missing images and wrong rows, each by name."""
    files = FILES | {"test_batch": python2_batch(*batch)}

    with pytest.raises(OptbenchError, match=complaint):
        cifar.read(write_files(tmp_path / "batches", files), _known(files))


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("member", "complaint"),
    [
        (_member("../evil"), "leads out of the archive"),
        (_member("cifar-10-batches-py/../../evil"), "leads out of the archive"),
        (_member("/etc/evil"), "leads out of the archive"),
        (_member("evil", tarfile.SYMTYPE, "/etc/passwd"), "neither a file nor a folder"),
        (_member("evil", tarfile.LNKTYPE, "../evil"), "neither a file nor a folder"),
        (_member("evil", tarfile.CHRTYPE), "neither a file nor a folder"),
        (_member("evil", tarfile.FIFOTYPE), "neither a file nor a folder"),
    ],
)
def test_archives_with_what_no_data_has_are_refused(
    tmp_path: Path, member: tarfile.TarInfo, complaint: str
) -> None:
    """Paths that lead out, links, devices and pipes are named, and nothing is written anywhere."""
    files = {f"cifar-10-batches-py/{name}": content for name, content in FILES.items()}
    packed = archive(files, [member])
    path = tmp_path / "inner" / "set.tar.gz"
    path.parent.mkdir()
    path.write_bytes(packed)

    with pytest.raises(OptbenchError, match=complaint):
        cifar.read(path, small_cifar10(packed, FILES))
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["inner", "set.tar.gz"]


def test_a_link_in_a_batchs_place_is_refused(tmp_path: Path) -> None:
    """A name of the set does not make a link a file."""
    link = _member("cifar-10-batches-py/test_batch", tarfile.SYMTYPE, "/etc/passwd")
    packed = archive({}, [link])
    (tmp_path / "set.tar.gz").write_bytes(packed)

    with pytest.raises(OptbenchError, match="neither a file nor a folder"):
        cifar.read(tmp_path / "set.tar.gz", small_cifar10(packed, FILES))


def test_more_or_larger_members_than_data_has_are_refused(tmp_path: Path) -> None:
    """A member of a claimed 100 GB and a hundred empty ones too many are not waited for."""
    for packed in (
        archive({}, [_huge()]),
        archive({f"cifar-10-batches-py/{number}": b"" for number in range(101)}),
    ):
        (tmp_path / "set.tar.gz").write_bytes(packed)
        with pytest.raises(OptbenchError, match="more than a data set has"):
            cifar.read(tmp_path / "set.tar.gz", small_cifar10(packed, FILES))


def _huge() -> tarfile.TarInfo:
    info = _member("cifar-10-batches-py/test_batch")
    info.size = 100 * 10**9
    return info


@pytest.mark.parametrize("keep", [0, 100, len(PACKED) // 2])
def test_a_truncated_archive_is_one_line(tmp_path: Path, keep: int) -> None:
    """A cut archive, if it were the known one, is named as such."""
    path = tmp_path / "set.tar.gz"
    path.write_bytes(PACKED[:keep])

    with pytest.raises(OptbenchError, match=r"set\.tar\.gz is no whole tar archive"):
        cifar.read(path, small_cifar10(PACKED[:keep], FILES))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """An archive and a folder without a batch, a file that is no part, and no path at all."""
    four = {name: content for name, content in FILES.items() if name != "data_batch_2"}
    packed = cifar10_archive(four)
    (tmp_path / "set.tar.gz").write_bytes(packed)
    folder = write_files(tmp_path / "cifar-10-batches-py", four)

    with pytest.raises(OptbenchError, match=r"has no cifar-10-batches-py/data_batch_2"):
        cifar.read(tmp_path / "set.tar.gz", small_cifar10(packed, FILES))
    with pytest.raises(OptbenchError, match="cifar-10-batches-py has no data_batch_2, which is a"):
        cifar.read(folder, SMALL)
    with pytest.raises(OptbenchError, match="has no file of cifar10: data_batch_1, "):
        cifar.read(write_files(tmp_path / "empty", {}), SMALL)
    with pytest.raises(OptbenchError, match=r"there is no .*nowhere"):
        cifar.read(tmp_path / "nowhere", SMALL)
