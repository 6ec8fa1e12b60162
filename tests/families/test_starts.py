"""Starts: uniform in their box, uniform in direction, named by the seed."""

from __future__ import annotations

import torch

from optbench.families import starts


def test_seed_zero_is_the_standard_start_and_others_fill_the_box() -> None:
    """Seed 0 starts at the point; other seeds are uniform in the box, by mean and spread."""
    start = starts.standard([7.0, 7.0], (-3.0, 5.0))

    points = torch.stack([start(seed) for seed in range(1, 2001)])

    assert start(0).tolist() == [7.0, 7.0]
    assert -3 <= float(points.min()) < -2.9
    assert 4.9 < float(points.max()) <= 5
    # Standard error of the mean: 8/sqrt(12 * 2000) = .05.
    assert bool(((points.mean(0) - 1).abs() < 0.25).all())


def test_directions_are_unit_vectors_without_a_preference() -> None:
    """Random directions have norm 1 and a mean near 0; problem and run seed both matter."""
    points = torch.stack([starts.direction(5, 3, seed) for seed in range(2000)])

    torch.testing.assert_close(points.norm(dim=1), torch.ones(2000).double())
    assert float(points.mean(0).norm()) < 0.1  # expected 1/sqrt(2000) = .022
    assert not torch.equal(starts.direction(5, 1, 0), starts.direction(5, 2, 0))


def test_a_fixed_start_cannot_be_changed_from_outside() -> None:
    """Writing into a start that was handed out does not move the next one."""
    start = starts.always([1.0, 2.0])
    start(0).zero_()

    assert start(1).tolist() == [1.0, 2.0]
