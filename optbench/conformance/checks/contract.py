"""What every implementation owes its user: blocks, groups, checkpoints, precision, clean hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from optbench.conformance.check import Check, Measured, within
from optbench.conformance.implementation import TorchForm
from optbench.conformance.pair import RTOL, NotApplicableError, Pair, alone, deviation, nudged
from optbench.conformance.problems import SHAPES, VECTOR, mixed_tape, tape
from optbench.conformance.reference import Equation, difference, expected_path
from optbench.conformance.trial import Trial, path_of
from optbench.core.problem import Problem

STEPS = 40
"""Steps of these checks, in the middle of which a checkpoint is taken."""

DRIFT = 8.0
"""How many times further than the equation in the same dtype an implementation may drift."""


def _torch_form(pair: Pair) -> TorchForm:
    if not isinstance(pair.subject, TorchForm):
        raise NotApplicableError("an update rule has no state of its own")
    return pair.subject


def _only_matrices(pair: Pair) -> bool:
    return isinstance(pair.subject, TorchForm) and pair.subject.traits.matrices == "only"


def _uncoupled(pair: Pair, trial: Trial) -> None:
    if pair.couples_blocks(trial):
        raise NotApplicableError("the equation itself couples the blocks")


def _missing(pair: Pair) -> Measured:
    if _only_matrices(pair):
        raise NotApplicableError("it takes matrices only")
    trial = pair.trial(mixed_tape(), STEPS, missing=frozenset({VECTOR}))
    return within(pair.compare(trial), RTOL)


def _blocks(pair: Pair) -> Measured:
    if _only_matrices(pair):
        raise NotApplicableError("it takes matrices only")
    trial = pair.trial(mixed_tape(), STEPS)
    _uncoupled(pair, trial)
    whole, gaps, place = pair.path(trial), [], 0
    for block in SHAPES:
        part = pair.path(pair.trial(alone(mixed_tape(), block), STEPS))
        gaps.append((difference(whole[:, place : place + block.size], part), f"in {block.name}"))
        place += block.size
    gap, where = max(gaps)
    return within(gap, RTOL, where if gap > RTOL else "")


def _groups(pair: Pair) -> Measured:
    if _only_matrices(pair):
        raise NotApplicableError("it takes matrices only")
    form = _torch_form(pair)
    if form.traits.matrices == "use_muon":
        raise NotApplicableError("its groups have keys of their own")
    whole = pair.trial(mixed_tape(), STEPS)
    _uncoupled(pair, whole)
    keys = pair.build(whole).group_keys  # type: ignore[attr-defined]
    if not keys:
        raise NotApplicableError("it has no param_groups")
    own = [k for k in ("lr", "weight_decay") if k in whole.hyper and form.spelling(k) in keys]
    if not own:
        raise NotApplicableError("its groups hold neither lr nor weight_decay by that name")
    changed = {name: 0.5 * whole.hyper[name] for name in own}
    trial = replace(whole, groups={VECTOR: changed})
    return within(pair.compare(trial), RTOL)


def _resume(pair: Pair) -> Measured:
    if isinstance(pair.subject, TorchForm) and not hasattr(pair.subject.cls, "state_dict"):
        raise NotApplicableError("it has no state_dict")
    trial = pair.trial(mixed_tape(), STEPS)
    first = pair.build(trial)
    for _ in range(STEPS // 2):
        first.advance()
    saved = first.save()
    second = pair.build(trial)
    second.load(saved)
    for _ in range(STEPS - STEPS // 2):
        first.advance()
        second.advance()
    same = torch.equal(first.point(), second.point())
    gap = float((first.point() - second.point()).abs().max())
    return Measured(expected="the same bits", got="" if same else f"off by {gap:.1e}", ok=same)


def _paths(pair: Pair) -> Measured:
    form = _torch_form(pair)
    choices: list[Mapping[str, object]] = [
        {name: value}
        for name, value in (("foreach", True), ("foreach", False), ("fused", True))
        if name in form.arguments
    ]
    if not choices:
        raise NotApplicableError("it has one path")
    gaps = []
    for options in choices:
        try:
            gap = pair.compare(pair.trial(mixed_tape(), STEPS, pair.others, options=options))
        except (RuntimeError, ValueError, TypeError) as error:
            if "fused" in options:
                continue  # no kernel here
            raise error
        gaps.append((gap, ", ".join(f"{k}={v}" for k, v in options.items())))
    gap, which = max(gaps)
    return within(gap, RTOL, which if gap > RTOL else "")


def _maximize(pair: Pair) -> Measured:
    if "maximize" not in _torch_form(pair).arguments:
        raise NotApplicableError("it takes no maximize")
    problem = mixed_tape()
    up = pair.path(pair.trial(_negated(problem), STEPS, options={"maximize": True}))
    return within(deviation(up, pair.equation, pair.trial(problem, STEPS)), RTOL)


def _negated(problem: Problem) -> Problem:
    shown = problem.stream
    assert shown is not None
    return tape(lambda t: -shown(problem.start(0)[None], t)[0], start=problem.start(0))


def _gradient_kept(pair: Pair) -> Measured:
    if _torch_form(pair).traits.gradient != "given":
        raise NotApplicableError("it asks for its gradients itself")
    instance = pair.build(pair.trial(mixed_tape(), STEPS))
    changed = any(instance.advance_watching() for _ in range(3))  # type: ignore[attr-defined]
    return Measured(expected="unchanged", got="changed in place" if changed else "", ok=not changed)


def _deterministic(pair: Pair) -> Measured:
    trial = pair.trial(mixed_tape(), STEPS)
    same = torch.equal(pair.path(trial), path_of(pair.subject, trial))
    return Measured(expected="the same bits", got="" if same else "others", ok=same)


def _drift(dtype: torch.dtype, pair: Pair) -> Measured:
    exact = pair.trial(mixed_tape(), STEPS)
    if pair.compare(exact) > 1e-6:
        raise NotApplicableError("it deviates in float64 already")
    rough = replace(exact, dtype=dtype)
    truth = expected_path(pair.equation, exact)
    try:
        own = [expected_path(e, rough) for e in (pair.equation, nudged(pair.equation))]
    except RuntimeError as error:
        raise NotApplicableError(f"the equation has no kernels in {dtype}") from error
    if not all(path.isfinite().all() for path in own):
        raise NotApplicableError(f"the equation itself overflows in {dtype}")
    largest = max(_distance(path, truth) for path in own)
    allowed = DRIFT * (largest + _distance(truth.to(dtype), truth))
    try:
        drift = _distance(pair.path(rough), truth)
    except (RuntimeError, TypeError) as error:
        if dtype is not torch.bfloat16:
            raise
        raise NotApplicableError("it does not take bfloat16") from error
    ratio = drift / allowed * DRIFT
    return Measured(
        expected=f"at most {DRIFT:g} times the equation's drift",
        got=f"{ratio:.2g} times",
        ok=drift <= allowed,
    )


def _distance(path: torch.Tensor, truth: torch.Tensor) -> float:
    return float((path.double() - truth).abs().max())


def _decay_option(pair: Pair) -> Measured:
    form = _torch_form(pair)
    if pair.equation.takes("weight_decay"):
        raise NotApplicableError("the equation has weight decay of its own")
    name = next((n for n in ("weight_decay", "wd") if n in form.arguments), None)
    if name is None or name in form.recipe.fixed:
        raise NotApplicableError("it takes no weight_decay")
    if pair.compare(pair.trial(mixed_tape(), STEPS)) > RTOL:
        raise NotApplicableError("it deviates without decay already")
    trial = pair.trial(mixed_tape(), STEPS, options={name: 0.1})
    got = pair.path(trial)
    from optbench.conformance.variants.general import coupled, decoupled

    for kind, wrap in (("added to the gradient", coupled), ("decoupled", decoupled)):
        if deviation(got, Equation(kind, wrap(pair.equation.rule, 0.1)), trial) <= RTOL:
            return Measured(expected="added to the gradient, or decoupled", got=kind, ok=True)
    return Measured(expected="added to the gradient, or decoupled", got="neither", ok=False)


CONTRACT = (
    Check(
        id="missing-gradient",
        statement="a parameter without a gradient stays, the others go on",
        measure=_missing,
        meaning="grad is None is not looked for, or counts as zero",
    ),
    Check(
        id="blocks-apart",
        statement="two parameters together move as each alone",
        measure=_blocks,
        meaning="state or a step count is shared between parameters, or a norm is taken over all",
    ),
    Check(
        id="groups",
        statement="parameter groups with their own lr and decay move as runs of their own",
        measure=_groups,
        meaning="the hyperparameters of the first group, or the defaults, are used for all",
    ),
    Check(
        id="resume",
        statement="a state_dict saved and loaded in the middle changes no bit",
        measure=_resume,
        meaning="state is kept outside state_dict, or restored in another dtype",
    ),
    Check(
        id="paths",
        statement="foreach, fused and single-tensor paths are the equation",
        measure=_paths,
        meaning="one of the paths was changed without the others",
    ),
    Check(
        id="maximize",
        statement="maximize=True climbs as the equation descends",
        measure=_maximize,
        meaning="maximize is ignored, or negates in one place only",
    ),
    Check(
        id="decay-option",
        statement="weight_decay, which the equation lacks, is L2 or decoupled decay",
        measure=_decay_option,
        meaning="decay acts in a form of its own",
    ),
    Check(
        id="gradient-kept",
        statement="the step leaves the gradients as they are",
        measure=_gradient_kept,
        meaning="an in-place operation on grad: what logs or clips gradients later sees other ones",
    ),
    Check(
        id="deterministic",
        statement="the same trial twice gives the same bits",
        measure=_deterministic,
        meaning="state survives in the class, or random numbers are drawn",
    ),
    Check(
        id="float32",
        statement="in float32 it drifts no further than the equation",
        measure=lambda pair: _drift(torch.float32, pair),
        meaning="a cancellation that the equation's order avoids, or a lower precision inside",
    ),
    Check(
        id="bfloat16",
        statement="in bfloat16 it drifts no further than the equation",
        measure=lambda pair: _drift(torch.bfloat16, pair),
        meaning="a cancellation that the equation's order avoids",
    ),
)
"""Checks of the contract, for every equation."""
