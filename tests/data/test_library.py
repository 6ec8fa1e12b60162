from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optbench.core.errors import OptbenchError
from optbench.data import arrays, library, place
from optbench.data.library import DataMissingError, add, fetch, listing, load, where
from optbench.data.sets import SETS, DataSet
from tests.data.fakes import (
    Server,
    cifar10_archive,
    cifar10_files,
    cifar_batches,
    labels_of,
    serving,
    sha256,
    small_cifar10,
    write_files,
)

FILES = cifar10_files()
PACKED = cifar10_archive(FILES)
TEXT = b"First Citizen:\n" * 10


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the archive of a small cifar10, which is the known one during the test."""
    monkeypatch.setitem(SETS, "cifar10", small_cifar10(PACKED, FILES))
    monkeypatch.setitem(SETS, "cifar10-5k", replace(SETS["cifar10-5k"], train=60, test=25))
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(PACKED)
    return path


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small text that is the known tinyshakespeare during the test."""
    small = replace(
        SETS["tinyshakespeare"],
        train=len(TEXT),
        contents={"input.txt": f"sha256:{sha256(TEXT)}"},
    )
    monkeypatch.setitem(SETS, "tinyshakespeare", small)
    return write_files(tmp_path / "texts", {"input.txt": TEXT}) / "input.txt"


def test_an_added_set_is_loaded(packed: Path, home: Path) -> None:
    """The arrays are those of the archive; the folder holds one file of them."""
    path = add("cifar10", packed)
    loaded = load("cifar10")

    assert path == where("cifar10") == home / "cifar10.arrays"
    assert list(loaded) == ["train_images", "train_labels", "test_images", "test_labels"]
    np.testing.assert_array_equal(
        loaded["test_images"].reshape(30, -1), cifar_batches()["test_batch"][0]
    )
    assert [p.name for p in home.iterdir() if not p.name.startswith(".")] == ["cifar10.arrays"]


def test_every_set_is_missing_by_a_line_with_its_commands() -> None:
    """The line has the commands that work for that set, and only those."""
    lines = {}
    for name in SETS:
        with pytest.raises(DataMissingError) as caught:
            load(name)
        lines[name] = str(caught.value)

    assert lines["fashion-mnist"] == (
        "fashion-mnist is not here: optbench data fetch fashion-mnist, "
        "or optbench data add fashion-mnist PATH"
    )
    assert lines["cifar10-5k"] == (
        "cifar10-5k is not here: optbench data fetch cifar10, or optbench data add cifar10-5k PATH"
    )
    assert lines["cifar10-jpeg"] == (
        "cifar10-jpeg is not here: optbench data add cifar10-jpeg PATH"
    )


def test_an_unknown_name_is_no_missing_data() -> None:
    """Everything that takes a name suggests the ones that come close."""
    for call in (load, where, fetch, lambda name: add(name, Path())):
        with pytest.raises(OptbenchError, match=r"unknown data set .*; did you mean cifar10"):
            call("cifar-10")


def test_a_part_is_the_same_made_from_the_whole_or_added(packed: Path) -> None:
    """Both ways choose the same examples, each once, with its own label, and every class."""
    add("cifar10", packed)
    derived = load("cifar10-5k")
    assert where("cifar10-5k") == where("cifar10")
    add("cifar10-5k", packed)
    place.file_of("cifar10").unlink()
    added = load("cifar10-5k")

    whole = cifar_batches()["test_batch"][0]
    rows = [np.flatnonzero((whole == row).all(1)) for row in added["test_images"].reshape(25, -1)]
    chosen = np.concatenate(rows)
    assert len(set(chosen)) == len(chosen) == 25
    assert chosen.tolist() != sorted(chosen)
    np.testing.assert_array_equal(added["test_labels"], np.array(labels_of(30))[chosen])
    assert set(added["train_labels"]) == set(range(10))
    for name, array in added.items():
        np.testing.assert_array_equal(array, derived[name])


def test_a_part_of_a_shuffled_set_is_its_beginning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first examples, mapped and not copied, of whichever set is there."""
    monkeypatch.setitem(SETS, "cifar10-jpeg-5k", replace(SETS["cifar10-jpeg-5k"], train=7, test=3))
    home.mkdir()
    whole = {f"{part}_labels": np.arange(20) for part in ("train", "test")}
    arrays.write(home / "cifar10-jpeg.arrays", whole)
    part = load("cifar10-jpeg-5k")

    assert part["train_labels"].tolist() == list(range(7))
    assert part["test_labels"].tolist() == [0, 1, 2]
    assert not part["train_labels"].flags.owndata


def test_full_size_parts_have_every_class_and_no_example_twice() -> None:
    """For 60,000 examples sorted by class, the 5,000 that are chosen have about 500 a class."""
    from optbench.data.parts import part

    whole = {
        f"{name}_{kind}": numbers
        for name, n in (("train", 60_000), ("test", 10_000))
        for kind, numbers in (("images", np.arange(n)), ("labels", np.arange(n) * 10 // n))
    }
    found = part(whole, SETS["fashion-mnist-5k"])

    assert len(set(found["train_images"])) == 5000
    assert len(set(found["test_images"])) == 1000
    counts = np.bincount(found["train_labels"], minlength=10)
    assert np.abs(counts - 500).max() < 5 * np.sqrt(5000 * 0.1 * 0.9)  # five standard deviations
    np.testing.assert_array_equal(found["train_labels"], found["train_images"] // 6000)


def test_a_damaged_file_says_how_to_make_it_again(packed: Path) -> None:
    """A cut file is one line, also for a part that is made from it; adding again repairs it."""
    path = add("cifar10", packed)
    path.write_bytes(path.read_bytes()[:-1])

    for name in ("cifar10", "cifar10-5k"):
        with pytest.raises(
            OptbenchError,
            match=r"cifar10\.arrays is damaged \(it has \d+ bytes of \d+\); make it again: "
            r"optbench data fetch cifar10, or optbench data add cifar10 PATH",
        ):
            load(name)
    add("cifar10", packed)
    assert len(load("cifar10")["train_images"]) == 100


def test_a_refused_copy_leaves_what_was_there(packed: Path, text: Path) -> None:
    """A set is accepted under its own name only, and a mistake costs nothing."""
    add("cifar10", packed)
    before = where("cifar10").read_bytes()

    with pytest.raises(OptbenchError, match="as cifar10, is not the known file"):
        add("cifar10", text)
    with pytest.raises(OptbenchError, match=r"as input.txt of tinyshakespeare, is not the known"):
        add("tinyshakespeare", packed)
    assert where("cifar10").read_bytes() == before
    with pytest.raises(DataMissingError):
        where("tinyshakespeare")


def test_fetching_verifies_reads_and_tidies_up(
    packed: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The download goes when the arrays are there; whole arrays are not fetched again."""
    with serving(Server(PACKED)) as server:
        monkeypatch.setitem(SETS, "cifar10", small_cifar10(PACKED, FILES, server.url))
        told: list[int] = []
        path = fetch("cifar10", lambda source, here: told.append(here))
        fetch("cifar10")

        assert told[-1] == len(PACKED)
        assert len(server.asked) == 1
        assert len(load("cifar10")["train_images"]) == 100
        assert list((home / "downloads").iterdir()) == []

        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        fetch("cifar10")
        assert len(server.asked) == 2
        assert arrays.is_whole(path)


def test_a_wrong_download_makes_nothing(
    packed: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another archive of the same length is refused before it is opened."""
    wrong = PACKED[:-1] + bytes([PACKED[-1] ^ 1])
    with serving(Server(wrong)) as server:
        monkeypatch.setitem(SETS, "cifar10", small_cifar10(PACKED, FILES, server.url))
        monkeypatch.setattr(library, "_make", lambda *_: pytest.fail("it was opened"))
        with pytest.raises(OptbenchError, match="is not the known file: expected sha256:"):
            fetch("cifar10")

    with pytest.raises(DataMissingError):
        where("cifar10")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("cifar10-jpeg", "it has no official place: optbench data add cifar10-jpeg PATH$"),
        ("cifar10-5k", "it is a part of cifar10: optbench data fetch cifar10, or optbench data"),
        ("cifar10-jpeg-5k", "it is a part of cifar10-jpeg: optbench data add cifar10-jpeg-5k"),
    ],
)
def test_what_cannot_be_fetched_says_what_can(name: str, complaint: str) -> None:
    """Copies without a place and parts name the command that gets them."""
    with pytest.raises(OptbenchError, match=f"{name} cannot be fetched, {complaint}"):
        fetch(name)


def test_a_second_process_waits_for_the_first(text: Path, home: Path) -> None:
    """While a set is being made its lock is taken; two at once both end with the whole set."""
    with (
        place.held("tinyshakespeare"),
        (home / ".tinyshakespeare.lock").open("w") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    threads = [threading.Thread(target=add, args=("tinyshakespeare", text)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert load("tinyshakespeare")["text"].tobytes() == TEXT
    assert arrays.is_whole(where("tinyshakespeare"))


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPTBENCH_DATA below a file is named with the reason."""
    monkeypatch.setenv("OPTBENCH_DATA", str(text / "below"))

    with pytest.raises(OptbenchError, match=r"cannot keep data in .*below: Not a directory"):
        add("tinyshakespeare", text)


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"OPTBENCH_DATA": "/d", "XDG_CACHE_HOME": "/c"}, "linux", "/d"),
        ({"OPTBENCH_DATA": "", "XDG_CACHE_HOME": "/c"}, "linux", "/c/optbench"),
        ({"XDG_CACHE_HOME": "relative"}, "linux", "/h/.cache/optbench"),
        ({}, "linux", "/h/.cache/optbench"),
        ({}, "darwin", "/h/Library/Caches/optbench"),
        ({"OPTBENCH_DATA": "~/d"}, "darwin", "/h/d"),
    ],
)
def test_where_data_is_kept(
    environment: dict[str, str], platform: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPTBENCH_DATA first, then the platform's cache folder."""
    for name in ("OPTBENCH_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (environment | {"HOME": "/h"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)

    assert where() == Path(expected)


def test_the_list_has_every_set_and_what_is_here(packed: Path) -> None:
    """A part counts as here when the whole is."""
    path = add("cifar10", packed)
    here = {entry.dataset.name: entry.file for entry in listing() if entry.file}

    assert [entry.dataset.name for entry in listing()] == list(SETS)
    assert here == {"cifar10": path, "cifar10-5k": path}


@pytest.mark.parametrize("dataset", SETS.values(), ids=lambda dataset: dataset.name)
def test_the_table_is_complete(dataset: DataSet) -> None:
    """Every set has a licence, a page, checksums of the right length, and a fetchable origin."""
    lengths = {"md5": 32, "sha256": 64}
    for check in dataset.contents.values():
        kind, _, digits = check.partition(":")
        assert len(digits) == lengths[kind]
        assert int(digits, 16)
    for source in dataset.downloads:
        assert source.url.startswith("http")
        assert len(source.sha256) == 64
        assert source.size > 0
    assert dataset.licence
    assert dataset.home.startswith("https://")
    assert len(dataset.about) <= 80
    assert not dataset.part_of or dataset.part_of in SETS


def test_neither_the_library_nor_a_set_of_images_needs_torch(packed: Path) -> None:
    """Loading imports numpy; looking up imports not even that."""
    code = (
        "import sys\n"
        "from optbench.data import library\n"
        "library.listing()\n"
        "assert 'numpy' not in sys.modules\n"
        "from optbench.data import cifar, download, idx, jpeg, libsvm, parts, plaintext\n"
        "assert not {'torch', 'PIL', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_real_text_is_added(real: Path) -> None:
    """Tiny Shakespeare has 1,115,394 characters, 65 different ones, and begins as it does."""
    add("tinyshakespeare", real)
    text = load("tinyshakespeare")["text"]

    assert text.shape == (1_115_394,)
    assert len(np.unique(text)) == 65
    assert text[:14].tobytes() == b"First Citizen:"


def test_real_pictures_are_added(real: Path) -> None:
    """The first 5,000 JPEGs have the published means and deviations of CIFAR-10, to 1%."""
    add("cifar10-jpeg-5k", real)
    found = load("cifar10-jpeg-5k")
    pixels = found["train_images"] / 255

    assert found["train_images"].shape == (5000, 3, 32, 32)
    assert found["test_images"].shape == (1000, 3, 32, 32)
    assert np.bincount(found["train_labels"]).min() > 400
    np.testing.assert_allclose(pixels.mean((0, 2, 3)), [0.4914, 0.4822, 0.4465], atol=0.01)
    np.testing.assert_allclose(pixels.std((0, 2, 3)), [0.2470, 0.2435, 0.2616], atol=0.01)
