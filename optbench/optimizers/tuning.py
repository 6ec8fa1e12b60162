"""Named tunings: the closed vocabulary of learning rates and momenta that come from facts."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optbench.core.parameters import TUNING, Value
from optbench.core.problem import Facts


def resolve_tunings(hyper: Mapping[str, Value], facts: Facts) -> tuple[dict[str, Value], str]:
    """Replace tunings by numbers.

    c/L is c over the smoothness; two-over-sum is 2/(L + mu), gradient descent's best constant step
    on strongly convex functions (Polyak 1987); polyak is heavy ball's pair for quadratics,
    lr = 4/(sqrt L + sqrt mu)^2 and beta = ((sqrt kappa - 1)/(sqrt kappa + 1))^2 (Polyak 1964);
    nesterov is beta = (sqrt kappa - 1)/(sqrt kappa + 1), for lr = 1/L (Nesterov 2004, section
    2.2.1); L and mu stand for themselves.

    Args:
        hyper: Values of an optimizer's parameters, some of them tunings.
        facts: The problem's facts.

    Returns:
        The values with numbers, and an empty line; or, when a fact is missing, one line that says
        which tuning needs it.
    """
    numbers = dict(hyper)
    for name, value in hyper.items():
        match = TUNING.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            continue
        L, mu = facts.smoothness, facts.strong_convexity
        if not L:
            return (
                numbers,
                f"{name}={value} needs the fact smoothness (L), unknown here; give a number",
            )
        if match["factor"]:
            numbers[name] = float(match["factor"]) / L
            continue
        if value == "L":
            numbers[name] = L
            continue
        if not mu:
            return numbers, f"{name}={value} needs strong convexity mu > 0; give a number or c/L"
        q = (math.sqrt(L / mu) - 1) / (math.sqrt(L / mu) + 1)
        numbers[name] = {
            "two-over-sum": 2 / (L + mu),
            "polyak": 4 / (math.sqrt(L) + math.sqrt(mu)) ** 2 if name == "lr" else q**2,
            "nesterov": q,
            "mu": mu,
        }[str(value)]
    return numbers, ""
