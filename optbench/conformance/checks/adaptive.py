"""Adaptive and sign methods: golden values and bounds that can be asked of an implementation."""

from __future__ import annotations

import functools
import math

import torch

from optbench.conformance.check import Check, Measured, equals, within
from optbench.conformance.checks.momentum import E2, farthest, modes, one_gradient
from optbench.conformance.pair import Pair
from optbench.conformance.problems import constant_tape, mixed_tape, tape
from optbench.core.layout import Block
from optbench.core.problem import Problem

ADAMS = ("adam", "amsgrad", "adamw")


def _undecayed(pair: Pair, **hyper: float) -> dict[str, float]:
    """Return hyperparameters with no decay, where there is one."""
    return {**hyper, **({"weight_decay": 0.0} if "weight_decay" in pair.base else {})}


@functools.cache
def _single(values: tuple[float, ...], start: float = 0.0) -> Problem:
    """Return one gradient a step, in one coordinate."""
    gradients = torch.tensor(values, dtype=torch.float64)[:, None]
    return tape(lambda t: gradients[t % len(values)], start=start, blocks=(Block("x", (1,)),))


def _sign_descent(pair: Pair) -> Measured:
    pair.takes("eps")
    steps, hyper = 200, _undecayed(pair, lr=1e-2, eps=0.0)
    problem = constant_tape(1.0, 0.0)
    path = pair.path(pair.trial(problem, steps, hyper))
    sign = -problem.stream(problem.start(0)[None], 0)[0].sign()  # type: ignore[misc]
    t = torch.arange(steps + 1, dtype=torch.float64)[:, None]
    return within(float((path - 1e-2 * t * sign).abs().max()), E2)


def _half_step(pair: Pair) -> Measured:
    trial = pair.trial(_single((1e-8,)), 1, _undecayed(pair, lr=1.0, eps=1e-8))
    return equals(-float(pair.path(trial)[-1]), 0.5, E2)


def _largest_step(pair: Pair) -> Measured:
    pair.takes("eps", "beta1", "beta2")
    b1, b2, steps = 0.9, 0.999, 100
    values = tuple((b2 / b1) ** t for t in range(steps))
    trial = pair.trial(_single(values), steps, _undecayed(pair, lr=1.0, eps=0.0))
    path = pair.path(trial)[:, 0]
    series = sum((b1 * b1 / b2) ** k for k in range(steps))
    bound = (1 - b1) / (1 - b1**steps) * math.sqrt((1 - b2**steps) / (1 - b2) * series)
    return equals(abs(float(path[-1] - path[-2])), bound, E2)


def _scale_free(pair: Pair) -> Measured:
    pair.takes("eps")
    whole = mixed_tape()
    shown, scales = whole.stream, torch.logspace(-4, 5, whole.facts.dim, dtype=torch.float64)
    assert shown is not None
    scaled = tape(lambda t: scales * shown(whole.start(0)[None], t)[0], start=whole.start(0))
    hyper = _undecayed(pair, eps=0.0)
    one, other = (pair.path(pair.trial(p, 60, hyper)) for p in (whole, scaled))
    return farthest(one, other, E2)


def _homogeneous(pair: Pair) -> Measured:
    pair.takes("eps")
    small, large = (
        pair.path(
            pair.trial(modes(0.1, 1.0, start=c), 200, _undecayed(pair, lr=c * 2**-7, eps=0.0))
        )
        for c in (1.0, 64.0)
    )
    return within(float((large / 64 - small).abs().max()), 1e-12)


def _becomes_sign(pair: Pair) -> Measured:
    pair.takes("eps", "beta1", "beta2")
    trial = pair.trial(mixed_tape(), 30, _undecayed(pair, lr=1.0, eps=0.0, beta1=0.0, beta2=0.0))
    steps = pair.path(trial).diff(dim=0).abs()
    return farthest(steps, torch.ones_like(steps), 1e-9)


def _decay_alone(pair: Pair) -> Measured:
    pair.takes("weight_decay")
    lr, decay, steps = 0.1, 0.1, 50
    trial = pair.trial(constant_tape(0.0), steps, {"lr": lr, "weight_decay": decay})
    return equals(float(pair.path(trial)[-1].max()), (1 - lr * decay) ** steps, E2)


def _decay_limit(pair: Pair) -> Measured:
    pair.takes("weight_decay")
    trial = pair.trial(_single((1.0,)), 500, {"lr": 0.5, "weight_decay": 0.1})
    return equals(float(pair.path(trial)[-1]), -10.0, 1e-6)


def _rmsprop_steps(pair: Pair) -> Measured:
    pair.takes("eps")
    trial = pair.trial(one_gradient(), 3, {"lr": 1.0, "alpha": 0.99, "eps": 0.0})
    steps = -pair.path(trial)[:, 0].diff()
    expected = torch.tensor([1 / math.sqrt(1 - 0.99**t) for t in (1, 2, 3)], dtype=torch.float64)
    return farthest(steps, expected, E2)


def _throttled(pair: Pair) -> Measured:
    steps = 1000
    path = pair.path(pair.trial(one_gradient(), steps, {"lr": 1.0, "eps": 0.0}))
    return equals(-float(path[-1]), math.fsum(t**-0.5 for t in range(1, steps + 1)), E2)


def _equal_steps(pair: Pair) -> Measured:
    trial = pair.trial(mixed_tape(), 60, _undecayed(pair, lr=1.0))
    steps = pair.path(trial).diff(dim=0).abs()
    return farthest(steps, torch.ones_like(steps), 1e-12)


def _box(pair: Pair) -> Measured:
    pair.takes("weight_decay")
    lr, decay, steps = 0.05, 0.5, 200
    trial = pair.trial(constant_tape(1.0, 10.0), steps, {"lr": lr, "weight_decay": decay})
    largest = pair.path(trial).abs().amax(-1)
    t = torch.arange(steps + 1, dtype=torch.float64)
    bound = (1 - lr * decay) ** t * (largest[0] - 1 / decay)
    excess = float(((largest - 1 / decay).clamp_min(0) / bound).max())
    return Measured(expected="at most 1", got=f"{excess:.9g}", ok=excess <= 1 + E2)


def _descent_bound(pair: Pair) -> Measured:
    values, lr = torch.tensor([0.1, 0.4, 1.0], dtype=torch.float64), 0.01
    problem = modes(*values.tolist())
    path = pair.path(pair.trial(problem, 300, {"lr": lr}))
    f, g = problem.oracle(path)
    bound = f[:-1] - lr * g[:-1].abs().sum(-1) + lr * lr * values.sum() / 2
    excess = float((f[1:] - bound).max())
    end = float(path[-1].abs().max())
    ok = excess <= 1e-12 and end <= lr * (1 + E2)
    return Measured(
        expected=f"at most 1e-12, and an end within {lr:g}",
        got=f"{excess:.1e}, and {end:.3g}",
        ok=ok,
    )


ADAPTIVE = (
    Check(
        id="AD-01",
        statement="eps = 0, constant g: x = -t eta sign(g)",
        measure=_sign_descent,
        meaning="a bias correction that is missing or counts from another step",
        equations=("adam", "amsgrad", "adamw"),
    ),
    Check(
        id="AD-02",
        statement="the first step at g = eps is eta/2",
        measure=_half_step,
        meaning="epsilon inside the square root, or before the bias correction",
        equations=ADAMS,
    ),
    Check(
        id="AD-04",
        statement="gradients (beta2/beta1)^t attain the largest step, 7.27 eta in the limit",
        measure=_largest_step,
        meaning="a bias correction or a moment of another form",
        equations=("adam", "adamw"),
    ),
    Check(
        id="AD-05",
        statement="eps = 0: gradients scaled coordinate by coordinate make the same path",
        measure=_scale_free,
        meaning="a clip, a norm over coordinates, or an epsilon of its own",
        equations=ADAMS,
    ),
    Check(
        id="AD-06",
        statement="eps = 0: x_t(64 eta, 64 x_0) = 64 x_t(eta, x_0) on a quadratic",
        measure=_homogeneous,
        meaning="an absolute length somewhere inside",
        equations=ADAMS,
    ),
    Check(
        id="AD-11",
        statement="beta1 = beta2 = eps = 0 is signSGD",
        measure=_becomes_sign,
        meaning="the moments are of other gradients than the latest",
        equations=("adam", "adamw"),
    ),
    Check(
        id="AW-01",
        statement="with zero gradients the point shrinks by 1 - eta lambda each step",
        measure=_decay_alone,
        meaning="decay that is not multiplied by the learning rate, or L2",
        equations=("adamw", "lion"),
    ),
    Check(
        id="AW-03",
        statement="under a constant gradient the limit is -1/lambda",
        measure=_decay_limit,
        meaning="decay after the step gives -(1 - eta lambda)/lambda, L2 -g/lambda",
        equations=("adamw", "lion"),
    ),
    Check(
        id="RP-01",
        statement="the first steps are 10, 7.0888 and 5.8026 eta: no bias correction",
        measure=_rmsprop_steps,
        meaning="a bias correction, or another start of the second moment",
        equations=("rmsprop",),
    ),
    Check(
        id="AG-03",
        statement="under a constant gradient x = -eta (1 + 1/sqrt 2 + ... + 1/sqrt t)",
        measure=_throttled,
        meaning="an average for the sum, or an accumulator that does not start at 0",
        equations=("adagrad",),
    ),
    Check(
        id="LI-01",
        statement="every coordinate moves by eta, whatever the gradient's size",
        measure=_equal_steps,
        meaning="no sign is taken, or decay without being asked for",
        equations=("lion", "signsgd", "signum"),
    ),
    Check(
        id="LI-02",
        statement="with decay the points tend to the box |x| <= 1/lambda, no slower than geometric",
        measure=_box,
        meaning="decay in another form",
        equations=("lion",),
    ),
    Check(
        id="SI-01",
        statement="f falls by eta |g|_1 less eta^2 sum(L_i)/2, and the end is within eta",
        measure=_descent_bound,
        meaning="a momentum, or a step of another length",
        equations=("signsgd",),
    ),
)
"""Checks of adaptive and sign methods."""
