"""Every class of every installed package that has an equation here, and what we think of it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from optbench.conformance.battery import Conformance, conform
from optbench.conformance.judgements import JUDGEMENTS, Judgement
from optbench.conformance.match import CLAIMS
from optbench.optimizers.foreign.packages import classes


@dataclass(frozen=True)
class Entry:
    """One class held against one equation.

    Attributes:
        found: What the battery says.
        judgement: What we think of its deviation; None where there is none, or none was written.
        settings: What had to be set for the class to be the algorithm, as text.
    """

    found: Conformance
    judgement: Judgement | None
    settings: str


@dataclass(frozen=True)
class Survey:
    """What was found in the installed packages.

    Attributes:
        entries: One for each pair of class and equation, in the order of the packages.
        versions: Package to version.
        absent: Classes with an equation that the installed version of their package lacks.
        others: Classes without an equation here, which are held against nothing.
    """

    entries: Sequence[Entry]
    versions: Mapping[str, str]
    absent: Sequence[str] = ()
    others: Sequence[str] = ()


def survey(on_done: Callable[[str], None] = lambda line: None) -> Survey:
    """Hold all classes that claim to be an equation against it.

    Args:
        on_done: Called with one line about each pair, and about each class that is absent.

    Returns:
        The entries, and what was left out.
    """
    installed = versions()
    present = {name: cls for package in installed for name, cls in classes(package).items()}
    entries, absent = [], []
    for name, claims in CLAIMS.items():
        package = name.partition(".")[0]
        if package not in installed:
            continue
        if name not in present:
            absent.append(name)
            on_done(f"{name} is left out: {package} {installed[package]} does not have it")
            continue
        for equation, recipe in claims.items():
            found = conform(name, equation)
            settings = ", ".join(f"{key}={value}" for key, value in recipe.fixed.items())
            judgement = JUDGEMENTS.get((name, equation)) if found.deviations else None
            entries.append(Entry(found, judgement, settings))
            on_done(found.summary())
    others = [name for name, cls in present.items() if name not in CLAIMS and _own(name, cls)]
    return Survey(entries, installed, absent, others)


def _own(name: str, cls: type) -> bool:
    """Return whether a class is its package's own, and not passed on from another."""
    return cls.__module__.partition(".")[0] == name.partition(".")[0]


def versions() -> dict[str, str]:
    """Return the surveyed packages that are installed, with their versions."""
    found = {}
    for package in dict.fromkeys(name.partition(".")[0] for name in CLAIMS):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
