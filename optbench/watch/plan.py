"""What a night is going to do: a suite written out, and what of it cannot be run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from optbench.conformance.equations import equations
from optbench.core.errors import OptbenchError, unknown
from optbench.core.groups import complete_grouped
from optbench.core.spec import RunSpec, Spec, parse, parse_one, parse_values
from optbench.nightly.metrics import Asked
from optbench.nightly.record import digest
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.foreign.packages import package_of
from optbench.request import Request, optimizer_vectors
from optbench.suites import Suite
from optbench.theory.claim import Claim
from optbench.theory.verify import choose, read_substitute
from optbench.workflow import make_plan, runs_of


@dataclass(frozen=True)
class Verification:
    """Claims of one text of a suite.

    Attributes:
        text: What the suite says.
        claims: The claims.
        substitute: The optimizer in the textbook's place.
    """

    text: str
    claims: tuple[Claim, ...]
    substitute: Spec | None


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """Everything that a night does.

    Attributes:
        runs: The runs, by what they are called.
        claims: What is verified.
        conform: Implementation and equation (empty for the one that its name says), by text.
        timed: Optimizers whose step is measured, by text.
        roundings: How often the runs are repeated with other rounding.
        failures: What cannot be run, a line each.
    """

    runs: dict[Asked, RunSpec] = field(default_factory=dict)
    claims: tuple[Verification, ...] = ()
    conform: dict[str, tuple[str, str]] = field(default_factory=dict)
    timed: dict[str, Spec] = field(default_factory=dict)
    roundings: int = 0
    failures: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many things there are to be done: runs with all their roundings, checks, steps."""
        runs = len({spec.digest for spec in self.runs.values()}) * (1 + self.roundings)
        return runs + len(self.claims) + len(self.conform) + len(self.timed)

    @property
    def fingerprint(self) -> str:
        """Name of all that is asked for."""
        texts = [*(verification.text for verification in self.claims), *self.conform, *self.timed]
        return digest([sorted(asked.definition for asked in self.runs), texts, self.roundings])


def plan_night(suite: Suite, *, device: str | None = None, known: Set[str] = frozenset()) -> Tasks:
    """Write out a suite.

    What is wrong with the suite itself is an error. What is wrong with an optimizer of somebody's
    package or file, so that it does not import, or no longer takes what it took in nights before,
    is noted, and the rest is done.

    Args:
        suite: The suite.
        device: Replaces what the suite says.
        known: Optimizers, as suites write them, that former nights have run.

    Returns:
        What is to be done.

    Raises:
        OptbenchError: For bad input.
    """
    failures: list[str] = []
    nightly = suite.nightly
    return Tasks(
        runs=_runs(suite, device, failures, known),
        claims=_claims(nightly.claims, failures, known),
        conform=_conform(nightly.conform, failures, known),
        timed=_timed(nightly.timed, failures, known),
        roundings=nightly.roundings,
        failures=tuple(dict.fromkeys(failures)),
    )


def _runs(
    suite: Suite, device: str | None, failures: list[str], known: Set[str]
) -> dict[Asked, RunSpec]:
    runs: dict[Asked, RunSpec] = {}
    for request in suite.requests:
        asked_for = request if device is None else replace(request, device=device)
        for optimizer, one in _one_by_one(asked_for, failures):
            with _noted(failures, str(optimizer), known):
                _add(runs, optimizer, one)
    return runs


def _claims(texts: Sequence[str], failures: list[str], known: Set[str]) -> tuple[Verification, ...]:
    found = []
    for text in texts:
        pattern, _, optimizer = text.partition(" with ")
        with _noted(failures, optimizer, known):
            substitute = None
            if optimizer:
                _reach(parse_one(optimizer, optimizer_vectors).name)
                substitute = read_substitute(optimizer)
            chosen, _ = choose((pattern,), substitute)
            found.append(Verification(text, tuple(chosen), substitute))
    return tuple(found)


def _conform(
    texts: Sequence[str], failures: list[str], known: Set[str]
) -> dict[str, tuple[str, str]]:
    found = {}
    for text in texts:
        name, _, equation = text.partition(" as ")
        with _noted(failures, name, known):
            _reach(name)
            if equation and equation not in equations():
                raise unknown("equation", equation, equations())
            found[text] = (name, equation)
    return found


def _timed(texts: Sequence[str], failures: list[str], known: Set[str]) -> dict[str, Spec]:
    found = {}
    for text in texts:
        spec = parse_one(text, optimizer_vectors)
        with _noted(failures, text, known):
            _reach(spec.name)
            complete_grouped(spec.name, find_optimizer(spec.name).parameters, dict(spec.params))
            found[text] = spec
    return found


class UnreachableError(OptbenchError):
    """Somebody's optimizer does not import, or is no longer there."""


@contextlib.contextmanager
def _noted(failures: list[str], text: str, known: Set[str]) -> Iterator[None]:
    """Note what cannot be run, where that is the optimizer's doing and not the suite's."""
    try:
        yield
    except UnreachableError as error:
        failures.append(str(error))
    except OptbenchError as error:
        if text not in known:
            raise
        failures.append(f"{text}: {error}")


def _reach(name: str) -> None:
    """Import an optimizer.

    Raises:
        UnreachableError: When somebody else's cannot be.
        OptbenchError: When there is none of ours of that name.
    """
    try:
        find_optimizer(name)
    except OptbenchError as error:
        if ":" in name or package_of(name):
            raise UnreachableError(f"{name}: {error}") from error
        raise


def _one_by_one(request: Request, failures: list[str]) -> Iterator[tuple[Spec, Request]]:
    """Yield a request for each optimizer and learning rate, and the optimizer as it was written."""
    rates = [rate for text in request.lr for rate in parse_values(text)]
    for text in request.optimizers:
        for spec in parse(text, optimizer_vectors):
            with _noted(failures, text, frozenset()):
                _reach(spec.name)
                sweeps = "lr" in find_optimizer(spec.name).parameters and "lr" not in dict(
                    spec.params
                )
                for rate in rates if sweeps and rates else [None]:
                    more = {} if rate is None else {"lr": rate}
                    own = Spec.of(spec.name, {**dict(spec.params), **more})
                    yield own, replace(request, optimizers=(str(own),), lr=())


def _add(runs: dict[Asked, RunSpec], optimizer: Spec, request: Request) -> None:
    """Add the runs of one optimizer, called as the suite calls it."""
    specs = runs_of((request,))
    make_plan(specs)  # asks the optimizer whether it takes these parameters
    for spec in specs:
        # Defaults are the optimizer's business: when they change, its series shows what that does.
        definition = replace(spec, optimizer=optimizer, device="cpu").to_json()
        problem = f"{spec.problem_label} seed {spec.seed}" if spec.seed else spec.problem_label
        asked = Asked(problem, str(optimizer), str(spec.schedule), digest(definition))
        if any(asked[:3] == other[:3] and asked != other for other in runs):
            raise OptbenchError(
                f"two runs of {optimizer} on {problem} differ in more than a name shows: "
                "budget, targets, dtype or training"
            )
        runs[asked] = spec
