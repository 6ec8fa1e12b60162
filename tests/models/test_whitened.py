"""The network behind a whitening layer: what it starts from, and what it does in evaluation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from optbench.models.whitened import WhitenedNet, whitening_filters


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Images whose neighbouring pixels and channels are alike, as those of photographs."""
    rng = torch.Generator().manual_seed(0)
    rough = torch.randn(40, 3, 34, 34, generator=rng)
    smooth = functional.avg_pool2d(rough, 3, stride=1)
    return 3 * smooth + smooth.mean(1, keepdim=True)


@pytest.fixture
def network(images: Tensor) -> WhitenedNet:
    """A network, after one batch in training mode and with shifts that are not 0."""
    torch.manual_seed(0)
    made = WhitenedNet(whitening_filters(images), width=8)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("bias"):
                parameter.add_(0.1 * torch.randn_like(parameter))
        made(images)
    return made


def test_whitened_patches_have_identity_covariance(images: Tensor) -> None:
    """E y y' = 1 for responses y to patches (they are not centred, as published)."""
    filters = whitening_filters(images, floor=0.0)

    y = functional.conv2d(images.double(), filters[:12].double()).transpose(0, 1).flatten(1)

    torch.testing.assert_close(
        y @ y.T / y.shape[1], torch.eye(12, dtype=y.dtype), rtol=0, atol=1e-4
    )


def test_filters_come_in_order_and_with_both_signs(images: Tensor) -> None:
    """The second half is the negative of the first; the largest eigenvalue comes first."""
    filters = whitening_filters(images)

    sizes = filters.flatten(1).norm(dim=1)

    assert torch.equal(filters[12:], -filters[:12])
    assert torch.equal(sizes[:12], sizes[:12].sort().values)


def test_the_floor_keeps_flat_directions_small(images: Tensor) -> None:
    """Where patches do not vary, a filter has length 1/sqrt(floor), and no more."""
    grey = images.mean(1, keepdim=True).expand(-1, 3, -1, -1)

    sizes = whitening_filters(grey, floor=1e-2).flatten(1).norm(dim=1)

    torch.testing.assert_close(sizes[4:12], torch.full((8,), 10.0), rtol=1e-3, atol=0)


def test_parameters_are_as_many_as_the_layers_have() -> None:
    """Filters and scales of norms are no parameters: what is trained is counted by hand."""
    network = WhitenedNet(torch.zeros(24, 3, 2, 2), width=64)
    layers = [24 * 64, 64 * 64, 64 * 256, 256 * 256, 256 * 256, 256 * 256]

    expected = 24 + 9 * sum(layers) + 2 * (64 + 256 + 256) + 2560

    assert expected == sum(p.numel() for p in network.parameters()) == 1_971_352
    assert all(p.requires_grad for p in network.parameters())


def test_convolutions_start_as_the_identity() -> None:
    """As many channels as come in are passed on unchanged; the others are not constant."""
    torch.manual_seed(0)
    network = WhitenedNet(torch.zeros(24, 3, 2, 2), width=32)
    convolutions = [m for m in network.groups.modules() if isinstance(m, torch.nn.Conv2d)]

    assert len(convolutions) == 6
    for convolution in convolutions:
        x = torch.randn(2, convolution.in_channels, 6, 6)
        y = convolution(x).detach()
        assert torch.allclose(y[:, : x.shape[1]], x, atol=1e-6)
        if y.shape[1] > x.shape[1]:
            assert float(y[:, x.shape[1] :].std()) > 0.1


def test_evaluation_averages_over_mirror_images_and_shifts(
    network: WhitenedNet, images: Tensor
) -> None:
    """Six views with weights 1/4, 1/4 and four times 1/8, from the network's own layers."""
    chosen = images[:4]
    network.eval()

    def scores(x: Tensor) -> Tensor:
        x = network.groups(functional.gelu(network.whitening(x)))
        return x.amax((2, 3)) @ network.head.weight.T / 9

    def shifted(x: Tensor, by: int) -> Tensor:
        """Move the image by pixels down and right, one index at a time."""
        moved = torch.empty_like(x)
        for i in range(32):
            for j in range(32):
                a, b = abs(i - by), abs(j - by)  # reflected at the first row and column
                moved[:, :, i, j] = x[:, :, min(a, 62 - a), min(b, 62 - b)]
        return moved

    views = [(chosen, 2), (shifted(chosen, 1), 1), (shifted(chosen, -1), 1)]
    with torch.no_grad():
        expected = sum(
            (weight * (scores(x) + scores(x.flip(-1))) for x, weight in views), torch.zeros(4, 10)
        )

        torch.testing.assert_close(network(chosen), expected / 8, rtol=1e-5, atol=1e-6)


def test_training_sees_one_view(network: WhitenedNet, images: Tensor) -> None:
    """In training mode an image and its mirror image have scores of their own."""
    chosen = images[:4]

    assert not torch.allclose(network(chosen), network(chosen.flip(-1)), atol=1e-3)


def test_training_changes_neither_filters_nor_scales(network: WhitenedNet, images: Tensor) -> None:
    """A step moves every parameter, and of the buffers only the running statistics."""
    fixed = {name: b.clone() for name, b in network.named_buffers() if "running" not in name}
    before = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, weight_decay=0.1)
    loss = functional.cross_entropy(network(images), torch.arange(40) % 10)
    torch.autograd.backward(loss)
    optimizer.step()

    assert not any(map(torch.equal, network.parameters(), before))
    for name, buffer in network.named_buffers():
        if name in fixed and "num_batches" not in name:
            assert torch.equal(buffer, fixed[name])
