"""Layer-wise and matrix methods: LARS, LAMB, Shampoo, Muon, Sophia."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from optbench.conformance.check import Check, Measured, within
from optbench.conformance.checks.momentum import farthest, modes
from optbench.conformance.pair import Pair
from optbench.conformance.problems import SHAPES, tape
from optbench.core.layout import Block, Layout
from optbench.core.problem import Problem
from optbench.families.quadratic import rotation

SIDE = 5
"""Rows and columns of the square matrices."""


@functools.cache
def _matrix() -> Tensor:
    """Return a matrix with singular values from 1 to 3."""
    left, right = (torch.from_numpy(rotation(SIDE, seed)) for seed in (1, 2))
    return left @ torch.diag(torch.linspace(1, 3, SIDE, dtype=torch.float64)) @ right


def _shown(gradient: Tensor) -> Problem:
    """Return a matrix parameter at the origin that is shown one gradient."""
    flat = gradient.flatten()
    return tape(lambda t: flat, start=0.0, blocks=(Block("X", tuple(gradient.shape)),))


def _step_of(pair: Pair, gradient: Tensor, **hyper: float) -> Tensor:
    """Return the first step from the origin at a matrix of gradients."""
    undecayed = {"weight_decay": 0.0} if "weight_decay" in pair.base else {}
    path = pair.path(pair.trial(_shown(gradient), 1, {**undecayed, **hyper}))
    return (path[1] - path[0]).reshape(gradient.shape)


def _norms(pair: Pair, size: float, hyper: dict[str, float]) -> tuple[Tensor, Tensor]:
    """Return each block's first step and its start, as norms, at gradients of a size."""
    start = torch.linspace(-1, 2, 10, dtype=torch.float64)
    gradient = size * torch.linspace(2, -1, 10, dtype=torch.float64)
    trial = pair.trial(tape(lambda t: gradient, start=start), 1, hyper)
    path, layout = pair.path(trial), Layout(SHAPES)
    return layout.norms(path[1:] - path[:1]), layout.norms(path[:1])


def _lars_length(pair: Pair) -> Measured:
    hyper = {"lr": 0.5, "trust": 0.01, "weight_decay": 0.0}
    gaps = []
    for size in (1e-6, 1.0, 1e6):
        step, start = _norms(pair, size, hyper)
        gaps.append(float((step / (0.5 * 0.01 * start) - 1).abs().max()))
    return within(max(gaps), 1e-9)


def _lamb_length(pair: Pair) -> Measured:
    gaps = []
    for size in (1e-3, 1.0, 1e6):
        step, start = _norms(pair, size, {"lr": 0.5})
        gaps.append(float((step / (0.5 * start) - 1).abs().max()))
    return within(max(gaps), 1e-9)


def _polar(pair: Pair) -> Measured:
    pair.takes("eps")
    step = _step_of(pair, _matrix(), lr=1.0, eps=1e-13)
    left, _, right = torch.linalg.svd(_matrix())
    return farthest(step, -left @ right, 1e-8)


def _equivariant(pair: Pair) -> Measured:
    left, right = (torch.from_numpy(rotation(SIDE, seed)) for seed in (3, 4))
    turned = _step_of(pair, left @ _matrix() @ right, lr=1.0)
    return farthest(turned, left @ _step_of(pair, _matrix(), lr=1.0) @ right, 1e-8)


def _vector(pair: Pair) -> Measured:
    pair.takes("eps")
    g = torch.linspace(-1, 2, 6, dtype=torch.float64)
    step = _step_of(pair, g, lr=1.0, eps=1e-13)
    return farthest(step, -g / g.norm(), 1e-6)


def _orthogonal(pair: Pair) -> Measured:
    values = torch.linalg.svdvals(_step_of(pair, _matrix(), lr=1.0))
    low, high = float(values.min()), float(values.max())
    return Measured(
        expected="in [0.65, 1.25]",
        got=f"{low:.3f} to {high:.3f}",
        ok=0.65 <= low <= high <= 1.25,
    )


def _size_free(pair: Pair) -> Measured:
    one, other = (_step_of(pair, c * _matrix(), lr=1.0) for c in (1.0, 1024.0))
    return farthest(one, other, 1e-9)


def _clipped(pair: Pair) -> Measured:
    lr = 0.01
    trial = pair.trial(modes(0.1, 0.4, 1.0), 60, {"lr": lr, "weight_decay": 0.0})
    largest = float(pair.path(trial).diff(dim=0).abs().max())
    return Measured(expected=f"at most {lr:g}", got=f"{largest:.9g}", ok=largest <= lr * (1 + 1e-9))


STRUCTURED = (
    Check(
        id="LS-01",
        statement="without decay each block's first step is eta tau |w| long, whatever g's size",
        measure=_lars_length,
        meaning="a norm over all blocks, or blocks left out of the scaling",
        equations=("lars",),
    ),
    Check(
        id="LS-03",
        statement="each block's first step is eta |w| long",
        measure=_lamb_length,
        meaning="a factor outside the trust ratio, a norm over all blocks, or a limit on |w|",
        equations=("lamb",),
    ),
    Check(
        id="SH-01",
        statement="the first step is -eta U V', all singular values 1",
        measure=_polar,
        meaning="another exponent than -1/4, or a statistic that starts elsewhere",
        equations=("shampoo",),
    ),
    Check(
        id="SH-02",
        statement="the step turns with the rows and columns of the gradient",
        measure=_equivariant,
        meaning="something acts coordinate by coordinate",
        equations=("shampoo", "muon"),
    ),
    Check(
        id="SH-04",
        statement="on a vector it is AdaGrad with the full matrix: the first step has length eta",
        measure=_vector,
        meaning="vectors as matrices with one column, with their exponent",
        equations=("shampoo",),
    ),
    Check(
        id="MU-01",
        statement="the first step's singular values are near eta",
        measure=_orthogonal,
        meaning="other coefficients, fewer iterations, or another scale",
        equations=("muon",),
    ),
    Check(
        id="MU-02",
        statement="the step does not know the gradient's size",
        measure=_size_free,
        meaning="the matrix is not normalised before the iteration",
        equations=("muon",),
    ),
    Check(
        id="SP-01",
        statement="no coordinate moves by more than eta",
        measure=_clipped,
        meaning="a clip at another value",
        equations=("sophia_h",),
    ),
)
"""Checks of layer-wise and matrix methods."""
