"""A small learning problem on real data, named `tests.tasks:digits` in specs."""

from __future__ import annotations

import torch
from torch import nn

from optbench.core.task import Pairs, Task, accuracy
from optbench.data.tabular import digits as table


def digits(*, width: int = 8, examples: int = 1797) -> Task:
    """Return a perceptron on 8x8 digits, two thirds of them to train on."""
    features, classes = table()
    x = torch.tensor(features[:examples] / 16, dtype=torch.float32)
    y = torch.tensor(classes[:examples])
    parts = [Pairs(x[i::6], y[i::6]) for i in (4, 5)]
    kept = torch.arange(len(x)) % 6 < 4
    return Task(
        module=lambda: nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10)),
        loss=nn.functional.cross_entropy,
        train=Pairs(x[kept], y[kept]),
        validation=parts[0],
        test=parts[1],
        accuracy=accuracy,
        batch_size=32,
        budget=200,
        targets=("error=0.2",),
    )
