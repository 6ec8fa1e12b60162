"""Hyperparameters of a batch as an update rule sees them: numbers, or tensors that broadcast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from optbench.core.errors import OptbenchError
from optbench.core.groups import overrides
from optbench.core.layout import Layout
from optbench.core.optimizer import UpdateRule
from optbench.core.parameters import Value, parameters_of

Columns = dict[str, float | Tensor]
"""Name to a number; or (B, 1), one a run; or (B, d) or (1, d), where parameter groups differ."""

MOMENTA = ("beta", "beta1", "momentum")
"""Parameters that a schedule's momentum replaces, the first that an optimizer has."""


def columns(
    rule: UpdateRule, hyper: Sequence[Mapping[str, float]], layout: Layout, x: Tensor
) -> Columns:
    """Return the hyperparameters of a batch.

    Args:
        rule: The update rule.
        hyper: The numbers behind each run's hyperparameters; the keys of groups agree in all.
        layout: The blocks of x, which groups pick from.
        x: The points, shape (B, d).

    Returns:
        Each hyperparameter as a number where all runs and blocks agree, else as a tensor.

    Raises:
        OptbenchError: When a pattern matches no block, or two values meet in one.
    """
    values: Columns = {}
    for name in parameters_of(rule.step):
        column = [numbers[name] for numbers in hyper]
        tensor = torch.tensor(column, dtype=x.dtype, device=x.device)[:, None]
        values[name] = tensor if len(set(column)) > 1 else float(tensor[0])
    taken: set[tuple[str, str]] = set()
    for name, pattern, value in overrides(hyper[0]):
        for block in layout.matching(pattern):
            if (name, block.name) in taken:
                raise OptbenchError(f"two values of {name}@ meet in {block.name}")
            taken.add((name, block.name))
        mask = layout.mask(x, pattern)
        key = {"lr_scale": "lr", "exclude": "weight_decay"}.get(name, name)
        if key not in values or (name == "exclude" and not value):
            continue  # a rule that decays nothing excludes from scaling alone
        base = torch.as_tensor(values[key], dtype=x.dtype, device=x.device)
        new = base * float(value) if name == "lr_scale" else torch.full_like(base, float(value))
        new = torch.zeros_like(base) if name == "exclude" else new
        values[key] = torch.where(mask, new, base)
    return values


def with_exclusions(layout: Layout, values: Mapping[str, Value]) -> Layout:
    """Return the layout with the blocks excluded that an optimizer's `exclude@` keys name."""
    for name, pattern, value in overrides(values):
        if name == "exclude" and value:
            layout = layout.exclude(pattern)
    return layout


def momentum_of(names: Sequence[str]) -> str | None:
    """Return the hyperparameter that is the optimizer's momentum, or None."""
    return next((name for name in MOMENTA if name in names), None)


def keep_rows(values: Columns, rows: Tensor) -> Columns:
    """Return the hyperparameters of some rows of the batch."""
    return {k: v[rows] if isinstance(v, Tensor) and len(v) > 1 else v for k, v in values.items()}
