"""Random crops and flips of training images, drawn on the CPU and applied on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from optbench.core.randomness import stream
from optbench.core.task import Augmentation


def crop_and_flip(padding: int = 4) -> Augmentation:
    """Return the standard augmentation: a random crop of the padded image, a fair coin's flip.

    The padding is 0, which is the mean colour of standardised images. Draws (m, 3) are the crop's
    top and left, each uniform on 0 to 2 * padding, and whether it is mirrored left to right.

    Args:
        padding: Pixels p on each side.

    Source: Lee et al., Deeply-supervised nets, 2015; He et al. 2016, section 4.2.
    """

    def draw(rng: np.random.Generator, indices: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        del epochs
        return _draws(rng, padding, rng.integers(0, 2, len(indices)))

    def apply(images: Tensor, draws: Tensor) -> Tensor:
        return crop(functional.pad(images, (padding,) * 4), padding, draws)

    return Augmentation(draw, apply)


def shift_and_alternate(examples: int, seed: int, padding: int = 2) -> Augmentation:
    """Return shifts with reflected borders, and flips that alternate from epoch to epoch.

    A coin that belongs to the example and the seed says whether it is mirrored in even epochs; in
    odd ones it is the other way round. So two epochs show each image both ways. Draws are those of
    `crop_and_flip`; what a shift uncovers is the image's own reflection.

    Args:
        examples: Training examples n.
        seed: Of the task: runs of all seeds share the coins.
        padding: Largest shift in pixels, in each direction.

    Source: Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, 2024, section 3.6.
    """
    coins = stream(seed, 0, "flips").integers(0, 2, examples)

    def draw(rng: np.random.Generator, indices: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        return _draws(rng, padding, (coins[indices] + epochs) % 2)

    def apply(images: Tensor, draws: Tensor) -> Tensor:
        return crop(functional.pad(images, (padding,) * 4, mode="reflect"), padding, draws)

    return Augmentation(draw, apply)


def crop(padded: Tensor, padding: int, draws: Tensor) -> Tensor:
    """Return one crop of each image, in one gather.

    Args:
        padded: Shape (b, channels, h + 2 padding, w + 2 padding).
        padding: Pixels on each side.
        draws: Top, left and mirrored (0 or 1), shape (b, 3), int64.

    Returns:
        Shape (b, channels, h, w): rows top to top + h - 1 and columns left to left + w - 1, these
        from right to left where mirrored.
    """
    b, channels, high, wide = padded.shape
    h, w = high - 2 * padding, wide - 2 * padding
    top, left, mirrored = (column[:, None] for column in draws.unbind(1))
    across = torch.arange(w, device=padded.device)
    rows = top + torch.arange(h, device=padded.device)
    columns = left + torch.where(mirrored == 1, w - 1 - across, across)
    places = (rows[:, :, None] * wide + columns[:, None, :]).view(b, 1, h * w)
    pixels = padded.reshape(b, channels, high * wide)
    return pixels.gather(2, places.expand(-1, channels, -1)).view(b, channels, h, w)


def _draws(rng: np.random.Generator, padding: int, mirrored: np.ndarray) -> np.ndarray:
    corners = rng.integers(0, 2 * padding + 1, (len(mirrored), 2))
    return np.column_stack([corners, mirrored])
