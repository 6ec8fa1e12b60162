"""Crops and flips: against loops over examples, and what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from optbench.core.randomness import stream
from optbench.core.task import Augmentation
from optbench.families.crops import crop_and_flip, shift_and_alternate

N = 2000
SIDE = 9
"""The smallest that has an inside, for crops by 4 pixels."""


def _images(count: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((count, 3, SIDE, SIDE)))


def _draws(augmentation: Augmentation, epoch: int = 0, block: int = 0) -> np.ndarray:
    indices = np.arange(N)
    return augmentation.draw(stream(0, 0, "test", block), indices, np.full(N, epoch))


def _cropped(images: Tensor, draws: Tensor, padding: int, *, reflect: bool) -> Tensor:
    """Crop and flip pixel by pixel."""
    result = torch.zeros_like(images)
    for k, (top, left, mirrored) in enumerate(draws.tolist()):
        for i in range(SIDE):
            for j in range(SIDE):
                row = top + i - padding
                column = left + (SIDE - 1 - j if mirrored else j) - padding
                if reflect:
                    row, column = (min(abs(p), 2 * (SIDE - 1) - abs(p)) for p in (row, column))
                if 0 <= row < SIDE and 0 <= column < SIDE:
                    result[k, :, i, j] = images[k, :, row, column]
    return result


@pytest.mark.parametrize("reflect", [False, True], ids=["zeros", "reflected"])
@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans()), min_size=1))
def test_crops_are_those_of_a_loop_over_pixels(
    reflect: bool, chosen: list[tuple[int, int, bool]]
) -> None:
    """Every pixel comes from where a loop takes it: top and left first, then mirrored."""
    draws = torch.tensor(chosen[:8], dtype=torch.int64)
    images = _images(len(draws))
    augmentation = shift_and_alternate(N, seed=0) if reflect else crop_and_flip(2)

    result = augmentation.apply(images, draws)

    assert torch.equal(result, _cropped(images, draws, 2, reflect=reflect))


def test_the_middle_crop_is_the_image_itself() -> None:
    """A crop at the padding's width changes nothing, and mirrored it is the mirror image."""
    images = _images(2)

    result = crop_and_flip(4).apply(images, torch.tensor([[4, 4, 0], [4, 4, 1]]))

    assert torch.equal(result[0], images[0])
    assert torch.equal(result[1], images[1].flip(-1))


def test_images_keep_their_dtype_and_memory_format() -> None:
    """Half precision stays, and so do the images that were given."""
    images = _images(3).bfloat16()
    before = images.clone()

    result = crop_and_flip(4).apply(images, torch.tensor([[0, 8, 1]] * 3))

    assert result.dtype == torch.bfloat16
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("augmentation", "places"), [(crop_and_flip(4), 9), (shift_and_alternate(N, seed=0), 5)]
)
def test_corners_and_flips_are_uniform_and_independent(
    augmentation: Augmentation, places: int
) -> None:
    """All corners are drawn equally often, and half of the images are mirrored."""
    top, left, mirrored = _draws(augmentation).T

    # Counts are binomial; 5 standard deviations of a share p of N draws are 5 sqrt(p/N).
    for values, choices in ((top, places), (left, places), (mirrored, 2)):
        shares = np.bincount(values, minlength=choices) / N
        assert len(shares) == choices
        assert np.abs(shares - 1 / choices).max() < 5 * (1 / choices / N) ** 0.5
    assert np.abs(np.corrcoef([top, left, mirrored]) - np.eye(3)).max() < 5 / N**0.5


def test_standard_flips_are_drawn_anew() -> None:
    """In another epoch about half of the images are mirrored differently."""
    first, second = (_draws(crop_and_flip(), epoch, epoch)[:, 2] for epoch in (0, 1))

    assert 0.4 < float(np.mean(first != second)) < 0.6


def test_alternating_flips_show_each_image_both_ways_in_two_epochs() -> None:
    """Whatever else is drawn, an image is mirrored in every other epoch exactly."""
    augmentation = shift_and_alternate(N, seed=0)
    flips = [_draws(augmentation, epoch, block=epoch)[:, 2] for epoch in range(4)]

    assert np.array_equal(flips[0] + flips[1], np.ones(N))
    assert np.array_equal(flips[0], flips[2])
    assert np.array_equal(flips[1], flips[3])


def test_a_coin_belongs_to_its_example() -> None:
    """The order in which examples are drawn, and in which epochs, does not change their coins."""
    augmentation = shift_and_alternate(N, seed=0)
    rng = np.random.default_rng(1)
    order, epochs = rng.permutation(N), rng.integers(0, 2, N)

    mixed = augmentation.draw(stream(0, 0, "test"), order, epochs)[:, 2]

    assert np.array_equal(mixed, (_draws(augmentation)[order, 2] + epochs) % 2)


def test_seeds_have_coins_of_their_own() -> None:
    """Another task seed mirrors other images first."""
    first, second = (_draws(shift_and_alternate(N, seed=seed))[:, 2] for seed in (0, 1))

    assert 0.4 < float(np.mean(first != second)) < 0.6
