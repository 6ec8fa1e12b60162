"""What a step costs is a ratio to fixed work, and a peak that does not wander."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import pytest

from optbench.core.errors import OptbenchError
from optbench.core.spec import parse_one
from optbench.watch import timing
from optbench.watch.timing import PAIRS, measure_memory, measure_step

MEMORY_RTOL = 0.02
"""Pages that a step touches besides its tensors; a copy of the model more is 14 % more."""


def test_every_pair_is_timed_beside_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work and kernel in turn: a machine twice as slow from some pair on slows down both."""
    order: list[str] = []
    speeds: Iterator[float] = iter([1.0] * 10 + [2.0] * 1000)

    def fake(name: str, seconds: float) -> object:
        def work() -> float:
            order.append(name)
            return seconds * (next(speeds) if name == "work" else 1.0)

        return work

    monkeypatch.setattr(timing, "_steps", lambda *arguments: fake("work", 3.0))
    monkeypatch.setattr(timing, "_kernel", lambda optimizer: fake("kernel", 2.0))
    found = measure_step(parse_one("gd"))

    assert order == ["work", "kernel"] * (PAIRS + 1)
    assert found[:9] == (1.5,) * 9
    assert len(found) == PAIRS


@pytest.mark.parametrize("optimizer", ["gd", "torch.SGD:momentum=0.9"])
def test_a_step_has_a_ratio(optimizer: str) -> None:
    """Both kinds of optimizer are timed; a step of descent costs less than ten of Adam."""
    assert 0 < statistics.median(measure_step(parse_one(optimizer))) < 10


def test_the_peak_of_memory_is_that_of_the_tensors() -> None:
    """Adam keeps two copies of the model that descent does not, and says so to 2 %."""
    plain, adam = (measure_memory(parse_one(name)) for name in ("torch.SGD", "torch.AdamW"))

    assert adam - plain == pytest.approx(2, rel=MEMORY_RTOL)


def test_what_raises_in_a_process_of_its_own_is_said() -> None:
    """The reason comes back from there in one line."""
    with pytest.raises(OptbenchError, match="unknown optimizer"):
        measure_memory(parse_one("no_such_optimizer"))
