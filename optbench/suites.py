"""Suites: folders of cards that say what to run.

A suite is a folder with a `suite.toml` and, beside it, problem cards of its own; or one TOML file
alone. A bare word names a built-in suite; a user's own suite is a path.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from optbench.cards import SUITE_FILE, Card, cards_root, folder_cards, read_toml
from optbench.core.errors import OptbenchError, unknown
from optbench.core.training import Training
from optbench.request import Request

_TRAINING_KEYS = [field.name for field in fields(Training)]
_ENTRY_KEYS = [
    "problems",
    "optimizers",
    "schedules",
    "lr",
    "seeds",
    "budget",
    "targets",
    "dtype",
    "device",
    "record",
    *_TRAINING_KEYS,
]
_KINDS: dict[str, tuple[Any, str]] = {
    "seeds": (int, "a whole number"),
    "budget": (int | float, "a number"),
    "targets": (int | float | str, "a list of numbers, or of texts such as distance=1e-3"),
    "dtype": (str, "a word"),
    "device": (str, "a word"),
    "record": (str, "a word"),
    "precision": (str, "a word"),
    "compile": (bool, "true or false"),
    "accumulate": (int, "a whole number"),
    "evaluations": (int, "a whole number"),
    "sharpness": (bool, "true or false"),
    "deterministic": (bool, "true or false"),
}
_SUITE_KEYS = ("about", "reference", "runs", "nightly", *_ENTRY_KEYS)

MAX_ROUNDINGS = 100
"""More repeats than this are taken for a slip of the finger."""


@dataclass(frozen=True, kw_only=True)
class Nightly:
    """What `optbench nightly` looks at besides a suite's runs: the table `[nightly]`.

    Attributes:
        claims: What theory says, as `verify` takes it: `GD-03`, `HB-*`, or `GD-* with mine.py:SGD`
            for another optimizer in the place of the textbook's.
        conform: Implementations that are held against their equations, as `conform` takes them:
            `torch.AdamW`, or `mine.py:MyAdam as adam`.
        timed: Optimizers whose step is timed, and its memory measured.
        roundings: How often every run is repeated with other rounding, so that a change of last
            bits is told from a change.
    """

    claims: tuple[str, ...] = ()
    conform: tuple[str, ...] = ()
    timed: tuple[str, ...] = ()
    roundings: int = 4


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A folder of cards.

    Attributes:
        name: The folder's name.
        about: What it is for, in one line.
        reference: Where it comes from.
        requests: What it runs.
        nightly: What `optbench nightly` looks at besides.
    """

    name: str
    about: str
    reference: str
    requests: tuple[Request, ...]
    nightly: Nightly = Nightly()


def suite_names() -> list[str]:
    """Return the names of the built-in suites."""
    return sorted(path.parent.name for path in cards_root().glob(f"*/{SUITE_FILE}"))


def load_suite(name: str) -> Suite:
    """Read a suite.

    Args:
        name: A built-in suite's name, or the path of a folder or of a TOML file (anything with a
            separator, or that ends in `.toml`).

    Returns:
        The suite.

    Raises:
        OptbenchError: When there is none, or one of its cards is not right.
    """
    path, own = _find(name)
    data = read_toml(path, _SUITE_KEYS, required=("about", "reference", "runs"))
    shared = {key: value for key, value in data.items() if key in _ENTRY_KEYS}
    runs = data["runs"]
    if not (isinstance(runs, list) and all(isinstance(entry, dict) for entry in runs)):
        raise OptbenchError(f"{path}: runs must be tables, each headed [[runs]]")
    entries = [_request(path, shared | entry, own) for entry in runs]
    return Suite(
        name=path.resolve().parent.name if path.name == SUITE_FILE else path.stem,
        about=str(data["about"]),
        reference=str(data["reference"]),
        requests=tuple(entries),
        nightly=_nightly(path, data.get("nightly", {})),
    )


def _find(name: str) -> tuple[Path, Mapping[str, Card]]:
    """Return a suite's file, and the problem cards that belong to it."""
    place = Path(name)
    if name.endswith(".toml") and place.name != SUITE_FILE:
        if not place.is_file():
            raise OptbenchError(f"no suite at {name}: there is no such file")
        return place, {}
    folder = place.parent if name.endswith(".toml") else place
    if "/" not in name and folder == place:
        if name not in suite_names():
            raise unknown("suite", name, suite_names())
        folder = cards_root() / name
    if not (folder / SUITE_FILE).is_file():
        raise OptbenchError(f"no suite at {name}: there is no {folder / SUITE_FILE}")
    return folder / SUITE_FILE, {card.name: card for card in folder_cards(folder)}


def _nightly(path: Path, table: Any) -> Nightly:
    """Read the table `[nightly]`."""
    if not isinstance(table, dict):
        raise OptbenchError(f"{path}: nightly must be a table, headed [nightly]")
    known = [field.name for field in fields(Nightly)]
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise OptbenchError(f"{path}: nightly: {unknown('key', key, known)}")
        if key == "roundings":
            if type(value) is not int or not 0 <= value <= MAX_ROUNDINGS:
                many = f"a whole number from 0 to {MAX_ROUNDINGS}"
                raise OptbenchError(f"{path}: nightly: roundings must be {many}, got {value!r}")
            found[key] = value
        elif all(isinstance(text, str) for text in _as_list(value)):
            found[key] = tuple(_as_list(value))
        else:
            raise OptbenchError(f"{path}: nightly: {key} must be a list of texts, got {value!r}")
    return Nightly(**found)


def _request(path: Path, entry: Mapping[str, Any], own: Mapping[str, Card]) -> Request:
    """Make a request of one `[[runs]]` entry, its defaults filled in."""
    for key, value in entry.items():
        if key not in _ENTRY_KEYS:
            raise OptbenchError(f"{path}: {unknown('key', key, _ENTRY_KEYS)}")
        kinds, meaning = _KINDS.get(
            key, (str | int | float, "a text or a number, or a list of them")
        )
        # To Python true is a whole number; to a suite it is not.
        wrong = [
            v
            for v in _as_list(value)
            if not isinstance(v, kinds) or isinstance(v, bool) != (kinds is bool)
        ]
        if wrong or (key in _KINDS and key != "targets" and isinstance(value, list)):
            raise OptbenchError(f"{path}: {key} must be {meaning}, got {value!r}")
    for key in ("problems", "optimizers"):
        if not entry.get(key):
            raise OptbenchError(f"{path}: an entry of runs lacks {key}")
    asked: dict[str, Any] = {k: v for k, v in entry.items() if k not in _TRAINING_KEYS}
    for key in ("optimizers", "schedules", "lr"):
        if key in asked:
            asked[key] = tuple(str(text) for text in _as_list(asked[key]))
    if "targets" in asked:
        asked["targets"] = tuple(_as_list(asked["targets"]))
    asked["problems"] = tuple(_problems(path, _as_list(entry["problems"]), own))
    try:
        training = Training.of({k: v for k, v in entry.items() if k in _TRAINING_KEYS})
        return Request(**asked, training=training)
    except OptbenchError as error:
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
