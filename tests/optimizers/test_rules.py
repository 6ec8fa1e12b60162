"""What every coordinate-wise and layer-wise rule promises to the engine."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from optbench.core.layout import Block, Layout
from optbench.core.parameters import parameters_of
from optbench.core.problem import Facts
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.tuning import resolve_tunings
from tests.optimizers.gradient_oracle import GradientOracle, normal, path, rule_of

FILES = (
    "gradient", "momentum", "accelerated", "adagrad", "rmsprop", "adam", "adafactor", "sign",
    "layerwise", "schedule_free", "d_adaptation",
)  # fmt: skip
RULES = [
    name
    for name, entry in OPTIMIZERS.items()
    if entry.target.partition(":")[0].rpartition(".")[2] in FILES
]
# What is in proportion to the weights depends on where the origin is.
RELATIVE = ("lars", "lamb", "adafactor")
LAYOUT = Layout((Block("weight", (2, 3)), Block("bias", (2,), excluded=True)))
CURVATURES = torch.linspace(0.5, 3.0, 8, dtype=torch.float64)
ROWS, STEPS = 3, 8
RTOL_ROUNDING = 1e-11

every_rule = pytest.mark.parametrize("name", RULES)


def _hyper(name: str, **more: float) -> dict[str, float]:
    """Return a rule's defaults as numbers, for L = 4 and mu = 0.25, without decay unless given."""
    defaults = {key: p.default for key, p in parameters_of(rule_of(name).step).items()}
    if "weight_decay" in defaults:
        defaults["weight_decay"] = 0.0
    facts = Facts(dim=8, smoothness=4.0, strong_convexity=0.25)
    numbers, message = resolve_tunings(
        {key: value for key, value in defaults.items() if value is not None}, facts
    )
    assert message == ""
    return {key: float(value) for key, value in numbers.items()} | more


def _per_run(name: str) -> list[str]:
    return [key for key, p in parameters_of(rule_of(name).step).items() if p.param.per_run]


def _bent(x: Tensor) -> Tensor:
    """Return the gradient of a smooth function that is not a quadratic."""
    return CURVATURES.to(x) * x + 0.3 * torch.sin(2 * x)


@every_rule
@settings(max_examples=3)
@given(seed=st.integers(0, 2**16))
def test_a_stack_equals_its_rows(name: str, seed: int) -> None:
    """Runs that travel together with learning rates of their own go as each goes alone."""
    start, hyper = normal(ROWS, 8, seed=seed), _hyper(name)
    rates = hyper.pop("lr") * torch.tensor([[0.5], [1.0], [1.5]], dtype=torch.float64)
    together = path(name, start, _bent, STEPS, layout=LAYOUT, lr=rates, **hyper)

    for row in range(ROWS):
        alone = path(name, start[[row]], _bent, STEPS, layout=LAYOUT, lr=float(rates[row]), **hyper)
        torch.testing.assert_close(together[:, [row]], alone, rtol=RTOL_ROUNDING, atol=1e-12)


@every_rule
def test_a_hyperparameter_may_be_a_number_a_column_or_one_a_coordinate(name: str) -> None:
    """Number, (B, 1), (1, d) and (B, d) give the same path, each hyperparameter in its turn."""
    start, hyper = normal(ROWS, 8), _hyper(name)
    if "weight_decay" in hyper:
        hyper["weight_decay"] = 0.1
    expected = path(name, start, _bent, STEPS, layout=LAYOUT, **hyper)

    assert "lr" in _per_run(name)
    for key in _per_run(name):
        for shape in ((ROWS, 1), (1, 8), (ROWS, 8)):
            spread = torch.full(shape, hyper[key], dtype=torch.float64)
            found = path(name, start, _bent, STEPS, layout=LAYOUT, **hyper | {key: spread})
            torch.testing.assert_close(found, expected, rtol=RTOL_ROUNDING, atol=1e-12)


@every_rule
def test_a_step_leaves_its_arguments_as_they_are(name: str) -> None:
    """Neither x nor the state is changed in place, and every part of the state has a row a run."""
    rule, hyper, x = rule_of(name), _hyper(name), normal(ROWS, 8)
    state = rule.init(x, LAYOUT)
    oracle = GradientOracle(_bent, LAYOUT, horizon=STEPS)
    for t in range(4):
        before = [part.clone() for part in (x, *state)]
        x_next, state_next = rule.step(x, state, oracle, t, **hyper)

        for part, copy in zip((x, *state), before, strict=True):
            assert torch.equal(part, copy)
        assert [part.shape for part in state_next] == [part.shape for part in state]
        assert all(len(part) == ROWS for part in state_next)
        x, state = x_next, state_next


@every_rule
def test_without_a_gradient_nothing_moves(name: str) -> None:
    """From a stationary point without decay the path is the point, and no number is lost."""
    start = normal(ROWS, 8)
    x = path(name, start, torch.zeros_like, STEPS, layout=LAYOUT, **_hyper(name))

    torch.testing.assert_close(x, start.expand_as(x), rtol=1e-14, atol=0)


@every_rule
def test_a_step_stays_in_single_precision(name: str) -> None:
    """A float32 point stays one, and goes where double precision goes, to 1e-3."""
    start, hyper = normal(ROWS, 8), _hyper(name)
    single = path(name, start.float(), _bent, STEPS, layout=LAYOUT, **hyper)
    double = path(name, start, _bent, STEPS, layout=LAYOUT, **hyper)

    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-4)


@every_rule
@settings(max_examples=3)
@given(shift=st.floats(-3, 3), seed=st.integers(0, 2**16))
def test_a_moved_problem_gives_the_moved_path(name: str, shift: float, seed: int) -> None:
    """Rules without a size of x in them do not know where the origin is."""
    start, hyper = normal(1, 8, seed=seed), _hyper(name)
    x = path(name, start, _bent, STEPS, layout=LAYOUT, **hyper)
    moved = path(name, start + shift, lambda y: _bent(y - shift), STEPS, layout=LAYOUT, **hyper)
    agree = torch.allclose(moved - shift, x, rtol=1e-7, atol=1e-7)

    assert agree or name in RELATIVE
    assert not agree or abs(shift) < 1 or name not in RELATIVE


@every_rule
def test_a_reflected_problem_gives_the_reflected_path(name: str) -> None:
    """Changing the sign of some coordinates changes it along the path, and nothing else."""
    start, hyper = normal(ROWS, 8), _hyper(name)
    flip = torch.tensor([1.0, -1.0] * 4, dtype=torch.float64)
    x = path(name, start, _bent, STEPS, layout=LAYOUT, **hyper)
    flipped = path(name, flip * start, _bent, STEPS, layout=LAYOUT, **hyper)  # _bent is odd

    torch.testing.assert_close(flipped, flip * x, rtol=1e-12, atol=1e-13)


@every_rule
def test_decay_pulls_towards_the_origin(name: str) -> None:
    """A rule with a decay shrinks x where there is no gradient, except where the decay is 0."""
    if "weight_decay" not in _hyper(name):
        return
    start = normal(ROWS, 8)
    decay = torch.full((1, 8), 0.5, dtype=torch.float64)
    decay[:, 6:] = 0.0
    hyper = _hyper(name) | {"weight_decay": decay}
    x = path(name, start, torch.zeros_like, STEPS, layout=LAYOUT, **hyper)[-1]

    assert bool((x[:, :6].abs() < start[:, :6].abs()).all())
    torch.testing.assert_close(x[:, 6:], start[:, 6:], rtol=1e-14, atol=0)


@every_rule
def test_the_docstring_states_equation_source_default_and_range(name: str) -> None:
    """Every rule has an equation `x+ =` or `x_t =`, a year, its default and a search range."""
    text = rule_of(name).documentation

    assert "x+ = " in text or "x_t = " in text
    assert any(f"{year}" in text for year in (1847, *range(1950, 2025))) or "torch" in text
    assert "Default: " in text
    assert "earch range: " in text.replace("\n    ", " ")


@every_rule
def test_the_defaults_descend(name: str) -> None:
    """100 steps at the default hyperparameters bring f below its start on a mild problem."""
    start, hyper = normal(ROWS, 8), _hyper(name)
    x = path(name, start, _bent, 100, layout=LAYOUT, **hyper)
    f = (CURVATURES * x * x / 2 + 0.3 * torch.sin(x) ** 2).sum(-1)

    assert bool((f[-1] < f[0]).all())
    assert math.isfinite(float(f.sum()))
