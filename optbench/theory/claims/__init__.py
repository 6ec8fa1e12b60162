"""The claims, one module a family; `load_claims` gathers them."""

from __future__ import annotations

import importlib

from optbench.theory.claim import Claim

MODULES = (
    "worked_examples",
    "worked_schedules",
    "gradient_descent",
    "convex_rates",
    "power_laws",
    "strongly_convex",
    "geometric_rates",
    "stability",
    "nonconvex",
    "heavy_ball",
    "momentum_forms",
    "heavy_ball_limits",
    "nesterov",
    "nesterov_convex",
    "nesterov_rates",
    "scaling",
    "scaling_constants",
    "lower_bounds",
    "conjugate_gradients",
    "stochastic_floors",
    "sampling",
    "stochastic_scaling",
    "gradient_noise",
    "stochastic_steps",
    "stochastic_averages",
    "subgradients",
    "shuffling",
    "best_steps",
    "adagrad",
    "adam_steps",
    "adam_paths",
    "adam_stability",
    "adam_failures",
    "weight_decay",
    "rmsprop",
    "sign_methods",
    "sophia",
    "newton",
    "newton_in_practice",
    "quasi_newton",
    "natural_gradient",
    "kronecker",
    "shampoo",
    "preconditioning",
    "layerwise",
    "clipping",
    "schedules",
    "schedule_shapes",
    "schedules_in_use",
    "logistic",
    "edge_of_stability",
    "certified",
    "certified_beyond",
)
"""Where claims are, in the order in which tables show them."""


def load_claims() -> list[Claim]:
    """Return every claim, in the order of `MODULES` and, within one, of its lines."""
    modules = [importlib.import_module(f"optbench.theory.claims.{name}") for name in MODULES]
    return [value for module in modules for value in vars(module).values() if _is_claim(value)]


def _is_claim(value: object) -> bool:
    return isinstance(value, Claim)
