"""Variants of equations without knobs, each a rule of its own."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, lerp

from optbench.conformance.variants.general import Shown, Variant, with_step
from optbench.core.optimizer import Oracle, State, UpdateRule
from optbench.optimizers.shampoo import axes, gram, inverse_root, multiply


def _averaging_after(rule: UpdateRule) -> UpdateRule:
    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        (z,) = state
        z = z - hyper["lr"] * oracle.gradient(z)
        return lerp(x, z, 1 / (t + 1)), (z,)

    return with_step(rule, step)


def _idle_radam(rule: UpdateRule) -> UpdateRule:
    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        x_next, state = rule.step(x, state, oracle, t, **hyper)
        k, b = t + 1, hyper["beta2"]
        rho = 2 / (1 - b) - 1 - 2 * k * b**k / (1 - b**k)
        return (x_next if rho > 5 else x), state

    return with_step(rule, step)


def _early_radam(rule: UpdateRule) -> UpdateRule:
    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        k, b = t + 1, hyper["beta2"]
        limit = 2 / (1 - b) - 1
        rho = limit - 2 * k * b**k / (1 - b**k)
        x_next, (m, v) = rule.step(x, state, oracle, t, **hyper)
        if not 4 < rho <= 5:
            return x_next, (m, v)
        square = (rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho) * (1 - b**k)
        rate = hyper["lr"] * square**0.5 / (1 - hyper["beta1"] ** k)
        return x - rate * m / (v.sqrt() + hyper["eps"]), (m, v)

    return with_step(rule, step)


def _keras_nadam(rule: UpdateRule) -> UpdateRule:
    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        m, v, p = state
        b1, b2, k = hyper["beta1"], hyper["beta2"], t + 1
        g = oracle.gradient(x)
        m, v = lerp(m, g, 1 - b1), lerp(v, g * g, 1 - b2)
        ahead = b1 * m / (1 - b1 ** (k + 1)) + (1 - b1) * g / (1 - b1**k)
        return x - hyper["lr"] * ahead / ((v / (1 - b2**k)).sqrt() + hyper["eps"]), (m, v, p)

    return with_step(rule, step)


def _late_lamb(rule: UpdateRule) -> UpdateRule:
    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        m, v = state
        b1, b2, eps, layout = hyper["beta1"], hyper["beta2"], hyper["eps"], oracle.layout
        g = oracle.gradient(x)
        m, v = lerp(m, g, 1 - b1), lerp(v, g * g, 1 - b2)
        u = m / (v.sqrt() + eps) + hyper["weight_decay"] * x
        size, length = layout.norms(x).clamp_max(10), layout.norms(u)
        ratio = torch.where((size > 0) & (length > 0), size / (length + eps), 1.0)
        return x - hyper["lr"] / (1 - b1 ** (t + 1)) * ratio * u, (m, v)

    return with_step(rule, step)


def _shampoo(rule: UpdateRule, *, root: int = 2, average: float = 0.0) -> UpdateRule:
    """Return Shampoo with the exponent -1/(root k), or with averages in the place of sums."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        del t
        layout, before = oracle.layout, iter(state)
        sums: list[Tensor] = []
        parts = []
        for block, part in zip(layout.blocks, layout.split(oracle.gradient(x)), strict=True):
            G = direction = part.reshape(len(x), *axes(block))
            for axis in range(1, G.dim()):
                now, old = gram(G, axis), next(before)
                sums.append(lerp(old, now, 1 - average) if average else old + now)
                power = inverse_root(sums[-1], hyper["eps"], root * (G.dim() - 1))
                direction = multiply(power, direction, axis)
            parts.append(direction.reshape(len(x), -1))
        return x - hyper["lr"] * torch.cat(parts, -1), tuple(sums)

    return with_step(rule, step)


def _still_sophia(rule: UpdateRule) -> UpdateRule:
    """Return Sophia with the curvature of the first step for ever."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        # The rule estimates at multiples of ten: any other step count leaves h as it is.
        return rule.step(x, state, oracle, t if t == 0 else 1, **hyper)

    return with_step(rule, step)


def _waiting(place: int, rule: UpdateRule) -> UpdateRule:
    """Return a method that does nothing while its sum of gradients, a part of the state, is 0."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        x_next, new = rule.step(x, state, oracle, t, **hyper)
        return (x_next if bool(new[place].any()) else x), new

    return with_step(rule, step)


_WAITING = "nothing moves, decay included, before the first gradient that is not zero"


def _plain_momentum_muon(rule: UpdateRule) -> UpdateRule:
    """Return Muon without Nesterov's look-ahead: N = M+."""

    def step(x: Tensor, state: State, oracle: Oracle, t: int, **hyper: Any) -> tuple[Tensor, State]:
        momentum = hyper["momentum"]
        g = oracle.gradient(x)
        mask = torch.cat([torch.full((b.size,), len(b.shape) == 2) for b in oracle.layout.blocks])
        new = lerp(state[0], g[:, mask], 1 - momentum)
        # The rule forms beta M+ + (1 - beta) G from its own M+: shown M+ it gives N = M+.
        shown = g.clone()
        shown[:, mask] = new
        x_next, (_, m, v) = rule.step(
            x, (new, *state[1:]), Shown(oracle, lambda point: shown), t, **hyper
        )
        return x_next, (new, m, v)

    return with_step(rule, step)


OTHERS: dict[str, tuple[Variant, ...]] = {
    "polyak_averaging": (
        Variant(
            name="the average is of the points after the steps, z_1 to z_t",
            change=_averaging_after,
            note="torch's ASGD; as in Polyak and Juditsky 1992 but for the first point",
        ),
    ),
    "radam": (
        Variant(
            name="nothing moves before the rectification begins",
            change=_idle_radam,
            note="pytorch_optimizer's default, degenerated_to_sgd=False",
        ),
        Variant(
            name="rectification begins above rho = 4",
            change=_early_radam,
            note="as published (Liu et al. 2020, algorithm 2)",
        ),
    ),
    "nadam": (
        Variant(
            name="the momentum has no schedule",
            change=_keras_nadam,
            note="Dozat 2016, with a constant mu",
        ),
    ),
    "lamb": (
        Variant(
            name="the first moment's bias correction multiplies the step after the trust ratio, "
            "which undoes it: the first steps are up to 1/(1 - beta1) too long; the second moment "
            "is not corrected, |x| is limited to 10 and epsilon added to the update's norm",
            change=_late_lamb,
        ),
    ),
    "shampoo": (
        Variant(
            name="the exponent is -1/k, not -1/(2k)",
            change=lambda rule: _shampoo(rule, root=1),
            note="-1/2 for matrices, as in later work on Shampoo (Morwani et al. 2024)",
        ),
        Variant(name="the exponent is -1/(4k), not -1/(2k)", change=lambda r: _shampoo(r, root=4)),
        Variant(
            name="averages with 0.95 take the place of the sums",
            change=lambda rule: _shampoo(rule, average=0.95),
        ),
        Variant(
            name="averages with 0.99 take the place of the sums",
            change=lambda rule: _shampoo(rule, average=0.99),
        ),
    ),
    "sophia_h": (Variant(name="the curvature is estimated once and kept", change=_still_sophia),),
    "prodigy": (Variant(name=_WAITING, change=functools.partial(_waiting, 3)),),
    "dadapt_adam": (Variant(name=_WAITING, change=functools.partial(_waiting, 2)),),
    "muon": (Variant(name="there is no Nesterov look-ahead", change=_plain_momentum_muon),),
}
"""Equation to its variants."""
