"""CIFAR-10: residual networks as published, and a recipe that takes seconds on a GPU."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from optbench.core.errors import SpecError
from optbench.core.parameters import Param
from optbench.core.task import Task, accuracy
from optbench.data.library import load
from optbench.families.crops import crop_and_flip, shift_and_alternate
from optbench.families.pixels import Images
from optbench.models.resnet import IMAGENET_DEPTH, resnet
from optbench.models.whitened import WhitenedNet, whitening_filters

MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
"""Of the channels of CIFAR-10's training images, from 0 to 1; the JPEG copy takes them too."""

SMALL_DEPTH = 8
"""The depth for machines without a GPU, trained for two epochs."""

BUDGETS = {SMALL_DEPTH: 704, IMAGENET_DEPTH: 78_200}
"""Steps by depth where they are not the 64,000 of He et al. 2016, section 4.2.

Two epochs of 45,000 images; and the 200 epochs of 50,000 images of DeVries and Taylor 2017.
"""

TARGETS = {
    ("cifar10", SMALL_DEPTH, 16): "error=0.42",
    ("cifar10-jpeg", SMALL_DEPTH, 16): "error=0.42",
    ("cifar10", 20, 16): "error=0.0875",
    ("cifar10", IMAGENET_DEPTH, 64): "error=0.06",
}
"""Targets by data, depth and width; the cards say where they come from."""

Data = Annotated[
    str,
    Param(
        "which images: the data set, a lossy copy of it, or 5,000 of them",
        choices=("cifar10", "cifar10-jpeg", "cifar10-5k", "cifar10-jpeg-5k"),
    ),
]
Holdout = Annotated[
    int, Param("validation images, the last of the training set; 0 trains on all", low=0)
]
Smoothing = Annotated[
    float, Param("share of the target that is spread over all classes in training", low=0, below=1)
]
Examples = Annotated[int, Param("how many of the training images; 0 takes all", low=0)]


def cifar_resnet(
    *,
    data: Data = "cifar10",
    depth: Annotated[int, Param("layers: 6n + 2, or 18", low=8, high=1202)] = 20,
    width: Annotated[int, Param("channels of the first stage", low=1, high=1024)] = 16,
    holdout: Holdout = 5000,
    label_smoothing: Smoothing = 0.0,
    examples: Examples = 0,
) -> Task:
    """A residual network on CIFAR-10 with the standard augmentation.

    f(x) = the mean over images a_i of -sum_c q_ic log softmax_c(z(a_i; x)), where z is the network
    of `optbench.models.resnet` and q_i puts 1 - s + s/10 on the right class and s/10 on each of
    the others, for a label smoothing of s. Evaluations take s = 0, and batch norm's running means
    and variances (momentum .1).

    Data: 45,000 images for training, the last 5,000 of the training set for validation, 10,000 for
    the test; standardised by channel. Training images are padded by 4 pixels of mean colour,
    cropped at random and mirrored with probability 1/2.
    Facts: none; not convex. Batches of 128 images, 64,000 steps; 704 with depth 8 and 78,200 with
    depth 18.
    Start: Gaussian, see the network; another for each seed.
    Source: He, Zhang, Ren and Sun, Deep residual learning for image recognition, 2016, section 4.2;
    DeVries and Taylor, Improved regularization of convolutional neural networks with cutout, 2017,
    section 4.1, for depth 18.
    """
    train, validation, test = _splits(data, holdout, examples)
    target = TARGETS.get((data, depth, width)) if validation and not examples else None
    return Task(
        module=functools.partial(resnet, depth, width),
        loss=_cross_entropy(label_smoothing),
        judged_by=functional.cross_entropy if label_smoothing else None,
        train=train,
        validation=validation,
        test=test,
        accuracy=accuracy,
        batch_size=128,
        budget=BUDGETS.get(depth, 64_000),
        targets=(target,) if target else (),
        augment=crop_and_flip(4),
    )


def cifar_fast(
    *,
    data: Data = "cifar10",
    width: Annotated[int, Param("channels of the first group", low=1, high=1024)] = 64,
    holdout: Holdout = 0,
    label_smoothing: Smoothing = 0.2,
    examples: Examples = 0,
) -> Task:
    """A network that starts from what is known of images, for 94% in ten epochs.

    f(x) = the mean cross-entropy over images, as of `cifar_resnet`, of the network of
    `optbench.models.whitened`, whose filters whiten patches of the first 5,000 training images.

    Data: all 50,000 training images, so that runs are compared by the training loss; 10,000 for the
    test. Training images are shifted by up to 2 pixels with reflected borders, and mirrored in
    every other epoch.
    Facts: none; not convex. Batches of 1000 images, 500 steps, which are ten epochs.
    Start: convolutions that pass on what comes in, see the network; another for each seed.
    Source: Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, 2024, arXiv 2404.00498, without
    its lookahead averaging and without freezing the first bias.
    """
    train, validation, test = _splits(data, holdout, examples)

    @functools.cache
    def filters() -> Tensor:
        first = train[:5000].to(torch.device("cpu"), torch.float32)
        return whitening_filters(first.batch(torch.arange(len(first)))[0])

    return Task(
        module=lambda: WhitenedNet(filters(), width),
        loss=_cross_entropy(label_smoothing),
        judged_by=functional.cross_entropy if label_smoothing else None,
        train=train,
        validation=validation,
        test=test,
        accuracy=accuracy,
        batch_size=1000,
        budget=500,
        augment=shift_and_alternate(len(train), seed=0),
    )


def _splits(data: str, holdout: int, examples: int) -> tuple[Images, Images | None, Images]:
    """Return the images for training, for validation and for the test.

    Raises:
        SpecError: When there are fewer training images than asked for.
        DataMissingError: When the data set is not on this machine.
    """
    arrays = {name: torch.from_numpy(array) for name, array in load(data).items()}
    given = Images.of(arrays["train_images"], arrays["train_labels"], MEAN, DEVIATION)
    test = Images.of(arrays["test_images"], arrays["test_labels"], MEAN, DEVIATION)
    left = len(given) - holdout
    if left < max(examples, 1):
        raise SpecError(
            f"{data} has {len(given)} training images, too few for holdout={holdout} and "
            f"examples={examples}"
        )
    return given[: examples or left], given[left:] if holdout else None, test


def _cross_entropy(label_smoothing: float) -> Callable[[Tensor, Tensor], Tensor]:
    return functools.partial(functional.cross_entropy, label_smoothing=label_smoothing)
