"""Derivatives of stacked perceptrons against those of torch's own module."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, jacrev

from optbench.families.perceptron import ACTIVATIONS, Perceptron

NETWORKS = [
    Perceptron(widths, activation)
    for widths in ((4, 3, 2), (4, 5, 3, 6, 2))
    for activation in ACTIVATIONS
]


def stacks(network: Perceptron) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return networks (3, d), data (7, p), directions (3, d) and cotangents (3, 7, classes)."""
    generator = torch.Generator().manual_seed(1)
    dim = sum(block.size for block in network.layout.blocks)
    shapes = ((3, dim), (7, network.widths[0]), (3, dim), (3, 7, network.widths[-1]))
    x, data, v, w = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)
    return x, data, v, w


def jacobian(network: Perceptron, x: Tensor, data: Tensor) -> Tensor:
    """Return the logits' derivative by one network's parameters, (n, classes, d), by torch.func."""
    module = network.module(x)
    names = [name for name, _ in module.named_parameters()]

    def logits(point: Tensor) -> Tensor:
        parameters = dict(zip(names, network.layout.split(point), strict=True))
        result: Tensor = functional_call(module, parameters, (data,))
        return result

    derivative: Tensor = jacrev(logits)(x)
    return derivative


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_products_with_the_jacobian_are_torchs(network: Perceptron) -> None:
    """J'w and J v of every network in the stack are those of its module, differentiated."""
    x, data, v, w = stacks(network)
    tape = network.forward(x, data)

    back, forth = network.pull_back(x, tape, w), network.push_forward(x, tape, v)

    for row in range(3):
        J = jacobian(network, x[row], data)
        torch.testing.assert_close(back[row], torch.einsum("ncd,nc->d", J, w[row]))
        torch.testing.assert_close(forth[row], J @ v[row])
        torch.testing.assert_close(tape.logits[row], network.module(x[row])(data).detach())


def test_each_network_may_have_its_own_data() -> None:
    """Data (B, n, p) goes row by row with the networks."""
    network = NETWORKS[0]
    x, data, _, w = stacks(network)
    own = torch.stack([data, 2 * data, -data])
    tape = network.forward(x, own)

    g = network.pull_back(x, tape, w)

    single = network.forward(x[1:2], 2 * data)
    torch.testing.assert_close(tape.logits[1:2], single.logits)
    torch.testing.assert_close(g[1:2], network.pull_back(x[1:2], single, w[1:2]))


def test_points_may_lie_in_memory_as_they_like() -> None:
    """A transposed or an expanded stack of points has the gradients of its copy."""
    network = NETWORKS[1]
    x, data, _, w = stacks(network)
    expected = network.pull_back(x, network.forward(x, data), w)
    column_major = x.T.contiguous().T
    same = x[:1].expand(3, -1)

    found = network.pull_back(column_major, network.forward(column_major, data), w)
    repeated = network.pull_back(same, network.forward(same, data), w)

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(repeated[0], expected[0])


def test_a_module_is_a_view_and_draws_nothing() -> None:
    """The module's parameters are the point itself, and torch's generator is left alone."""
    network = NETWORKS[0]
    x = stacks(network)[0][0]
    before = torch.get_rng_state()

    module = network.module(x)

    first = next(module.parameters())
    assert torch.equal(before, torch.get_rng_state())
    assert first.data_ptr() == x.data_ptr()
    assert first.dtype == torch.float64
