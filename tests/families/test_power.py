"""Powers: the sublinear rate of gradient descent."""

from __future__ import annotations

import math

import pytest
import torch

from optbench.families.power import power

# The first step halves x, as if t began at x_1^-(p-2)/((p-2) eta): 64 steps late for p = 10, which
# lowers the local slope by 64/(2^13 ln 2) of itself.
RTOL_SLOPE = 1.5e-2


@pytest.mark.parametrize(("p", "slope"), [(4.0, -2.0), (6.0, -1.5), (10.0, -1.25)])
def test_gradient_descent_is_sublinear_with_the_known_exponent(p: float, slope: float) -> None:
    """Between 2^12 and 2^13 steps f falls like t^(-p/(p-2))."""
    problem = power(p=p)
    x = problem.start(0)[None]
    values = []
    for t in range(1, 2**13 + 1):
        x = x - 0.5 * problem.oracle(x)[1]
        if t in (2**12, 2**13):
            values.append(float(problem.oracle(x)[0]))

    assert math.log2(values[1] / values[0]) == pytest.approx(slope, rel=RTOL_SLOPE)


def test_the_square_is_a_parabola() -> None:
    """The exponent 2 has L = mu = 1, at the minimiser too; other powers have no L."""
    zero = torch.zeros(1, 1, dtype=torch.float64)
    problem = power(p=2.0)
    assert problem.hessian_vector is not None

    assert problem.facts.kappa == 1.0
    assert float(problem.hessian_vector(zero, zero + 1)) == 1.0
    assert float(problem.oracle(zero)[1]) == 0.0
    assert power(p=3.0).facts.smoothness is None
