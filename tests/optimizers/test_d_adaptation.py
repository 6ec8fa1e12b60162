"""Methods that estimate the distance: their bounds, and what they do not depend on."""

from __future__ import annotations

import pytest
import torch

from tests.helpers import problem_of
from tests.optimizers.gradient_oracle import column, gradient_of, normal, path, walk

RTOL_ROUNDING = 1e-12
METHODS = ("dadapt_sgd", "dadapt_adam", "prodigy")


@pytest.mark.parametrize("text", ["quadratic:kappa=100,dim=30,center=1", "log_sum_exp", "huber"])
def test_the_estimate_of_d_adapted_sgd_is_a_lower_bound_of_twice_the_distance(text: str) -> None:
    """Without momentum, convexity gives sum a <g, s>/|s| <= |x_0 - x*|, and d is twice the sum."""
    problem = problem_of(text)
    start = problem.start(0)[None]
    distance = problem.distance(start)
    assert distance is not None
    previous = 1e-6
    for steps in (10, 50, 200, 400):
        _, state = walk("dadapt_sgd", start, gradient_of(problem), steps, beta=0.0)
        d = float(state[3])
        assert previous <= d <= 2 * float(distance) * (1 + 1e-12)
        previous = d
    assert previous > 0.05 * float(distance)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("text", ["quadratic:kappa=10,dim=20,center=1", "log_sum_exp"])
def test_they_converge_without_a_learning_rate(name: str, text: str) -> None:
    """From d_0 = 1e-6 the gap falls a hundredfold in 2000 steps, nothing being tuned."""
    problem = problem_of(text)
    x = path(name, problem.start(0)[None], gradient_of(problem), 2000)[:, 0]
    gap = problem.value_and_gradient(x)[0] - (problem.facts.f_star or 0.0)

    assert float(gap[-200:].min()) < 1e-2 * float(gap[0])


@pytest.mark.parametrize("name", METHODS)
def test_they_do_not_depend_on_the_functions_scale(name: str) -> None:
    """With eps = 0 the path on c f is the path on f, for c over twelve decades."""
    curvatures = torch.linspace(0.5, 3, 4, dtype=torch.float64)
    start, scales = normal(1, 4), column(1e-6, 1.0, 1e6)
    eps = {} if name == "dadapt_sgd" else {"eps": 0.0}
    if name == "dadapt_adam":
        eps = {"eps": 1e-300}  # its first sum divides s = 0 by sqrt(v) = 0
    x = path(name, start.expand(3, 4), lambda x: scales * curvatures * x, 60, d0=1e-2, **eps)

    assert float((x[-1] - x[0]).abs().max()) > 1e-2
    torch.testing.assert_close(x[:, 0], x[:, 1], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(x[:, 2], x[:, 1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_a_run_has_one_estimate_of_its_own(name: str) -> None:
    """Each d is one number for a run, positive after the first step, and no other run's."""
    start = torch.cat([normal(1, 4), 100 * normal(1, 4)])
    state = walk(name, start, lambda x: x - 1, 30)[1]
    alone = walk(name, start[1:], lambda x: x - 1, 30)[1]

    assert all(part.shape in ((2, 4), (2, 1)) for part in state)
    for part, single in zip(state, alone, strict=True):
        torch.testing.assert_close(part[1:], single, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_a_start_without_a_gradient_waits(name: str) -> None:
    """While the gradient is 0 nothing moves and no number is lost; then they start as ever."""
    late = iter([0.0, 0.0, 1.0, 1.0, 1.0])
    x = path(name, column(2.0), lambda x: next(late) * x, 5, d0=0.1)[:, 0, 0]

    assert x[:3].tolist() == [2.0, 2.0, 2.0]
    assert bool(x.isfinite().all())
    assert float(x[5]) < float(x[3]) < 2.0


def test_prodigys_estimate_is_a_lower_bound_in_the_largest_coordinate() -> None:
    """On a separable quadratic with beta2 near 1, q/|s|_1 stays below max |x_0 - x*|."""
    curvatures = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    start = normal(1, 3)
    state = walk("prodigy", start, lambda x: curvatures * x, 500)[1]

    assert 0.1 * float(start.abs().max()) < float(state[-1]) <= float(start.abs().max())
