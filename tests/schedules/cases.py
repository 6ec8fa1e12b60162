"""Ways to ask for a schedule's numbers in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import LRScheduler

from optbench.core.schedule import Factors
from optbench.core.spec import parse_one
from optbench.request import schedule_vectors
from optbench.schedules.find import complete_schedule, factors_of, find_schedule


def numbers(text: str, horizon: int) -> Factors:
    """Return what a schedule's text says of the steps 0 to T."""
    return factors_of(complete_schedule(parse_one(text, schedule_vectors)), horizon)


def factors(text: str, horizon: int) -> np.ndarray:
    """Return a text's factors at the steps 0 to T."""
    return numbers(text, horizon).lr


def at(text: str, t: list[int], horizon: int) -> list[float]:
    """Return a text's factors at any steps, those behind the end too."""
    spec = complete_schedule(parse_one(text, schedule_vectors))
    function = find_schedule(spec.name).factors
    found = function(np.array(t), horizon, **dict(spec.params))
    return [float(factor) for factor in found]


def torch_says(
    cls: type[LRScheduler], last: int, lr: float = 1.0, **arguments: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return learning rate and momentum of a training loop under torch's scheduler, 0 to last."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=lr, momentum=0.5)
    scheduler = cls(optimizer, **arguments)
    rates, momenta = [], []
    for _ in range(last + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    return np.array(rates), np.array(momenta)
