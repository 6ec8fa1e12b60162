"""Adafactor keeps rows and columns, and the classes' equations (see the twins) at that."""

from __future__ import annotations

import pytest
import torch

from optbench.core.layout import Block, Layout
from tests.optimizers.gradient_oracle import normal, path, rule_of, walk

RTOL_ROUNDING = 1e-12


def _layout(*shapes: tuple[int, ...]) -> Layout:
    return Layout(tuple(Block(str(i), shape) for i, shape in enumerate(shapes)))


def test_a_matrix_of_rank_one_is_factored_without_loss() -> None:
    """For G = a b' the first V is G^2: the update is the sign, RMS(x) times eta long."""
    a, b = normal(1, 6, 1), normal(1, 1, 4, seed=1)
    g, start = (a * b).flatten(1), normal(1, 24, seed=2)
    x = path("adafactor", start, lambda x: g, 1, layout=_layout((6, 4)), lr=0.5, eps2=0.0, clip=9.0)
    size = start.square().mean().sqrt()

    torch.testing.assert_close(
        x[1], start - 0.5 * size * g.sign(), rtol=RTOL_ROUNDING, atol=RTOL_ROUNDING
    )


def test_its_state_is_a_row_and_a_column_for_a_matrix() -> None:
    """A 6 x 4 matrix, a vector of 3 and a 2 x 3 x 5 tensor need 10, 3 and 2 (3 + 5) numbers."""
    layout = _layout((6, 4), (3,), (2, 3, 5))
    state = rule_of("adafactor").init(torch.ones(7, 57), layout)

    assert [tuple(part.shape) for part in state] == [
        (7, 6, 1),
        (7, 1, 4),
        (7, 3),
        (7, 2, 3, 1),
        (7, 2, 1, 5),
    ]
    assert all(int(part.count_nonzero()) == 0 for part in state)


def test_blocks_do_not_see_each_other() -> None:
    """Two blocks walk as each would alone."""
    g, start = normal(1, 30), normal(1, 30, seed=1)
    first, second = _layout((6, 4)), _layout((6,))
    both = path("adafactor", start, lambda x: x + g, 5, layout=_layout((6, 4), (6,)))
    one = path("adafactor", start[:, :24], lambda x: x + g[:, :24], 5, layout=first)
    two = path("adafactor", start[:, 24:], lambda x: x + g[:, 24:], 5, layout=second)

    torch.testing.assert_close(both, torch.cat([one, two], -1), rtol=RTOL_ROUNDING, atol=1e-15)


@pytest.mark.parametrize(("lr", "steps", "rate"), [(0.01, 3, 0.01), (1.0, 16, 0.25)])
def test_the_rate_is_relative_and_falls_like_the_root_of_time(
    lr: float, steps: int, rate: float
) -> None:
    """Under a constant gradient step k is min(eta, 1/sqrt k) RMS(x) in RMS."""
    start = torch.full((1, 9), 4.0).double()
    x = path("adafactor", start, torch.ones_like, steps, lr=lr, layout=_layout((3, 3)))
    last = (x[-1] - x[-2]).square().mean().sqrt()

    assert float(last) == pytest.approx(rate * float(x[-2].square().mean().sqrt()), rel=1e-12)


def test_a_large_update_is_cut_to_its_root_mean_square() -> None:
    """When the gradient jumps a thousandfold U is about 1000/sqrt(w); its RMS is cut to d."""
    scales = iter([1e-3] * 50 + [1.0])
    layout = _layout((4,))
    start = torch.ones(1, 4).double()
    x, _ = walk(
        "adafactor", start, lambda x: next(scales) * torch.ones_like(x), 51, lr=0.01, clip=1.5,
        layout=layout,
    )  # fmt: skip
    step = float((x[-2] - x[-1]).abs().mean() / x[-2].abs().mean())

    assert step == pytest.approx(0.015, rel=1e-12)
