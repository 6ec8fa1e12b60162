"""The battery: every check that applies, a verdict, and what the implementation is instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from optbench.conformance.check import NO_EXCEPTION, Check, Row, Verdict, apply
from optbench.conformance.checks.adaptive import ADAPTIVE
from optbench.conformance.checks.contract import CONTRACT
from optbench.conformance.checks.momentum import MOMENTUM
from optbench.conformance.checks.paths import PATHS, hyperparameter_checks
from optbench.conformance.checks.structured import STRUCTURED
from optbench.conformance.diagnose import Diagnosis, diagnose
from optbench.conformance.equations import equations
from optbench.conformance.implementation import find_subject, subject_of
from optbench.conformance.match import CLAIMS
from optbench.conformance.pair import Pair
from optbench.conformance.problems import mixed_tape
from optbench.conformance.reference import Equation
from optbench.conformance.trial import Trial
from optbench.core.errors import OptbenchError, unknown
from optbench.core.optimizer import UpdateRule
from optbench.core.parameters import parameters_of
from optbench.optimizers.foreign.quiet import quiet


class Scope(StrEnum):
    """Where an implementation deviates."""

    GRADIENTS = "p.grad only"
    CONTRACT = "contract"
    EXTREMES = "extreme gradients"
    PRECISION = "precision"
    STEPS = "steps"


EXTREMES = {"zero-gradient", "tiny-gradients", "huge-gradients"}
"""Checks with gradients that training hardly meets."""


@dataclass(frozen=True, kw_only=True)
class Conformance:
    """What the battery says of an implementation.

    Attributes:
        name: The implementation.
        equation: What it was held against.
        rows: The checks.
        diagnosis: What it is instead; None where it conforms, or nothing is known.
        notes: What it does not take, and where its defaults differ from the published ones; no
            deviation.
    """

    name: str
    equation: str
    rows: tuple[Row, ...]
    diagnosis: Diagnosis | None
    notes: tuple[str, ...]

    @property
    def deviations(self) -> tuple[Row, ...]:
        """The checks that deviate."""
        return tuple(row for row in self.rows if row.verdict is Verdict.DEVIATES)

    @property
    def verdict(self) -> Verdict:
        """Whether the implementation is the algorithm."""
        return Verdict.DEVIATES if self.deviations else Verdict.CONFORMS

    @property
    def scope(self) -> Scope:
        """Where it deviates: in the steps, or in less than that."""
        checks = {row.check for row in self.deviations}
        if checks <= {"gradient-kept"}:
            return Scope.GRADIENTS
        if checks <= {check.id for check in CONTRACT}:
            return Scope.CONTRACT
        if checks <= EXTREMES | {"gradient-kept"}:
            return Scope.EXTREMES
        rough = self.diagnosis is not None and not self.diagnosis.exact
        return Scope.PRECISION if rough else Scope.STEPS

    def summary(self) -> str:
        """Return the verdict in one line."""
        if not self.deviations:
            return f"{self.name} conforms to {self.equation}"
        if self.scope is Scope.GRADIENTS:
            return f"{self.name} takes the steps of {self.equation}, but changes p.grad in place"
        count = len(self.deviations)
        checks = "1 check" if count == 1 else f"{count} checks"
        line = f"{self.name} deviates from {self.equation} in {checks}"
        raised = [row.got for row in self.deviations if row.expected == NO_EXCEPTION]
        if raised:
            return f"{line}; it raises {raised[0]}"
        if self.diagnosis is None:
            return line
        if self.diagnosis.exact:
            return f"{line}; it is {self.equation} with this difference: {self.diagnosis.text}"
        return f"{line}; perhaps {self.diagnosis.text}"


def conform(implementation: type | UpdateRule | str, equation: str = "") -> Conformance:
    """Hold an implementation against the equation that it claims to be.

    Args:
        implementation: A class in torch's form, an `UpdateRule`, or a name: `torch.AdamW`,
            `pytorch_optimizer.Lion`, `file.py:MyAdam`.
        equation: The equation's name, as `optbench list optimizers` has it; may be left out where
            the implementation's name says it.

    Returns:
        The checks' rows, the verdict, and what the implementation is instead.

    Raises:
        OptbenchError: When there is no such equation or implementation, or it cannot be built.
    """
    with quiet():
        pair = pair_of(implementation, equation)
        rows = tuple(rows_of(pair))
        deviating = any(row.verdict is Verdict.DEVIATES for row in rows)
        return Conformance(
            name=pair.subject.name,
            equation=pair.equation.name,
            rows=rows,
            diagnosis=diagnose(pair) if deviating else None,
            notes=_notes(pair),
        )


def pair_of(implementation: type | UpdateRule | str, equation: str = "") -> Pair:
    """Return an implementation beside its equation; see `conform`."""
    name = implementation if isinstance(implementation, str) else ""
    equation = equation or _meant(name)
    rule = _equation(equation)
    if isinstance(implementation, str):
        subject = find_subject(implementation, equation)
    else:
        subject = subject_of(implementation, equation)
    pair = Pair(subject, Equation(equation, rule))
    _try(pair)
    return pair


def rows_of(pair: Pair) -> Iterator[Row]:
    """Yield the outcomes of a pair's checks, in the order of the table."""
    for check in checks_for(pair.equation.name, pair.equation.rule):
        yield apply(check, pair)


def checks_for(equation: str, rule: UpdateRule) -> list[Check]:
    """Return the checks of an equation, in the order of the table."""
    family = [check for check in (*MOMENTUM, *ADAPTIVE, *STRUCTURED) if equation in check.equations]
    return [*PATHS, *hyperparameter_checks(rule), *CONTRACT, *family]


def assert_conforms(implementation: type | UpdateRule | str, equation: str = "") -> None:
    """Fail unless an implementation is the algorithm: for the tests of a library.

    Args:
        implementation: See `conform`.
        equation: See `conform`.

    Raises:
        AssertionError: When a check deviates; it names the checks and what is probably wrong.
        OptbenchError: See `conform`.
    """
    found = conform(implementation, equation)
    lines = [f"  {r.check}: expected {r.expected}, got {r.got}" for r in found.deviations]
    if lines:
        raise AssertionError("\n".join([found.summary(), *lines]))


def _meant(name: str) -> str:
    """Return the equation that a name says."""
    if name in CLAIMS:
        return next(iter(CLAIMS[name]))
    last = name.rpartition(":")[2].rpartition(".")[2]
    plain = last.lower().replace("_", "")
    found = [known for known in equations() if known.replace("_", "") == plain]
    if not found:
        raise OptbenchError(
            f"which equation is {name or 'it'} meant to be? --as one of: {', '.join(equations())}"
        )
    return found[0]


def _equation(name: str) -> UpdateRule:
    known = equations()
    if name not in known:
        raise unknown("equation", name, known)
    return known[name]


def _try(pair: Pair) -> None:
    """Build the implementation once, so that one that cannot be built is one line."""
    try:
        pair.build(Trial(problem=mixed_tape(), hyper=pair.base, steps=1))
    except Exception as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise OptbenchError(f"{pair.subject.name} cannot be built: {cause}") from error


def _notes(pair: Pair) -> tuple[str, ...]:
    """Return what it does not take, and where its defaults are not the equation's."""
    lacking = [n for n in parameters_of(pair.equation.rule.step) if not pair.subject.takes(n)]
    notes = [f"no {', no '.join(lacking)}: its own values are used"] if lacking else []
    for name, value in _defaults(pair.equation).items():
        own = pair.subject.default(name) if pair.subject.takes(name) else None
        if own is not None and own != value:
            notes.append(f"default {name} is {own:g}, not {value:g}")
    return tuple(notes)


def _defaults(equation: Equation) -> dict[str, float]:
    values = {name: equation.default(name) for name in parameters_of(equation.rule.step)}
    return {name: value for name, value in values.items() if value is not None}
