"""What optimizers are shown: draws that depend on nothing but their name, and what they cost."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from optbench.core.optimizer import Gradients
from optbench.engines.oracle import BatchOracle, cost_of_gradient
from optbench.engines.sampler import BLOCK, Sampler
from tests.helpers import problem_of, runs

FINITE_SUM = "least_squares:rows=12,columns=3"
NOISY = "quadratic:dim=6,noise=2"


def _sampler(text: str, seeds: list[int], batch_size: int, sampling: str = "epochs") -> Sampler:
    problem = problem_of(text)
    like = torch.zeros(len(seeds), problem.facts.dim, dtype=torch.float64)
    return Sampler(problem, seeds, batch_size, sampling, like)


@pytest.mark.parametrize("sampling", ["epochs", "replacement", "without_replacement"])
def test_draws_do_not_depend_on_the_company(sampling: str) -> None:
    """A seed's minibatches are the same bits alone, in any batch, in any order of asking."""
    alone = _sampler(FINITE_SUM, [3], 5, sampling)
    together = _sampler(FINITE_SUM, [7, 3, 3, 1], 5, sampling)
    together.indices(500, 0)  # a resumed run starts in the middle

    for t in (0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 5):
        own = alone.indices(t, 0)[0]
        assert torch.equal(together.indices(t, 0)[1], own)
        assert torch.equal(together.indices(t, 0)[2], own)


def test_noise_does_not_depend_on_the_company() -> None:
    """The same for normal draws, which float32 runs round and do not redraw."""
    alone, together = _sampler(NOISY, [3], 0), _sampler(NOISY, [1, 3], 0)

    for t in (0, BLOCK, 10 * BLOCK):
        assert torch.equal(together.noise(t, 0)[1], alone.noise(t, 0)[0])


def test_draws_differ_between_steps_seeds_and_calls() -> None:
    """No two gradients of a run share their noise."""
    sampler = _sampler(NOISY, [0, 1], 0)
    draws = [
        sampler.noise(0, 0)[0],
        sampler.noise(0, 0)[1],
        sampler.noise(1, 0)[0],
        sampler.noise(0, 1)[0],
    ]

    assert len({tuple(draw.tolist()) for draw in draws}) == 4


@pytest.mark.parametrize("batch_size", [1, 3, 5, 12])
def test_shuffled_epochs_show_every_example_once_an_epoch(batch_size: int) -> None:
    """Cut into epochs of n, the sequence of examples is a permutation each time, a new one each."""
    sampler = _sampler(FINITE_SUM, [0], batch_size)
    steps = 12 * 40 // batch_size
    shown = torch.cat([sampler.indices(t, 0)[0] for t in range(steps)]).numpy()
    epochs = shown[: len(shown) // 12 * 12].reshape(-1, 12)

    assert (np.sort(epochs, axis=1) == np.arange(12)).all()
    assert len({tuple(epoch) for epoch in epochs}) > 0.9 * len(epochs)


def test_sampling_without_replacement_never_repeats_in_a_batch() -> None:
    """Without it a batch has distinct examples; with it, repeats come as often as they should."""
    without = _sampler(FINITE_SUM, [0], 6, "without_replacement")
    with_it = _sampler(FINITE_SUM, [0], 6, "replacement")
    distinct = [len(set(without.indices(t, 0)[0].tolist())) for t in range(200)]
    repeated = np.mean([len(set(with_it.indices(t, 0)[0].tolist())) < 6 for t in range(200)])
    probability = 1 - np.prod(1 - np.arange(6) / 12)

    assert set(distinct) == {6}
    error = np.sqrt(probability * (1 - probability) / 200)
    assert abs(repeated - probability) < 4.5 * error


@pytest.mark.parametrize("sampling", ["epochs", "replacement", "without_replacement"])
def test_examples_are_drawn_evenly(sampling: str) -> None:
    """Each of the 12 examples is drawn a twelfth of the time: the gradient is unbiased."""
    sampler = _sampler(FINITE_SUM, [0], 3, sampling)
    drawn = torch.cat([sampler.indices(t, 0)[0] for t in range(4000)])
    share = torch.bincount(drawn, minlength=12).numpy() / 12000

    assert np.abs(share - 1 / 12).max() < 4.5 * np.sqrt(1 / 12 * 11 / 12 / 12000)


@pytest.mark.parametrize("batch_size", [0, 4])
def test_the_noise_has_the_stated_variance(batch_size: int) -> None:
    """The covariance's trace is the problem's noise over the batch size, its mean is zero."""
    sampler = _sampler(NOISY, [0], batch_size)
    draws = torch.cat([sampler.noise(t, 0) for t in range(5000)]).numpy()
    expected = 2 / max(batch_size, 1)

    # Relative error of a mean of 30,000 squares of normals is sqrt(2/30000) = .8%.
    assert (draws**2).sum(1).mean() == pytest.approx(expected, rel=4.5 * 0.0082)
    assert np.abs(draws.mean(0)).max() < 4.5 * np.sqrt(expected / 6 / 5000)


def test_costs_are_in_full_gradients() -> None:
    """A minibatch of b of n costs b/n, an average of b noisy gradients b, a full gradient 1."""
    assert cost_of_gradient(problem_of(FINITE_SUM), 3) == 0.25
    assert cost_of_gradient(problem_of(FINITE_SUM), 0) == 1
    assert cost_of_gradient(problem_of(NOISY), 3) == 3
    assert cost_of_gradient(problem_of("quadratic:dim=6"), 0) == 1


def test_a_budget_buys_steps_by_their_cost() -> None:
    """10 gradients are 40 steps with a quarter of the data, 10 with all, 5 of two noisy ones."""
    last = {
        text: runs(problem, text, budget=10)[0].last("step")
        for problem, text in [
            (FINITE_SUM, "sgd:batch_size=3,lr=0.1"),
            (FINITE_SUM, "gd:lr=0.1"),
            (NOISY, "sgd:batch_size=2,lr=0.1"),
        ]
    }

    assert list(last.values()) == [40, 10, 5]


def test_what_is_measured_is_the_full_function() -> None:
    """With minibatches, values and gradient norms on record are those of the whole sum."""
    problem = problem_of(FINITE_SUM)
    (run,) = runs(FINITE_SUM, "sgd:batch_size=3,lr=0.1", budget=5, record="every", record_x=True)
    assert run.points is not None
    f, g = problem.value_and_gradient(torch.from_numpy(run.points))

    np.testing.assert_allclose(run.curve["value"], f.numpy(), rtol=1e-12)
    np.testing.assert_allclose(run.curve["gradient_norm"], g.norm(dim=-1).numpy(), rtol=1e-12)


def test_a_point_that_was_just_evaluated_is_not_evaluated_again() -> None:
    """Recording a deterministic run of gradient descent costs no gradient beyond its own."""
    problem = problem_of("quadratic:dim=6")
    x = torch.ones(1, 6, dtype=torch.float64)
    oracle = BatchOracle(problem, [0], Gradients(), x)
    oracle.begin(0)
    shown = oracle.gradient(x)
    _, measured = oracle.measure(x)

    assert measured is shown


def test_optimizers_share_their_noise_at_equal_seeds() -> None:
    """Two optimizers see the same draws, so that their difference is their own."""
    text = "quadratic:dim=6,noise=1,kappa=1"
    (a,) = runs(text, "gd:lr=1e-9", budget=1, record_x=True)
    (b,) = runs(text, "heavy_ball:lr=1e-9", budget=1, record_x=True)
    assert a.points is not None
    assert b.points is not None

    np.testing.assert_array_equal(a.points, b.points)
