"""Labels drawn by the inverse of the distribution function."""

from __future__ import annotations

import pytest
import torch

from optbench.families.labels import draw_labels

DYADIC = torch.tensor([0.25, 0.0, 0.5, 0.25], dtype=torch.float64)


@pytest.mark.parametrize(
    ("u", "label"), [(0.0, 0), (0.2499, 0), (0.25, 2), (0.7499, 2), (0.75, 3), (1 - 2**-53, 3)]
)
def test_a_uniform_number_falls_into_the_interval_of_its_class(u: float, label: int) -> None:
    """Class c is drawn for u in [P_(c-1), P_c); a class without probability never is."""
    drawn = draw_labels(DYADIC, torch.tensor(u, dtype=torch.float64))

    assert drawn.tolist() == [float(c == label) for c in range(4)]


def test_the_last_class_takes_what_rounding_leaves() -> None:
    """A sum of probabilities below 1, or u rounded up to 1, gives the last class."""
    short = torch.full((10,), 0.1, dtype=torch.float32)
    short[-1] = 0.0999

    assert draw_labels(short, torch.tensor(0.99999)).argmax() == 9
    assert draw_labels(short, torch.tensor(1.0)).argmax() == 9


def test_every_row_is_drawn_by_its_own_number() -> None:
    """Shapes (B, b, C) and (B, b) give one label each, in the probabilities' dtype."""
    probabilities = DYADIC.float().expand(2, 3, 4)
    uniforms = torch.tensor([[0.1, 0.3, 0.9], [0.9, 0.1, 0.6]])

    drawn = draw_labels(probabilities, uniforms)

    assert drawn.dtype == torch.float32
    assert drawn.argmax(-1).tolist() == [[0, 2, 3], [3, 0, 2]]
