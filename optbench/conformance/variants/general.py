"""Mistakes and choices that any equation can meet, as functions from rule to rule."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from optbench.core.layout import Block, Layout
from optbench.core.optimizer import Oracle, State, UpdateRule

Step = Callable[..., tuple[Tensor, State]]

Change = Callable[[UpdateRule], UpdateRule]
"""A variant of any rule, made from the rule."""


class Shown:
    """An oracle with another gradient or another layout; all else is the oracle's own."""

    def __init__(
        self,
        oracle: Oracle,
        gradient: Callable[[Tensor], Tensor] | None = None,
        layout: Layout | None = None,
    ) -> None:
        """Wrap an oracle."""
        self._oracle = oracle
        self.gradient = gradient or oracle.gradient
        self.layout = layout or oracle.layout

    def __getattr__(self, name: str) -> Any:
        """Return what the oracle has."""
        return getattr(self._oracle, name)


def with_step(rule: UpdateRule, step: Step) -> UpdateRule:
    """Return the rule with another step that has the same hyperparameters."""
    return replace(rule, step=functools.wraps(rule.step)(step))


def coupled(rule: UpdateRule, decay: float | None = None) -> UpdateRule:
    """Return the rule on f + lambda/2 |x|^2: decay is added to the gradient.

    Args:
        rule: The rule.
        decay: lambda; the rule's own weight decay when None.
    """

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        weight = hyper["weight_decay"] if decay is None else decay
        own = {"weight_decay": 0.0} if "weight_decay" in hyper else {}
        shown = Shown(oracle, lambda point: oracle.gradient(point) + weight * point)
        return rule.step(x, state, shown, t, **{**hyper, **own})

    return with_step(rule, step)


def decoupled(rule: UpdateRule, decay: float | None = None, *, after: bool = False) -> UpdateRule:
    """Return the rule with x+ = (its step) - eta lambda x, of the x before or after the step."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        weight = hyper["weight_decay"] if decay is None else decay
        own = {"weight_decay": 0.0} if "weight_decay" in hyper else {}
        x_next, state = rule.step(x, state, oracle, t, **{**hyper, **own})
        return x_next - hyper.get("lr", 1.0) * weight * (x_next if after else x), state

    return with_step(rule, step)


def unscaled_decay(rule: UpdateRule) -> UpdateRule:
    """Return the rule with a decay that is not multiplied by the learning rate."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        x_next, state = rule.step(x, state, oracle, t, **{**hyper, "weight_decay": 0.0})
        return x_next - hyper["weight_decay"] * x, state

    return with_step(rule, step)


def scaled(name: str, factor: float, rule: UpdateRule) -> UpdateRule:
    """Return the rule with one of its hyperparameters times a factor."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        return rule.step(x, state, oracle, t, **{**hyper, name: factor * hyper[name]})

    return with_step(rule, step)


def fixed(values: Mapping[str, float], rule: UpdateRule) -> UpdateRule:
    """Return the rule with some hyperparameters held at values, whatever is asked for."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        return rule.step(x, state, oracle, t, **{**hyper, **values})

    return with_step(rule, step)


def swapped(one: str, other: str, rule: UpdateRule) -> UpdateRule:
    """Return the rule with two hyperparameters in each other's place."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        exchanged = {**hyper, one: hyper[other], other: hyper[one]}
        return rule.step(x, state, oracle, t, **exchanged)

    return with_step(rule, step)


def complemented(name: str, rule: UpdateRule) -> UpdateRule:
    """Return the rule with 1 - h in the place of h."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        return rule.step(x, state, oracle, t, **{**hyper, name: 1 - hyper[name]})

    return with_step(rule, step)


def counted(offset: int, rule: UpdateRule) -> UpdateRule:
    """Return the rule with a step count that is off; it never falls below 0."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        return rule.step(x, state, oracle, max(t + offset, 0), **hyper)

    return with_step(rule, step)


def scaled_gradient(factor: float, rule: UpdateRule) -> UpdateRule:
    """Return the rule on a multiple of the gradient; -1 climbs."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        shown = Shown(oracle, lambda point: factor * oracle.gradient(point))
        return rule.step(x, state, shown, t, **hyper)

    return with_step(rule, step)


@functools.cache
def nudged_gradient(rule: UpdateRule) -> UpdateRule:
    """Return the rule on gradients that differ in the last digit, up and down in turns."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        signs = torch.ones_like(x)
        signs[..., t % 2 :: 2] = -1
        factor = 1 + 2 * torch.finfo(x.dtype).eps * signs
        shown = Shown(oracle, lambda point: factor * oracle.gradient(point))
        return rule.step(x, state, shown, t, **hyper)

    return with_step(rule, step)


@functools.cache
def rounded_gradient(dtype: torch.dtype, rule: UpdateRule) -> UpdateRule:
    """Return the rule on gradients that are rounded to a lower precision."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        shown = Shown(oracle, lambda point: oracle.gradient(point).to(dtype).to(x.dtype))
        return rule.step(x, state, shown, t, **hyper)

    return with_step(rule, step)


def clipped(limit: float, rule: UpdateRule) -> UpdateRule:
    """Return the rule on gradients whose norm, over all blocks, is at most a limit."""

    def clip(g: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(g, dim=-1, keepdim=True)
        return g / (norm / limit).clamp_min(1)

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        shown = Shown(oracle, lambda point: clip(oracle.gradient(point)))
        return rule.step(x, state, shown, t, **hyper)

    return with_step(rule, step)


def forgetful(rule: UpdateRule) -> UpdateRule:
    """Return the rule with the state of the first step at every step."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        del state
        return rule.step(x, rule.init(x, oracle.layout), oracle, t, **hyper)

    return with_step(rule, step)


def one_block(rule: UpdateRule) -> UpdateRule:
    """Return the rule with all parameters as one vector: norms are over all of them."""
    return _relaid(rule, lambda layout: (Block("all", (sum(b.size for b in layout.blocks),)),))


def flat_blocks(rule: UpdateRule) -> UpdateRule:
    """Return the rule with every matrix as a vector."""
    return _relaid(rule, lambda layout: tuple(Block(b.name, (b.size,)) for b in layout.blocks))


def bare_vectors(rule: UpdateRule) -> UpdateRule:
    """Return the rule with vectors excluded from layer-wise scaling and from weight decay."""

    def blocks(layout: Layout) -> tuple[Block, ...]:
        return tuple(replace(b, excluded=len(b.shape) < 2) for b in layout.blocks)

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        layout = Layout(blocks(oracle.layout))
        if "weight_decay" in hyper:
            scaled = ~layout.mask(x, excluded=True)
            hyper = {**hyper, "weight_decay": hyper["weight_decay"] * scaled.to(x.dtype)[None]}
        return rule.step(x, state, Shown(oracle, layout=layout), t, **hyper)

    return with_step(rule, step)


def _relaid(rule: UpdateRule, blocks: Callable[[Layout], tuple[Block, ...]]) -> UpdateRule:
    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        shown = Shown(oracle, layout=Layout(blocks(oracle.layout)))
        return rule.step(x, state, shown, t, **hyper)

    changed = with_step(rule, step)
    return replace(changed, start=lambda x, layout: rule.init(x, Layout(blocks(layout))))


def each_block(rule: UpdateRule) -> UpdateRule:
    """Return the rule applied to each block as if there were no other."""

    def start(x: Tensor, layout: Layout) -> State:
        parts = zip(_flat(x, layout), layout.blocks, strict=True)
        return tuple(s for part, block in parts for s in rule.init(part, Layout((block,))))

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        layout, g = oracle.layout, oracle.gradient(x)
        points: list[Tensor] = []
        states: list[Tensor] = []
        blocks = zip(_flat(x, layout), _flat(g, layout), layout.blocks, strict=True)
        for part, gradient, block in blocks:
            shown = Shown(oracle, functools.partial(_constant, gradient), Layout((block,)))
            count = len(rule.init(part, shown.layout))
            own = state[len(states) : len(states) + count]
            point, new = rule.step(part, own, shown, t, **hyper)
            points.append(point)
            states += new
        return torch.cat(points, -1), tuple(states)

    return replace(with_step(rule, step), start=start)


def _flat(x: Tensor, layout: Layout) -> list[Tensor]:
    return list(torch.split(x, [block.size for block in layout.blocks], dim=-1))


def _constant(value: Tensor, x: Tensor) -> Tensor:
    del x
    return value


def shared_count(rule: UpdateRule) -> UpdateRule:
    """Return the rule with one step count for all blocks, which each of them advances."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        layout, g = oracle.layout, oracle.gradient(x)
        shown = Shown(oracle, functools.partial(_constant, g))
        result: tuple[Tensor, ...] = (x, *state)
        place = 0
        for i, block in enumerate(layout.blocks):
            count = t * len(layout.blocks) + i
            point, new = rule.step(x, state, shown, count, **hyper)
            own = slice(place, place + block.size)
            result = tuple(_taken(a, b, own, x) for a, b in zip(result, (point, *new), strict=True))
            place += block.size
        return result[0], result[1:]

    return with_step(rule, step)


def _taken(old: Tensor, new: Tensor, own: slice, x: Tensor) -> Tensor:
    if old.shape != x.shape:
        return new
    old = old.clone()
    old[:, own] = new[:, own]
    return old


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A variant of an equation.

    Attributes:
        name: What differs, as a phrase: `epsilon inside the square root`.
        change: From the rule to the variant.
        note: Where it is a known choice: who makes it.
    """

    name: str
    change: Change
    note: str = ""


def general_variants(published: Mapping[str, float]) -> list[Variant]:
    """Return what can be mistaken in any rule that has these published hyperparameters."""
    found = [
        Variant(
            name="the gradient's sign is flipped", change=functools.partial(scaled_gradient, -1)
        ),
        Variant(name="the gradient counts twice", change=functools.partial(scaled_gradient, 2)),
        Variant(name="the state is forgotten after every step", change=forgetful),
        Variant(name="the step count starts one too late", change=functools.partial(counted, 1)),
        Variant(name="the step count starts one too early", change=functools.partial(counted, -1)),
        Variant(name="one step count is shared by all parameters", change=shared_count),
        Variant(name="norms are taken over all parameters together", change=one_block),
        Variant(name="each parameter is treated by itself", change=each_block),
        Variant(name="matrices are treated as vectors", change=flat_blocks),
        Variant(
            name="vectors are left out of layer-wise scaling and of decay",
            change=bare_vectors,
            note="the usual recipe for biases and norms (You, Gitman and Ginsburg 2017)",
        ),
        Variant(
            name="the gradient's norm over all parameters is clipped to 1",
            change=functools.partial(clipped, 1.0),
        ),
    ]
    found += _of_hyperparameters(published)
    return found + (_of_decay() if "weight_decay" in published else [])


def _of_hyperparameters(published: Mapping[str, float]) -> list[Variant]:
    found = [
        Variant(
            name=f"{name} is ignored: always {value:g}",
            change=functools.partial(fixed, {name: value}),
        )
        for name, value in published.items()
    ]
    for name in ("lr", "eps", "weight_decay"):
        for factor, words in ((2.0, "counts twice"), (0.5, "counts half")):
            if name in published:
                change = functools.partial(scaled, name, factor)
                found.append(Variant(name=f"{name} {words}", change=change))
    if {"beta1", "beta2"} <= set(published):
        change = functools.partial(swapped, "beta1", "beta2")
        found.append(Variant(name="beta1 and beta2 are exchanged", change=change))
    for name in ("beta", "beta1", "beta2", "alpha", "rho"):
        if name in published:
            change = functools.partial(complemented, name)
            found.append(Variant(name=f"1 - {name} stands in the place of {name}", change=change))
    return found


def _of_decay() -> list[Variant]:
    return [
        Variant(
            name="weight decay is added to the gradient (L2)",
            change=coupled,
            note="Adam with L2, not AdamW (Loshchilov and Hutter 2019)",
        ),
        Variant(
            name="weight decay acts on the point after the step",
            change=functools.partial(decoupled, after=True),
        ),
        Variant(name="weight decay acts on the point before the step", change=decoupled),
        Variant(
            name="weight decay is not multiplied by the learning rate",
            change=unscaled_decay,
            note="the paper's own form (Loshchilov and Hutter 2019, algorithm 2)",
        ),
        Variant(
            name="weight decay is ignored", change=functools.partial(fixed, {"weight_decay": 0.0})
        ),
    ]
