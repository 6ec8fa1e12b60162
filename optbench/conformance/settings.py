"""Which hyperparameters the battery tries: the published ones, and others that tell them apart."""

from __future__ import annotations

from collections.abc import Mapping

from optbench.conformance.trial import Subject
from optbench.core.optimizer import UpdateRule
from optbench.core.parameters import Parameter, parameters_of

WORDS = {"lr": 0.1, "beta": 0.8, "L": 1.0, "mu": 0.01}
"""Numbers in the place of tunings that depend on the problem: the battery's L is about 1."""

DECAY = 0.1
"""The weight decay of every trial that has one."""


def published(rule: UpdateRule) -> dict[str, float]:
    """Return an equation's hyperparameters at their published values.

    Args:
        rule: The equation.

    Returns:
        Number by name; a tuning such as 1/L is one of `WORDS`.
    """
    values = {}
    for name, parameter in parameters_of(rule.step).items():
        default = parameter.default
        values[name] = WORDS[name] if isinstance(default, str) else default
    return values  # type: ignore[return-value]


def others(rule: UpdateRule, subject: Subject) -> dict[str, float]:
    """Return values that differ from the published ones, of what the subject takes."""
    return {
        name: _other(parameter, published(rule)[name])
        for name, parameter in parameters_of(rule.step).items()
        if subject.takes(name)
    }


def decaying(values: Mapping[str, float]) -> dict[str, float]:
    """Return the values with a weight decay that shows, where there is one."""
    return {**values, **({"weight_decay": DECAY} if "weight_decay" in values else {})}


def _other(parameter: Parameter, value: float) -> float:
    name, param = parameter.name, parameter.param
    if name == "weight_decay":
        return 2 * DECAY
    if name == "lr":
        return 2 * value
    if name.endswith("eps"):
        return max(10 * value, 1e-3)
    if parameter.kind is int:
        return value + 1
    if param.low == 0 and param.below == 1:
        return max(1 - 4 * (1 - value), 0.5)
    return 1.5 * value
