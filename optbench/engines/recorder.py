"""Watches runs advance: where they stop and why, first passages, and the logged points.

Every step's points and values are kept for a stretch of steps and judged together at its end, as
tensors: a step costs no more than putting references in lists, and nothing is read back from the
device in between. A run that should have stopped inside the stretch is cut back to the exact step.
The stretch is short enough for its points to stay in a shared cache.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from optbench.core.problem import Problem
from optbench.core.run import Status
from optbench.core.spec import RunSpec
from optbench.core.target import SUBOPTIMALITY

DIVERGED_AT = 1e10
"""A gap this many times the larger of the starting gap and the problem's scale, up or down, is
divergence. Momentum may rise by kappa/7 before it converges."""

STRETCH = 64
STRETCH_BYTES = 4 * 2**20
"""A stretch has at most this many steps, and its points at most this many bytes."""

COMPACT_AT = 0.75
"""Stopped runs leave the stack when at most this share of it is still going."""


Span = tuple[float, float]
"""When something started and ended, in seconds of the monotonic clock that all processes share."""


def log_steps(horizon: int, points: int = 300) -> list[int]:
    """Return the steps to be logged: all at first, then evenly spaced in the logarithm.

    Args:
        horizon: Last step T.
        points: About how many.

    Returns:
        Strictly increasing steps from 0 to T.
    """
    if horizon < points:
        return list(range(horizon + 1))
    dense = points // 3
    spaced = np.geomspace(dense, horizon, points - dense)
    return sorted({*range(dense), *np.rint(spaced).astype(int).tolist(), horizon})


class Calls(NamedTuple):
    """Oracle calls spent to reach a point."""

    gradient: float
    value: int = 0
    hessian_vector: int = 0


@dataclass(frozen=True)
class Logged:
    """What is kept of some logged steps, for the runs that were in the stack.

    Attributes:
        steps: The steps, length n.
        rows: The runs, shape (B,).
        value: f - shift, shape (n, B).
        gradient_norm: 2-norm of the true gradient, shape (n, B).
        distance: Distance to the minimisers, shape (n, B); NaN when unknown.
        points: x, shape (n, B, d), or None.
    """

    steps: list[int]
    rows: Tensor
    value: Tensor
    gradient_norm: Tensor
    distance: Tensor
    points: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where a run ended, and what holds there; step -1 when not even the start was sound."""

    step: int
    status: Status
    first_bad_step: int | None
    logged: Logged | None
    seconds: float


@dataclass
class _Stack:
    """What belongs to the runs that still advance, one entry a row of the stack."""

    rows: Tensor
    active: Tensor
    base: Tensor
    unit: Tensor
    bound: Tensor

    def keep(self, rows: Tensor) -> _Stack:
        return _Stack(
            self.rows[rows], self.active[rows], self.base[rows], self.unit[rows], self.bound[rows]
        )


@dataclass
class Recorder:
    """The record of B runs of one problem that advance side by side.

    Attributes:
        problem: What they minimise.
        specs: What they are; they share everything that the recorder looks at.
        horizon: Last step.
        logged: What was logged so far.
        cuts: Where each run ended, by row of the batch.
        first_hits: For each target and row of the batch the first passage, -1 for none.
        calls: Calls spent to reach each step, one entry a step.
        times: Step and seconds since the start at the end of each stretch.
    """

    problem: Problem
    specs: Sequence[RunSpec]
    horizon: int
    logged: list[Logged] = field(default_factory=list)
    cuts: dict[int, Cut] = field(default_factory=dict)
    first_hits: Tensor = field(default_factory=lambda: torch.empty(0))
    calls: list[Calls] = field(default_factory=list)
    times: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the clock and the first stretch."""
        self._spec = self.specs[0]
        every = self._spec.record == "every"
        self._log_at = range(self.horizon + 1) if every else frozenset(log_steps(self.horizon))
        self._started = time.monotonic()
        self._start = 0  # step of the stretch's first entry
        self._fresh = 0  # that entry was judged before, except at step 0
        self._xs: list[Tensor] = []
        self._fs: list[Tensor] = []
        self._norms: list[Tensor | None] = []  # of true gradients, where they are looked at
        self._length = STRETCH
        self._stack: _Stack | None = None

    @property
    def span(self) -> Span:
        """Start and last judgement."""
        return self._started, self._started + self.times[-1][1]

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def looks_at_points(self) -> bool:
        """Whether the points themselves are looked at later, and not their values alone."""
        return self._spec.record_x or self.problem.knows_distance

    def push(
        self, x: Tensor, f: Tensor, g: Tensor | None, calls: Calls, *, lasting: bool = True
    ) -> bool:
        """Take the next step's points, their f - shift, and their gradients where known.

        Args:
            x: Points, shape (B, d).
            f: f - shift, shape (B,).
            g: True gradients, shape (B, d), or None.
            calls: Calls spent to reach x.
            lasting: Whether x keeps its value; when not, g is given and points are not looked at.

        Returns:
            Whether the stretch is full and `judge` is due.
        """
        entry = len(self._xs)
        if not entry:
            self._length = max(4, min(STRETCH, STRETCH_BYTES // (x.numel() * x.element_size() + 1)))
        logged = self._start + entry in self._log_at
        wanted = logged or self._aims_at("gradient_norm") or not lasting
        self._xs.append(x)
        self._fs.append(f)
        # The norm is kept and not the gradient, whose memory an optimizer may have.
        self._norms.append(self._norm(x, g) if wanted else None)
        self.calls.append(calls)
        return entry >= self._length

    def judge(self, last: Status | None = None) -> Tensor | None:
        """Judge the stretch: who reached what, who stops where and why, what is logged.

        Args:
            last: Given at the end: what is still going ends here, with this status.

        Returns:
            The rows of the stack that go on, when enough have stopped to leave them behind; else
            None.
        """
        F = torch.stack(self._fs)
        stack = self._stack or self._open(F[0])
        self.times.append((self._start + len(F) - 1, self.seconds))
        self._write_log(F, stack)
        gap = F - stack.base
        bad = ~(gap.abs() <= stack.bound)
        height = self._height(F, gap)
        done = None if height is None else height <= self._spec.targets[-1] * stack.unit
        ending = bad if done is None else bad | done
        stopped = stack.active if last is not None else stack.active & ending[self._fresh :].any(0)
        if not bool(stopped.any()):
            self._take_hits(height, stack, torch.full_like(stack.rows, len(F)))
            return self._next_stretch(stack, stops=False)
        bad_at = _first_true(bad, self._fresh)
        done_at = (
            torch.full_like(bad_at, len(F)) if done is None else _first_true(done, self._fresh)
        )
        self._take_hits(height, stack, torch.minimum(bad_at - 1, done_at))
        ends = zip(stopped.tolist(), bad_at.tolist(), done_at.tolist(), strict=True)
        for row, (ended, bad_entry, done_entry) in enumerate(ends):
            if ended:
                self._cut(F, stack, row, bad_entry, done_entry, last)
        stack.active = stack.active & ~stopped
        return self._next_stretch(stack, stops=True)

    def _open(self, f_0: Tensor) -> _Stack:
        f_star = self.problem.facts.f_star
        base = f_0 if f_star is None else torch.full_like(f_0, f_star - self.problem.shift)
        gap_0 = f_0 - base
        rows = torch.arange(len(f_0), device=f_0.device)
        self.first_hits = torch.full((len(self._spec.targets), len(f_0)), -1, device=f_0.device)
        # Clamped, because the bound itself may overflow, and infinity is below no bound.
        largest = torch.finfo(f_0.dtype).max
        bound = (DIVERGED_AT * gap_0.abs().clamp(min=self.problem.scale)).clamp(max=largest)
        unit = gap_0 if self._spec.target_measure == SUBOPTIMALITY else torch.ones_like(gap_0)
        self._stack = _Stack(rows, torch.ones_like(rows, dtype=torch.bool), base, unit, bound)
        return self._stack

    def _aims_at(self, measure: str) -> bool:
        return bool(self._spec.targets) and self._spec.target_measure == measure

    def _height(self, F: Tensor, gap: Tensor) -> Tensor | None:
        """Return what the targets measure, (K, B); None where they cannot be judged."""
        if self._aims_at("distance"):
            # Point by point: a stretch of temporary differences would fall out of the cache.
            distances = [self.problem.distance(x) for x in self._xs]
            heights = [distance for distance in distances if distance is not None]
            return torch.stack(heights) if heights else None
        if self._aims_at("gradient_norm"):
            return self._gradient_norms(range(len(F)))
        if self._aims_at("value"):
            return F + self.problem.shift
        known = self.problem.facts.f_star is not None
        return gap if known and self._spec.targets else None

    def _take_hits(self, height: Tensor | None, stack: _Stack, stop_at: Tensor) -> None:
        """Note first passages up to each run's last entry of the stretch."""
        if height is None:
            return
        for hits, target in zip(self.first_hits, self._spec.targets, strict=True):
            reached = height <= target * stack.unit
            if not bool(reached[self._fresh :].any()):
                return  # nor the harder ones
            at, known = _first_true(reached, self._fresh), hits[stack.rows]
            new = stack.active & (known < 0) & (at < len(height)) & (at <= stop_at)
            hits[stack.rows] = torch.where(new, self._start + at, known)

    def _norm(self, x: Tensor, g: Tensor | None) -> Tensor:
        """Return the norm of the true gradient at x, (B, d) to (B,)."""
        norm: Tensor = torch.linalg.vector_norm(
            self.problem.oracle(x)[1] if g is None else g, dim=-1
        )
        return norm

    def _gradient_norms(self, entries: Iterable[int]) -> Tensor:
        """Return the norms of true gradients of some entries of the stretch, (n, B)."""
        norms = [(self._xs[i], self._norms[i]) for i in entries]
        return torch.stack([self._norm(x, None) if norm is None else norm for x, norm in norms])

    def _write_log(self, F: Tensor, stack: _Stack) -> None:
        entries = [i for i in range(self._fresh, len(F)) if self._start + i in self._log_at]
        if entries:
            steps = [self._start + i for i in entries]
            points = [self._xs[i] for i in entries]
            norms = self._gradient_norms(entries)
            self.logged.append(self._look(steps, stack.rows, F[entries], points, norms))

    def _look(
        self, steps: list[int], rows: Tensor, value: Tensor, points: list[Tensor], norms: Tensor
    ) -> Logged:
        distance = torch.full_like(value, torch.nan)
        if self.problem.knows_distance:
            flat = self.problem.distance(torch.cat(points))
            distance = distance if flat is None else flat.view(value.shape)
        return Logged(
            steps=steps,
            rows=rows,
            value=value,
            gradient_norm=norms,
            distance=distance,
            points=torch.stack(points) if self._spec.record_x else None,
        )

    def _cut(
        self, F: Tensor, stack: _Stack, row: int, bad_at: int, done_at: int, last: Status | None
    ) -> None:
        """End the run in this row of the stack."""
        if bad_at < len(F) and bad_at <= done_at:
            at = bad_at - 1
            status = Status.NAN if bool(F[bad_at, row].isnan()) else Status.DIVERGED
        elif done_at < len(F):
            at, status = done_at, Status.CONVERGED
        else:
            assert last is not None
            at, status = len(F) - 1, last
        step, logged = self._start + at, None
        if step >= 0 and step not in self._log_at:
            only = slice(row, row + 1)
            x = self._xs[at][only]
            norm = self._norms[at]
            norm = self._norm(x, None) if norm is None else norm[only]
            value = F[at : at + 1, only]
            logged = self._look([step], stack.rows[only], value, [x], norm[None])
        bad = self._start + bad_at if status in (Status.NAN, Status.DIVERGED) else None
        self.cuts[int(stack.rows[row])] = Cut(
            step=step, status=status, first_bad_step=bad, logged=logged, seconds=self.seconds
        )

    def _next_stretch(self, stack: _Stack, *, stops: bool) -> Tensor | None:
        self._start += len(self._xs) - 1
        self._fresh = 1
        self._xs, self._fs, self._norms = self._xs[-1:], self._fs[-1:], self._norms[-1:]
        if not stops or int(stack.active.sum()) > COMPACT_AT * len(stack.active):
            return None
        keep = stack.active.nonzero()[:, 0]
        self._stack = stack.keep(keep)
        self._xs, self._fs = [self._xs[0][keep]], [self._fs[0][keep]]
        self._norms = [None if self._norms[0] is None else self._norms[0][keep]]
        return keep


def _first_true(mask: Tensor, start: int) -> Tensor:
    """Return for each column of (K, B) the first row from `start` on that is true, else K."""
    rows = mask[start:]
    if not len(rows):
        return torch.full(mask.shape[1:], len(mask), device=mask.device)
    return torch.where(rows.any(0), rows.view(torch.uint8).argmax(0) + start, len(mask))
