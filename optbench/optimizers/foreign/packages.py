"""Packages whose optimizers are named without a registration, as `pytorch_optimizer.Lion`."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass

from optbench.core.errors import OptbenchError, unknown
from optbench.optimizers.foreign.quiet import quiet


@dataclass(frozen=True)
class Package:
    """A package in torch's form.

    Attributes:
        module: Where its classes are.
        install: What installs it.
        about: What it is, in one line.
    """

    module: str
    install: str
    about: str


_ZOO = "pip install 'optbench[zoo]'"

PACKAGES = {
    "torch": Package("torch.optim", "pip install torch", "any class of torch.optim: torch.AdamW"),
    "pytorch_optimizer": Package(
        "pytorch_optimizer", _ZOO, "any of its classes: pytorch_optimizer.Lion, .SOAP, .Shampoo"
    ),
    "schedulefree": Package("schedulefree", _ZOO, "any of its classes: .AdamWScheduleFree"),
    "prodigyopt": Package("prodigyopt", _ZOO, "its class: prodigyopt.Prodigy"),
    "singd": Package(
        "singd.optim.optimizer", "pip install 'optbench[curvature]'", "its class: singd.SINGD"
    ),
}


def package_of(name: str) -> str:
    """Return the package that an optimizer's name begins with, or the empty string."""
    package, dot, _ = name.partition(".")
    return package if dot and ":" not in name and package in PACKAGES else ""


def find_class(name: str) -> type:
    """Return the class that a name such as `pytorch_optimizer.Lion` stands for.

    Raises:
        OptbenchError: When the package is not installed, or has no optimizer of that name.
    """
    found = classes(package_of(name))
    if name not in found:
        raise unknown("optimizer", name, found)
    return found[name]


def classes(package: str) -> dict[str, type]:
    """Return a package's optimizers by full name.

    Raises:
        OptbenchError: When the package is not installed or its import fails.
    """
    from torch.optim import Optimizer

    entry = PACKAGES[package]
    if importlib.util.find_spec(package) is None:
        raise OptbenchError(f"the package {package} is not installed; {entry.install}")
    try:
        with quiet():
            module = importlib.import_module(entry.module)
    except Exception as error:  # an import runs others' code, which may do anything
        raise OptbenchError(f"cannot import {package}: {type(error).__name__}: {error}") from error
    return {
        f"{package}.{key}": value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Optimizer) and value is not Optimizer
    }
