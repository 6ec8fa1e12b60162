"""Specs: plain data that names a problem, an optimizer, a schedule, or one run completely.

As text a spec is `name` or `name:key=value,key=value`. A value is a number, `true`, `false`, a
word, or a tuning such as `1/L`. On the command line and in suites one text may stand for many
specs: a list of numbers `lr=.1/.2/.5`, or a grid of n numbers evenly spaced in the logarithm,
`lr=1e-4..1:21`. For a parameter that is a vector, `start=1.5/1.5` is one value.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from optbench.core.errors import SpecError
from optbench.core.parameters import TUNING, Value
from optbench.core.target import SUBOPTIMALITY
from optbench.core.training import PLAIN, Training

_INTEGER = re.compile(r"[-+]?\d+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WORD = re.compile(r"[A-Za-z_][\w.+-]*")
_KEY = re.compile(r"[A-Za-z_]\w*(@[\w.*?-]+)?")
_GRID = re.compile(r"(?P<low>.+?)\.\.(?P<high>.+):(?P<count>\d+)")
_NAME = re.compile(r"(?P<name>[^:,=\s][^:,=]*(:[^\W\d]\w*(?=:|$))?)(:(?P<params>.*))?", re.DOTALL)

Vectors = Callable[[str], Collection[str]]
"""The name of a problem, an optimizer or a schedule to those of its keys that are vectors."""

MAX_GRID = 100_000
"""A grid with more points than this is taken for a slip of the finger."""


@dataclass(frozen=True)
class Spec:
    """A name with parameters: of a problem, an optimizer or a schedule.

    Attributes:
        name: A registered name, a card, `path/to/file.py:name` or `package.module:name`.
        params: Parameter values as (key, value) pairs, sorted by key.
    """

    name: str
    params: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, name: str, params: Mapping[str, Value] | None = None) -> Spec:
        """Build a spec from a mapping of parameters."""
        return cls(name, tuple(sorted((params or {}).items())))

    def __str__(self) -> str:
        """Return the text from which `parse` makes an equal spec."""
        if not self.params:
            return self.name
        return f"{self.name}:{','.join(f'{key}={format_value(v)}' for key, v in self.params)}"


def format_value(value: Value) -> str:
    """Return a value as text; `parse_value` is the inverse."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def parse_value(text: str) -> Value:
    """Read one value.

    Args:
        text: A number, `true`, `false`, a word, or a tuning.

    Returns:
        The value; an integer stays an integer.

    Raises:
        SpecError: When the text is none of these, or a number too large for a float.
    """
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        if _INTEGER.fullmatch(text) and len(text) <= 20:
            return int(text)
        if math.isinf(float(text)):
            raise SpecError(f"number {text!r} is too large")
        return float(text)
    if _WORD.fullmatch(text) or TUNING.fullmatch(text):
        return text
    raise SpecError(f"{text!r} is neither a number, true, false, a word, nor a tuning such as 1/L")


def parse_values(text: str) -> list[Value]:
    """Read one value, a list of numbers `a/b/c`, or a logarithmic grid `low..high:count`.

    Args:
        text: What stands to the right of `key=`.

    Returns:
        The values, one or more.

    Raises:
        SpecError: When the text is none of these.
    """
    grid = _GRID.fullmatch(text)
    if grid:
        return list(_log_grid(text, grid["low"], grid["high"], grid["count"]))
    if ".." in text:
        raise SpecError(f"{text!r} is not a grid; write low..high:count, as in 1e-3..1:21")
    if "/" in text and is_vector(text):
        return [parse_value(part) for part in text.split("/")]
    return [parse_value(text)]


def is_vector(text: str) -> bool:
    """Return whether a text is one number, or several joined by `/`."""
    return all(_NUMBER.fullmatch(part) for part in text.split("/"))


def _log_grid(text: str, low: str, high: str, count: str) -> list[float]:
    if not (_NUMBER.fullmatch(low) and _NUMBER.fullmatch(high)):
        raise SpecError(f"grid {text!r}: both ends must be numbers, as in 1e-4..1:21")
    a, b = float(low), float(high)
    n = int(count) if len(count) < 10 else MAX_GRID + 1
    if not (0 < a < b < math.inf and 2 <= n <= MAX_GRID):
        raise SpecError(f"grid {text!r}: needs 0 < low < high and 2 to {MAX_GRID} points")
    ratio = math.log(b / a)
    inner = (a * math.exp(ratio * i / (n - 1)) for i in range(1, n - 1))
    # Rounded to 12 digits so that a grid point that is meant to be .01 reads .01.
    return [a, *(float(f"{x:.12g}") for x in inner), b]


def parse(text: str, vectors: Vectors = lambda name: ()) -> list[Spec]:
    """Read a text that stands for one spec or, with lists or grids, for several.

    Args:
        text: `name` or `name:key=value,...`.
        vectors: Which keys of a name are vectors; asked only for values that are numbers.

    Returns:
        The product of all its lists and grids, first key slowest.

    Raises:
        SpecError: When the text is not a spec, or names a key twice.
    """
    match = _NAME.fullmatch(text.strip())
    if not match or "\0" in text:
        raise SpecError(f"{text!r} is not a spec; write name or name:key=value,key=value")
    choices: dict[str, list[Value]] = {}
    for part in match["params"].split(",") if match["params"] is not None else []:
        key, equals, value = part.partition("=")
        if not (equals and _KEY.fullmatch(key)):
            raise SpecError(f"{text!r}: {part!r} is not key=value")
        if key in choices:
            raise SpecError(f"{text!r}: {key} is given twice")
        one = is_vector(value) and key in vectors(match["name"])
        choices[key] = [value] if one else parse_values(value)
    product = itertools.product(*choices.values())
    if math.prod(map(len, choices.values())) > MAX_GRID:
        raise SpecError(f"{text!r} stands for more than {MAX_GRID} specs")
    return [Spec.of(match["name"], dict(zip(choices, values, strict=True))) for values in product]


def parse_one(text: str, vectors: Vectors = lambda name: ()) -> Spec:
    """Read a text that stands for exactly one spec; see `parse`.

    Raises:
        SpecError: When the text is not a spec, or has a list or a grid.
    """
    specs = parse(text, vectors)
    if len(specs) > 1:
        raise SpecError(f"{text!r} stands for {len(specs)} specs where one is needed")
    return specs[0]


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run, named completely, and independent of the engine, the batch and the machine.

    Attributes:
        problem: The family or user's problem, with every parameter.
        optimizer: The optimizer with every parameter, the learning rate among them; named tunings
            stay words, their numbers are found in the run.
        schedule: The schedule with every parameter.
        budget: Gradient evaluations, in units of full gradients; for a task, of minibatches.
        targets: Levels of the measure, strictly decreasing; the run stops at the last one.
        target_measure: What the targets measure, and what the run is compared by; see
            `optbench.core.target.MEASURES`.
        seed: Names the start and every random draw.
        dtype: `float64` or `float32`.
        device: `cpu` or `cuda`.
        record: `log` (every step at first, then log-spaced) or `every`.
        record_x: Whether the logged points themselves are kept.
        training: How a task is trained; the defaults for other problems.
        label: The problem's name as it was asked for, for people; not part of the run's identity.
    """

    problem: Spec
    optimizer: Spec
    schedule: Spec = Spec("constant")
    budget: float = 1000.0
    targets: tuple[float, ...] = ()
    target_measure: str = SUBOPTIMALITY
    seed: int = 0
    dtype: str = "float64"
    device: str = "cpu"
    record: str = "log"
    record_x: bool = False
    training: Training = PLAIN
    label: str = field(default="", compare=False)

    def to_json(self) -> str:
        """Return the canonical JSON: sorted keys, no spaces, no label."""
        data: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self) if f.compare}
        for part in ("problem", "optimizer", "schedule"):
            spec: Spec = getattr(self, part)
            data[part] = {"name": spec.name, "params": dict(spec.params)}
        options = self.training.options()
        data = {key: value for key, value in data.items() if key != "training"}
        if options:  # so that runs of other problems keep the names that they had before tasks
            data["training"] = options
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, label: str = "") -> RunSpec:
        """Read what `to_json` wrote, now or before targets had measures."""
        data = json.loads(text)
        data.pop("gradient_tolerance", None)  # a second stop, which was 0 in every suite
        for part in ("problem", "optimizer", "schedule"):
            data[part] = Spec.of(data[part]["name"], data[part]["params"])
        data["targets"] = tuple(data["targets"])
        data["training"] = Training.of(data.get("training", {}))
        return cls(**data, label=label)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal: the spec's name, whatever the code."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def problem_label(self) -> str:
        """The name to show for the problem."""
        return self.label or str(self.problem)
