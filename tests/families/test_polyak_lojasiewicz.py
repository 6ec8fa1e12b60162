"""The Polyak-Lojasiewicz constant is the minimum of its ratio, and the rate follows from it."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.families.polyak_lojasiewicz import polyak_lojasiewicz


def test_constant_is_the_minimum_of_the_ratio() -> None:
    """g^2/(2f) on a grid of a million points has the minimum .17553..., the stored constant."""
    x = np.linspace(1e-3, 20, 1_000_001)
    ratio = (2 * x + 3 * np.sin(2 * x)) ** 2 / (2 * (x**2 + 3 * np.sin(x) ** 2))

    facts = polyak_lojasiewicz().facts

    assert facts.pl_constant == pytest.approx(ratio.min(), rel=1e-8)
    assert facts.pl_constant is not None
    assert facts.pl_constant <= ratio.min() * (1 + 1e-14)
    assert f"{facts.pl_constant:.5f}" == "0.17553"


def test_gradient_descent_converges_linearly_without_convexity() -> None:
    """With 1/L the gap shrinks by 1 - mu_PL/L at least, at every step, from many starts."""
    problem = polyak_lojasiewicz()
    assert problem.facts.pl_constant is not None
    for seed in range(10):
        x = problem.start(seed)[None]
        gap = float(problem.oracle(x)[0])
        for _ in range(60):
            x = x - problem.oracle(x)[1] / 8
            after = float(problem.oracle(x)[0])

            assert after <= (1 - problem.facts.pl_constant / 8) * gap * (1 + 1e-12) + 1e-300
            gap = after
