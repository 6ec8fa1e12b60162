"""The equation as a subject: an update rule driven over one point, as the batched engine does."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from optbench.conformance.trial import Instance, Trial, path_of
from optbench.core.layout import Layout
from optbench.core.optimizer import State, UpdateRule
from optbench.core.parameters import parameters_of
from optbench.engines.oracle import BatchOracle


@dataclass(frozen=True)
class Equation:
    """An update rule under the name by which the battery knows it.

    Attributes:
        name: The equation's name.
        rule: Its update rule.
    """

    name: str
    rule: UpdateRule

    def build(self, trial: Trial) -> Instance:
        """Return the rule at the start of a trial."""
        return _RuleInstance(self.rule, trial)

    def takes(self, hyper: str) -> bool:
        """Return whether the step has this keyword."""
        return hyper in parameters_of(self.rule.step)

    def default(self, hyper: str) -> float | None:
        """Return the published default, where it is a number."""
        value = parameters_of(self.rule.step)[hyper].default
        return float(value) if isinstance(value, int | float) else None


@functools.lru_cache(maxsize=4096)
def expected_path(equation: Equation, trial: Trial) -> Tensor:
    """Return the equation's points in a trial, worked out once; see `path_of`."""
    return path_of(equation, trial)


class _RuleInstance:
    """One row of an update rule. A block without gradients takes no part at all."""

    def __init__(self, rule: UpdateRule, trial: Trial) -> None:
        self._rule, self._t = rule, 0
        self._oracle = _Part(trial)
        x = self._oracle.take(trial.start()[None])
        self._whole, self._x = trial.start()[None], x
        self._hyper = _columns(trial, self._oracle.layout, x)
        self._state: State = rule.init(x, self._oracle.layout)

    def advance(self) -> None:
        """Take one step."""
        self._oracle.begin(self._t)
        with torch.no_grad():
            self._x, self._state = self._rule.step(
                self._x, self._state, self._oracle, self._t, **self._hyper
            )
        self._t += 1

    def point(self) -> Tensor:
        """Return the whole point, what took no part included."""
        return self._oracle.put(self._whole, self._x)[0]

    def save(self) -> object:
        """Return the point, the state and the step."""
        return self._x, self._state, self._t

    def load(self, saved: object) -> None:
        """Take up a saved state."""
        assert isinstance(saved, tuple)
        self._x, self._state, self._t = saved


class _Part:
    """The oracle of a trial, restricted to the blocks that get gradients."""

    def __init__(self, trial: Trial) -> None:
        self._oracle: BatchOracle = trial.oracle()
        blocks = trial.layout.blocks
        self.layout = Layout(tuple(b for b in blocks if b.name not in trial.missing))
        self._start = trial.start()[None]
        self._keep = torch.ones(self._start.shape[1], dtype=torch.bool)
        for name in trial.missing:
            self._keep &= ~trial.layout.mask(self._start, name)
        self._all = not trial.missing
        self.horizon, self.batch_size = self._oracle.horizon, self._oracle.batch_size

    def take(self, whole: Tensor) -> Tensor:
        """Return the coordinates that take part, (B, d) to (B, d')."""
        return whole if self._all else whole[:, self._keep]

    def _square(self, matrix: Tensor) -> Tensor:
        return matrix if self._all else matrix[:, self._keep][:, :, self._keep]

    def put(self, whole: Tensor, part: Tensor) -> Tensor:
        """Return a whole point with these coordinates replaced."""
        if self._all:
            return part
        whole = whole.clone()
        whole[:, self._keep] = part
        return whole

    def begin(self, t: int) -> None:
        """Start step t."""
        self._oracle.begin(t)

    def gradient(self, x: Tensor) -> Tensor:
        """See `core.optimizer.Oracle`; so are the others."""
        return self.take(self._oracle.gradient(self.put(self._start, x)))

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the Hessian times v."""
        whole = self.put(self._start, x)
        return self.take(self._oracle.hessian_vector(whole, self.put(0 * self._start, v)))

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessian of the part."""
        return self._square(self._oracle.hessian(self.put(self._start, x)))

    def fisher(self, x: Tensor) -> Tensor:
        """Return the Fisher matrix of the part."""
        return self._square(self._oracle.fisher(self.put(self._start, x)))

    def sampled_gradient(self, x: Tensor) -> Tensor:
        """Return the gradient with labels drawn from the model."""
        return self.take(self._oracle.sampled_gradient(self.put(self._start, x)))

    def signs(self, x: Tensor) -> Tensor:
        """Return random signs."""
        return self.take(self._oracle.signs(self.put(self._start, x)))


def _columns(trial: Trial, layout: Layout, x: Tensor) -> dict[str, float | Tensor]:
    """Return the hyperparameters as numbers, or (1, d) where blocks differ."""
    values: dict[str, float | Tensor] = dict(trial.hyper)
    for block, changed in trial.groups.items():
        mask = layout.mask(x, block)
        for name, value in changed.items():
            base = torch.as_tensor(values[name], dtype=x.dtype).expand(x.shape)
            values[name] = torch.where(mask, torch.full_like(base, value), base)
    return values


ASTRAY = 1e30
"""Beyond so many times the first two points a path is on its way to overflow."""


def difference(got: Tensor, expected: Tensor, eps: float = 0.0) -> float:
    """Return the largest distance of two paths, in units of the way gone so far.

    Args:
        got: Points, shape (steps + 1, d).
        expected: What they should be; not finite where the equation overflows.
        eps: Machine epsilon to forgive; that of got's dtype if it is larger.

    Returns:
        max_t |got_t - expected_t|_inf / max_(s <= t) |expected_s - expected_0|_inf, in which the
        rounding of the points themselves, 64 ulp, is forgiven; infinite where got is not finite.
        Nothing is compared from where the equation is on its way to overflow.
    """
    eps = max(eps, torch.finfo(got.dtype).eps)
    got, expected = got.double(), expected.double()
    size = expected.abs().amax(-1)
    fine = (size <= ASTRAY * size[:2].nan_to_num(0, 0, 0).max()).cummin(0).values
    fine[0] = True
    got, expected = got[fine], expected[fine]
    if not got.isfinite().all():
        return float("inf")
    way = (expected - expected[0]).abs().amax(-1).cummax(0).values
    rounding = 64 * eps * expected.abs().amax(-1).cummax(0).values
    gap = ((got - expected).abs().amax(-1) - rounding).clamp_min(0)
    ratio = torch.where(gap > 0, gap / way, 0.0)
    return float(ratio.max())
