"""What `optbench show` says of an optimizer is complete."""

from __future__ import annotations

import re

import pytest

from optbench.core.optimizer import UpdateRule, without_gradient_parameters
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.find import find_optimizer

EQUATIONS = [name for name in OPTIMIZERS if isinstance(find_optimizer(name), UpdateRule)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_states_equation_source_and_search_range(name: str) -> None:
    """An update equation, a source with its year, the defaults, and where to look for the rate."""
    optimizer = find_optimizer(name)
    text = " ".join(optimizer.documentation.split())

    assert " = " in text, "no equation"
    assert re.search(r"\b1[6-9]\d\d|20[0-2]\d\b", text), "no source"
    if without_gradient_parameters(optimizer.parameters):
        assert "Default: " in text
    if "lr" in optimizer.parameters:
        assert "Search range: " in text


@pytest.mark.parametrize("name", EQUATIONS)
def test_every_hyperparameter_of_an_equation_has_a_meaning(name: str) -> None:
    """Each has a line that says what it is, and a default."""
    optimizer = find_optimizer(name)
    for parameter in optimizer.parameters.values():
        assert parameter.param.about, parameter.name
        assert parameter.default is not None, parameter.name
