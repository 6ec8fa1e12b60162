"""Functions of a user's own, and what a run's identity knows of a schedule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optbench.core.errors import OptbenchError
from optbench.engines import execute
from optbench.engines.execute import code_of
from optbench.schedules.find import is_schedule
from tests.helpers import trajectory
from tests.schedules.cases import factors


def written(folder: Path, body: str) -> str:
    """Write a schedule `mine` with a body and return its name."""
    file = folder / "mine.py"
    file.write_text(
        f"import numpy as np\ndef mine(t, horizon, *, scale: float = 1.0):\n    {body}\n"
    )
    return f"{file}:mine"


def test_a_function_by_its_path_sets_the_learning_rate_of_every_step(tmp_path: Path) -> None:
    """The run follows it: x_(t+1) = x_t (1 - 2 lr factor_t) on x^2."""
    name = written(tmp_path, "return scale / (t + 2)")
    run = trajectory("parabola", "gd:lr=0.5", schedules=(f"{name}:scale=0.5",), budget=4)

    assert run.points is not None
    expected = np.cumprod([1.0, *(1 - 0.5 / (np.arange(4) + 2))])
    np.testing.assert_allclose(run.points[:, 0] / run.points[0, 0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return np.ones(3)", r"returned shape \(3,\) for 11 steps"),
        ("return np.ones(len(t)) * 1j", "returned complex numbers"),
        ("t += 1; return np.ones(len(t))", "raised ValueError"),
        ("return 0.5", r"returned shape \(\) for 11 steps"),
        ("return np.ones((len(t), 1))", r"returned shape \(11, 1\) for 11 steps"),
        ("return np.where(t == 7, np.nan, 1.0)", "is nan at step 7"),
        ("return 1.0 / (5.0 - np.minimum(t, 4.5)) / (t != 3)", "is inf at step 3"),
        ("return 1 - t / 4", "is -0.25 at step 5; factors are finite and at least 0"),
        ("return 1 if t < 5 else 0.1", "raised ValueError: .*function .t, horizon"),
        ("return None", "raised TypeError|returned shape|is nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_function_that_returns_something_else_is_told_so(
    tmp_path: Path, body: str, message: str
) -> None:
    """Shape, finiteness and sign are checked before anything runs; the message has one line."""
    name = written(tmp_path, body)
    with pytest.raises(OptbenchError, match=message) as caught:
        factors(name, 10)

    assert "\n" not in str(caught.value)
    assert "mine" in str(caught.value)


def test_a_class_is_no_schedule(tmp_path: Path) -> None:
    """The message says what a schedule is."""
    (tmp_path / "mine.py").write_text("class Mine:\n    pass\n")
    with pytest.raises(OptbenchError, match="is a type; a schedule is a function"):
        factors(f"{tmp_path}/mine.py:Mine", 10)


def test_schedules_are_told_from_problems_and_optimizers(tmp_path: Path) -> None:
    """By a path only two required arguments make a schedule."""
    file = tmp_path / "mine.py"
    file.write_text(
        "class Opt:\n    def step(self): pass\n"
        "def bowl(width=1.0, depth=2.0): pass\n"
        "def keyword(*, width=1.0): pass\n"
        "def plan(t, horizon, *, a=1): return t\n"
    )

    assert [is_schedule(f"{file}:{n}") for n in ("Opt", "bowl", "keyword", "plan", "none")] == [
        False,
        False,
        False,
        True,
        False,
    ]
    assert is_schedule("torch.StepLR")
    assert not is_schedule("torch.SGD")
    assert not is_schedule("adam")


def test_a_runs_identity_covers_its_schedules_code(tmp_path: Path) -> None:
    """Another body is another fingerprint, and so is another schedule."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    names = [
        written(one, "return np.ones(len(t))"),
        written(two, "return np.zeros(len(t))"),
        "cosine",
        "one_cycle",
    ]

    assert len({code_of("parabola", "gd", name) for name in names}) == 4


def test_a_run_with_a_scheduler_of_torchs_depends_on_its_adapter_and_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both are among the places whose code makes the run's key."""
    monkeypatch.setattr(execute, "fingerprint", lambda places: " ".join(places))
    places = code_of.__wrapped__("parabola", "gd", "torch.StepLR").split()

    assert {"optbench.schedules.from_torch", "torch"} <= set(places)
