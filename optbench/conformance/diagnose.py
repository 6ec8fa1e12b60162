"""What a deviation is: the variant of the equation that the implementation agrees with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from optbench.conformance.checks.paths import (
    HYPER_STEPS,
    TRAJECTORIES,
    first_step_trial,
    hyper_trial,
    trajectory_trial,
)
from optbench.conformance.pair import RTOL, NotApplicableError, Pair
from optbench.conformance.problems import constant_tape, mixed_tape
from optbench.conformance.reference import Equation, difference, expected_path
from optbench.conformance.settings import published
from optbench.conformance.trial import Trial, path_of
from optbench.conformance.variants import adam, adaptive, layerwise, momentum
from optbench.conformance.variants.family import Family
from optbench.conformance.variants.general import Variant, general_variants
from optbench.conformance.variants.others import OTHERS

FAMILIES: dict[str, Family] = {
    **adam.FAMILIES,
    **momentum.FAMILIES,
    **adaptive.FAMILIES,
    **layerwise.FAMILIES,
}
"""The equations that have knobs."""

SENSELESS = (RuntimeError, ValueError, TypeError, LookupError, StopIteration)
"""What a variant of a variant may raise, or a dtype without kernels: it need not make sense."""

SINGLE, NEARLY = torch.finfo(torch.float32).eps, 1e-4
"""The last digit of single precision, and what may come of it in a path."""

ROUGHER = 8.0
"""A lower precision inside goes no further astray than this many times the equation in it."""


@dataclass(frozen=True)
class Diagnosis:
    """What an implementation is instead of the equation.

    Attributes:
        text: As a phrase: `epsilon inside the square root`.
        note: Where it is a known choice: whose.
        exact: Whether a variant was found that the implementation agrees with to rounding.
    """

    text: str
    note: str = ""
    exact: bool = True


def diagnose(pair: Pair) -> Diagnosis | None:
    """Say what an implementation is.

    Args:
        pair: The implementation and the equation that it deviates from.

    Returns:
        The variant that it agrees with on every trial of the battery, to rounding; or the precision
        that its deviations speak of; or None where no variant agrees, or its path is the
        equation's after all and something else deviates.
    """
    seen = [(trial, path) for trial in trials(pair) if (path := _path(pair, trial)) is not None]
    if all(pair.compare(trial) <= RTOL for trial, _ in seen):
        return None
    for variant in variants(pair):
        changed = Equation(variant.name, variant.change(pair.equation.rule))
        if all(_agrees(changed, trial, path) for trial, path in seen):
            return Diagnosis(variant.name, variant.note)
    if all(_as_rough(pair.equation, torch.float32, trial, path) for trial, path in seen):
        return Diagnosis("single precision somewhere inside", exact=False)
    for variant in single_variants(pair):
        changed = Equation(variant.name, variant.change(pair.equation.rule))
        if all(_nearly(changed, trial, path) for trial, path in seen):
            text = f"{variant.name}; and single precision somewhere inside"
            return Diagnosis(text, variant.note)
    if all(_as_rough(pair.equation, torch.bfloat16, trial, path) for trial, path in seen):
        return Diagnosis("bfloat16 somewhere inside", exact=False)
    return None


def trials(pair: Pair) -> Iterator[Trial]:
    """Yield the trials by which variants are told apart, the quickest first."""
    makers: list[Callable[[], Trial]] = [
        lambda: first_step_trial(pair),
        lambda: pair.trial(constant_tape(0.0), 5),
        lambda: pair.trial(constant_tape(1e-12, 0.0), 20),
        lambda: pair.trial(mixed_tape(), HYPER_STEPS),
        lambda: pair.trial(mixed_tape(), HYPER_STEPS, pair.others),
        *(functools.partial(hyper_trial, name, pair) for name in published(pair.equation.rule)),
        *(
            functools.partial(trajectory_trial, name, pair, varied=varied)
            for name in TRAJECTORIES
            for varied in (False, True)
        ),
    ]
    for make in makers:
        try:
            yield make()
        except NotApplicableError:
            continue


def variants(pair: Pair) -> Iterator[Variant]:
    """Yield an equation's variants: those that differ in one place, then in two."""
    own, general = _own(pair), _general(pair)
    yield from single_variants(pair)
    family = FAMILIES.get(pair.equation.name)
    if family:
        yield from family.pairs()
    for one in own:
        for other in general:
            yield _both(one, other)


def single_variants(pair: Pair) -> list[Variant]:
    """Return an equation's variants that differ in one place."""
    return [*_own(pair), *_general(pair)]


def _own(pair: Pair) -> list[Variant]:
    family = FAMILIES.get(pair.equation.name)
    return [*OTHERS.get(pair.equation.name, ()), *(family.singles() if family else [])]


def _general(pair: Pair) -> list[Variant]:
    return general_variants(published(pair.equation.rule))


def _as_rough(equation: Equation, dtype: torch.dtype, trial: Trial, path: Tensor) -> bool:
    """Return whether a path is no further from the equation's than rounding to a dtype puts it."""
    try:
        exact = expected_path(equation, trial)
        rough = expected_path(equation, replace(trial, dtype=dtype))
    except SENSELESS:
        return False
    ulp = torch.finfo(dtype).eps
    own = difference(rough.double(), exact, ulp) if rough.isfinite().all() else 0.0
    return difference(path, exact, ulp) <= ROUGHER * (own + ulp)


def _nearly(variant: Equation, trial: Trial, path: Tensor) -> bool:
    """Return whether a variant takes the path but for what single precision makes of it."""
    try:
        return difference(path_of(variant, trial), path, SINGLE) <= NEARLY
    except SENSELESS:
        return False


def _both(one: Variant, other: Variant) -> Variant:
    return Variant(
        name=f"{one.name} and {other.name}",
        change=lambda rule: other.change(one.change(rule)),
        note="; ".join(note for note in (one.note, other.note) if note),
    )


def _path(pair: Pair, trial: Trial) -> Tensor | None:
    try:
        return pair.path(trial)
    except Exception:  # an implementation may raise anything; the checks have said so
        return None


def _agrees(variant: Equation, trial: Trial, path: Tensor) -> bool:
    """Return whether a variant takes the path; its first steps are looked at first."""
    try:
        instance = variant.build(trial)
        points = [instance.point()]
        for t in range(1, trial.steps + 1):
            instance.advance()
            points.append(instance.point())
            look = t in (1, 2, 4, 16) or t == trial.steps
            if look and difference(torch.stack(points), path[: t + 1]) > RTOL:
                return False
    except SENSELESS:
        return False
    return True
