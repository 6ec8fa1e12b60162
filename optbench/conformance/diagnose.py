"""What a deviation is: the variant of the equation that the implementation agrees with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
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
from optbench.conformance.variants.general import Variant, general_variants, rounded_gradient
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


FINER = 100.0
"""A lower precision inside shows in most trials, as more than its last digit over this."""


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


def diagnose(
    pair: Pair, among: Callable[[Pair], Iterator[Trial]] | None = None
) -> Diagnosis | None:
    """Say what an implementation is.

    Args:
        pair: The implementation and the equation that it deviates from.
        among: The trials that a variant must agree on; `trials` by default.

    Returns:
        The variant that it agrees with on every one of these trials, to rounding; or the precision
        that its deviations speak of; or None where no variant agrees, or its path is the
        equation's after all and something else deviates.
    """
    shown = (among or trials)(pair)
    seen = [(trial, path) for trial in shown if (path := _path(pair, trial)) is not None]
    if all(pair.compare(trial) <= RTOL for trial, _ in seen):
        return None
    for variant in variants(pair):
        changed = Equation(variant.name, variant.change(pair.equation.rule))
        if all(_agrees(changed, trial, path) for trial, path in seen):
            return Diagnosis(variant.name, variant.note)
    if _rough(pair, torch.float32, seen):
        return Diagnosis("single precision somewhere inside", exact=False)
    if not all(_nearly(pair.equation, trial, path) for trial, path in seen):
        for variant in single_variants(pair):
            changed = Equation(variant.name, variant.change(pair.equation.rule))
            if all(_nearly(changed, trial, path) for trial, path in seen):
                text = f"{variant.name}; and single precision somewhere inside"
                return Diagnosis(text, variant.note)
    if _rough(pair, torch.bfloat16, seen):
        return Diagnosis("bfloat16 somewhere inside", exact=False)
    return None


def tapes(pair: Pair) -> Iterator[Trial]:
    """Yield the trials of shown gradients by which variants are told apart, the quickest first."""
    return _applicable(
        lambda: first_step_trial(pair),
        lambda: pair.trial(constant_tape(0.0), 5),
        lambda: pair.trial(constant_tape(1e-12, 0.0), 20),
        lambda: pair.trial(mixed_tape(), HYPER_STEPS),
        lambda: pair.trial(mixed_tape(), HYPER_STEPS, pair.others),
        *(functools.partial(hyper_trial, name, pair) for name in published(pair.equation.rule)),
    )


def trials(pair: Pair) -> Iterator[Trial]:
    """Yield all trials by which variants are told apart: `tapes`, then trajectories."""
    yield from tapes(pair)
    yield from _applicable(
        *(
            functools.partial(trajectory_trial, name, pair, varied=varied)
            for name in TRAJECTORIES
            for varied in (False, True)
        )
    )


def _applicable(*makers: Callable[[], Trial]) -> Iterator[Trial]:
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


def _rough(pair: Pair, dtype: torch.dtype, seen: Sequence[tuple[Trial, Tensor]]) -> bool:
    """Return whether paths deviate by what a dtype makes of them: never more, mostly no less."""
    if not all(_as_rough(pair.equation, dtype, trial, path) for trial, path in seen):
        return False
    least = torch.finfo(dtype).eps / FINER
    return 2 * sum(pair.compare(trial) >= least for trial, _ in seen) >= len(seen)


def _as_rough(equation: Equation, dtype: torch.dtype, trial: Trial, path: Tensor) -> bool:
    """Return whether a path is no further from the equation's than rounding to a dtype puts it."""
    single, ulp = dtype is torch.float32, torch.finfo(dtype).eps
    rounded = Equation(equation.name, rounded_gradient(dtype, equation.rule))
    try:
        exact = expected_path(equation, trial)
        # All in single precision, the point too; in bfloat16 a point would hardly move.
        if single:
            rough = expected_path(equation, replace(trial, dtype=dtype)).double()
        else:
            rough = expected_path(rounded, trial)
    except SENSELESS:
        return False
    if bool((exact == exact[0]).all()):
        return torch.equal(path, exact)  # no precision moves what stands still
    forgiven = ulp if single else 0.0
    own = difference(rough, exact, forgiven) if rough.isfinite().all() else 0.0
    return difference(path, exact, forgiven) <= ROUGHER * (own + ulp)


def _nearly(variant: Equation, trial: Trial, path: Tensor) -> bool:
    """Return whether a variant takes the path but for what single precision makes of it."""
    try:
        points = path_of(variant, trial)
    except SENSELESS:
        return False
    return _alike(points, path) and difference(points, path, SINGLE) <= NEARLY


def _alike(points: Tensor, path: Tensor) -> bool:
    """Return whether both paths overflow, or neither; points beyond are not compared."""
    return bool(points.isfinite().all()) == bool(path.isfinite().all())


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
    return _alike(torch.stack(points), path)
