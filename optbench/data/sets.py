"""The data sets there are: what each is, who made it, where its files are, their checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from optbench.core.errors import unknown


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file at its official place.

    Attributes:
        url: Where it is: http, https or file. The last part is the file's name.
        size: Its length in bytes.
        sha256: Its checksum, in hexadecimal digits.
    """

    url: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What is known of a data set.

    Attributes:
        name: By which it is loaded.
        about: What it is, in one line.
        licence: Under which it is given away, as far as its makers say.
        home: Its page.
        train: Training examples.
        test: Test examples.
        unit: What an example is, in the plural.
        contents: Checksum of each of its unpacked files, as `md5:...` or `sha256:...`.
        reader: What makes arrays of those files, as `module:function`; takes a path and the set.
        downloads: Its files at their official place; none where there is no such place.
        part_of: The set that it is a fixed choice of examples of.
        shuffled: Whether the examples are in random order, so that a part is the first ones.
    """

    name: str
    about: str
    licence: str
    home: str
    train: int
    test: int
    unit: str
    contents: Mapping[str, str]
    reader: str
    downloads: tuple[Download, ...] = ()
    part_of: str = ""
    shuffled: bool = False


def find(name: str) -> DataSet:
    """Return the data set of a name.

    Raises:
        OptbenchError: When there is none; the message suggests what there is.
    """
    if name not in SETS:
        raise unknown("data set", name, SETS)
    return SETS[name]


FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
LIBSVM = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary"

_CIFAR10 = DataSet(
    name="cifar10",
    about="colour photographs, 32x32, of 10 kinds of animals and vehicles",
    licence="none stated; cite Krizhevsky 2009",
    home="https://www.cs.toronto.edu/~kriz/cifar.html",
    train=50_000,
    test=10_000,
    unit="images",
    contents={
        "data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
        "data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "md5:634d18415352ddfa80567beed471001a",
        "data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "md5:40351d587109b95175f43aff81a1287e",
    },
    reader="optbench.data.cifar:read",
    downloads=(
        Download(
            url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            size=170_498_071,
            sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
    ),
)

_CIFAR10_JPEG = DataSet(
    name="cifar10-jpeg",
    about="cifar10 as lossy JPEG of quality 75, shuffled",
    licence="that of cifar10",
    home="https://www.cs.toronto.edu/~kriz/cifar.html",
    train=50_000,
    test=10_000,
    unit="images",
    contents={
        "cifar10_jpeg_train.npz": "sha256:"
        "34a31948fadfa6fa89e8d58efb6e45b8883aebae4325dc7e19a2b54653702905",
        "cifar10_jpeg_test.npz": "sha256:"
        "c317e10e0dfb9ddaf9a77b80168e54a70e21b2dca84f2029e213a5673bece781",
    },
    reader="optbench.data.jpeg:read",
    shuffled=True,
)

_FASHION_MNIST = DataSet(
    name="fashion-mnist",
    about="grey pictures, 28x28, of 10 kinds of clothing",
    licence="MIT",
    home="https://github.com/zalandoresearch/fashion-mnist",
    train=60_000,
    test=10_000,
    unit="images",
    contents={
        "train-images-idx3-ubyte": "sha256:"
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "sha256:"
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "sha256:"
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "sha256:"
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    reader="optbench.data.idx:read",
    downloads=(
        Download(
            url=f"{FASHION}/train-images-idx3-ubyte.gz",
            size=26_421_880,
            sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        Download(
            url=f"{FASHION}/train-labels-idx1-ubyte.gz",
            size=29_515,
            sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        Download(
            url=f"{FASHION}/t10k-images-idx3-ubyte.gz",
            size=4_422_102,
            sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        Download(
            url=f"{FASHION}/t10k-labels-idx1-ubyte.gz",
            size=5_148,
            sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
)

_A9A = DataSet(
    name="a9a",
    about="census records, 123 binary features: does one earn over $50,000?",
    licence="CC BY 4.0 (UCI Adult)",
    home="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary.html",
    train=32_561,
    test=16_281,
    unit="records",
    contents={
        "a9a": "sha256:f5d5ffd8d865ff41328e7ee043e4b020816914ff6843ff15b98905ddbedce906",
        "a9a.t": "sha256:1f448a153f0320399a7e40836eb207655b0bde0f21fc941cc472193daa9f5de9",
    },
    reader="optbench.data.libsvm:read",
    downloads=(
        Download(
            url=f"{LIBSVM}/a9a",
            size=2_329_875,
            sha256="f5d5ffd8d865ff41328e7ee043e4b020816914ff6843ff15b98905ddbedce906",
        ),
        Download(
            url=f"{LIBSVM}/a9a.t",
            size=1_164_628,
            sha256="1f448a153f0320399a7e40836eb207655b0bde0f21fc941cc472193daa9f5de9",
        ),
    ),
)

_TINYSHAKESPEARE = DataSet(
    name="tinyshakespeare",
    about="40,000 lines of Shakespeare's plays, 65 different characters",
    licence="public domain",
    home="https://github.com/karpathy/char-rnn",
    train=1_115_394,
    test=0,
    unit="characters",
    contents={
        "input.txt": "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    },
    reader="optbench.data.plaintext:read",
    downloads=(
        Download(
            url="https://raw.githubusercontent.com/karpathy/char-rnn/"
            "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
            size=1_115_394,
            sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    ),
)


def _part(whole: DataSet) -> DataSet:
    """Return the small set of 5,000 training and 1,000 test examples for tests."""
    return replace(
        whole,
        name=f"{whole.name}-5k",
        about=f"a fixed part of {whole.name}",
        train=5_000,
        test=1_000,
        downloads=(),
        part_of=whole.name,
    )


SETS: dict[str, DataSet] = {
    dataset.name: dataset
    for dataset in (
        _A9A,
        _CIFAR10,
        _part(_CIFAR10),
        _CIFAR10_JPEG,
        _part(_CIFAR10_JPEG),
        _FASHION_MNIST,
        _part(_FASHION_MNIST),
        _TINYSHAKESPEARE,
    )
}
"""Every data set by its name."""
