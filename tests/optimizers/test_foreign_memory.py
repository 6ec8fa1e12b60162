"""The size of an optimizer's state is measured, in bytes per variable."""

from __future__ import annotations

import pytest
import torch

from optbench.core.optimizer import StepMethod, without_gradient_parameters
from optbench.core.schedule import Factors
from optbench.engines.step import StepSession
from optbench.optimizers.find import find_optimizer
from tests.helpers import specs

LAYERS = "mlp:hidden=3,examples=20"
D, LAYERS_SIZES = 235, ((65, 3), (4, 10))
COUNTERS = 4 * 4 / D
"""One float32 for each of the four parameters, where torch counts its steps."""


def measured(optimizer: str, dtype: str = "float64") -> float | None:
    """Return the bytes per variable that a run of three steps reports."""
    import numpy as np

    from optbench.engines.step import _EndOfRunError
    from optbench.families.find import build_problem

    (spec,) = specs(LAYERS, optimizer, budget=3, dtype=dtype)
    method = find_optimizer(spec.optimizer.name)
    assert isinstance(method, StepMethod)
    with torch.no_grad():
        session = StepSession(build_problem(spec.problem), spec, Factors(np.ones(4)))
        with pytest.raises(_EndOfRunError):
            method.run(session, **without_gradient_parameters(dict(spec.optimizer.params)))
    return session.state_bytes


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ("torch.SGD", 0),
        ("torch.SGD:momentum=0.9", 8),
        ("torch.Adam", 16 + COUNTERS),
        ("torch.Adam:amsgrad=true", 24 + COUNTERS),
        ("pytorch_optimizer.Lion", 8),
        ("schedulefree.SGDScheduleFree", 8),
        # A matrix of momentum; Adam's pair for the biases.
        ("torch.Muon", (8 * 222 + 16 * 13 + 2 * 4) / D),
        # The momentum, and for each layer two square factors with a momentum of each.
        ("singd.SINGD", 8 + 8 * 2 * sum(a * a + b * b for a, b in LAYERS_SIZES) / D),
    ],
)
def test_the_state_has_the_size_of_its_equations(optimizer: str, expected: float) -> None:
    """Eight bytes for each number of the recursion, and Lion has half of Adam's."""
    assert measured(optimizer) == pytest.approx(expected, rel=1e-12)


def test_single_precision_has_half_the_size() -> None:
    """The unit is bytes, not numbers."""
    assert measured("pytorch_optimizer.Lion", "float32") == 4
