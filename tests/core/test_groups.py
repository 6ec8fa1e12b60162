from __future__ import annotations

import pytest

from optbench.core.errors import SpecError
from optbench.core.groups import Override, complete_grouped, overrides
from optbench.core.spec import parse_one
from optbench.optimizers.find import find_optimizer


def _complete(text: str) -> list[Override]:
    spec = parse_one(text)
    parameters = find_optimizer(spec.name).parameters
    return overrides(complete_grouped(spec.name, parameters, dict(spec.params)))


def test_keys_of_groups_are_checked_and_kept() -> None:
    """A group may set a rate's multiple, any number of the optimizer, and exclusion."""
    text = "adamw:lr=1e-3,lr_scale@head=2,weight_decay@*.bias=0,exclude@norm=true"
    assert sorted(_complete(text)) == [
        Override("exclude", "norm", True),
        Override("lr_scale", "head", 2.0),
        Override("weight_decay", "*.bias", 0.0),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adam:lr@bias=1", "lr_scale@PATTERN"),
        ("adam:weight_deca@bias=0", "weight_deca"),
        ("gd:weight_decay@bias=0", "parameter of gd"),
        ("adamw:beta1@bias=2", r"beta1 must be in \[0, 1\)"),
        ("adamw:exclude@bias=1", "true or false"),
        ("adamw:lr_scale@bias=-1", "lr_scale must be in"),
        ("adamw:batch_size@bias=3", "batch_size"),
        ("scipy.CG:lr_scale@bias=3", "no learning rate"),
        ("shampoo:eps@bias=1e-3", "shampoo has one eps for all parameters"),
        ("soap:frequency@bias=3", "soap has one frequency for all parameters"),
    ],
)
def test_slips_are_named(text: str, message: str) -> None:
    """What a group cannot set is refused before anything runs, in one line."""
    with pytest.raises(SpecError, match=message):
        _complete(text)
