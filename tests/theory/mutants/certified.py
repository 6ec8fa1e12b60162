"""Bugs that certificates catch."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from optbench.core.optimizer import Oracle, State
from tests.theory.mutants.gradient_descent import DOUBLED, HALVED, SHORT
from tests.theory.mutants.heavy_ball import AVERAGED
from tests.theory.mutants.lower_bounds import LAST_AS_THE_OTHERS
from tests.theory.mutants.nesterov import LATE
from tests.theory.planting import Moved, Mutant, attribute, step


def backward(x: Tensor, state: State, oracle: Oracle, t: int, *, lr: float, beta: float) -> Moved:
    """The momentum has the wrong sign."""
    (x_prev,) = state
    y = x - beta * (x - x_prev)
    return y - lr * oracle.gradient(y), (x,)


def along_gradient(x: Tensor, state: State, oracle: Oracle, t: int) -> Moved:
    """The first step has the length 1."""
    return x - oracle.gradient(x), state


def early_end(t: np.ndarray, horizon: int) -> np.ndarray:
    """The decay reaches zero at the last step instead of after it."""
    return np.asarray((horizon - 1 - np.minimum(t, horizon - 1)) / horizon)


def longer(t: np.ndarray, horizon: int) -> np.ndarray:
    """The power of the silver ratio is not lowered by one."""
    del horizon
    k = t + 1
    return np.asarray(1 + (1 + 2**0.5) ** np.log2(k & -k))


MUTANTS = {
    "PEP-01": (SHORT,),
    "PEP-02": (HALVED,),
    "PEP-03": (HALVED,),
    "PEP-04": (LATE,),
    "PEP-05": (Mutant("the wrong sign", step("nesterov_strongly_convex", backward)),),
    "PEP-06": (LAST_AS_THE_OTHERS,),
    "PEP-07": (AVERAGED,),
    "PEP-08": (
        Mutant("an end too early", attribute("optbench.schedules.decay:last_iterate", early_end)),
        HALVED,
    ),
    "PEP-09": (DOUBLED,),
    "PEP-10": (HALVED,),
    "PEP-11": (Mutant("no line search", step("conjugate_gradient", along_gradient)),),
    "PEP-12": (HALVED,),
    "PEP-13": (Mutant("too long", attribute("optbench.schedules.silver:silver", longer)),),
}
