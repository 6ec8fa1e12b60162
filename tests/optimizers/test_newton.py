"""Newton's method, the natural gradient and the direct solutions do what their algebra says."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from optbench.optimizers.newton import CLOSED_FORM, COORDINATE_DESCENT, NATURAL_GRADIENT, NEWTON
from tests.helpers import runs, trajectory
from tests.optimizers.function_oracle import (
    FunctionOracle,
    normal,
    positive_definite,
    quadratic_oracle,
    vector,
    walk,
)

RTOL_ROUNDING = 1e-12
RTOL_BASIS = 1e-9  # two solutions in bases of condition about 10


def _row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def test_nt01_a_quadratic_takes_one_step() -> None:
    """NT-01: the error after one step is rounding times the condition number."""
    kappa = 1e4
    x = walk(NEWTON, quadratic_oracle(positive_definite(8, kappa)), normal(3, 8), 1)[1]

    assert float(x.norm(dim=1).max()) <= 1e-15 * 100 * kappa


def test_nt02_the_order_is_exactly_two() -> None:
    """NT-02: on x - ln x, 1 - x_k = (1 - x_0)^(2^k)."""
    oracle = FunctionOracle(lambda x: (x - x.log()).sum(), vector(1))
    points = walk(NEWTON, oracle, _row(0.25), 5)

    for k, x in enumerate(points):
        assert float(x) == pytest.approx(1 - 0.75 ** (2**k), rel=RTOL_ROUNDING)


def test_nt03_a_flat_minimum_is_approached_linearly() -> None:
    """NT-03: on x^4 each step leaves two thirds."""
    points = walk(NEWTON, FunctionOracle(lambda x: (x**4).sum(), vector(1)), _row(3.0), 10)

    for before, after in itertools.pairwise(points):
        assert float(after / before) == pytest.approx(2 / 3, rel=RTOL_ROUNDING)


def test_nt04_without_a_line_search_a_convex_function_may_cycle() -> None:
    """NT-04: on sqrt(1 + x^2) the map is x+ = -x^3, a cycle from 1, away from beyond."""
    oracle = FunctionOracle(lambda x: (1 + x * x).sqrt().sum(), vector(1))
    x = torch.tensor([[0.9], [1.0], [1.1]], dtype=torch.float64)
    points = walk(NEWTON, oracle, x, 3)

    for before, after in itertools.pairwise(points):
        torch.testing.assert_close(after, -(before**3), rtol=1e-12, atol=0)


def test_nt05_logistic_regression_takes_fewer_than_ten_iterations() -> None:
    """NT-05: from the origin, l2 = 1e-2, the gap to f* is at rounding in fewer than 10 steps."""
    run = trajectory("logistic:l2=1e-2", "newton", budget=9)

    assert run.last("gradient_norm") <= 1e-12
    assert run.last("suboptimality") <= 1e-12
    assert run.last("gradient_calls") == 9
    assert run.last("hvp_calls") == 9 * 31


def test_nt06_the_basis_does_not_matter() -> None:
    """NT-06: with w = M v the iterates are M times those in v; gradient descent's are not."""
    M = positive_definite(4, 10.0, seed=3)

    def f(w: Tensor) -> Tensor:
        return torch.nn.functional.softplus(w).sum() + 0.5 * w @ w

    in_w = walk(NEWTON, FunctionOracle(f, vector(4)), normal(2, 4), 4)
    start = torch.linalg.solve(M, normal(2, 4).T).T
    in_v = walk(NEWTON, FunctionOracle(lambda v: f(M @ v), vector(4)), start, 4)

    for w, v in zip(in_w, in_v, strict=True):
        torch.testing.assert_close(v @ M.T, w, rtol=RTOL_BASIS, atol=1e-12)


def test_nt07_rosenbrock() -> None:
    """NT-07: the classic sequence from (-1.2, 1), with its rise to 1411."""
    run = trajectory("rosenbrock", "newton", budget=5)
    expected = [24.2, 4.731884, 1411.845179, 0.0559655168, 0.313189076, 1.85274e-11]

    np.testing.assert_allclose(run.curve["value"], expected, rtol=1e-5)


def test_nt08_a_saddle_attracts() -> None:
    """NT-08: on x^2 - y^2 the first step lands on the saddle."""
    oracle = FunctionOracle(lambda z: z[0] ** 2 - z[1] ** 2, vector(2))

    assert walk(NEWTON, oracle, _row(1.0, 0.5), 1)[1].tolist() == [[0.0, 0.0]]


def test_damping_and_rate_are_one_number_a_run() -> None:
    """Each row of a stack has its own damping and rate, as the same system solved by numpy."""
    H, x = positive_definite(5), normal(3, 5)
    lr, damping = torch.tensor([[1.0], [0.5], [0.1]]).double(), torch.tensor([[0.0], [1.0], [9.0]])
    found = walk(NEWTON, quadratic_oracle(H), x, 1, lr=lr, damping=damping.double())[1]

    for i in range(3):
        system = H.numpy() + float(damping[i]) * np.eye(5)
        step = np.linalg.solve(system, (H @ x[i]).numpy())
        np.testing.assert_allclose(found[i], x[i].numpy() - float(lr[i]) * step, atol=1e-13)


def test_a_singular_matrix_ends_its_own_row_only() -> None:
    """Where the Hessian is singular the point becomes nan, and the other rows do not notice."""
    oracle = FunctionOracle(lambda x: (x**4).sum(), vector(2))
    x = torch.tensor([[1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)
    found = walk(NEWTON, oracle, x, 1)[1]

    assert torch.isnan(found[1]).all()
    torch.testing.assert_close(found[0], x[0] * 2 / 3)


def test_groups_damp_and_move_coordinates_apart() -> None:
    """A rate and a damping of shape (1, d) belong to coordinates."""
    H, x = torch.diag(torch.tensor([1.0, 4.0])).double(), _row(1.0, 1.0)
    lr = torch.tensor([[1.0, 0.0]]).double()
    found = walk(NEWTON, quadratic_oracle(H), x, 1, lr=lr, damping=torch.tensor([[1.0, 0.0]]))[1]

    assert found.tolist() == [[0.5, 1.0]]


def test_ng01_the_mean_parameter_contracts_by_one_minus_eta() -> None:
    """NG-01: for a Bernoulli mean, p_t - mean = (1 - eta)^t (p_0 - mean)."""
    mean, eta = 0.3, 0.2
    oracle = FunctionOracle(
        lambda p: -(mean * p.log() + (1 - mean) * (1 - p).log()).sum(),
        vector(1),
        fisher=lambda p: (1 / (p * (1 - p)))[..., None],
    )
    points = walk(NATURAL_GRADIENT, oracle, _row(0.9), 20, lr=eta)

    for t, p in enumerate(points):
        assert float(p) - mean == pytest.approx((1 - eta) ** t * 0.6, rel=RTOL_ROUNDING, abs=1e-15)


def _tanh_model(M: Tensor) -> FunctionOracle:
    """Return the squared error of tanh(a_i'Mv), with its Fisher matrix, in the coordinates v."""
    a, y = normal(12, 3, seed=1), normal(12, seed=2)

    def fisher(v: Tensor) -> Tensor:
        slopes = 1 - torch.tanh(v @ M.T @ a.T).square()  # (B, n)
        J = slopes[..., None] * (a @ M)
        return J.mT @ J / len(a)

    return FunctionOracle(
        lambda v: 0.5 * (torch.tanh(a @ M @ v) - y).square().mean(), vector(3), fisher=fisher
    )


def test_ng02_a_linear_change_of_parameters_changes_nothing() -> None:
    """NG-02: with w = M v the iterates are M times those in v."""
    M = positive_definite(3, 10.0, seed=3)
    in_w = walk(NATURAL_GRADIENT, _tanh_model(torch.eye(3).double()), normal(2, 3), 5, lr=0.5)
    start = torch.linalg.solve(M, normal(2, 3).T).T
    in_v = walk(NATURAL_GRADIENT, _tanh_model(M), start, 5, lr=0.5)

    for w, v in zip(in_w, in_v, strict=True):
        torch.testing.assert_close(v @ M.T, w, rtol=RTOL_BASIS, atol=1e-12)


def test_ng03_another_change_of_parameters_differs_in_second_order() -> None:
    """NG-03: a step in sigma and one in log sigma differ by O(eta^2)."""
    by_sigma = FunctionOracle(
        lambda s: (s.log() + 1 / (2 * s * s)).sum(),
        vector(1),
        fisher=lambda s: (2 / (s * s))[..., None],
    )
    by_log = FunctionOracle(
        lambda u: (u + 1 / (2 * (2 * u).exp())).sum(),
        vector(1),
        fisher=lambda u: torch.full_like(u, 2.0)[..., None],
    )
    gaps = []
    for eta in (1e-3, 5e-4):
        sigma = float(walk(NATURAL_GRADIENT, by_sigma, _row(2.0), 1, lr=eta)[1])
        log = float(walk(NATURAL_GRADIENT, by_log, _row(math.log(2.0)), 1, lr=eta)[1])
        gaps.append(abs(sigma - math.exp(log)))

    assert math.log2(gaps[0] / gaps[1]) == pytest.approx(2, abs=1e-2)


def test_ng04_the_natural_direction_is_the_gradient_in_the_mean() -> None:
    """NG-04: for a Bernoulli logit, F^-1 df/dtheta = df/dp = (p - mean)/(p(1 - p))."""
    mean, theta = 0.3, _row(1.2)
    p = torch.sigmoid(theta)
    oracle = FunctionOracle(
        lambda u: torch.nn.functional.softplus(u).sum() - mean * u.sum(),
        vector(1),
        fisher=lambda u: (torch.sigmoid(u) * torch.sigmoid(-u))[..., None],
    )
    moved = theta - walk(NATURAL_GRADIENT, oracle, theta, 1)[1]

    torch.testing.assert_close(moved, (p - mean) / (p * (1 - p)), rtol=1e-12, atol=0)


def test_ng05_on_logistic_regression_it_is_newtons_method() -> None:
    """NG-05: the Fisher matrix of the model's labels is the Hessian, so the points agree."""
    newton = trajectory("logistic", "newton:lr=0.5", budget=12)
    natural = trajectory("logistic", "natural_gradient:lr=0.5", budget=12)

    assert newton.points is not None
    assert natural.points is not None
    np.testing.assert_allclose(natural.points, newton.points, rtol=1e-10, atol=1e-12)


def _least_squares(rows: int, dim: int) -> tuple[Tensor, Tensor, FunctionOracle]:
    A, b = normal(rows, dim, seed=4), normal(rows, seed=5)
    return A, b, FunctionOracle(lambda x: 0.5 * (A @ x - b).square().sum(), vector(dim))


@pytest.mark.parametrize(("rows", "dim"), [(12, 5), (5, 12)], ids=["over", "under"])
def test_closed_form_is_least_squares_of_minimum_norm(rows: int, dim: int) -> None:
    """From the origin numpy's lstsq in one step; from elsewhere, the nearest solution."""
    A, b, oracle = _least_squares(rows, dim)
    starts = torch.stack([torch.zeros(dim).double(), normal(dim, seed=6)])
    points = walk(CLOSED_FORM, oracle, starts, 3)

    for start, found in zip(starts, points[1], strict=True):
        residual = (b - A @ start).numpy()
        step, *_ = np.linalg.lstsq(A.numpy(), residual)
        np.testing.assert_allclose(found, start.numpy() + step, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(points[3], points[1], rtol=1e-10, atol=1e-12)
    assert oracle.calls.count("hessian") == 1


def test_coordinate_descent_is_a_loop_of_exact_minimisations() -> None:
    """Two passes equal d one-dimensional minimisations each, one coordinate after another."""
    A, b, oracle = _least_squares(12, 5)
    found = walk(COORDINATE_DESCENT, oracle, normal(2, 5), 2)[2]

    for start, end in zip(normal(2, 5), found, strict=True):
        x = start.clone()
        for i in list(range(5)) * 2:
            x[i] -= A[:, i] @ (A @ x - b) / (A[:, i] @ A[:, i])
        torch.testing.assert_close(end, x, rtol=RTOL_ROUNDING, atol=1e-13)
    assert oracle.calls.count("hessian") == 1


def test_coordinate_descent_solves_a_diagonal_in_one_pass() -> None:
    """Without coupling each coordinate is at its minimum at once."""
    H = torch.diag(torch.tensor([1.0, 10.0, 1e4])).double()

    assert float(walk(COORDINATE_DESCENT, quadratic_oracle(H), normal(2, 3), 1)[1].norm()) <= 1e-15


@pytest.mark.parametrize("name", ["closed_form", "coordinate_descent", "conjugate_gradient"])
def test_what_is_no_convex_quadratic_is_refused(name: str) -> None:
    """Rosenbrock is no quadratic, and the saddle is not convex."""
    for problem in ("rosenbrock", "saddle"):
        (run,) = runs(problem, name, budget=5)

        assert run.status == "refused"
        assert "needs the fact" in run.message


def test_large_problems_are_refused() -> None:
    """A matrix of 2000 x 2000 a run is not begun."""
    (run,) = runs("quadratic:dim=2000,rotated=false", "newton", budget=5)

    assert run.message == "newton needs at most 1000 variables, and here are 2000"
