"""What is to be run, as flags or a suite's entry say it, and the run specs that it stands for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from optbench.cards import cards
from optbench.core.errors import OptbenchError, SpecError, unknown
from optbench.core.groups import complete_grouped
from optbench.core.parameters import Parameter, Value, vectors_among
from optbench.core.registry import plugins
from optbench.core.spec import RunSpec, Spec, parse, parse_one, parse_values
from optbench.core.target import read_targets
from optbench.core.task import Task
from optbench.core.training import PLAIN, Training
from optbench.families import FAMILIES
from optbench.families.settings import Settings, check_budget, settle
from optbench.optimizers.foreign.packages import PACKAGES

PROBLEMS = "optbench.problems"
"""Entry-point group of installed problem families."""

MAX_SEEDS = 100_000
"""More seeds than this are taken for a slip of the finger."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be run, as flags or a suite's entry say it: the product of all lists.

    Attributes:
        problems: Texts: cards, or specs of problems.
        optimizers: Texts: specs of optimizers, with lists and grids.
        schedules: Texts: specs of schedules.
        lr: Texts: learning rates, lists, grids or tunings, for every optimizer whose text names
            none; empty for each one's default.
        seeds: Number of seeds, from 0 on.
        budget: Gradient evaluations; None, here and below, leaves it to the problem.
        targets: Relative suboptimalities, or texts such as `distance=1e-3`, see `read_targets`.
        dtype: `float64` or `float32`.
        device: `cpu` or `cuda`.
        record: `log` or `every`.
        record_x: Whether points are kept; None keeps them in two dimensions.
        training: How learning problems are trained.
    """

    problems: tuple[str, ...]
    optimizers: tuple[str, ...]
    schedules: tuple[str, ...] = ("constant",)
    lr: tuple[str, ...] = ()
    seeds: int = 1
    budget: float | None = None
    targets: tuple[float | str, ...] | None = None
    dtype: str | None = None
    device: str = "cpu"
    record: str = "log"
    record_x: bool | None = None
    training: Training = PLAIN

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            SpecError: For a number out of range or an unknown word.
        """
        for text in (*self.problems, *self.optimizers, *self.schedules, *self.lr):
            if not text.isprintable():
                raise SpecError(f"{text!r} holds characters that cannot be printed")
        if type(self.seeds) is not int or not 1 <= self.seeds <= MAX_SEEDS:
            raise SpecError(f"seeds must be at least 1 and at most {MAX_SEEDS}, got {self.seeds}")
        if self.budget is not None:
            check_budget(self.budget)
        read_targets(self.targets or ())
        for kind, word, known in (
            ("dtype", self.dtype, (None, "float64", "float32")),
            ("device", self.device, ("cpu", "cuda")),
            ("record", self.record, ("log", "every")),
        ):
            if word not in known:
                raise unknown(kind, str(word), filter(None, known))

    @property
    def settings(self) -> Settings:
        """What it says of every run."""
        return Settings(
            budget=self.budget,
            targets=self.targets,
            dtype=self.dtype,
            record=self.record,
            record_x=self.record_x,
            training=self.training,
        )


class Named(NamedTuple):
    """What names a run, before the problem is built: complete specs, and the problem's label.

    `sized` says whether the optimizer's text has a batch size of its own.
    """

    label: str
    problem: Spec
    optimizer: Spec
    schedule: Spec
    seed: int
    sized: bool


def expand(*requests: Request) -> list[RunSpec]:
    """Write out what requests stand for, checked and with every default filled in.

    Args:
        requests: What is to be run.

    Returns:
        The runs, in the order of the requests and of their lists.

    Raises:
        OptbenchError: For an unknown name, a parameter out of range, a missing learning rate; for
            data that is not here, all sets at once.
    """
    asked = [(request, named_runs(request)) for request in requests]
    _build(run.problem for _, named in asked for run in named)
    return [spec for request, named in asked for spec in _specs(request, named)]


def named_runs(request: Request) -> list[Named]:
    """Return the runs that a request stands for; no problem is built, and no data needed.

    Raises:
        OptbenchError: For an unknown name, a parameter out of range, a missing learning rate.
    """
    from optbench.schedules.find import complete_schedule

    problems = [pair for text in request.problems for pair in _named_problems(text)]
    optimizers = [pair for text in request.optimizers for pair in _optimizers(text, request.lr)]
    schedules = [
        complete_schedule(spec)
        for text in request.schedules
        for spec in parse(text, schedule_vectors)
    ]
    return [
        Named(label, problem, optimizer, schedule, seed, sized)
        for label, problem in problems
        for optimizer, sized in optimizers
        for schedule in _applicable(optimizer, schedules)
        for seed in range(request.seeds)
    ]


def _build(problems: Iterable[Spec]) -> None:
    """Build problems, and say of all data that is missing where it is to be had."""
    from optbench.data.library import DataMissingError
    from optbench.families.find import build

    missing: list[str] = []
    for problem in dict.fromkeys(problems):
        try:
            build(problem)
        except DataMissingError as error:
            missing.append(str(error))
    if missing:
        raise DataMissingError("; ".join(dict.fromkeys(missing)))


def _specs(request: Request, named: Sequence[Named]) -> Iterator[RunSpec]:
    from optbench.families.find import build
    from optbench.families.fit import check_optimizers

    labels = {run.problem: run.label for run in named}
    asked = request.settings
    settled = {spec: settle(label, build(spec), asked) for spec, label in labels.items()}
    check_optimizers(labels, dict.fromkeys(run.optimizer for run in named))
    for run in named:
        own, optimizer = settled[run.problem], run.optimizer
        if isinstance(build(run.problem), Task) and not run.sized:
            # A default such as sgd's, one example, is for functions; a task has its own number.
            optimizer = Spec.of(optimizer.name, dict(optimizer.params) | {"batch_size": 0})
        yield RunSpec(
            problem=run.problem,
            optimizer=optimizer,
            schedule=run.schedule,
            budget=own.budget,
            targets=own.targets,
            target_measure=own.target_measure,
            seed=run.seed,
            dtype=own.dtype,
            device=request.device,
            record=own.record,
            record_x=own.record_x,
            training=own.training,
            label=run.label,
        )


def _named_problems(text: str) -> Iterator[tuple[str, Spec]]:
    """Yield the label and the complete spec of every problem that a text stands for."""
    from optbench.families.find import complete_problem

    label = label_of(text)
    if label != text:
        yield label, complete_problem(parse_one(text.removeprefix(f"{label}="), problem_vectors))
        return
    for spec in parse(text, problem_vectors):
        is_family = spec.name in FAMILIES
        if spec.name in cards() and not (spec.params and is_family):
            if spec.params:
                family = cards()[spec.name].problem
                raise SpecError(
                    f"{spec.name} is a card without parameters; vary its family: {family}"
                )
            yield spec.name, complete_problem(cards()[spec.name].problem)
        elif ":" in spec.name or is_family or spec.name in plugins(PROBLEMS):
            yield str(spec), complete_problem(spec)
        else:
            raise unknown("problem", spec.name, {*FAMILIES, *cards(), *plugins(PROBLEMS)})


def label_of(text: str) -> str:
    """Return the name by which a problem's text wants to be called.

    Args:
        text: A card, a spec, or `name=spec` as a suite writes the cards of its own folder.

    Returns:
        The name, or the text itself.
    """
    label, equals, _ = text.partition("=")
    return label if equals and ":" not in label and "," not in label else text


def _optimizers(text: str, rates: tuple[str, ...]) -> Iterator[tuple[Spec, bool]]:
    """Yield the complete specs of an optimizer's text, once for each learning rate.

    With each comes whether the text has a batch size.
    """
    for spec in parse(text, optimizer_vectors):
        parameters = _optimizer_parameters(spec.name)
        given = dict(spec.params)
        choices: list[dict[str, Value]] = [{}]
        if "lr" in parameters and "lr" not in given and rates:
            choices = [{"lr": rate} for text in rates for rate in parse_values(text)]
        for choice in choices:
            values = complete_grouped(spec.name, parameters, given | choice)
            if "lr" in parameters and "lr" not in values:
                raise SpecError(
                    f"{spec.name} has no default learning rate: give one, {spec.name}:lr=0.1 say"
                )
            yield Spec.of(spec.name, values), "batch_size" in given


def _problem_parameters(name: str) -> Mapping[str, Parameter]:
    from optbench.families.find import family_parameters

    return family_parameters(name)


def _optimizer_parameters(name: str) -> Mapping[str, Parameter]:
    from optbench.optimizers.find import find_optimizer

    return find_optimizer(name).parameters


def _schedule_parameters(name: str) -> Mapping[str, Parameter]:
    from optbench.schedules.find import find_schedule

    return find_schedule(name).parameters


def problem_vectors(name: str) -> frozenset[str]:
    """Return which parameters of a problem are vectors; none when there is no such problem."""
    return _vectors(_problem_parameters, name)


def optimizer_vectors(name: str) -> frozenset[str]:
    """Return which parameters of an optimizer are vectors; none when there is no such optimizer."""
    return _vectors(_optimizer_parameters, name)


def schedule_vectors(name: str) -> frozenset[str]:
    """Return which parameters of a schedule are vectors; none when there is no such schedule."""
    return _vectors(_schedule_parameters, name)


def _vectors(parameters: Callable[[str], Mapping[str, Parameter]], name: str) -> frozenset[str]:
    try:
        return vectors_among(parameters(name))
    except OptbenchError:  # the text is read first; what is wrong with the name is said after
        return frozenset()


def _applicable(optimizer: Spec, schedules: list[Spec]) -> list[Spec]:
    """Return the schedules for an optimizer: only `constant` for one without a learning rate."""
    if "lr" in dict(optimizer.params):
        return schedules
    constant = [spec for spec in schedules if spec.name == "constant"]
    if not constant:
        raise SpecError(f"{optimizer.name} has no learning rate to schedule")
    return constant


def reference(thing: Any) -> str:
    """Return the text by which specs name an object.

    Args:
        thing: A spec's text, or a class or function that lives in a file.

    Returns:
        The text itself, `torch.SGD` for a class of a known package, or `path/to/file.py:name`.

    Raises:
        OptbenchError: When an object has no file, as in an interactive session.
    """
    if isinstance(thing, str):
        return thing
    try:
        path = inspect.getsourcefile(thing)
    except TypeError:
        path = None
    name, module = getattr(thing, "__qualname__", ""), getattr(thing, "__module__", "")
    package = module.partition(".")[0]
    if package in PACKAGES:
        return f"{package}.{name}"
    if path is None or not name.isidentifier() or not Path(path).is_file():
        raise OptbenchError(f"{thing!r} has no name in a file; put it in a file, at the top level")
    return f"{path}:{name}"


def texts_of(things: Any) -> tuple[str, ...]:
    """Return the texts of one thing or of several: specs, numbers, classes, functions."""
    if isinstance(things, int | float):
        return (repr(things),)
    things = [things] if isinstance(things, str) or callable(things) else things
    return tuple(repr(t) if isinstance(t, int | float) else reference(t) for t in things)
