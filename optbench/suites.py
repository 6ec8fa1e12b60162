"""Cards: problems and suites as TOML, and what they and the flags ask for as run specs.

A suite is a folder with a `suite.toml` and problem cards; a problem card gives a name to a family
with parameters. Both are data: no key is executed, an unknown key is an error that suggests the
right one. The built-in cards are found beside the package or inside it, never by the current
directory; a user's own suite is a path.
"""

from __future__ import annotations

import fnmatch
import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optbench.core.errors import OptbenchError, SpecError, unknown
from optbench.core.parameters import Value, complete, parameters_of
from optbench.core.registry import load, resolve
from optbench.core.spec import RunSpec, Spec, parse, parse_one, parse_values

SUITE_FILE = "suite.toml"
TARGETS = (1e-2, 1e-4, 1e-6, 1e-8)
"""Relative suboptimalities that a run reports unless it is told others; it stops at the last."""

_PROBLEM_KEYS = ("about", "reference", "family", "params")
_ENTRY_KEYS = [
    "problems",
    "optimizers",
    "schedules",
    "lr",
    "seeds",
    "budget",
    "targets",
    "gradient_tolerance",
    "dtype",
    "record",
]
_SUITE_KEYS = ("about", "reference", "runs", *_ENTRY_KEYS)


@dataclass(frozen=True, kw_only=True)
class Card:
    """A named problem: one TOML file.

    Attributes:
        name: The file's name without its ending.
        about: What it is, in one line.
        reference: Where it comes from.
        problem: Family and parameters.
    """

    name: str
    about: str
    reference: str
    problem: Spec


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
        budget: Gradient evaluations.
        targets: Relative suboptimalities.
        gradient_tolerance: Norm of the gradient at which a run stops; 0 never.
        dtype: `float64` or `float32`.
        device: `cpu` or `cuda`.
        record: `log` or `every`.
        record_x: Whether points are kept; None keeps them in two dimensions.
    """

    problems: tuple[str, ...]
    optimizers: tuple[str, ...]
    schedules: tuple[str, ...] = ("constant",)
    lr: tuple[str, ...] = ()
    seeds: int = 1
    budget: float = 1000.0
    targets: tuple[float, ...] = TARGETS
    gradient_tolerance: float = 0.0
    dtype: str = "float64"
    device: str = "cpu"
    record: str = "log"
    record_x: bool | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            SpecError: For a number out of range or an unknown word.
        """
        if self.seeds < 1:
            raise SpecError(f"seeds must be at least 1, got {self.seeds}")
        if not 1 <= self.budget <= 1e12:
            raise SpecError(
                f"budget must be from 1 to 1e12 gradient evaluations, got {self.budget:g}"
            )
        for target in self.targets:
            if not 0 <= target < 1:
                raise SpecError(f"target must be in [0, 1), relative to the start, got {target:g}")
        if not 0 <= self.gradient_tolerance < float("inf"):
            raise SpecError(
                f"gradient tolerance must be at least 0, got {self.gradient_tolerance:g}"
            )
        for kind, word, known in (
            ("dtype", self.dtype, ("float64", "float32")),
            ("device", self.device, ("cpu", "cuda")),
            ("record", self.record, ("log", "every")),
        ):
            if word not in known:
                raise unknown(kind, word, known)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A folder of cards.

    Attributes:
        name: The folder's name.
        about: What it is for, in one line.
        reference: Where it comes from.
        requests: What it runs.
    """

    name: str
    about: str
    reference: str
    requests: tuple[Request, ...]


def cards_root() -> Path:
    """Return the folder of the built-in cards.

    Raises:
        OptbenchError: When the installation lacks it.
    """
    package = Path(__file__).parent
    for root in (package / "_cards", package.parent / "problems"):
        if (root / "convex" / SUITE_FILE).is_file():
            return root
    raise OptbenchError(f"the installation at {package} lacks its problem cards; install it again")


def suite_names() -> list[str]:
    """Return the names of the built-in suites."""
    return sorted(path.parent.name for path in cards_root().glob(f"*/{SUITE_FILE}"))


@functools.cache
def cards() -> Mapping[str, Card]:
    """Return the built-in problem cards by name."""
    return {
        card.name: card
        for folder in sorted(cards_root().iterdir())
        if folder.is_dir()
        for card in folder_cards(folder)
    }


def folder_cards(folder: Path) -> Iterator[Card]:
    """Yield the problem cards of a folder."""
    for path in sorted(folder.glob("*.toml")):
        if path.name != SUITE_FILE:
            yield read_card(path)


def read_card(path: Path) -> Card:
    """Read a problem card.

    Raises:
        OptbenchError: When it cannot be read, lacks a key, or has one too many.
    """
    data = _read(path, _PROBLEM_KEYS, required=("about", "reference", "family"))
    params = data.get("params", {})
    if not isinstance(params, dict) or not all(
        isinstance(value, int | float | str) for value in params.values()
    ):
        raise OptbenchError(f"{path}: params must be numbers, words, true or false")
    return Card(
        name=path.stem,
        about=str(data["about"]),
        reference=str(data["reference"]),
        problem=Spec.of(str(data["family"]), params),
    )


def load_suite(name: str) -> Suite:
    """Read a suite.

    Args:
        name: A built-in suite's name, or the path of a folder (anything with a separator).

    Returns:
        The suite.

    Raises:
        OptbenchError: When there is none, or one of its cards is not right.
    """
    if "/" in name:
        folder = Path(name)
        if not (folder / SUITE_FILE).is_file():
            raise OptbenchError(f"no suite at {name}: there is no {folder / SUITE_FILE}")
    else:
        if name not in suite_names():
            raise unknown("suite", name, suite_names())
        folder = cards_root() / name
    own = {card.name: card for card in folder_cards(folder)}
    path = folder / SUITE_FILE
    data = _read(path, _SUITE_KEYS, required=("about", "reference", "runs"))
    shared = {key: value for key, value in data.items() if key in _ENTRY_KEYS}
    try:
        entries = [_request(path, shared | entry, own) for entry in data["runs"]]
    except (TypeError, ValueError) as error:
        raise OptbenchError(f"{path}: {error}") from error
    return Suite(
        name=folder.resolve().name,
        about=str(data["about"]),
        reference=str(data["reference"]),
        requests=tuple(entries),
    )


def _request(path: Path, entry: Mapping[str, Any], own: Mapping[str, Card]) -> Request:
    """Make a request of one `[[runs]]` entry, its defaults filled in."""
    for key in entry:
        if key not in _ENTRY_KEYS:
            raise OptbenchError(f"{path}: {unknown('key', key, _ENTRY_KEYS)}")
    for key in ("problems", "optimizers"):
        if not entry.get(key):
            raise OptbenchError(f"{path}: an entry of runs lacks {key}")
    fields: dict[str, Any] = dict(entry)
    for key in ("optimizers", "schedules", "lr"):
        if key in fields:
            fields[key] = tuple(str(text) for text in _as_list(fields[key]))
    if "targets" in fields:
        fields["targets"] = tuple(float(target) for target in _as_list(fields["targets"]))
    fields["problems"] = tuple(_problems(path, _as_list(entry["problems"]), own))
    try:
        return Request(**fields)
    except SpecError as error:
        raise OptbenchError(f"{path}: {error}") from error


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _problems(path: Path, texts: Iterable[str], own: Mapping[str, Card]) -> Iterator[str]:
    """Yield the problems that texts name: the folder's cards by glob, or anything else as it is.

    A card of the suite's folder is written out as `name=family:params` would be, so that a copied
    and edited card is used and not the built-in one of the same name.
    """
    for text in texts:
        matches = fnmatch.filter(own, text)
        if not matches and any(c in text for c in "*?["):
            raise OptbenchError(f"{path}: no card in this folder matches {text!r}")
        for name in matches:
            yield f"{name}={own[name].problem}"
        if not matches:
            yield text


def _read(path: Path, known: Iterable[str], required: Iterable[str]) -> dict[str, Any]:
    """Read a TOML file and check its keys."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptbenchError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise OptbenchError(f"{path}: {error}") from error
    for key in data:
        if key not in known:
            raise OptbenchError(f"{path}: {unknown('key', key, known)}")
    for key in required:
        if key not in data:
            raise OptbenchError(f"{path}: the key {key!r} is missing")
    return data


def expand(request: Request) -> list[RunSpec]:
    """Write out what a request stands for, checked and with every default filled in.

    Args:
        request: What is to be run.

    Returns:
        The runs, in the order of the lists.

    Raises:
        OptbenchError: For an unknown name, a parameter out of range, a missing learning rate.
    """
    problems = [pair for text in request.problems for pair in _named_problems(text)]
    optimizers = [spec for text in request.optimizers for spec in _optimizers(text, request.lr)]
    schedules = [complete_schedule(spec) for text in request.schedules for spec in parse(text)]
    return [
        RunSpec(
            problem=problem,
            optimizer=optimizer,
            schedule=schedule,
            budget=float(request.budget),
            targets=tuple(sorted(set(request.targets), reverse=True)),
            gradient_tolerance=float(request.gradient_tolerance),
            seed=seed,
            dtype=request.dtype,
            device=request.device,
            record=request.record,
            record_x=_keeps_points(request, problem),
            label=label,
        )
        for label, problem in problems
        for optimizer in optimizers
        for schedule in _applicable(optimizer, schedules)
        for seed in range(request.seeds)
    ]


def _named_problems(text: str) -> Iterator[tuple[str, Spec]]:
    """Yield the label and the complete spec of every problem that a text stands for."""
    from optbench.families.find import complete_problem

    label, equals, rest = text.partition("=")
    if equals and ":" not in label and "," not in label:
        yield label, complete_problem(parse_one(rest))
        return
    for spec in parse(text):
        if spec.name in cards():
            if spec.params:
                family = cards()[spec.name].problem
                raise SpecError(
                    f"{spec.name} is a card without parameters; vary its family: {family}"
                )
            yield spec.name, complete_problem(cards()[spec.name].problem)
        else:
            yield str(spec), complete_problem(spec)


def _optimizers(text: str, rates: tuple[str, ...]) -> Iterator[Spec]:
    """Yield the complete specs of an optimizer's text, once for each learning rate."""
    from optbench.optimizers.find import find_optimizer

    for spec in parse(text):
        parameters = find_optimizer(spec.name).parameters
        given = dict(spec.params)
        choices: list[dict[str, Value]] = [{}]
        if "lr" in parameters and "lr" not in given and rates:
            choices = [{"lr": rate} for text in rates for rate in parse_values(text)]
        for choice in choices:
            values = complete(spec.name, parameters, given | choice)
            if "lr" in parameters and "lr" not in values:
                raise SpecError(f"{spec.name} has no default learning rate: give one with --lr")
            yield Spec.of(spec.name, values)


def complete_schedule(spec: Spec) -> Spec:
    """Check a schedule's parameters and fill in the defaults.

    Raises:
        OptbenchError: For an unknown schedule or parameter, or a value out of range.
    """
    from optbench.schedules import SCHEDULES

    function = load(resolve("schedule", SCHEDULES, spec.name))
    return Spec.of(spec.name, complete(spec.name, parameters_of(function), dict(spec.params)))


def _applicable(optimizer: Spec, schedules: list[Spec]) -> list[Spec]:
    """Return the schedules for an optimizer: only `constant` for one without a learning rate."""
    if "lr" in dict(optimizer.params):
        return schedules
    constant = [spec for spec in schedules if spec.name == "constant"]
    if not constant:
        raise SpecError(f"{optimizer.name} has no learning rate to schedule")
    return constant


def _keeps_points(request: Request, problem: Spec) -> bool:
    from optbench.families.find import build_problem

    if request.record_x is not None:
        return request.record_x
    return build_problem(problem).facts.dim == 2
