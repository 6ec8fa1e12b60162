"""Requests of learning problems: what they stand for, and what is refused before anything runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optbench.core.errors import OptbenchError
from optbench.core.spec import RunSpec
from optbench.core.training import PLAIN, Training
from optbench.data.library import DataMissingError
from optbench.request import Request, expand, named_runs

DIGITS = "tests.tasks:digits"
NEEDS_DATA = """
from optbench.data.library import load

def pictures(*, data: str = "fashion-mnist"):
    load(data)

def letters():
    load("tinyshakespeare")
"""


def _request(*problems: str, **fields: Any) -> Request:
    return Request(**({"problems": problems, "optimizers": ("adam",)} | fields))


@pytest.fixture
def needy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a file with problems whose data is not here."""
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path / "empty"))
    (tmp_path / "needy.py").write_text(NEEDS_DATA)
    return str(tmp_path / "needy.py")


def test_each_problem_has_its_own_defaults() -> None:
    """In one request a function gets 1000 gradients in float64, a task what it says."""
    function, task = expand(_request("quadratic:dim=3", DIGITS))

    assert (function.budget, function.dtype, function.target_measure) == (
        1000.0,
        "float64",
        "suboptimality",
    )
    assert (task.budget, task.dtype, task.target_measure, task.targets) == (
        200.0,
        "float32",
        "error",
        (0.2,),
    )
    assert task.training == PLAIN


def test_options_of_training_name_the_run() -> None:
    """They are in every spec, survive JSON, and make another run."""
    training = Training(
        precision="bf16", compile=True, accumulate=4, evaluations=50, sharpness=True
    )
    (plain,) = expand(_request(DIGITS))
    (spec,) = expand(_request(DIGITS, training=training))

    assert spec.training == training
    assert RunSpec.from_json(spec.to_json()) == spec
    assert spec.digest != plain.digest


def test_several_requests_are_one_list() -> None:
    """The runs come in the order of the requests, seeds fastest."""
    specs = expand(_request(DIGITS, seeds=2), _request("parabola", budget=5.0))

    assert [(spec.problem.name, spec.seed) for spec in specs] == [
        (DIGITS, 0),
        (DIGITS, 1),
        ("parabola", 0),
    ]


@pytest.mark.parametrize(
    ("problems", "fields", "complaint"),
    [
        ((DIGITS,), {"targets": (1e-6,)}, "digits.* is a learning problem: its targets are value="),
        (("quadratic",), {"targets": ("error=.1",)}, "quadratic is none"),
        ((DIGITS, "quadratic"), {"training": Training(accumulate=2)}, "quadratic is none"),
        ((DIGITS,), {"record": "every"}, "ask for evaluations"),
        ((DIGITS,), {"record_x": True}, "points are kept of functions only"),
        ((DIGITS,), {"optimizers": ("adam:batch_size=5000",)}, "batch_size=5000, and .* has 1199"),
        ((DIGITS,), {"optimizers": ("adamw:weight_decay@baises=0",)}, "no parameter matches"),
        ((DIGITS,), {"optimizers": ("adam:lr@bias=.1",)}, "lr_scale@PATTERN"),
        ((f"{DIGITS}:width=wide",), {}, "width must be a whole number"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(
    problems: tuple[str, ...], fields: dict[str, Any], complaint: str
) -> None:
    """Each has one line that names the problem or the option."""
    with pytest.raises(OptbenchError, match=complaint):
        expand(_request(*problems, **fields))


def test_all_missing_data_is_named_at_once(needy: str) -> None:
    """Over all requests each set is named once, with the commands that get it."""
    requests = (
        _request("parabola", f"{needy}:pictures", f"{needy}:letters"),
        _request(f"{needy}:pictures:data=tinyshakespeare", f"{needy}:pictures:data=a9a", seeds=2),
    )
    with pytest.raises(DataMissingError) as caught:
        expand(*requests)

    said = str(caught.value).split("; ")
    assert [text.partition(" ")[0] for text in said] == ["fashion-mnist", "tinyshakespeare", "a9a"]
    for text in said:
        assert "optbench data fetch" in text
        assert "optbench data add" in text


def test_a_typo_is_said_before_missing_data(needy: str) -> None:
    """Nobody downloads a data set to learn that the optimizer was misspelt."""
    with pytest.raises(OptbenchError, match="did you mean adam"):
        expand(_request(f"{needy}:letters"), _request("parabola", optimizers=("adma",)))


def test_runs_are_counted_without_their_data(needy: str) -> None:
    """A suite can be looked at before its data is here."""
    request = _request(f"{needy}:letters", lr=("1e-3..1:4",), seeds=3)

    assert len(named_runs(request)) == 12


def test_requests_are_made_without_torch() -> None:
    """Reading a suite does not import what only runs need."""
    code = "import sys, optbench.request, optbench.suites; sys.exit('torch' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
