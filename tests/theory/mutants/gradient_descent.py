"""Bugs that the claims about gradient descent catch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from optbench.core.problem import Problem
from optbench.families.huber import huber
from optbench.families.quadratic import quadratic
from optbench.families.spectra import eigenvalues
from tests.theory.planting import Moved, Mutant, attribute, family, step


def short(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The first step is left out."""
    return x - lr * oracle.gradient(x) * (t > 0), state


def halved(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Half of the step."""
    return x - lr * oracle.gradient(x) / 2, state


def doubled(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Twice the step."""
    return x - 2 * lr * oracle.gradient(x), state


def slightly_less(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """A step that is one in a million too short."""
    return x - (1 - 1e-6) * lr * oracle.gradient(x), state


def stale(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The gradient of the point before."""
    (before,) = state
    g = oracle.gradient(x)
    return x - lr * (before if t else g), (g,)


def signs(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """The gradient's signs in its place."""
    return x - lr * oracle.gradient(x).sign(), state


def decayed(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """A little weight decay that nobody asked for."""
    return x - lr * (oracle.gradient(x) + 1e-4 * x), state


def jittered(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Noise far below single precision."""
    return x - lr * oracle.gradient(x) + 1e-12, state


def clipped(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float) -> Moved:
    """Gradients longer than 1 are cut without a word."""
    g = oracle.gradient(x)
    return x - lr * g / g.norm(dim=-1, keepdim=True).clamp(min=1), state


def fixed_length(x: Tensor, state: State, oracle: Oracle, t: int) -> Moved:
    """The gradient step with 1/L in the place of the line search."""
    r = -oracle.gradient(x)
    return x + r, (r, r)


def wide(**params: Any) -> Problem:
    """The arms begin at twice the tau: the gradient is twice as large there."""
    return replace(huber(**params | {"tau": 2 * params["tau"]}), facts=huber(**params).facts)


def steep(**params: Any) -> Problem:
    """The gradient is half of what it should be."""
    problem = quadratic(**params)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        f, g = problem.oracle(x)
        return f, g / 2

    return replace(problem, oracle=oracle)


def one_mode_off(
    spectrum: str, dim: int, kappa: float, smoothness: float, exponent: float
) -> np.ndarray:
    """The smallest eigenvalue is one part in 1000 too small."""
    found = eigenvalues(spectrum, dim, kappa, smoothness, exponent)
    return np.where(found == found.min(), 0.999 * found, found)


def too_large() -> tuple[float, float]:
    """A PL constant of which only the neighbourhood of the minimum is worthy."""
    return 0.5, 0.0


def largest(x: Tensor, *, dim: int) -> Tensor:
    """The largest coordinate where the Euclidean norm is meant."""
    return x.abs().amax(dim)


PL = "optbench.families.polyak_lojasiewicz"

SHORT = Mutant("the trace is one step late", step("gd", short))
HALVED = Mutant("half of the step", step("gd", halved))
DOUBLED = Mutant("twice the step", step("gd", doubled))
SLIGHTLY_LESS = Mutant("a step one in a million too short", step("gd", slightly_less))
DECAYED = Mutant("a weight decay of 1e-4", step("gd", decayed))
MODE = Mutant(
    "the smallest eigenvalue is a thousandth off",
    attribute("optbench.families.quadratic:eigenvalues", one_mode_off),
)

MUTANTS = {
    "GD-01": (
        SLIGHTLY_LESS,
        DOUBLED,
        Mutant(
            "the largest coordinate for the norm", attribute("torch.linalg:vector_norm", largest)
        ),
    ),
    "GD-01b": (Mutant("signs in the place of the gradient", step("gd", signs)),),
    "GD-02": (SHORT, HALVED),
    "GD-03": (SHORT,),
    "GD-03b": (SHORT, SLIGHTLY_LESS),
    "GD-04a": (SLIGHTLY_LESS,),
    "GD-04b": (SHORT,),
    "GD-05": (HALVED,),
    "GD-06": (HALVED,),
    "GD-07a": (SHORT,),
    "GD-07b": (SHORT, DOUBLED),
    "GD-08a": (HALVED,),
    "GD-08b": (HALVED,),
    "GD-08c": (HALVED,),
    "GD-09a": (HALVED,),
    "GD-09b": (HALVED,),
    "GD-10a": (SLIGHTLY_LESS, MODE),
    "GD-10b": (SHORT, MODE),
    "GD-10c": (SHORT,),
    "GD-10e": (SHORT, MODE),
    "GD-11a": (DECAYED, MODE),
    "GD-11b": (HALVED, MODE),
    "GD-11c": (HALVED, MODE),
    "GD-12": (
        SHORT,
        Mutant("mu_PL is too large", attribute(f"{PL}:_pl_constant", too_large)),
    ),
    "GD-14a": (SLIGHTLY_LESS, MODE, Mutant("steps of length 1 at most", step("gd", clipped))),
    "GD-14b": (SLIGHTLY_LESS,),
    "GD-15a": (SLIGHTLY_LESS, Mutant("the arms begin too late", family("huber", wide))),
    "GD-15b": (
        SLIGHTLY_LESS,
        Mutant("the gradient of the step before", step("gd", stale, memory=1)),
    ),
    "GD-16": (Mutant("1/L for the line search", step("conjugate_gradient", fixed_length)),),
    "GD-17a": (DOUBLED,),
    "GD-17b": (HALVED,),
    "GD-18": (DECAYED,),
    "GD-19": (DECAYED,),
    "GD-20a": (DECAYED, Mutant("noise of 1e-12", step("gd", jittered))),
    "GD-20b": (HALVED,),
    "GD-20c": (Mutant("half of the gradient", family("quadratic", steep)),),
    "GD-21": (HALVED, MODE),
}
