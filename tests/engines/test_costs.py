from __future__ import annotations

import pytest

from optbench.core.parameters import complete
from optbench.core.spec import Spec
from optbench.engines.costs import STEPS, WIDTHS, Cost, measure_cost
from optbench.optimizers.find import find_optimizer
from tests.helpers import runs


def _cost(name: str) -> Cost:
    cost, reason = measure_cost(Spec.of(name, complete(name, find_optimizer(name).parameters, {})))
    assert cost is not None, reason
    return cost


@pytest.mark.parametrize(
    ("name", "tensors"),
    [
        ("gd", 0),
        ("heavy_ball", 1),
        ("lion", 1),
        ("adam", 2),
        ("amsgrad", 3),
        ("torch.SGD", 0),
        ("torch.Adam", 2),
        ("pytorch_optimizer.Lion", 1),
    ],
)
def test_state_is_measured(name: str, tensors: int) -> None:
    """A state of k tensors takes 4 k bytes a variable in float32: Lion half of Adam."""
    assert _cost(name).state_bytes == pytest.approx(4 * tensors, abs=0.01)


def test_factored_state_is_small() -> None:
    """Adafactor keeps a row and a column of a matrix, not the matrix."""
    width = WIDTHS[0]
    expected = 4 * (width + (width - 1) + width) / width**2
    assert _cost("adafactor").state_bytes == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("name", "gradients", "hvps"),
    [
        ("adam", 1, 0),
        ("sophia_h", 1, 0.1),
        ("sophia_g", 1.1, 0),
        ("conjugate_gradient", 0, 1),
        ("newton", 1, WIDTHS[1] ** 2),
        ("torch.AdamW", 1, 0),
        ("pytorch_optimizer.SophiaH", 1, 0.1),
    ],
)
def test_oracle_calls_are_counted(name: str, gradients: float, hvps: float) -> None:
    """Calls a step: Sophia's estimate every tenth step, Newton's d products every step."""
    assert STEPS == 10
    cost = _cost(name)
    assert (cost.gradients, cost.hvps) == (gradients, hvps)


def test_what_cannot_be_measured_has_a_reason() -> None:
    """K-FAC needs layers, which the measured function has not."""
    cost, reason = measure_cost(
        Spec.of("kfac", complete("kfac", find_optimizer("kfac").parameters, {}))
    )
    assert cost is None
    assert "model" in reason


@pytest.mark.parametrize(("name", "size"), [("adam", 16), ("torch.Adam", 16), ("gd", 0)])
def test_results_carry_the_states_size(name: str, size: float) -> None:
    """A float64 run of Adam keeps 16 bytes a variable, and its result says so."""
    (run,) = runs("quadratic:dim=1000,rotated=false", f"{name}:lr=1e-3", budget=3)
    assert run.facts["state_bytes"] == pytest.approx(size, abs=0.02)
