"""Problem cards: named problems as TOML, data only.

The built-in cards are found beside the package or inside it, never by the current directory. No
key is executed, and an unknown key is an error that suggests the right one.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from optbench.core.errors import OptbenchError, unknown
from optbench.core.spec import Spec, is_vector, parse_value

SUITE_FILE = "suite.toml"
"""A folder with this file is a suite; the other TOML files in it are problem cards."""

_NAME = re.compile(r"[\w.-]+")
_KEYS = ("about", "reference", "family", "params", "learning")


@dataclass(frozen=True, kw_only=True)
class Learning:
    """What a card says of a learning problem: how it is set up, and what others have reached.

    Attributes:
        data: The data set, and how many examples of what shape.
        split: Which of them are trained on, chosen by, and reported.
        model: The architecture, and how many parameters.
        loss: What is minimised, and what is evaluated where that differs.
        metric: What runs are compared by.
        batch_size: Examples in a gradient.
        budget: Steps.
        target: Levels as `--target` takes them, joined by commas; empty for none.
        target_source: Where the target comes from.
        published: The published figure to compare with, and its source.
        recipe: What follows `optbench run -p NAME` for the published training.
    """

    data: str
    split: str
    model: str
    loss: str
    metric: str
    batch_size: int
    budget: float
    target: str
    target_source: str
    published: str
    recipe: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The levels, one by one."""
        return tuple(part.strip() for part in self.target.split(",") if part.strip())


@dataclass(frozen=True, kw_only=True)
class Card:
    """A named problem: one TOML file.

    Attributes:
        name: The file's name without its ending.
        about: What it is, in one line.
        reference: Where it comes from.
        problem: Family and parameters.
        learning: For a learning problem, how it is set up.
    """

    name: str
    about: str
    reference: str
    problem: Spec
    learning: Learning | None = None


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
    data = read_toml(path, _KEYS, required=("about", "reference", "family"))
    params = data.get("params", {})
    if not isinstance(params, dict) or not all(
        isinstance(value, int | float | str) for value in params.values()
    ):
        raise OptbenchError(f"{path}: params must be numbers, words, true or false")
    if not _NAME.fullmatch(path.stem):
        raise OptbenchError(
            f"{path}: a card's file name has letters, digits, '.', '_' and '-' only"
        )
    for key, value in params.items():
        if isinstance(value, str) and not _is_text(value):
            raise OptbenchError(f"{path}: {key} = {value!r} is not a word, nor a vector (1.5/1.5)")
    return Card(
        name=path.stem,
        about=str(data["about"]),
        reference=str(data["reference"]),
        problem=Spec.of(str(data["family"]), params),
        learning=_learning(path, data["learning"]) if "learning" in data else None,
    )


def _learning(path: Path, table: Any) -> Learning:
    """Read the table `[learning]` of a card."""
    if not isinstance(table, dict):
        raise OptbenchError(f"{path}: learning must be a table, headed [learning]")
    kinds = {field.name: str for field in fields(Learning)} | {"batch_size": int, "budget": float}
    _check_keys(f"{path}: learning", table, kinds, kinds)
    for key, kind in kinds.items():
        value = table[key]
        if isinstance(value, bool) or not isinstance(value, int | float if kind is float else kind):
            meaning = {str: "a text", int: "a whole number", float: "a number"}[kind]
            raise OptbenchError(f"{path}: learning: {key} must be {meaning}, got {value!r}")
    return Learning(**table)


def _is_text(value: str) -> bool:
    return ("/" in value and is_vector(value)) or parse_value(value) == value


def read_toml(path: Path, known: Iterable[str], required: Iterable[str]) -> dict[str, Any]:
    """Read a TOML file and check its keys.

    Args:
        path: The file.
        known: Keys that it may have.
        required: Keys that it must have.

    Returns:
        Its content.

    Raises:
        OptbenchError: When it cannot be read, is not TOML, or has other keys.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptbenchError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise OptbenchError(f"{path}: {error}") from error
    _check_keys(str(path), data, known, required)
    return data


def _check_keys(
    place: str, table: Mapping[str, Any], known: Iterable[str], required: Iterable[str]
) -> None:
    for key in table:
        if key not in known:
            raise OptbenchError(f"{place}: {unknown('key', key, known)}")
    for key in required:
        if key not in table:
            raise OptbenchError(f"{place}: the key {key!r} is missing")
