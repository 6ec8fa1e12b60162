"""Rules that exist as classes too, with hyperparameters under which both are one method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import prodigyopt
import pytorch_optimizer
import schedulefree
import torch
from torch.nn import Parameter
from torch.optim import Optimizer


@dataclass(frozen=True, kw_only=True)
class Twin:
    """An equation and a class.

    Attributes:
        name: The equation.
        hyper: Its hyperparameters, none of them a default where that would hide a difference.
        build: Makes the class for a parameter, with the same ones.
        follows_schedule: Whether they agree while the learning rate changes.
        matrix: Whether the parameter must be a matrix for them to agree.
    """

    name: str
    hyper: Mapping[str, float]
    build: Callable[[list[Parameter]], Optimizer]
    follows_schedule: bool = True
    matrix: bool = False


def _moments(**more: float) -> dict[str, float]:
    return {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "eps": 1e-2, **more}


_BETAS = (0.8, 0.95)

TWINS = (
    Twin(name="gd", hyper={"lr": 0.1}, build=lambda p: torch.optim.SGD(p, lr=0.1)),
    Twin(
        name="heavy_ball",
        hyper={"lr": 0.1, "beta": 0.8},
        build=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8),
    ),
    Twin(
        name="heavy_ball_ema",
        hyper={"lr": 0.5, "beta": 0.8},
        build=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8),
    ),
    Twin(
        name="nesterov",
        hyper={"lr": 0.1, "beta": 0.8},
        build=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
    ),
    Twin(
        name="adagrad",
        hyper={"lr": 0.1, "eps": 1e-2},
        build=lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-2),
    ),
    Twin(
        name="rmsprop",
        hyper={"lr": 0.01, "alpha": 0.9, "eps": 1e-2},
        build=lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-2),
    ),
    Twin(
        name="rmsprop_centered",
        hyper={"lr": 0.01, "alpha": 0.9, "eps": 1e-1},
        build=lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-1, centered=True),
    ),
    Twin(
        name="rmsprop_momentum",
        hyper={"lr": 0.01, "alpha": 0.9, "beta": 0.8, "eps": 1e-1},
        build=lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, momentum=0.8, eps=1e-1),
    ),
    Twin(
        name="adadelta",
        hyper={"lr": 0.2, "rho": 0.8, "eps": 1e-3},
        build=lambda p: torch.optim.Adadelta(p, lr=0.2, rho=0.8, eps=1e-3),
    ),
    Twin(
        name="adam",
        hyper=_moments(),
        build=lambda p: torch.optim.Adam(p, lr=0.01, betas=_BETAS, eps=1e-2),
    ),
    Twin(
        name="amsgrad",
        hyper=_moments(),
        build=lambda p: torch.optim.Adam(p, lr=0.01, betas=_BETAS, eps=1e-2, amsgrad=True),
    ),
    Twin(
        name="adamw",
        hyper=_moments(weight_decay=0.1),
        build=lambda p: torch.optim.AdamW(p, lr=0.01, betas=_BETAS, eps=1e-2, weight_decay=0.1),
    ),
    Twin(
        name="nadam",
        hyper=_moments(momentum_decay=0.1),
        build=lambda p: torch.optim.NAdam(p, lr=0.01, betas=_BETAS, eps=1e-2, momentum_decay=0.1),
    ),
    Twin(
        name="radam",
        hyper=_moments(),
        build=lambda p: torch.optim.RAdam(p, lr=0.01, betas=_BETAS, eps=1e-2),
    ),
    Twin(
        name="adamax",
        hyper=_moments(),
        build=lambda p: torch.optim.Adamax(p, lr=0.01, betas=_BETAS, eps=1e-2),
    ),
    *(
        Twin(
            name="adafactor",
            hyper={"lr": 5e-4, "beta2_decay": -0.7, "eps2": 0.1, "clip": 1.5, "weight_decay": 0.1},
            build=lambda p: torch.optim.Adafactor(
                p, lr=5e-4, beta2_decay=-0.7, eps=(None, 0.1), d=1.5, weight_decay=0.1
            ),
            matrix=matrix,
        )
        for matrix in (False, True)
    ),
    Twin(
        name="signsgd",
        hyper={"lr": 0.01},
        build=lambda p: pytorch_optimizer.SignSGD(p, lr=0.01, momentum=0.0),
    ),
    Twin(
        name="signum",
        hyper={"lr": 0.01, "beta": 0.8},
        build=lambda p: pytorch_optimizer.SignSGD(p, lr=0.01, momentum=0.8),
    ),
    Twin(
        name="lion",
        hyper={"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1},
        build=lambda p: pytorch_optimizer.Lion(p, lr=0.01, betas=_BETAS, weight_decay=0.1),
    ),
    # The class has the learning rate outside the momentum, and leaves vectors to plain SGD.
    Twin(
        name="lars",
        hyper={"lr": 2.0, "beta": 0.8, "trust": 0.02, "weight_decay": 0.1},
        build=lambda p: pytorch_optimizer.LARS(
            p, lr=2.0, momentum=0.8, trust_coefficient=0.02, weight_decay=0.1
        ),
        follows_schedule=False,
        matrix=True,
    ),
    Twin(
        name="schedule_free_sgd",
        hyper={"lr": 0.1, "beta": 0.8, "weight_decay": 0.1},
        build=lambda p: schedulefree.SGDScheduleFree(p, lr=0.1, momentum=0.8, weight_decay=0.1),
    ),
    Twin(
        name="schedule_free_adamw",
        hyper=_moments(weight_decay=0.1),
        build=lambda p: schedulefree.AdamWScheduleFree(
            p, lr=0.01, betas=_BETAS, eps=1e-2, weight_decay=0.1
        ),
    ),
    Twin(
        name="prodigy",
        hyper=_moments(lr=0.2, weight_decay=0.1, d0=1e-2),
        build=lambda p: prodigyopt.Prodigy(
            p, lr=0.2, betas=_BETAS, eps=1e-2, weight_decay=0.1, d0=1e-2
        ),
    ),
    Twin(
        name="dadapt_sgd",
        hyper={"lr": 0.2, "beta": 0.8, "d0": 1e-2},
        build=lambda p: pytorch_optimizer.DAdaptSGD(p, lr=0.2, momentum=0.8, d0=1e-2),
    ),
    Twin(
        name="dadapt_adam",
        hyper=_moments(lr=0.2, weight_decay=0.1, d0=1e-2),
        build=lambda p: pytorch_optimizer.DAdaptAdam(
            p,
            lr=0.2,
            betas=_BETAS,
            eps=1e-2,
            weight_decay=0.1,
            weight_decouple=True,
            d0=1e-2,
        ),
    ),
)
