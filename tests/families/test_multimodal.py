"""Rastrigin, Ackley, Styblinski-Tang: golden minima, and digits kept beside them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from optbench.families.multimodal import ackley, rastrigin, styblinski_tang


def test_styblinski_tang_has_its_published_minimum() -> None:
    """x* = -2.903534 and f* = -39.16616570377142 a dimension; r is a root of the derivative."""
    facts = styblinski_tang(dim=3).facts
    assert facts.x_star is not None
    r = float(facts.x_star[0])

    assert r == pytest.approx(-2.903534027771, abs=1e-12)
    assert facts.f_star == pytest.approx(3 * -39.16616570377142, rel=1e-14)
    assert abs(4 * r**3 - 32 * r + 5) < 1e-13


def test_gaps_keep_their_digits_near_the_minimiser() -> None:
    """At distances of 1e-9 and less the gap has its leading term, where 1 - cos would be 0."""
    e = torch.tensor([[1e-9]], dtype=torch.float64)

    assert float(rastrigin(dim=1).oracle(e)[0]) == pytest.approx(
        (1 + 20 * math.pi**2) * 1e-18, rel=1e-9, abs=0
    )
    assert float(ackley(dim=1).oracle(e / 1000)[0]) == pytest.approx(4e-12, rel=1e-9, abs=0)
    problem = styblinski_tang(dim=1)
    assert problem.facts.x_star is not None
    h = 6 * float(problem.facts.x_star) ** 2 - 16
    gap = float(problem.oracle(problem.facts.x_star + 2.0**-25 * torch.ones(1, 1))[0])
    assert gap == pytest.approx(h / 2 * 2.0**-50, rel=1e-6, abs=0)


def test_rastrigin_has_a_local_minimum_near_every_integer() -> None:
    """Gradient descent from (-2, 3.5 - 0.4) stays in its cell, far above f*."""
    problem = rastrigin()
    x = torch.tensor([[-2.0, 3.1]], dtype=torch.float64)
    for _ in range(200):
        x = x - problem.oracle(x)[1] / (problem.facts.smoothness or 1.0)

    np.testing.assert_allclose(x, [[-1.98991, 2.98486]], atol=1e-5)
    assert float(problem.oracle(x)[1].norm()) < 1e-9


def test_ackley_gradient_is_zero_at_the_kink_and_bounded_beside_it() -> None:
    """At the origin the gradient is taken as 0; beside it its norm is 4/sqrt(d)."""
    problem = ackley(dim=4)
    x = torch.zeros(2, 4, dtype=torch.float64)
    x[1, 2] = 1e-12

    g = problem.oracle(x)[1]

    assert g[0].tolist() == [0, 0, 0, 0]
    assert float(g[1].norm()) == pytest.approx(2.0, rel=1e-9)
