"""Online losses: the gradients that were typed, in their order, and the best fixed point."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.problem import Problem
from optbench.families.online import online


def shown(problem: Problem, steps: int) -> list[float]:
    """Return the first coordinate of the gradients of the first steps."""
    assert problem.stream is not None
    x = problem.start(0)[None]
    return [float(problem.stream(x, t)[0, 0]) for t in range(steps)]


def test_gradients_come_in_turn_and_the_last_fills_the_period() -> None:
    """3, -1, -1 repeats; a period of 5 shows its last gradient three times."""
    assert shown(online(), 7) == [3, -1, -1, 3, -1, -1, 3]
    assert shown(online(gradients="2/5", period=4), 6) == [2, 5, 5, 5, 2, 5]


def test_growing_gradients_grow_until_they_are_infinite() -> None:
    """Step t shows growth^t g, and infinity beyond the largest number, without an exception."""
    problem = online(gradients="3/-1", growth=2.0, radius=0.0)

    assert shown(problem, 4) == [3, -2, 12, -8]
    assert problem.stream is not None
    assert float(problem.stream(problem.start(0)[None], 5000)) == torch.inf


def test_every_point_is_shown_the_gradient_in_memory_of_its_own() -> None:
    """A rule that writes into its gradient spoils neither the other runs' nor the next step's."""
    problem = online(dim=2)
    assert problem.stream is not None
    x = torch.zeros(2, 2, dtype=torch.float64)
    problem.stream(x, 0)[0] = 99.0
    problem.oracle(x)[1][0] = 99.0

    assert problem.stream(x, 0).tolist() == [[3, 3], [3, 3]]
    assert bool((problem.oracle(x)[1] - 1 / 3).abs().max() < 1e-15)


def test_the_best_fixed_point_is_the_corner_against_the_mean() -> None:
    """Reddi's sequences pull to +1 in most steps, and yet -1 is the best: f* = -1/3, -10/101."""
    rare = online(gradients="1010/-10", period=101)

    assert online().facts.f_star == pytest.approx(-1 / 3, rel=1e-15)
    assert rare.facts.f_star == pytest.approx(-10 / 101, rel=1e-14)
    for problem in (online(), rare):
        assert problem.facts.x_star is not None
        assert problem.facts.x_star.tolist() == [-1.0]
    assert online(gradients="1/-1").facts.x_star is None
    assert online(radius=0.0).facts.f_star is None


def test_the_measured_value_is_the_mean_of_the_losses() -> None:
    """Over one period the mean of g_t x is f(x)."""
    problem = online(gradients="4/1/-2.5", radius=3.0)
    x: Tensor = torch.tensor([[1.7]], dtype=torch.float64)

    mean = sum(g * 1.7 for g in shown(problem, 3)) / 3

    assert float(problem.value_and_gradient(x)[0]) == pytest.approx(mean, rel=1e-14)


def test_random_gradients_are_drawn_once_for_each_coordinate_and_seed() -> None:
    """The same seed gives the same period; coordinates and seeds differ; tails are heavy."""
    first, again, other = (
        online(gradients="random", period=2000, dim=2, seed=seed) for seed in (1, 1, 2)
    )
    assert first.stream is not None
    g = torch.cat([first.stream(first.start(0)[None], t) for t in range(2000)])

    assert shown(first, 5) == shown(again, 5) != shown(other, 5)
    assert shown(first, 2005)[2000:] == shown(first, 5)
    assert not torch.equal(g[:, 0], g[:, 1])
    # Of 4000 normal numbers the largest is near 4 deviations.
    assert float(g.abs().max()) > 8 * float(g.abs().median())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"gradients": "1/2/3", "period": 2}, "period=2 is shorter than the 3 gradients"),
        ({"gradients": "random"}, "needs a period"),
    ],
)
def test_a_list_that_does_not_fit_its_period_is_refused(
    params: dict[str, object], message: str
) -> None:
    """The message says what is missing."""
    with pytest.raises(SpecError, match=message):
        online(**params)  # type: ignore[arg-type]
