"""Batches and parameter groups are held against the problems before anything runs."""

from __future__ import annotations

import pytest

from optbench.core.errors import OptbenchError
from optbench.core.spec import parse_one
from optbench.families.fit import check_optimizers, layout

DIGITS = parse_one("tests.tasks:digits:width=8,examples=1797")
NAMES = {DIGITS: "digits"}
FUNCTION = parse_one("rosenbrock:dim=2,a=1.0,b=100.0")


@pytest.mark.parametrize(
    "groups", ["weight_decay@bias=0", "lr_scale@2.*=.1", "exclude@0.weight=true", "clip_norm=1"]
)
def test_patterns_that_fit_pass(groups: str) -> None:
    """A part of a dotted name, a glob, or no pattern at all."""
    check_optimizers(NAMES, [parse_one(f"adamw:{groups}")])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("adamw:weight_decay@biass=0", "adamw: no parameter matches 'biass'; there are: 0.weight"),
        ("torch.AdamW:exclude@norm=true", "torch.AdamW: no parameter matches 'norm'"),
        ("adamw:lr_scale@bias=2,lr_scale@0=3", "two values of lr_scale@ meet in 0.bias"),
        ("adamw:batch_size=2000", "batch_size=2000, and digits has 1199 training examples"),
    ],
)
def test_what_does_not_fit_is_said(text: str, complaint: str) -> None:
    """A pattern without a match, two for one parameter, more examples than there are."""
    with pytest.raises(OptbenchError, match=complaint):
        check_optimizers(NAMES, [parse_one(text)])


def test_a_pattern_need_not_fit_every_problem() -> None:
    """Of several problems one that it fits is enough; the others refuse it when they are run."""
    optimizer = parse_one("adamw:weight_decay@bias=0")
    check_optimizers({FUNCTION: "f", DIGITS: "digits"}, [optimizer])
    with pytest.raises(OptbenchError, match="no parameter matches 'bias'"):
        check_optimizers({FUNCTION: "f"}, [optimizer])


def test_the_layout_of_a_task_names_its_parameters() -> None:
    """The names are torch's, and the sizes add up to 64 w + w + 10 w + 10."""
    blocks = layout(DIGITS).blocks

    assert [block.name for block in blocks] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert sum(block.size for block in blocks) == 64 * 8 + 8 + 10 * 8 + 10
