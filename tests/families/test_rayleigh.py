"""Rayleigh's quotient depends on the direction alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from optbench.families.rayleigh import rayleigh
from tests.families.cases import Case, points


def test_scaling_the_point_scales_the_gradient_inversely_and_leaves_the_value() -> None:
    """f(c x) = f(x), g(c x) = g(x)/c, x'g = 0."""
    problem, x = rayleigh(), points(Case("rayleigh"))

    (f, g), (f_scaled, g_scaled) = problem.oracle(x), problem.oracle(8.0 * x)

    torch.testing.assert_close(f_scaled, f, rtol=1e-14, atol=0)
    torch.testing.assert_close(g_scaled, g / 8, rtol=1e-13, atol=1e-16)
    assert float((x * g).sum(-1).abs().max()) < 1e-15


def test_the_extremes_are_half_the_extreme_eigenvalues() -> None:
    """Along the axes f is half an eigenvalue: from 1/(2 kappa) to 1/2, evenly in the logarithm."""
    problem = rayleigh(dim=4, kappa=1000.0)

    f, _ = problem.value_and_gradient(torch.eye(4, dtype=torch.float64))

    assert f.tolist() == pytest.approx(list(np.geomspace(0.0005, 0.5, 4)), rel=1e-14)
