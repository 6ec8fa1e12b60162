"""Hyperparameters of a batch as an update rule sees them: numbers, or tensors that broadcast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from optbench.core.groups import Own, overrides, own_values
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
    own = own_values(layout, overrides(hyper[0]))
    for name in {name for changed in own for name in changed}:
        key = "lr" if name == "lr_scale" else name
        if key in values:  # a rule that decays nothing excludes from scaling alone
            whole = torch.as_tensor(values[key], dtype=x.dtype, device=x.device)
            values[key] = _by_block(whole.reshape(-1, 1), name, own, layout)
    return values


def _by_block(whole: Tensor, name: str, own: Sequence[Own], layout: Layout) -> Tensor:
    """Return a hyperparameter coordinate by coordinate, (B, 1) to (B, d)."""
    parts = []
    for block, changed in zip(layout.blocks, own, strict=True):
        part = whole
        if name in changed:
            value = float(changed[name])
            part = whole * value if name == "lr_scale" else torch.full_like(whole, value)
        parts.append(part.expand(-1, block.size))
    return torch.cat(parts, dim=-1)


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
