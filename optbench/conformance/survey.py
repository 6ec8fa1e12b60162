"""Every class of every installed package that has an equation here, and what we think of it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass

from optbench.conformance.battery import Conformance, conform
from optbench.conformance.judgements import JUDGEMENTS, Judgement
from optbench.conformance.match import CLAIMS


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


def survey(on_done: Callable[[Entry], None] = lambda entry: None) -> list[Entry]:
    """Hold all classes that claim to be an equation against it.

    Args:
        on_done: Called after each.

    Returns:
        One entry for each pair of class and equation, in the order of the packages.
    """
    entries = []
    installed = versions()
    for name, claims in CLAIMS.items():
        if name.partition(".")[0] not in installed:
            continue
        for equation, recipe in claims.items():
            found = conform(name, equation)
            settings = ", ".join(f"{key}={value}" for key, value in recipe.fixed.items())
            judgement = JUDGEMENTS.get((name, equation)) if found.deviations else None
            entries.append(Entry(found, judgement, settings))
            on_done(entries[-1])
    return entries


def versions() -> dict[str, str]:
    """Return the surveyed packages that are installed, with their versions."""
    found = {}
    for package in dict.fromkeys(name.partition(".")[0] for name in CLAIMS):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
