"""Conjugate gradient and Chebyshev iteration attain the limits that theory sets, exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse.linalg
import torch
from numpy.polynomial.chebyshev import Chebyshev
from torch import Tensor

from optbench.optimizers.gradient import GD
from optbench.optimizers.krylov import CHEBYSHEV, CONJUGATE_GRADIENT
from optbench.optimizers.momentum import HEAVY_BALL, NESTEROV
from tests.helpers import trajectory
from tests.optimizers.function_oracle import (
    FunctionOracle,
    normal,
    positive_definite,
    quadratic_oracle,
    vector,
    walk,
)

RTOL_RECURRENCE = 1e-9  # 40 steps, each with some roundings


def _energy(H: Tensor, points: list[Tensor]) -> Tensor:
    """Return e'He of each row at each step, (T + 1, B), for a minimiser at the origin."""
    return torch.stack([((x @ H) * x).sum(-1) for x in points])


def test_conjugate_gradient_is_scipys() -> None:
    """The iterates are those of scipy.sparse.linalg.cg, to rounding, over 10 steps."""
    H, b = positive_definite(20), normal(20, seed=1)
    oracle = FunctionOracle(lambda x: 0.5 * x @ H @ x - b @ x, vector(20))
    theirs: list[np.ndarray] = []
    scipy.sparse.linalg.cg(
        H.numpy(), b.numpy(), rtol=0, maxiter=10, callback=lambda x: theirs.append(x.copy())
    )
    ours = walk(CONJUGATE_GRADIENT, oracle, torch.zeros(1, 20).double(), 10)[1:]

    assert len(theirs) == 10
    np.testing.assert_allclose(torch.cat(ours), np.stack(theirs), rtol=RTOL_RECURRENCE, atol=1e-12)


def test_cg01_the_error_is_below_chebyshevs_bound() -> None:
    """CG-01: |e_t|_H <= |e_0|_H/T_t((kappa + 1)/(kappa - 1)), as long as that is above rounding."""
    kappa, T = 100.0, 30
    energy = _energy(
        H := positive_definite(60, kappa),
        walk(CONJUGATE_GRADIENT, quadratic_oracle(H), normal(4, 60), T),
    )
    bound = [1 / _polynomial(t)((kappa + 1) / (kappa - 1)) for t in range(T + 1)]
    ratio = (energy / energy[0]).sqrt() / torch.tensor(bound)[:, None]

    assert bound[-1] > 1e-12
    assert float(ratio.max()) <= 1 + 1e-12
    assert float(ratio.max(1).values.min()) > 0.01  # the bound tests something


@pytest.mark.parametrize("m", [1, 2, 5])
def test_cg02_it_ends_after_as_many_steps_as_eigenvalues(m: int) -> None:
    """CG-02: with m distinct eigenvalues the error is at rounding after m steps, not before."""
    H = torch.diag(torch.linspace(1, 10, m).double().repeat_interleave(4))
    points = walk(CONJUGATE_GRADIENT, quadratic_oracle(H), normal(2, 4 * m), m)

    assert float(points[m - 1].norm(dim=1).min()) > 1e-6
    assert float(points[m].norm(dim=1).max()) < 1e-9


def test_cg03_no_method_in_the_span_of_gradients_is_below() -> None:
    """CG-03: at every step f(CG) <= f of gradient descent, heavy ball, Nesterov and Chebyshev."""
    H, start, T = positive_definite(30), normal(3, 30), 20
    cg = _energy(H, walk(CONJUGATE_GRADIENT, quadratic_oracle(H), start, T))
    others = [
        walk(GD, quadratic_oracle(H), start, T, lr=2 / 101),
        walk(HEAVY_BALL, quadratic_oracle(H), start, T, lr=4 / 121, beta=(9 / 11) ** 2),
        walk(NESTEROV, quadratic_oracle(H), start, T, lr=1 / 100, beta=9 / 11),
        walk(CHEBYSHEV, quadratic_oracle(H), start, T, L=100.0, mu=1.0),
    ]

    assert float((cg[-1] / cg[0]).min()) > 1e-22
    for points in others:
        assert float((_energy(H, points) / cg).min()) >= 1 - 1e-9


@pytest.mark.parametrize("t", [1, 3, 10, 40])
def test_lb01_conjugate_gradient_on_nesterovs_function(t: int) -> None:
    """LB-01: on the function that resists t steps of any method, the gap is L/(16 (t + 1))."""
    L, k = 4.0, 2 * t + 1
    M = (
        2 * torch.eye(k) - torch.diag(torch.ones(k - 1), 1) - torch.diag(torch.ones(k - 1), -1)
    ).double()

    def f(x: Tensor) -> Tensor:
        return L / 4 * (0.5 * x @ M @ x - x[0])

    oracle = FunctionOracle(f, vector(k))
    x = walk(CONJUGATE_GRADIENT, oracle, torch.zeros(1, k).double(), t)[t]
    f_star, R2 = -L / 8 * (1 - 1 / (k + 1)), k * (2 * k + 1) / (6 * (k + 1))

    assert float(f(x[0])) - f_star == pytest.approx(L / (16 * (t + 1)), rel=RTOL_RECURRENCE)
    assert float(f(x[0])) - f_star >= 3 * L * R2 / (32 * (t + 1) ** 2)


def test_conjugate_gradient_stays_where_nothing_is_left() -> None:
    """At the minimiser, and after it was hit exactly, there is no 0/0."""
    x = torch.tensor([[0.0, 0.0], [3.0, -4.0]], dtype=torch.float64)
    points = walk(CONJUGATE_GRADIENT, quadratic_oracle(torch.eye(2).double()), x, 4)

    for point in points[1:]:
        assert point.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_conjugate_gradient_costs_one_gradient_and_a_product_a_step() -> None:
    """The first gradient is the only one; each step multiplies by the Hessian once."""
    run = trajectory("quadratic:dim=10", "conjugate_gradient", budget=8)

    assert run.curve["gradient_calls"].tolist() == [0.0] + [1.0] * 8
    assert run.curve["hvp_calls"].tolist() == [float(t) for t in range(9)]


def _polynomial(degree: int) -> Chebyshev:
    return Chebyshev.basis(degree)


def test_cg04_chebyshevs_error_is_the_smallest_polynomial() -> None:
    """CG-04: over [mu, L] the error is T_t(.)/T_t((L + mu)/(L - mu)) at every t from 1 to 40."""
    mu, L = 1.0, 100.0
    values = torch.linspace(mu, L, 4001, dtype=torch.float64)
    oracle = FunctionOracle(lambda x: 0.5 * (values * x) @ x, vector(4001))
    points = walk(CHEBYSHEV, oracle, torch.ones(1, 4001).double(), 40, L=L, mu=mu)
    s = (L + mu - 2 * values.numpy()) / (L - mu)

    for t in range(1, 41):
        largest = 1 / _polynomial(t)((L + mu) / (L - mu))
        np.testing.assert_allclose(
            points[t][0] / largest, np.cos(t * np.arccos(s.clip(-1, 1))), atol=RTOL_RECURRENCE
        )
        assert float(points[t].abs().max()) == pytest.approx(largest, rel=RTOL_RECURRENCE)


def test_chebyshev_with_one_eigenvalue_is_done_in_one_step() -> None:
    """L = mu gives 1/L gradient descent and no 0/0, also in the steps that follow."""
    oracle = quadratic_oracle(4 * torch.eye(2).double())
    points = walk(CHEBYSHEV, oracle, normal(2, 2), 4, L=4.0, mu=4.0)

    for point in points[1:]:
        assert float(point.abs().max()) == 0


def test_chebyshev_ends_as_heavy_ball() -> None:
    """The step size falls to 4/(sqrt L + sqrt mu)^2, Polyak's."""
    rule, oracle = CHEBYSHEV, quadratic_oracle(positive_definite(5))
    x = normal(1, 5)
    state = rule.init(x, oracle.layout)
    for t in range(200):
        x, state = rule.step(x, state, oracle, t, L=100.0, mu=1.0)

    assert float(state[1]) == pytest.approx(4 / (10 + 1) ** 2, rel=1e-12)


def test_each_row_has_its_own_smoothness() -> None:
    """A stack with a column of L and of mu equals its rows one by one."""
    H, x = positive_definite(6), normal(3, 6)
    L, mu = torch.tensor([[100.0], [150.0], [100.0]]).double(), torch.tensor([[1.0], [1.0], [0.2]])
    together = walk(CHEBYSHEV, quadratic_oracle(H), x, 12, L=L, mu=mu.double())

    for i in range(3):
        alone = walk(
            CHEBYSHEV, quadratic_oracle(H), x[i : i + 1], 12, L=float(L[i]), mu=float(mu[i])
        )
        torch.testing.assert_close(together[-1][i : i + 1], alone[-1], rtol=1e-6, atol=1e-12)


def test_a_tuning_takes_the_problems_facts() -> None:
    """On a registered quadratic the defaults are L and mu, and the bound on the error holds."""
    run = trajectory("quadratic:kappa=100,dim=30", "chebyshev", budget=40)
    T = math.cosh(40 * math.acosh(101 / 99))

    assert run.hyper["L"] == 1.0
    assert run.hyper["mu"] == pytest.approx(0.01)
    assert run.last("suboptimality") <= run.curve["suboptimality"][0] / T**2 * (1 + 1e-9)


def test_qn01_bfgs_with_an_exact_line_search_is_conjugate_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """QN-01: on a quadratic from H_0 = I, scipy's BFGS visits the points of conjugate gradient."""

    def exact(f, gradient, x, p, g, old, older, **options):  # type: ignore[no-untyped-def]
        del older, options
        alpha = -(g @ p) / (p @ (gradient(x + p) - g))
        return alpha, 0, 0, f(x + alpha * p), old, gradient(x + alpha * p)

    problem = "quadratic:dim=8,kappa=100"
    cg = trajectory(problem, "conjugate_gradient", budget=7)
    monkeypatch.setattr(scipy.optimize._optimize, "_line_search_wolfe12", exact)
    bfgs = trajectory(problem, "scipy.BFGS", budget=100)

    assert cg.points is not None
    assert bfgs.points is not None
    np.testing.assert_allclose(bfgs.points[:8], cg.points, atol=1e-7)
