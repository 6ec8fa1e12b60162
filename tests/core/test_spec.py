"""Specs as text and as JSON."""

from __future__ import annotations

import contextlib
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench.core.errors import OptbenchError, SpecError
from optbench.core.parameters import Value
from optbench.core.spec import RunSpec, Spec, parse, parse_one, parse_values
from optbench.request import Request, expand

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)
words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.+-]{0,10}", fullmatch=True).filter(
    lambda word: word not in ("true", "false")
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(min_value=-(10**18), max_value=10**18)
values: st.SearchStrategy[Value] = st.one_of(st.booleans(), integers, numbers, words)
specs = st.builds(Spec.of, names, st.dictionaries(keys, values, max_size=5))


@given(specs)
def test_text_and_back_is_the_identity(spec: Spec) -> None:
    """A spec written as text and read again is the same spec, value types included."""
    again = parse_one(str(spec))

    assert again == spec
    assert [type(v) for _, v in again.params] == [type(v) for _, v in spec.params]


@given(st.text())
def test_no_text_raises_anything_but_the_parsers_own_error(text: str) -> None:
    """Whatever is typed, the parser answers or raises SpecError."""
    with contextlib.suppress(SpecError):
        parse(text)


@given(st.text(alphabet="abc:,=/.1e-+_L09", max_size=30))
def test_nearly_right_texts_raise_only_spec_errors(text: str) -> None:
    """The same for texts made of the grammar's own characters."""
    try:
        found = parse(text)
    except SpecError:
        return
    for spec in found[:20]:
        assert parse_one(str(spec)) == spec


@given(
    st.builds(
        RunSpec,
        problem=specs,
        optimizer=specs,
        schedule=specs,
        budget=st.floats(1, 1e12),
        targets=st.lists(st.floats(0, 0.99), max_size=3).map(tuple),
        seed=st.integers(0, 2**31),
        record_x=st.booleans(),
        label=st.text(max_size=10),
    )
)
def test_json_and_back_is_the_identity(spec: RunSpec) -> None:
    """A run spec survives its canonical JSON, and so does its digest."""
    again = RunSpec.from_json(spec.to_json(), label=spec.label)

    assert again == spec
    assert again.digest == spec.digest


vectors = st.lists(numbers, min_size=1, max_size=4).map(
    lambda v: "/".join(repr(x).removesuffix(".0") for x in v)
)


@given(names, st.dictionaries(keys, vectors, min_size=1, max_size=3), keys, numbers)
def test_vectors_survive_text_where_they_are_known(
    name: str, params: dict[str, Value], key: str, number: float
) -> None:
    """What is declared a vector stays one value, however long, beside what is not."""
    spec = Spec.of(name, params if key in params else params | {key: number})

    assert parse(str(spec), lambda asked: set(params) if asked == name else ()) == [spec]


def test_a_list_is_a_sweep_unless_the_key_is_a_vector() -> None:
    """The same text is two specs or one, by what the key is; a word is neither."""
    as_vector = parse("f:start=1/2,b=3/4", lambda name: {"start"})

    assert [dict(spec.params)["b"] for spec in parse("f:start=1,b=3/4")] == [3, 4]
    assert as_vector == [Spec.of("f", {"start": "1/2", "b": b}) for b in (3, 4)]
    assert parse_one("f:start=slow", lambda name: {"start"}) == Spec.of("f", {"start": "slow"})
    with pytest.raises(SpecError, match="stands for 2 specs"):
        parse_one("f:start=1/2")


def test_the_label_is_not_part_of_a_runs_identity() -> None:
    """The same run under two names has one digest."""
    a, b = (
        RunSpec(problem=Spec("quadratic"), optimizer=Spec("gd"), label=label)
        for label in ("a", "b")
    )

    assert a.digest == b.digest
    assert a == b


def test_the_order_of_parameters_does_not_matter() -> None:
    """A spec is a set of parameters, not a sequence."""
    assert parse_one("adam:lr=.1,eps=1e-8") == parse_one("adam:eps=1e-8,lr=.1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", [1]),
        ("1e3", [1000.0]),
        (".5", [0.5]),
        ("-2", [-2]),
        ("true", [True]),
        ("log_uniform", ["log_uniform"]),
        ("breast-cancer", ["breast-cancer"]),
        ("1/L", ["1/L"]),
        ("1.9/L", ["1.9/L"]),
        ("two-over-sum", ["two-over-sum"]),
        (".1/.2/5", [0.1, 0.2, 5]),
        ("1e-2..1:3", [0.01, 0.1, 1.0]),
        ("1e-4..1:5", [1e-4, 1e-3, 1e-2, 1e-1, 1.0]),
    ],
)
def test_values_read_as_documented(text: str, expected: list[Value]) -> None:
    """Numbers, words, tunings, lists and grids mean what the documentation says."""
    assert parse_values(text) == expected


def test_a_grid_is_even_in_the_logarithm_and_keeps_its_ends() -> None:
    """21 points over six decades are .3 decades apart, and the ends are the numbers typed."""
    grid = [float(x) for x in parse_values("1e-5..10:21")]

    steps = [math.log10(b / a) for a, b in itertools.pairwise(grid)]
    assert (grid[0], grid[-1]) == (1e-5, 10.0)
    assert steps == pytest.approx([0.3] * 20)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not a spec"),
        (":a=1", "is not a spec"),
        ("gd:lr", "lr"),
        ("gd:lr=1,lr=2", "given twice"),
        ("gd:=1", "is not key=value"),
        ("gd:lr=1e999", "too large"),
        ("gd:lr=1..2", "not a grid"),
        ("gd:lr=2..1:5", "low < high"),
        ("gd:lr=0..1:5", "low < high"),
        ("gd:lr=1..2:1", "2 to"),
        ("gd:lr=1..2:99999999999999", "2 to"),
        ("gd:lr=a..2:5", "both ends"),
        ("gd:lr=1/2/L", "neither"),
        ("gd:lr=", "neither"),
        ("gd:a=1..2:1000,b=1..2:1000", "more than"),
    ],
)
def test_wrong_texts_say_what_is_wrong(text: str, complaint: str) -> None:
    """Each mistake gets its own line."""
    with pytest.raises(OptbenchError, match=complaint):
        expand(Request(problems=("quadratic",), optimizers=(text,)))


def test_files_and_modules_are_names() -> None:
    """A path with a name in it is a spec's name, and may take parameters."""
    assert parse_one("dir/my_file.py:MyOpt") == Spec("dir/my_file.py:MyOpt")
    assert parse_one("dir/my_file.py:MyOpt:lr=.1") == Spec("dir/my_file.py:MyOpt", (("lr", 0.1),))
    assert parse_one("pkg.module:Name:a=1").name == "pkg.module:Name"


@pytest.mark.parametrize("name", ["own.py:Ünï", "π.py:_π", "a b/ö $x.py:Mine"])
def test_a_name_may_be_any_python_identifier(name: str) -> None:
    """Also beyond ASCII, with parameters and without."""
    assert parse_one(name) == Spec.of(name)
    assert parse_one(f"{name}:lr=0.5") == Spec.of(name, {"lr": 0.5})
