"""A claim: a published statement about convergence, with what it takes to check it on running code.

A claim names the runs that it needs, judges what comes out of them, and says how far theory and
measurement may lie apart and why. `optbench.theory.claims` has them all, `optbench.theory.verify`
checks them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from optbench.core.run import Run
from optbench.core.spec import RunSpec, Spec
from optbench.theory.finding import Finding
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance


class Kind(StrEnum):
    """What sort of statement a claim is."""

    BOUND = "bound"
    IDENTITY = "identity"
    RATE = "asymptotic rate"
    THRESHOLD = "threshold"
    SCALING = "scaling law"
    NEGATIVE = "negative result"


class Ruling(StrEnum):
    """What is to be thought of a textbook's statement."""

    OK = "right"
    IMPRECISE = "imprecise"
    WRONG = "wrong"
    BUG = "a bug"


class Text(StrEnum):
    """Where a quoted statement stands: two introductions that many have read."""

    TEXTBOOK = "a textbook's section on gradient descent"
    TUTORIAL = "a web tutorial with an interactive descent"


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A textbook's statement that a claim settles.

    Attributes:
        text: Where it stands.
        statement: What it says, in our words.
        ruling: What is to be thought of it.
        truth: What is true, in a sentence.
    """

    text: Text
    statement: str
    ruling: Ruling
    truth: str


Key = Hashable
"""Names one run among those of a claim: a seed, a kappa, a word."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a claim is judged by.

    Attributes:
        runs: The claim's runs, under the names that it gave them.
        setting: The setting they were made in; probes ask it for the optimizer.
        tolerance: The claim's tolerance.
    """

    runs: Mapping[Key, Run]
    setting: Setting
    tolerance: Tolerance

    def optimizer(self, text: str) -> Spec:
        """Return the optimizer of a text, or the user's in its place; see `Setting.optimizer`."""
        return self.setting.optimizer(text)


Runs = Callable[[Setting], Mapping[Key, RunSpec]]
Check = Callable[[Evidence], Finding]


def no_runs(setting: Setting) -> Mapping[Key, RunSpec]:
    """Return the runs of a claim that is checked by probes alone: none."""
    del setting
    return {}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A published statement and its check.

    Attributes:
        id: Family and number, `GD-03`.
        statement: What it says, in one sentence.
        formula: The same in LaTeX, without dollar signs, as matplotlib's mathtext reads it.
        assumptions: Class of functions and range of hyperparameters.
        source: Author, year, theorem.
        kind: What sort of statement it is.
        check: Judges the evidence.
        tolerance: How far theory and measurement may lie apart, and why.
        rule: The optimizer that it is about, in whose place a user's may stand; empty for a lemma,
            which is about no optimizer.
        runs: What has to be run.
        says: Textbooks' statements that it settles.
        headline: Its title where it is one of the results that everybody should know.
        long: Whether it takes more than a second.
        extra: The optional dependency that it needs.
        diverges: Whether runs that diverge are part of it; elsewhere they fail it.
        retries: How often an inconclusive answer is tried again with four times the effort.
        sampled: Whether chance plays a part, so that only a second seed makes a failure one.
    """

    id: str
    statement: str
    formula: str
    assumptions: str
    source: str
    kind: Kind
    check: Check
    tolerance: Tolerance
    rule: str = ""
    runs: Runs = no_runs
    says: tuple[Quote, ...] = ()
    headline: str = ""
    long: bool = False
    extra: str = ""
    diverges: bool = False
    retries: int = 0
    sampled: bool = False

    @property
    def family(self) -> str:
        """The letters of its id."""
        return self.id.partition("-")[0]


def claim(
    id: str,
    statement: str,
    *,
    formula: str,
    assumptions: str,
    source: str,
    kind: Kind,
    tolerance: Tolerance,
    rule: str = "",
    runs: Runs = no_runs,
    says: tuple[Quote, ...] = (),
    headline: str = "",
    long: bool = False,
    extra: str = "",
    diverges: bool = False,
    retries: int = 0,
    sampled: bool = False,
) -> Callable[[Check], Claim]:
    """Make a claim of the function that checks it; the arguments are those of `Claim`."""

    def of(check: Check) -> Claim:
        return Claim(
            id=id,
            statement=statement,
            formula=formula,
            assumptions=assumptions,
            source=source,
            kind=kind,
            check=check,
            tolerance=tolerance,
            rule=rule,
            runs=runs,
            says=says,
            headline=headline,
            long=long,
            extra=extra,
            diverges=diverges,
            retries=retries,
            sampled=sampled,
        )

    return of
