"""Functions of two variables on a grid."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.core.errors import OptbenchError
from optbench.core.spec import Spec
from optbench.families.find import complete_problem
from optbench.families.landscape import landscape, surroundings


def test_values_are_the_function_above_its_minimum() -> None:
    """A quadratic with f* = 0 round (1, 1): rows are ordinates, columns abscissae."""
    spec = complete_problem(Spec.of("quadratic", {"dim": 2, "kappa": 4.0, "rotated": False}))
    ground = landscape(spec, (0.0, 2.0), (-1.0, 1.0), points=5)
    center = surroundings(spec).minimisers[0]
    along, across = ground.values[2, :], ground.values[:, 2]

    assert ground.known
    assert ground.values.shape == (5, 5)
    curvatures = {
        round(float(np.polyfit(axis, line, 2)[0]), 9)
        for axis, line in ((ground.x, along), (ground.y, across))
    }
    assert curvatures == {0.125, 0.5}
    at = landscape(spec, (center[0], center[0] + 1), (center[1], center[1] + 1), points=2)
    assert at.values[0, 0] == pytest.approx(0, abs=1e-15)


def test_every_isolated_minimiser_is_told_and_no_curve_of_them() -> None:
    """Himmelblau's function has four; (x y - 1)^2/2 has a curve."""
    four = surroundings(complete_problem(Spec("himmelblau"))).minimisers
    spec = complete_problem(Spec("himmelblau"))

    assert len(four) == 4
    for x, y in four:
        assert landscape(spec, (x, x + 1), (y, y + 1), points=2).values[0, 0] < 1e-10
    assert surroundings(complete_problem(Spec("product"))).minimisers.shape == (0, 2)


def test_other_numbers_of_variables_are_refused() -> None:
    """Three variables have no contours."""
    with pytest.raises(OptbenchError, match="3 variables"):
        landscape(complete_problem(Spec.of("rosenbrock", {"dim": 3})), (0, 1), (0, 1))
