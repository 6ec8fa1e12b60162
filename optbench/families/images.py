"""Grey images of learning problems, split into three parts and standardised."""

from __future__ import annotations

import functools
from typing import Annotated, NamedTuple

import numpy as np
import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.randomness import stream
from optbench.data import tabular
from optbench.data.library import load

DIGITS = "digits"
HELD_OUT = 300
"""Digits for validation, and as many for the test."""

VALIDATION = 12
"""One in so many of Fashion-MNIST's training images is for validation: 5,000 of 60,000."""

Data = Annotated[str, Param("which images", choices=(DIGITS, "fashion-mnist", "fashion-mnist-5k"))]


STACKED = 128
"""Widest hidden layer of which 16 perceptrons advance faster as one stack on a CPU.

As measured on one thread: 16 gradients of a stack took .3 to .6 of the time of one after another
for softmax regression and up to 100 hidden units, .9 for two layers of 512, before its update.
"""


class Part(NamedTuple):
    """Images (n, pixels), float32, and their classes (n,), int64."""

    images: Tensor
    labels: Tensor


class Parts(NamedTuple):
    """The examples that are trained on, those that runs are compared by, those reported."""

    train: Part
    validation: Part
    test: Part


@functools.cache
def parts_of(data: str) -> Parts:
    """Read a set of images.

    Digits: 1797 images of 8 x 8 (Alpaydin and Kaynak 1998, UCI), in a fixed random order: 1197, 300
    and 300. Fashion-MNIST: 28 x 28 (Xiao, Rasul and Vollgraf 2017); validation is a fixed random
    twelfth of its training images, the test images are its own. All are shifted and scaled
    together, so that the training part has mean 0 and variance 1.

    Args:
        data: One of `Data`'s.

    Raises:
        OptbenchError: When the data is missing.
    """
    images, labels, test_images, test_labels = _read(data)
    held_out = HELD_OUT if data == DIGITS else len(labels) // VALIDATION
    order = _shuffled(len(labels), "split")
    chosen, validating = order[held_out:], order[:held_out]
    mean, deviation = images[chosen].mean(), images[chosen].std()

    def part(images: np.ndarray, labels: np.ndarray) -> Part:
        standard = (images.reshape(len(images), -1) - mean) / deviation
        classes = np.ascontiguousarray(labels, np.int64)
        return Part(torch.from_numpy(standard.astype(np.float32)), torch.from_numpy(classes))

    return Parts(
        part(images[chosen], labels[chosen]),
        part(images[validating], labels[validating]),
        part(test_images, test_labels),
    )


def stacks(*hidden: int) -> tuple[str, ...]:
    """Return on which devices perceptrons of these hidden widths go faster as one stack."""
    return ("cpu", "cuda") if max(hidden, default=0) <= STACKED else ("cuda",)


def _read(data: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return images and labels that are not the test's, and the test's."""
    if data != DIGITS:
        found = load(data)
        names = ("train_images", "train_labels", "test_images", "test_labels")
        images, labels, test_images, test_labels = (found[name] for name in names)
        return images, labels, test_images, test_labels
    images, labels = tabular.digits()
    order = _shuffled(len(labels), "test")
    test, others = order[:HELD_OUT], order[HELD_OUT:]
    return images[others], labels[others], images[test], labels[test]


def _shuffled(count: int, purpose: str) -> np.ndarray:
    """Return a fixed random order of 0 to count - 1."""
    # Raw bits, since numpy promises to keep these and not what `permutation` makes of them.
    return np.argsort(stream(0, 0, purpose).bit_generator.random_raw(count), kind="stable")
