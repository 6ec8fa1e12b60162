"""What a model is worth: its loss and accuracy on examples, and the sharpness of the loss."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from optbench.core.task import Split, Task
from optbench.engines.training.batches import Batches
from optbench.engines.training.objective import Objective

RE_ESTIMATION = 20
"""Training batches from which the statistics of batch norm are taken anew."""

SHARPNESS_EXAMPLES = 500
"""Training examples, the first ones, of whose loss the sharpness is taken."""

SHARPNESS_ACCURACY = 1e-3
"""Relative accuracy of the sharpness."""


SMALL = 20
"""Parameters below which Lanczos's subspace is the whole space, and the Hessian is formed."""


class Figures(NamedTuple):
    """Mean loss and mean accuracy over a split; NaN where there is none."""

    loss: float
    accuracy: float


NOTHING = Figures(float("nan"), float("nan"))


@torch.no_grad()
def evaluate(task: Task, objective: Objective, split: Split | None) -> Figures:
    """Evaluate a model where it stands, in evaluation mode, on all examples of a split.

    Args:
        task: Says how outputs are judged.
        objective: The model.
        split: The examples, on the model's device; None gives NaN.

    Returns:
        The means over the examples.
    """
    if split is None:
        return NOTHING
    loss, count, size = task.judged_by or task.loss, len(split), task.evaluation_batch
    sums = torch.zeros(2, dtype=torch.float64, device=objective.device)
    with evaluating(objective.module), objective.autocast():
        for indices in torch.split(torch.arange(count, device=objective.device), size):
            inputs, targets = split.batch(indices)
            output = objective.module(inputs)
            means = [loss(output, targets)]
            means += [] if task.accuracy is None else [task.accuracy(output, targets)]
            sums[: len(means)] += len(indices) * torch.stack([m.double() for m in means])
    means_ = (sums / count).tolist()
    return Figures(means_[0], means_[1] if task.accuracy is not None else float("nan"))


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module in evaluation mode inside the block."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def re_estimated(objective: Objective, batches: Batches) -> Iterator[None]:
    """Take the statistics of batch norm anew, for the point where the model stands.

    Optimizers that are judged at another point than the one where they take gradients leave the
    running statistics of that other one. Inside the block they are averages over the first
    `RE_ESTIMATION` training batches; after it they are as before.
    """
    norms = [m for m in objective.module.modules() if isinstance(m, _BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        yield
        return
    before = [(m, m.momentum, {k: v.clone() for k, v in m.named_buffers()}) for m in norms]
    try:
        with evaluating(objective.module), torch.no_grad(), objective.autocast():
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # a plain mean over the batches
                norm.train()
            for t in range(RE_ESTIMATION):
                objective.module(batches.at(t)[0])
        yield
    finally:
        for norm, momentum, buffers in before:
            norm.momentum = momentum
            for name, value in buffers.items():
                getattr(norm, name).copy_(value)


def sharpness(objective: Objective, train: Split) -> float:
    """Return the largest eigenvalue of the Hessian of the training loss where the model stands.

    Lanczos (scipy's ARPACK) with exact Hessian-vector products, in evaluation mode (running
    statistics, no dropout), over the first `SHARPNESS_EXAMPLES` examples without augmentation.
    Source: Cohen et al. 2021, appendix.

    Returns:
        The largest eigenvalue, to the relative accuracy `SHARPNESS_ACCURACY`; NaN when the products
        are not finite or Lanczos does not converge.
    """
    chosen = torch.arange(min(SHARPNESS_EXAMPLES, len(train)), device=objective.device)
    inputs, targets = train.batch(chosen)
    x = objective.point().requires_grad_()
    with evaluating(objective.module), torch.enable_grad(), twice_differentiable():
        f = objective.loss_at(x, inputs, targets)
        (g,) = torch.autograd.grad(f, x, create_graph=True)

        def product(v: np.ndarray) -> np.ndarray:
            direction = torch.from_numpy(v.reshape(-1)).to(x)
            (column,) = torch.autograd.grad(g, x, direction, retain_graph=True)
            return column.double().cpu().numpy()

        if not g.requires_grad:  # the loss is linear
            return 0.0
        start = np.random.default_rng(0).standard_normal(len(x))
        first = product(start)
        if not np.isfinite(first).all():
            return float("nan")
        if len(x) < SMALL:
            columns = np.column_stack([product(e) for e in np.eye(len(x))])
            return float(np.linalg.eigvalsh((columns + columns.T) / 2)[-1])
        if not first.any():
            return 0.0
        operator = LinearOperator((len(x), len(x)), matvec=product, dtype=np.float64)
        try:
            (largest,) = eigsh(
                operator, 1, which="LA", v0=start, tol=SHARPNESS_ACCURACY, return_eigenvectors=False
            )
        except ArpackError:  # in float32 the smallest models may be too flat to tell
            return float("nan")
    return float(largest)


@contextlib.contextmanager
def twice_differentiable() -> Iterator[None]:
    """Keep to attention kernels that have a second derivative."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        yield
