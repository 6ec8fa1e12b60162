"""Residual networks: published sizes, the published function, norms in both modes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from optbench.core.errors import OptbenchError
from optbench.models.resnet import resnet


@pytest.mark.parametrize(
    ("depth", "width", "millions"),
    [
        (20, 16, "0.27"),  # He et al. 2016, table 6, this line and the next four
        (32, 16, "0.46"),
        (44, 16, "0.66"),
        (56, 16, "0.85"),
        (110, 16, "1.73"),
        (18, 64, "11.17"),  # of pytorch-cifar and of DeVries and Taylor 2017
    ],
)
def test_parameters_are_as_many_as_published(depth: int, width: int, millions: str) -> None:
    """The counts of He et al., in millions; those of 110 layers are 1.7 there, and here 1.73."""
    count = sum(p.numel() for p in resnet(depth, width).parameters())

    assert f"{count / 1e6:.2f}" == millions


def _expected(state: dict[str, Tensor], images: Tensor, stages: int, blocks: int) -> Tensor:
    """Compute the scores in evaluation mode from figure 3 and table 6, out of the weights alone."""

    def conv_norm(x: Tensor, conv: str, norm: str, stride: int) -> Tensor:
        weight = state[f"{conv}.weight"]
        y = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        part = {k: state[f"{norm}.{k}"][:, None, None] for k in ("weight", "bias")}
        mean, variance = (state[f"{norm}.running_{k}"][:, None, None] for k in ("mean", "var"))
        return (y - mean) / (variance + 1e-5).sqrt() * part["weight"] + part["bias"]

    x = conv_norm(images, "conv", "norm", 1).clamp(min=0)
    for number in range(stages * blocks):
        name = f"blocks.{number}"
        stride = 2 if number and number % blocks == 0 else 1
        y = conv_norm(x, f"{name}.conv1", f"{name}.norm.0", stride).clamp(min=0)
        y = conv_norm(y, f"{name}.conv2", f"{name}.norm.1", 1)
        if f"{name}.shortcut.conv.weight" in state:
            x = conv_norm(x, f"{name}.shortcut.conv", f"{name}.shortcut.norm", stride)
        elif stride == 2:
            x = torch.cat([x[:, :, ::2, ::2], torch.zeros_like(x[:, :, ::2, ::2])], 1)
        x = (x + y).clamp(min=0)
    return x.mean((2, 3)) @ state["head.weight"].T + state["head.bias"]


@pytest.mark.parametrize(("depth", "stages", "blocks"), [(8, 3, 1), (20, 3, 3), (18, 4, 2)])
def test_the_function_is_the_published_one(depth: int, stages: int, blocks: int) -> None:
    """Scores agree with the formulas of the paper, norms with statistics of their own included."""
    torch.manual_seed(0)
    network = resnet(depth, 4).double()
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.rand_like(parameter))
        network(2 * images + 1)
        network.eval()

        expected = _expected(network.state_dict(), images, stages, blocks)

        torch.testing.assert_close(network(images), expected, rtol=1e-9, atol=1e-9)


def test_only_training_moves_the_running_statistics() -> None:
    """In training mode means and variances follow the batches, in evaluation they stay."""
    torch.manual_seed(0)
    network, images = resnet(8, 4), torch.randn(4, 3, 32, 32)
    before = {name: b.clone() for name, b in network.named_buffers()}

    network.eval()(images)
    assert all(torch.equal(b, before[name]) for name, b in network.named_buffers())

    network.train()(images)
    assert not any(torch.equal(b, before[name]) for name, b in network.named_buffers())


def test_convolutions_start_with_the_published_spread() -> None:
    """Weights have variance 2/(9 c), with c channels out (He et al. 2015, equation 14)."""
    torch.manual_seed(0)
    network = resnet(20, 64)
    weights = [p for name, p in network.named_parameters() if p.dim() == 4 and "blocks" in name]

    for weight in weights:
        ratio = weight.detach().var() * 9 * weight.shape[0] / 2
        # The variance of n Gaussian draws is off by sqrt(2/n); n is 36,864 at least.
        assert abs(float(ratio) - 1) < 5 * (2 / weight.numel()) ** 0.5


@pytest.mark.parametrize("depth", [2, 9, 10, 34])
def test_depths_that_do_not_exist_are_refused(depth: int) -> None:
    """The message says which depths there are."""
    with pytest.raises(OptbenchError, match=rf"18 or 6n \+ 2 .* got {depth}"):
        resnet(depth, 16)
