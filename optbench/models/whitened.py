"""The small network that learns CIFAR-10 in seconds: convolutions behind a whitening layer."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH = 2
"""Height and width of the patches that are whitened."""


class WhitenedNet(nn.Module):
    """Whitening, three groups of two convolutions, a scaled linear layer.

    Images pass through fixed filters that whiten patches, with a bias that is trained; then three
    groups of width w, 4w and 4w: convolution, max-pooling by 2, norm, GELU, convolution, norm,
    GELU; then max-pooling by 3, a linear layer without bias, and a factor of 1/9.

    In evaluation the scores are a weighted mean over six views, the image and its mirror image (1/4
    each) and both shifted by one pixel up and left or down and right (1/8 each).

    Convolutions have no bias; as many channels as come in go out unchanged at first (Dirac), the
    others start as torch's convolutions do. Norms have a shift, no scale.

    Source: Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, 2024, sections 3.1 to 3.5, and
    his airbench94.py.
    """

    def __init__(self, filters: Tensor, width: int, classes: int = 10) -> None:
        """Make the layers.

        Args:
            filters: What `whitening_filters` returns.
            width: Channels of the first group; published is 64.
            classes: Number of classes.
        """
        super().__init__()
        self.whitening = Whitening(filters)
        widths = (len(filters), width, 4 * width, 4 * width)
        self.groups = nn.Sequential()
        for before, channels in itertools.pairwise(widths):
            self.groups.append(_Unit(before, channels, pool=True))
            self.groups.append(_Unit(channels, channels, pool=False))
        self.head = nn.Linear(widths[-1], classes, bias=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (b, classes) of images (b, 3, 32, 32)."""
        # Also where an update rule's parameters are in another order, which all maps would follow.
        images = images.contiguous(memory_format=torch.channels_last)
        if self.training:
            return self._scores(images)
        padded = functional.pad(images, (1, 1, 1, 1), mode="reflect")
        up, down = padded[:, :, :-2, :-2], padded[:, :, 2:, 2:]
        return 0.5 * self._both_ways(images) + 0.25 * (self._both_ways(up) + self._both_ways(down))

    def _both_ways(self, images: Tensor) -> Tensor:
        return 0.5 * (self._scores(images) + self._scores(images.flip(-1)))

    def _scores(self, images: Tensor) -> Tensor:
        x = self.groups(functional.gelu(self.whitening(images)))
        scores: Tensor = self.head(functional.max_pool2d(x, 3).flatten(1))
        return scores / 9


class Whitening(nn.Module):
    """A convolution with fixed filters; only the bias is trained."""

    filters: Tensor

    def __init__(self, filters: Tensor) -> None:
        """Keep the filters (c, 3, k, k)."""
        super().__init__()
        self.register_buffer("filters", filters.clone())
        self.bias = nn.Parameter(torch.zeros(len(filters)))

    def forward(self, images: Tensor) -> Tensor:
        """Return (b, c, h - k + 1, w - k + 1)."""
        return functional.conv2d(images, self.filters, self.bias)


def whitening_filters(images: Tensor, floor: float = 5e-4) -> Tensor:
    """Return filters whose responses to the images' patches are uncorrelated, of unit square.

    With the mean C = E p p' = V diag(lambda) V' over all patches p of 3 * 2 * 2 values, the filters
    are V_i/sqrt(lambda_i + floor), largest lambda first, and then the same with the other sign.

    Args:
        images: Standardised images (n, 3, h, w).
        floor: Added to the eigenvalues, so that noise is not blown up.

    Returns:
        Shape (24, 3, 2, 2), float32.

    Source: Page, How to train your ResNet 8, 2019; Jordan 2024, section 3.2.
    """
    channels = images.shape[1]
    patches = functional.unfold(images, PATCH)
    second_moment = (patches @ patches.mT).double().mean(0) / patches.shape[-1]
    eigenvalues, vectors = torch.linalg.eigh(second_moment)
    half = (vectors / (eigenvalues + floor).sqrt()).mT.flip(0)
    return torch.cat([half, -half]).float().view(-1, channels, PATCH, PATCH)


class _Unit(nn.Module):
    """GELU(norm(conv(x))), max-pooled before the norm or not; `norm` is a name that groups use."""

    def __init__(self, before: int, channels: int, *, pool: bool) -> None:
        super().__init__()
        self.conv, self.norm = _conv(before, channels), _shifting_norm(channels)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return functional.gelu(self.norm(functional.max_pool2d(x, 2) if self.pool else x))


def _conv(before: int, channels: int) -> nn.Conv2d:
    """Return a convolution without bias that begins with the identity."""
    conv = nn.Conv2d(before, channels, 3, padding="same", bias=False)
    with torch.no_grad():
        nn.init.dirac_(conv.weight[:before])
    return conv


def _shifting_norm(channels: int) -> nn.BatchNorm2d:
    """Return a batch norm whose scale is a buffer of ones: there, for the fast kernels, and fixed.

    The eps of 1e-12 is the published one.
    """
    norm = nn.BatchNorm2d(channels, eps=1e-12)
    del norm.weight
    norm.register_buffer("weight", torch.ones(channels))
    return norm
