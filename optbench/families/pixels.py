"""Images kept as bytes, standardised when a batch is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Labelled images; a batch is standardised channel by channel.

    Attributes:
        pixels: Shape (n, channels, height, width), uint8.
        labels: Shape (n,), int64.
        factor: What bytes are multiplied by, 1/(255 deviation), shape (channels, 1, 1).
        shift: What is added then, -mean/deviation, of the same shape.
    """

    pixels: Tensor
    labels: Tensor
    factor: Tensor
    shift: Tensor

    @classmethod
    def of(
        cls,
        pixels: Tensor,
        labels: Tensor,
        mean: tuple[float, ...],
        deviation: tuple[float, ...],
    ) -> Images:
        """Build from the channels' means and standard deviations, of values from 0 to 1."""
        m, s = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (mean, deviation))
        return cls(pixels, labels, 1 / (255 * s), -m / s)

    def __len__(self) -> int:
        """Return the number of images n."""
        return len(self.labels)

    def __getitem__(self, part: slice) -> Images:
        """Return some of the images, without a copy."""
        return replace(self, pixels=self.pixels[part], labels=self.labels[part])

    def to(self, device: torch.device, dtype: torch.dtype) -> Images:
        """Return the images on a device, still bytes there; batches are of that dtype."""
        return replace(
            self,
            pixels=self.pixels.to(device),
            labels=self.labels.to(device),
            factor=self.factor.to(device, dtype),
            shift=self.shift.to(device, dtype),
        )

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return (p/255 - mean)/deviation, (b, channels, height, width), and labels (b,)."""
        values = self.pixels[indices].to(self.factor.dtype)
        return values.mul_(self.factor).add_(self.shift), self.labels[indices]
