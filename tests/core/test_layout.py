from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optbench.core.errors import OptbenchError
from optbench.core.layout import Block, Layout

LAYOUT = Layout((Block("0.weight", (3, 2)), Block("0.bias", (3,)), Block("scale", ())))

shapes = st.lists(st.lists(st.integers(1, 4), max_size=3).map(tuple), min_size=1, max_size=4)


@given(shapes=shapes, rows=st.integers(1, 3))
def test_join_is_the_inverse_of_split(shapes: list[tuple[int, ...]], rows: int) -> None:
    """Any point, cut into its blocks and put together again, is the same point."""
    layout = Layout(tuple(Block(f"b{i}", shape) for i, shape in enumerate(shapes)))
    size = sum(block.size for block in layout.blocks)
    x = torch.arange(rows * size, dtype=torch.float64).reshape(rows, size)

    parts = layout.split(x)

    assert [tuple(part.shape) for part in parts] == [(rows, *shape) for shape in shapes]
    assert torch.equal(layout.join(parts), x)


def test_split_gives_views() -> None:
    """What is written into a block is written into the point: no copies."""
    x = torch.zeros(1, 10)

    LAYOUT.split(x)[1][0, 2] = 5.0

    assert x[0, 8] == 5.0


def test_norms_are_those_of_the_blocks() -> None:
    """Every coordinate holds the 2-norm of its own block, row by row."""
    x = torch.arange(20.0, dtype=torch.float64).reshape(2, 10)

    norms = LAYOUT.norms(x)

    for row in range(2):
        for block, part in zip(LAYOUT.split(x), LAYOUT.split(norms), strict=True):
            expected = block[row].square().sum().sqrt()
            torch.testing.assert_close(part[row], expected.expand_as(part[row]))


def test_trust_ratio_is_one_where_it_means_nothing() -> None:
    """The ratio is |w|/|u| of each block, and 1 for zero blocks and for excluded ones."""
    w = torch.tensor([[3.0, 4, 0, 0, 0, 0, 0, 0, 0, 7]])
    u = torch.tensor([[0.0, 0, 2, 0, 0, 0, 1, 1, 1, 14]])

    ratio = LAYOUT.trust_ratio(w, u)
    without = LAYOUT.exclude("scale").trust_ratio(w, u)

    assert ratio.tolist() == [[2.5] * 6 + [1.0] * 3 + [0.5]]
    assert without.tolist() == [[2.5] * 6 + [1.0] * 4]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("bias", ["0.bias"]),
        ("0", ["0.weight", "0.bias"]),
        ("*.w*", ["0.weight"]),
        ("0.bias", ["0.bias"]),
        ("?.bias", ["0.bias"]),
        ("*", ["0.weight", "0.bias", "scale"]),
    ],
)
def test_patterns_pick_blocks(pattern: str, names: list[str]) -> None:
    """A word picks the names that have it as a dotted part; a glob is matched as a whole."""
    assert [block.name for block in LAYOUT.matching(pattern)] == names
    mask = LAYOUT.mask(torch.zeros(1, 10), pattern)
    assert int(mask.sum()) == sum(block.size for block in LAYOUT.matching(pattern))


def test_a_pattern_without_a_match_lists_what_there_is() -> None:
    """`bia` is a part of no name, and the message says which names there are."""
    with pytest.raises(OptbenchError, match=r"'bia'.*0\.weight, 0\.bias, scale"):
        LAYOUT.matching("bia")
