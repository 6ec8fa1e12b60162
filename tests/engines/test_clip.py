from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optbench.core.optimizer import Gradients
from optbench.core.problem import Facts, Problem
from optbench.core.run import Status
from optbench.engines.clip import clip_norm, clip_value
from optbench.engines.oracle import BatchOracle
from tests.helpers import runs, trajectory

vectors = arrays(np.float64, 5, elements=st.floats(-1e6, 1e6))


@given(g=vectors, limit=st.floats(1e-3, 1e6))
def test_clipping_by_norm_is_torchs(g: np.ndarray, limit: float) -> None:
    """CL-01: the gradient is torch's own clipped one, in the old direction."""
    point = torch.nn.Parameter(torch.zeros(5, dtype=torch.float64))
    point.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_([point], limit)

    torch.testing.assert_close(clip_norm(torch.tensor(g)[None], limit)[0], point.grad)


@given(a=vectors, b=vectors, limit=st.floats(1e-1, 1e3))
def test_clipping_by_norm_brings_nothing_apart(a: np.ndarray, b: np.ndarray, limit: float) -> None:
    """CL-02: the map is non-expansive, up to the 1e-6 in its denominator."""
    x, y = clip_norm(torch.tensor(np.stack([a, b])), limit)
    assert float((x - y).norm()) <= np.linalg.norm(a - b) * (1 + 1e-5) + 1e-12


def test_rows_are_clipped_apart() -> None:
    """Each row's own norm counts: (3, 4) becomes 1 long, (.3, .4) stays."""
    g = clip_norm(torch.tensor([[3.0, 4.0], [0.3, 0.4]], dtype=torch.float64), 1.0)
    expected = [[0.6 / (1 + 2e-7), 0.8 / (1 + 2e-7)], [0.3, 0.4]]
    torch.testing.assert_close(g, torch.tensor(expected, dtype=torch.float64))


def test_clipping_by_value_changes_the_direction() -> None:
    """Every coordinate is cut to [-c, c] by itself."""
    assert clip_value(torch.tensor([[3.0, -4.0, 0.5]]), 1.0).tolist() == [[1.0, -1.0, 0.5]]


def test_clipped_descent_on_a_quartic_takes_the_steps_that_theory_says() -> None:
    """CL-03 at a size for tests: constant speed down to x_c, then the tail of x^4."""
    # f = x^4/4, f' = x^3 clipped at c: from x_0 = 100 steps of eta c = .1 down to x_c = c^(1/3),
    # then x' = -x^3 takes (1/x^2 - 1/x_c^2)/(2 eta) steps down to x.
    eta, c, x_0, x = 0.01, 10.0, 100.0, 0.5
    x_c = c ** (1 / 3)
    expected = (x_0 - x_c) / (eta * c) + (1 / x**2 - 1 / x_c**2) / (2 * eta)
    f_0, f_1 = x_0**4 / 4, x**4 / 4
    (run,) = runs(
        f"power:p=4,start={x_0:g}",
        f"gd:lr={eta},clip_norm={c:g}",
        targets=(f_1 / f_0,),
        budget=5000,
    )
    (free,) = runs(f"power:p=4,start={x_0:g}", f"gd:lr={eta}", budget=100)

    assert run.hits[0].step == pytest.approx(expected, rel=0.01)
    assert free.status is Status.DIVERGED


def test_clipping_each_example_moves_the_fixed_point() -> None:
    """CL-04: of the means of 0, 0 and 3, clipped at .5, the balance is at .25 and not at 1."""
    data = torch.tensor([0.0, 0.0, 3.0], dtype=torch.float64)
    problem = Problem(
        facts=Facts(dim=1, noise_variance=None),
        start=lambda seed: torch.zeros(1, dtype=torch.float64),
        oracle=lambda x: ((x - data).square().mean(1) / 2, x - data.mean()),
        examples=3,
        minibatch=lambda x, i: (x - data[i]).mean(1, keepdim=True),
    )
    x = torch.tensor([[0.25], [1.0]], dtype=torch.float64)

    apart = BatchOracle(problem, [0, 0], Gradients(clip_sample=0.5), x).gradient(x)
    together = BatchOracle(problem, [0, 0], Gradients(clip_norm=0.5), x).gradient(x)

    torch.testing.assert_close(apart[0], torch.zeros(1, dtype=torch.float64), rtol=0, atol=1e-6)
    assert together[1] == 0.0


@pytest.mark.parametrize("engine", ["gd", "torch.SGD"])
def test_per_sample_clipping_averages_what_was_clipped(engine: str) -> None:
    """CL-04's order: each example's gradient is clipped, then they are averaged."""
    options = "lr=0.1,batch_size=4,clip_sample=0.01"
    run = trajectory("logistic:l2=0", f"{engine}:{options}", budget=1)
    assert run.points is not None

    steps = np.linalg.norm(np.diff(run.points[:20], axis=0), axis=1) / 0.1

    # Every gradient is far longer than .01 at the start, so the mean is at most .01 long, and
    # exactly that only if all four agree.
    assert (steps < 0.01).all()
    assert (steps > 1e-4).all()


def test_clipping_is_the_same_in_both_engines() -> None:
    """The equation and torch's class see the same clipped gradients."""
    options = "lr=0.01,clip_norm=0.5,clip_value=0.2"
    ours = trajectory("rosenbrock", f"gd:{options}", budget=100)
    theirs = trajectory("rosenbrock", f"torch.SGD:{options}", budget=100)

    assert ours.points is not None
    assert theirs.points is not None
    np.testing.assert_allclose(ours.points, theirs.points, rtol=1e-12)
    length = np.linalg.norm(np.diff(ours.points, axis=0), axis=1)
    assert length.max() <= 0.01 * 0.2 * math.sqrt(2) * (1 + 1e-12)


def test_clipping_each_example_needs_examples() -> None:
    """A quadratic has no examples: the run is refused and says why."""
    (run,) = runs("quadratic", "gd:clip_sample=1")
    assert run.status is Status.REFUSED
    assert "clip_sample needs a finite sum" in run.message
