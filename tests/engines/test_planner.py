"""Batches are a pure function of the runs asked for."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from optbench.engines.planner import MAX_ROWS, plan
from tests.helpers import specs

ALL = [
    *specs("quadratic:dim=5", "gd:lr=1e-3..1:40", seeds=3),
    *specs("quadratic:dim=5", "adam:lr=1e-3..1:5,beta1=0.8/0.9", seeds=2),
    *specs("quadratic:dim=6", "gd:lr=0.1"),
    *specs("least_squares", "sgd:batch_size=4/8,lr=0.1/0.2"),
    *specs("quadratic:dim=5", "torch.SGD:lr=0.1/0.2"),
]


@given(st.integers(0, 1000))
def test_the_order_of_the_runs_does_not_matter(seed: int) -> None:
    """Shuffled and repeated, the same runs make the same batches."""
    shuffled = [*ALL, *ALL[::7]]
    random.Random(seed).shuffle(shuffled)

    assert plan(shuffled) == plan(ALL)


def test_every_run_is_in_exactly_one_batch() -> None:
    """Nothing is lost and nothing is done twice."""
    planned = [spec.digest for batch in plan(ALL) for spec in batch.specs]

    assert sorted(planned) == sorted(spec.digest for spec in ALL)


def test_numbers_and_seeds_share_a_batch_and_structure_does_not() -> None:
    """Learning rates, betas and seeds stack; problems, rules, batch sizes and classes do not."""
    sizes = sorted(
        (batch.engine, batch.specs[0].problem.name, batch.specs[0].optimizer.name, len(batch.specs))
        for batch in plan(ALL)
    )

    assert sizes == [
        ("batched", "least_squares", "sgd", 2),
        ("batched", "least_squares", "sgd", 2),
        ("batched", "quadratic", "adam", 20),
        ("batched", "quadratic", "gd", 1),
        ("batched", "quadratic", "gd", 120),
        ("step", "quadratic", "torch.SGD", 1),
        ("step", "quadratic", "torch.SGD", 1),
    ]


def test_large_groups_are_cut_evenly() -> None:
    """A sweep of 505 makes two batches of nearly the same size, for two workers to share."""
    batches = plan(specs("quadratic:dim=5", "gd:lr=1e-3..1:101", seeds=5))

    assert sorted(len(batch.specs) for batch in batches) == [252, 253]
    assert max(len(batch.specs) for batch in batches) <= MAX_ROWS
