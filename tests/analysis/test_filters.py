"""Runs are picked by the names and patterns that a user types."""

from __future__ import annotations

import pytest

from optbench.analysis.filters import chosen
from optbench.core.errors import OptbenchError
from optbench.core.spec import RunSpec, Spec


def spec(label: str, optimizer: Spec, schedule: Spec | None = None) -> RunSpec:
    """A spec on a quadratic, asked for by a card's name."""
    problem = Spec.of("quadratic", {"kappa": 10.0})
    return RunSpec(
        problem=problem,
        optimizer=optimizer,
        schedule=schedule or Spec("constant"),
        budget=10.0,
        seed=0,
        label=label,
    )


SPECS = [
    spec("quadratic-k10", Spec.of("adam", {"lr": 0.1})),
    spec("quadratic-k10", Spec.of("gd", {"lr": 0.1}), Spec("cosine")),
    spec("bowl", Spec.of("gd", {"lr": 0.1})),
]


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ({}, [True, True, True]),
        ({"problems": ["quadratic"]}, [True, True, False]),
        ({"problems": ["quad*k10"]}, [True, True, False]),
        ({"optimizers": ["gd"]}, [False, True, True]),
        ({"optimizers": ["*lr=0.1"], "schedules": ["cosine"]}, [False, True, False]),
        ({"problems": ["bowl", "quadratic*"], "optimizers": ["adam"]}, [True, False, False]),
    ],
)
def test_one_pattern_of_each_kind_must_fit(
    patterns: dict[str, list[str]], found: list[bool]
) -> None:
    """A name, a card's label and a glob pick; several patterns of one kind are any of them."""
    assert chosen(SPECS, **patterns) == found


def test_what_fits_nothing_is_named() -> None:
    """A typing mistake names what there is; patterns that only fit apart say so."""
    with pytest.raises(OptbenchError, match="unknown optimizer 'adm'; did you mean adam"):
        chosen(SPECS, optimizers=["adm"])
    with pytest.raises(OptbenchError, match="leave a filter out"):
        chosen(SPECS, problems=["bowl"], optimizers=["adam"])


def test_an_empty_store_is_no_mistake() -> None:
    """Where there is nothing, nothing is chosen."""
    assert chosen([]) == []


def test_a_name_with_the_signs_of_a_pattern_fits_itself() -> None:
    """Brackets in others' names are no class of characters, and patterns still work."""
    specs = [spec("bowl[easy]", Spec("sgd[momentum=True]")), spec("bowl", Spec("sgd"))]

    assert chosen(specs, problems=["bowl[easy]"], optimizers=["sgd[momentum=True]"]) == [
        True,
        False,
    ]
    assert chosen(specs, problems=["bowl*"], optimizers=["sg[d]"]) == [False, True]
