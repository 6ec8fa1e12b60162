"""LARS and LAMB: the step of a block is a share of its norm."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from optbench.core.layout import Block, Layout
from tests.optimizers.gradient_oracle import normal, path

RTOL_ROUNDING = 1e-12
LAYOUT = Layout((Block("0.weight", (3, 4)), Block("0.bias", (4,)), Block("1.weight", (4, 2))))


def _lengths(x: Tensor) -> list[float]:
    """Return the norm of each block of one point."""
    return [float(part.norm()) for part in LAYOUT.split(x)]


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_ls01_a_lars_step_is_a_share_of_the_weights(scale: float) -> None:
    """LS-01: |Delta| = eta tau |w| in every block, for any gradient; with decay it is less."""
    g, start = scale * normal(1, 24), normal(1, 24, seed=1)
    hyper = {"layout": LAYOUT, "lr": 0.5, "trust": 0.02}
    step = path("lars", start, lambda x: g, 1, **hyper).diff(dim=0)[0]
    decayed = path("lars", start, lambda x: g, 1, weight_decay=0.3, **hyper).diff(dim=0)[0]
    expected = [0.5 * 0.02 * length for length in _lengths(start)]

    assert _lengths(step) == pytest.approx(expected, rel=RTOL_ROUNDING)
    assert all(a <= b * (1 + 1e-12) for a, b in zip(_lengths(decayed), expected, strict=True))


def test_ls02_larger_weights_take_larger_steps() -> None:
    """LS-02: (w, g) to (c w, g/c) makes the step c times as long, where SGD makes it 1/c."""
    c = 8.0
    g, start = normal(1, 24), normal(1, 24, seed=1)
    one = path("lars", start, lambda x: g, 1, layout=LAYOUT).diff(dim=0)
    other = path("lars", c * start, lambda x: g / c, 1, layout=LAYOUT).diff(dim=0)

    torch.testing.assert_close(other, c * one, rtol=RTOL_ROUNDING, atol=0)


def test_ls03_a_lamb_step_is_a_share_of_the_weights() -> None:
    """LS-03: |Delta| = eta |w| in every block, with and without decay, for norms above 10 too."""
    g, start = normal(1, 24), 50 * normal(1, 24, seed=1)
    for decay in (0.0, 0.3):
        x = path("lamb", start, lambda x: g, 4, layout=LAYOUT, lr=0.1, weight_decay=decay)
        for before, step in zip(x[:-1], x.diff(dim=0), strict=True):
            expected = [0.1 * length for length in _lengths(before)]
            assert _lengths(step) == pytest.approx(expected, rel=RTOL_ROUNDING)


def test_ls04_on_a_scale_invariant_loss_lars_lets_the_norm_grow_as_pythagoras_says() -> None:
    """LS-04: w.g = 0 makes |w+|^2 = |w|^2 (1 + eta^2 tau^2)."""
    layout, target = Layout((Block("w", (6,)),)), normal(1, 6, seed=4)

    def gradient(w: Tensor) -> Tensor:
        unit = w / w.norm()
        slope: Tensor = ((target * unit).sum() * unit - target) / w.norm()
        return slope

    start = normal(1, 6)
    x = path("lars", start, gradient, 20, layout=layout, lr=1.0, beta=0.0, trust=0.1)
    norms = x.norm(dim=-1).square()

    torch.testing.assert_close(norms[1:], norms[:-1] * 1.01, rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("name", "plain"), [("lars", "heavy_ball"), ("lamb", "adam")], ids=["lars", "lamb"]
)
def test_excluded_and_empty_blocks_are_scaled_by_one(name: str, plain: str) -> None:
    """In excluded blocks, and where w = 0, the method is the one without layers."""
    g, start = normal(1, 24), normal(1, 24, seed=1)
    layout = LAYOUT.exclude("bias")
    start[:, 16:] = 0.0
    hyper = {"lr": 0.1} | ({"weight_decay": 0.0, "eps": 1e-8} if name == "lamb" else {})
    x = path(name, start, lambda x: g, 1, layout=layout, **hyper)[1]
    other = path(plain, start, lambda x: g, 1, lr=0.1)[1]

    torch.testing.assert_close(x[:, 12:], other[:, 12:], rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING)
    assert not torch.allclose(x[:, :12], other[:, :12], rtol=1e-3)


def test_lars_has_the_learning_rate_inside_the_momentum() -> None:
    """When eta falls from 1 to 0 the velocity stays: x_2 - x_1 = beta (x_1 - x_0)."""
    g, start = normal(1, 24), normal(1, 24, seed=1)
    x = path("lars", start, lambda x: g, 2, layout=LAYOUT, lr=lambda t: 1.0 - t, beta=0.5)

    torch.testing.assert_close(x[2] - x[1], 0.5 * (x[1] - x[0]), rtol=1e-9, atol=1e-12)


def _lamb(w: list[float], gradients: list[list[float]], lr: float, decay: float) -> list[float]:
    """Return the points of LAMB's algorithm 2 on one block, number by number."""
    m, v = [0.0] * len(w), [0.0] * len(w)
    for k, g in enumerate(gradients, start=1):
        m = [0.8 * a + 0.2 * b for a, b in zip(m, g, strict=True)]
        v = [0.95 * a + 0.05 * b * b for a, b in zip(v, g, strict=True)]
        r = [
            (a / (1 - 0.8**k)) / (math.sqrt(b / (1 - 0.95**k)) + 1e-6)
            for a, b in zip(m, v, strict=True)
        ]
        u = [a + decay * b for a, b in zip(r, w, strict=True)]
        ratio = math.hypot(*w) / math.hypot(*u)
        w = [a - lr * ratio * b for a, b in zip(w, u, strict=True)]
    return w


def test_lamb_is_the_papers_algorithm_block_by_block() -> None:
    """Fifty steps equal a plain loop over numbers, in each of three blocks."""
    gradients, start = normal(50, 1, 24), normal(1, 24, seed=1)
    calls = iter(gradients)
    x = path(
        "lamb",
        start,
        lambda x: next(calls),
        50,
        layout=LAYOUT,
        lr=0.02,
        beta1=0.8,
        beta2=0.95,
        weight_decay=0.1,
    )[-1, 0]

    for place in (slice(0, 12), slice(12, 16), slice(16, 24)):
        expected = _lamb(start[0, place].tolist(), gradients[:, 0, place].tolist(), 0.02, 0.1)
        assert x[place].tolist() == pytest.approx(expected, rel=1e-11, abs=1e-12)
