"""Parameters of families, optimizers and schedules: read off the function's own signature.

A family, a step rule or a schedule is a plain function; its keyword-only arguments are its
parameters, and what the annotation says beside the type is their meaning and range:

    def quadratic(*, kappa: Annotated[float, Param("condition number L/mu", low=1)] = 1e4): ...

So there is one place to look at, and none to forget.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Annotated, Any

from optbench.core.errors import SpecError, unknown


class Number:
    """The kind of a foreign parameter whose default is a whole number: any number may be meant."""


class Numbers:
    """The kind of a parameter whose one value is several numbers; it is text, as in `1.5/1.5`."""


Vector = Annotated[str, Numbers]
"""Annotation of such a parameter: `start: Annotated[Vector, Param("first point")] = ""`."""

Value = int | float | bool | str
"""What a parameter can be: plain data that survives text and JSON unchanged."""

TUNING = re.compile(
    r"(?P<factor>(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)/L|two-over-sum|polyak|nesterov|L|mu"
)
"""Named tunings: c/L, two-over-sum = 2/(L + mu), polyak = heavy ball's pair (Polyak 1964),
nesterov = (sqrt kappa - 1)/(sqrt kappa + 1) (Nesterov 2004), and the facts L and mu themselves."""


@dataclass(frozen=True)
class Param:
    """What a parameter means and which values it takes.

    Attributes:
        about: Meaning, with the unit where there is one.
        low: Smallest value.
        high: Largest value.
        above: Every value is strictly above this one.
        below: Every value is strictly below this one.
        choices: The words allowed, for a parameter that is a word; for a vector, the words that may
            stand in the place of numbers.
        tunings: The named tunings that may stand in the place of a number.
        per_run: Whether runs that differ in it may advance in one batch (a number that the update
            rule can take as a tensor).
        per_block: Whether parameter groups may differ in it.
    """

    about: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    tunings: tuple[str, ...] = ()
    per_run: bool = False
    per_block: bool = True

    def range(self) -> str:
        """Return the allowed values as text, e.g. `[1, inf)` or `a | b`."""
        if self.choices:
            return " | ".join(self.choices)
        if {self.low, self.high, self.above, self.below} == {None}:
            return ""
        low = "(-inf" if self.low is None else f"[{self.low:g}"
        high = "inf)" if self.high is None else f"{self.high:g}]"
        low = low if self.above is None else f"({self.above:g}"
        high = high if self.below is None else f"{self.below:g})"
        return f"{low}, {high}"

    def allows(self, value: float) -> bool:
        """Return whether a number lies in the range."""
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


LEARNING_RATE = Param(
    "learning rate eta", above=0, tunings=("c/L", "two-over-sum", "polyak"), per_run=True
)
MOMENTUM = Param("momentum beta", low=0, below=1, tunings=("polyak", "nesterov"), per_run=True)
_DECAY = Param("decay rate of a moving average", low=0, below=1, per_run=True)
_EPSILON = Param("added to the denominator", low=0, per_run=True)

# An update rule sees a number, or a tensor with one for each run of the batch: `Any` stands for
# both, and is declared to users as a float.
LearningRate = Annotated[Any, LEARNING_RATE]
Momentum = Annotated[Any, MOMENTUM]
Decay = Annotated[Any, _DECAY]
Epsilon = Annotated[Any, _EPSILON]
Smoothness = Annotated[Any, Param("smoothness L", above=0, tunings=("L",), per_run=True)]
StrongConvexity = Annotated[Any, Param("strong convexity mu", low=0, tunings=("mu",), per_run=True)]
WeightDecay = Annotated[Any, Param("weight decay coefficient", low=0, per_run=True)]

# For rules that work on whole matrices, where a number for each coordinate has no meaning.
WholeMomentum = Annotated[Any, replace(MOMENTUM, per_block=False)]
WholeDecay = Annotated[Any, replace(_DECAY, per_block=False)]
WholeEpsilon = Annotated[Any, replace(_EPSILON, per_block=False)]


@dataclass(frozen=True)
class Parameter:
    """One parameter as declared: its name, type, default and meaning.

    A default of `None` (a foreign class's way to say "decide yourself") is left out of specs, and
    any value may be given in its place.
    """

    name: str
    kind: type
    default: Value | None
    param: Param


@functools.cache
def parameters_of(function: Callable[..., Any]) -> Mapping[str, Parameter]:
    """Read the keyword-only arguments of a function as parameters.

    Args:
        function: A family, a step rule or a schedule. An argument without `Param` in its annotation
            gets its type from the annotation, or else from its default, and no range, except that
            `lr` is always a learning rate.

    Returns:
        Parameter by name, in the order of the signature.

    Raises:
        SpecError: When a keyword-only argument has no default: a name alone must be a full spec.
    """
    try:
        signature = inspect.signature(function)
    except ValueError as error:  # some functions of the interpreter have none
        raise SpecError(f"{function} has no signature to read parameters from") from error
    arguments = {
        name: argument
        for name, argument in signature.parameters.items()
        if argument.kind is inspect.Parameter.KEYWORD_ONLY
    }
    # The other arguments may be annotated with names that exist for type checkers only.
    annotated = SimpleNamespace(
        __annotations__={
            name: argument.annotation
            for name, argument in arguments.items()
            if argument.annotation is not inspect.Parameter.empty
        }
    )
    names = getattr(inspect.unwrap(function), "__globals__", {})
    hints = typing.get_type_hints(annotated, names, include_extras=True)
    found: dict[str, Parameter] = {}
    for name, argument in arguments.items():
        if argument.default is inspect.Parameter.empty:
            owner = getattr(function, "__name__", "function")
            raise SpecError(f"{owner}: parameter {name!r} needs a default value")
        hint = hints.get(name, type(argument.default))
        metadata = getattr(hint, "__metadata__", ())
        kind = hint.__origin__ if metadata else hint
        kind = float if kind is Any else Numbers if Numbers in metadata else kind
        default = LEARNING_RATE if name == "lr" else Param("")
        param = next((m for m in metadata if isinstance(m, Param)), default)
        found[name] = Parameter(name, kind, argument.default, param)
    return found


def complete(
    owner: str, parameters: Mapping[str, Parameter], given: Mapping[str, Value]
) -> dict[str, Value]:
    """Check what the user gave and fill in the defaults.

    Args:
        owner: Whose parameters they are, for the message.
        parameters: What the owner takes.
        given: What the user gave.

    Returns:
        A value for every parameter, in the owner's order, of the declared type; but none for an
        empty vector or a default of `None`, which leave the choice to the owner.

    Raises:
        SpecError: For an unknown name, a wrong type, or a value out of range.
    """
    for name in given:
        if name not in parameters:
            raise SpecError(str(unknown(f"parameter of {owner}:", name, parameters)))
    values = {
        name: checked(owner, p, given[name]) if name in given else p.default
        for name, p in parameters.items()
    }
    empty = {name for name, p in parameters.items() if p.kind is Numbers and not values[name]}
    return {k: v for k, v in values.items() if v is not None and k not in empty}


def vector_of(text: str) -> tuple[float, ...]:
    """Return the numbers of a vector, `1.5/1.5` say; none for the empty text.

    Raises:
        SpecError: When the text is not finite numbers joined by `/`.
    """
    try:
        numbers = tuple(float(part) for part in text.split("/")) if text else ()
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
        raise SpecError(f"{text!r} is not numbers joined by /, as in 1.5/1.5")
    return numbers


def vectors_among(parameters: Mapping[str, Parameter]) -> frozenset[str]:
    """Return the names of the parameters that are vectors."""
    return frozenset(name for name, p in parameters.items() if p.kind is Numbers)


def _checked_vector(owner: str, parameter: Parameter, value: Value) -> str:
    """Return the vector in its canonical text, so that equal vectors are equal specs."""
    name, param = parameter.name, parameter.param
    if isinstance(value, str) and value in param.choices:
        return value
    try:
        numbers = vector_of(str(value))
    except SpecError as error:
        if param.choices:
            raise SpecError(
                str(unknown(f"{name} of {owner}:", str(value), param.choices))
            ) from error
        raise SpecError(f"{owner}: {name}: {error}") from error
    for number in numbers:
        if not param.allows(number):
            raise SpecError(f"{owner}: {name} must be in {param.range()}, got {number:g}")
    return "/".join(repr(number).removesuffix(".0") for number in numbers)


def checked(owner: str, parameter: Parameter, value: Value) -> Value:
    """Return the value in the parameter's type, or raise what is wrong with it."""
    name, kind, param = parameter.name, parameter.kind, parameter.param
    if kind is Numbers:
        return _checked_vector(owner, parameter, value)
    tuning = TUNING.fullmatch(value) if isinstance(value, str) else None
    if tuning and ("c/L" if tuning["factor"] else value) in param.tunings:
        if tuning["factor"] and not 0 < float(tuning["factor"]) < math.inf:
            raise SpecError(f"{owner}: {name} must be in {param.range()}, got {value}")
        return value
    if kind is float and type(value) is int:
        value = float(value)
    if kind is int and type(value) is float and value.is_integer():
        value = int(value)
    either = kind is Number and type(value) in (int, float)
    if not (either or kind is type(None) or type(value) is kind):
        expected = {int: "a whole number", float: "a number", Number: "a number"}.get(
            kind, "a word"
        )
        expected = "true or false" if kind is bool else expected
        if param.tunings:
            expected += f" or a tuning ({', '.join(param.tunings)})"
        raise SpecError(f"{owner}: {name} must be {expected}, got {value!r}")
    in_range = (
        (not param.choices or value in param.choices)
        if isinstance(value, str)
        else math.isfinite(value) and param.allows(value)
    )
    if not in_range:
        if param.choices:
            raise SpecError(str(unknown(f"{name} of {owner}:", str(value), param.choices)))
        raise SpecError(f"{owner}: {name} must be in {param.range()}, got {value!r}")
    return value
