"""Which class claims to be which equation, and how the equation's hyperparameters are spelled.

One table for what every class has in common, one row for each class that needs more.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SPELLINGS = {
    "lr": ("lr", "learning_rate"),
    "beta": ("momentum", "beta", "beta1"),
    "beta1": ("beta1", "b1"),
    "beta2": ("beta2", "b2"),
    "alpha": ("alpha", "rho", "beta2"),
    "rho": ("rho", "alpha"),
    "eps": ("eps", "epsilon"),
    "weight_decay": ("weight_decay", "wd"),
    "trust": ("trust", "trust_coefficient", "eta"),
    "gamma": ("gamma", "rho"),
    "clip": ("clip", "clip_threshold", "d"),
    "frequency": ("frequency", "precondition_frequency"),
}
"""The equation's name to the names that classes use for it, the likeliest first.

A tuple such as betas=(0.9, 0.999) counts as beta1 and beta2. A name that is not here is spelled as
it is.
"""

OFF = ("weight_decay", "wd")
"""Arguments of a class that are set to 0 where the equation has nothing of the kind."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What must be said for a class to be an equation.

    Attributes:
        fixed: Arguments that make it the algorithm, such as `centered=True`.
        names: Spellings that differ from `SPELLINGS`; empty text for what the class lacks.
        computed: Arguments that several of the equation's hyperparameters make up: the
            hyperparameters, and the function of them.
        sequence: Key of the state that holds the point, where it is not the parameter.
    """

    fixed: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    computed: Mapping[str, tuple[tuple[str, ...], Callable[..., float]]] = field(
        default_factory=dict
    )
    sequence: str = ""


_PLAIN = Recipe()
_SCHEDULE_FREE_ADAMW = {
    f"schedulefree.{name}": {"schedule_free_adamw": _PLAIN}
    for name in (
        "AdamWScheduleFree",
        "AdamWScheduleFreeClosure",
        "AdamWScheduleFreePaper",
        "AdamWScheduleFreeReference",
    )
}
_SCHEDULE_FREE_SGD = {
    f"schedulefree.{name}": {"schedule_free_sgd": _PLAIN}
    for name in ("SGDScheduleFree", "SGDScheduleFreeClosure", "SGDScheduleFreeReference")
}
_MUON_ADAM = {
    "adam_beta1": "adamw_beta1",
    "adam_beta2": "adamw_beta2",
    "adam_eps": "adamw_eps",
    "adam_scale": "",
}

CLAIMS: dict[str, dict[str, Recipe]] = {
    "torch.SGD": {
        "gd": _PLAIN,
        "heavy_ball": _PLAIN,
        "nesterov": Recipe(fixed={"nesterov": True}),
    },
    "torch.ASGD": {
        "polyak_averaging": Recipe(fixed={"lambd": 0.0, "alpha": 0.0, "t0": -1.0}, sequence="ax")
    },
    "torch.Adagrad": {"adagrad": _PLAIN},
    "torch.RMSprop": {
        "rmsprop": _PLAIN,
        "rmsprop_centered": Recipe(fixed={"centered": True}),
        "rmsprop_momentum": _PLAIN,
    },
    "torch.Adadelta": {"adadelta": _PLAIN},
    "torch.Adam": {"adam": _PLAIN, "amsgrad": Recipe(fixed={"amsgrad": True})},
    "torch.AdamW": {"adamw": _PLAIN},
    "torch.NAdam": {"nadam": _PLAIN},
    "torch.RAdam": {"radam": _PLAIN},
    "torch.Adamax": {"adamax": _PLAIN},
    "torch.Adafactor": {"adafactor": _PLAIN},
    "torch.LBFGS": {
        "lbfgs": Recipe(
            fixed={"max_iter": 1, "tolerance_grad": 0.0, "tolerance_change": 0.0},
            names={"history": "history_size"},
        )
    },
    "torch.Muon": {"muon": Recipe(names=dict.fromkeys(_MUON_ADAM, ""))},
    "pytorch_optimizer.AdaDelta": {"adadelta": _PLAIN},
    "pytorch_optimizer.AdaFactor": {
        "adafactor": Recipe(
            fixed={"beta1": None, "scale_parameter": True, "relative_step": True},
            names={"lr": "", "beta2_decay": "decay_rate", "eps2": "eps2"},
        )
    },
    "pytorch_optimizer.AdaMax": {"adamax": _PLAIN},
    "pytorch_optimizer.RAdam": {"radam": Recipe(fixed={"degenerated_to_sgd": True})},
    "pytorch_optimizer.Lamb": {"lamb": Recipe(fixed={"weight_decouple": False})},
    "pytorch_optimizer.LARS": {"lars": _PLAIN},
    "pytorch_optimizer.Lion": {"lion": _PLAIN},
    "pytorch_optimizer.Muon": {
        "muon": Recipe(
            fixed={"use_adjusted_lr": False},
            names=_MUON_ADAM,
            computed={
                "adamw_lr": (("adam_scale", "lr"), operator.mul),
                "adamw_wd": (("weight_decay",), float),
            },
        )
    },
    "pytorch_optimizer.SGDW": {
        "gd": _PLAIN,
        "heavy_ball": _PLAIN,
        "nesterov": Recipe(fixed={"nesterov": True}),
    },
    "pytorch_optimizer.SignSGD": {"signsgd": Recipe(fixed={"momentum": 0.0}), "signum": _PLAIN},
    "pytorch_optimizer.Shampoo": {"shampoo": Recipe(names={"eps": "matrix_eps"})},
    "pytorch_optimizer.ScalableShampoo": {"shampoo": Recipe(names={"eps": "matrix_eps"})},
    "pytorch_optimizer.SOAP": {"soap": _PLAIN},
    "pytorch_optimizer.SophiaH": {
        "sophia_h": Recipe(
            fixed={"hessian_distribution": "rademacher"},
            names={"gamma": "p", "lr": "", "eps": "", "weight_decay": ""},
            computed={
                "lr": (("lr", "gamma"), operator.truediv),
                "eps": (("eps", "gamma"), operator.truediv),
                "weight_decay": (("weight_decay", "gamma"), operator.mul),
            },
        )
    },
    "pytorch_optimizer.Prodigy": {"prodigy": _PLAIN},
    "pytorch_optimizer.DAdaptSGD": {"dadapt_sgd": _PLAIN},
    "pytorch_optimizer.DAdaptAdam": {"dadapt_adam": Recipe(fixed={"weight_decouple": True})},
    "pytorch_optimizer.ScheduleFreeSGD": {"schedule_free_sgd": _PLAIN},
    "pytorch_optimizer.ScheduleFreeAdamW": {"schedule_free_adamw": _PLAIN},
    "prodigyopt.Prodigy": {"prodigy": _PLAIN},
    **_SCHEDULE_FREE_SGD,
    **_SCHEDULE_FREE_ADAMW,
}
"""Class to the equations that it has, each with its recipe; the first is the one meant by name."""


def recipe_of(cls_name: str, equation: str) -> Recipe:
    """Return a class's recipe for an equation; the plain one where the table has none."""
    return CLAIMS.get(cls_name, {}).get(equation, _PLAIN)


def spelled(equation_name: str, arguments: Mapping[str, Any], recipe: Recipe) -> str:
    """Return how a class spells a hyperparameter.

    Args:
        equation_name: The hyperparameter, by the name of the equation.
        arguments: The class's hyperparameters by name.
        recipe: What is peculiar about the class.

    Returns:
        The name of the class's hyperparameter, or empty text where it has none.
    """
    if equation_name in recipe.names:
        return recipe.names[equation_name]
    candidates = SPELLINGS.get(equation_name, (equation_name,))
    return next((name for name in candidates if name in arguments), "")
