"""Residual networks for images of 32 x 32 pixels."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from optbench.core.errors import OptbenchError

IMAGENET_DEPTH = 18
"""The depth whose four stages are those of the network for ImageNet."""


def resnet(depth: int, width: int, classes: int = 10) -> nn.Module:
    """Return a residual network for inputs (b, 3, 32, 32); it gives scores (b, classes).

    Depth 6n + 2 is the network of He et al. for CIFAR-10: a 3 x 3 convolution, three stages of n
    blocks with w, 2w and 4w channels on maps of 32, 16 and 8 pixels, shortcuts without parameters
    (option A), the mean over pixels, a linear layer. Depth 18 is their network for ImageNet as the
    field uses it on CIFAR: four stages of two blocks with w, 2w, 4w and 8w channels, a stem of
    3 x 3 instead of 7 x 7 with max-pooling, projections where a stage begins (option B).

    Every convolution starts from N(0, 2/(9 c)), c its channels out (He et al. 2015, equation 14;
    9 is 1 for projections), norms from scale 1 and shift 0, the linear layer as torch's does.

    Args:
        depth: Layers with weights, projections not counted: 18, or 6n + 2 with n from 1 on.
        width: Channels w of the first stage; published are 16 for 6n + 2 and 64 for 18.
        classes: Number of classes.

    Raises:
        OptbenchError: For another depth.

    Source: He, Zhang, Ren and Sun, Deep residual learning for image recognition, 2016, section 4.2
    and table 1.
    """
    if depth == IMAGENET_DEPTH:
        blocks, stages, project = 2, 4, True
    elif depth >= 8 and depth % 6 == 2:
        blocks, stages, project = (depth - 2) // 6, 3, False
    else:
        raise OptbenchError(f"depth of a ResNet is 18 or 6n + 2 (8, 14, 20 ...), got {depth}")
    widths = [width * 2**stage for stage in range(stages)]
    layers: list[nn.Module] = []
    before = width
    for stage, channels in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(Block(before, channels, stride, project=project))
            before = channels
    network = ResNet(width, layers, nn.Linear(before, classes))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster
    return network


class ResNet(nn.Module):
    """A stem, residual blocks, the mean over pixels, a linear layer."""

    def __init__(self, width: int, blocks: list[nn.Module], head: nn.Linear) -> None:
        """Put the network together.

        Args:
            width: Channels of the stem.
            blocks: What maps (b, width, 32, 32) to (b, head.in_features, ...).
            head: From means over pixels to scores.
        """
        super().__init__()
        self.conv = _conv(3, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(*blocks)
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (b, classes) of images (b, 3, 32, 32)."""
        # Also where an update rule's parameters are in another order, which all maps would follow.
        images = images.contiguous(memory_format=torch.channels_last)
        x = functional.relu(self.norm(self.conv(images)))
        scores: Tensor = self.head(self.blocks(x).mean((2, 3)))
        return scores


class Block(nn.Module):
    """relu(F(x) + shortcut(x)): two 3 x 3 convolutions with norms (He et al. 2016, figure 2)."""

    def __init__(self, before: int, channels: int, stride: int, *, project: bool) -> None:
        """Make the layers.

        Args:
            before: Channels in.
            channels: Channels out, as many or more.
            stride: 2 where maps become half as large.
            project: Whether the shortcut between other shapes has weights (option B), or drops
                pixels and appends channels of zeros (option A).
        """
        super().__init__()
        self.conv1 = _conv(before, channels, 3, stride)
        self.conv2 = _conv(channels, channels, 3)
        # All norms have `norm` in their names, by which groups pick them.
        self.norm = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(2))
        self.stride, self.added = stride, channels - before
        self.shortcut: nn.Module | None = None
        if project and (stride > 1 or self.added):
            projection = _conv(before, channels, 1, stride)
            parts = OrderedDict(conv=projection, norm=nn.BatchNorm2d(channels))
            self.shortcut = nn.Sequential(parts)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, (b, channels, h/stride, w/stride)."""
        branch = functional.relu(self.norm[0](self.conv1(x)))
        branch = self.norm[1](self.conv2(branch))
        if self.shortcut is not None:
            x = self.shortcut(x)
        elif self.stride > 1 or self.added:
            x = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return functional.relu(branch + x)


def _conv(before: int, channels: int, size: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the maps' size but for its stride, without biases."""
    return nn.Conv2d(before, channels, size, stride, padding=size // 2, bias=False)
