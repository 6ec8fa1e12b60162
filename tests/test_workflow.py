"""The Python API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import optbench
from optbench.core.errors import OptbenchError
from optbench.core.run import Status
from optbench.engines.execute import Finished, run_batch
from optbench.engines.planner import Batch
from optbench.request import Request
from optbench.workflow import choose_jobs, estimate, make_plan, runs_of


class Sign:
    """A user's class, in the file of this test."""

    def __init__(self, params: list[torch.Tensor], lr: float = 0.1) -> None:
        """Keep the parameters."""
        self.params, self.lr = list(params), lr

    def step(self) -> None:
        """x+ = x - lr sign(g)."""
        for p in self.params:
            assert p.grad is not None
            p.data -= self.lr * p.grad.sign()


def bowl(*, steepness: float = 1.0) -> optbench.Problem:
    """A user's problem, in the file of this test."""
    facts = optbench.Facts(dim=2, smoothness=2 * steepness, f_star=0.0)
    return optbench.problem_from_function(
        lambda x: steepness * (x * x).sum(-1), start=[1.0, 2.0], facts=facts
    )


def moving(*, period: int = 3) -> optbench.Problem:
    """An online problem: the linear loss shown changes with the step, on [-1, 1]."""
    return optbench.Problem(
        facts=optbench.Facts(dim=1, f_star=-1.0),
        start=lambda seed: torch.ones(1, dtype=torch.float64),
        oracle=lambda x: (x[:, 0] / 3, torch.full_like(x, 1 / 3)),
        stream=lambda x, t: torch.full_like(x, 3.0 if t % period == 0 else -1.0),
        project=lambda x: x.clamp(-1, 1),
    )


def test_names_and_objects_mean_the_same() -> None:
    """A class or a function stands for the file and name that it has."""
    result = optbench.run(bowl, Sign, lr=[0.5], budget=4, targets=())
    (run,) = result.runs
    assert run.points is not None

    assert run.spec.optimizer.name.endswith("test_workflow.py:Sign")
    assert run.points.tolist() == [[1, 2], [0.5, 1.5], [0, 1], [0, 0.5], [0, 0]]


def test_a_class_of_a_known_package_goes_by_its_name() -> None:
    """torch.optim.SGD is torch.SGD, whose file could not be loaded alone."""
    (run,) = optbench.run(bowl, torch.optim.SGD, lr=0.5, budget=2).runs

    assert run.spec.optimizer.name == "torch.SGD"
    assert {row.finding.verdict for row in optbench.verify("GD-03", torch.optim.SGD)} == {"PASS"}


def test_an_object_without_a_file_is_refused() -> None:
    """What a worker could not import again is not accepted."""
    with pytest.raises(OptbenchError, match="put it in a file"):
        optbench.run("quadratic", lambda params: None)


def test_all_arguments_multiply() -> None:
    """Problems, optimizers, schedules, learning rates and seeds make their product."""
    result = optbench.run(
        ["quadratic:dim=3", "parabola"],
        ["gd", "adam"],
        ["constant", "cosine"],
        budget=5,
        seeds=2,
        lr=["0.1/0.2", 0.3],
    )

    assert len(result.runs) == 2 * 2 * 2 * 2 * 3
    assert {run.spec.seed for run in result.runs} == {0, 1}


def test_the_table_has_one_row_a_run() -> None:
    """to_pandas gives what one would plot."""
    frame = optbench.run("quadratic:dim=3,kappa=2", "gd", lr="0.1..1:4").to_pandas()

    assert len(frame) == 4
    assert frame["steps_to_1e-08"].notna().all()
    np.testing.assert_allclose(frame["lr"], np.geomspace(0.1, 1, 4), rtol=1e-11)


def test_the_api_uses_a_store_when_it_is_given_one(tmp_path: Path) -> None:
    """The second call reads what the first one wrote, whatever label it is asked under."""
    first = optbench.run("quadratic:dim=3", "gd", results=tmp_path)
    second = optbench.run("quadratic:dim=3,kappa=1e3", "gd", results=tmp_path)

    assert (first.new, second.new) == (1, 0)
    assert second.runs[0].spec.label == "quadratic:dim=3,kappa=1000.0"
    np.testing.assert_array_equal(first.runs[0].curve["value"], second.runs[0].curve["value"])


def test_failed_runs_are_tried_again(tmp_path: Path) -> None:
    """An error or a timeout is worth another try; a divergence is not."""
    source = tmp_path / "moody.py"
    source.write_text(
        "import os\n"
        "class Moody:\n"
        "    def __init__(self, params, lr=0.1): self.params = list(params)\n"
        "    def step(self):\n"
        "        if 'CALM' not in os.environ: raise RuntimeError('no')\n"
    )
    arguments: dict[str, Any] = {"budget": 3, "targets": (), "results": tmp_path}
    failed = optbench.run("quadratic:dim=3", f"{source}:Moody", **arguments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALM", "1")
        calm = optbench.run("quadratic:dim=3", f"{source}:Moody", **arguments)
    again = optbench.run("quadratic:dim=3", f"{source}:Moody", **arguments)

    assert failed.runs[0].status is Status.ERROR
    assert calm.runs[0].status is Status.BUDGET
    assert (again.new, again.runs[0].status) == (0, Status.BUDGET)


def test_online_problems_show_the_gradient_of_the_step() -> None:
    """A problem that changes with time shows its stream and is projected, in both engines."""
    for optimizer in ("gd", "torch.SGD"):
        (run,) = optbench.run(
            moving, optimizer, lr=0.25, budget=5, record_x=True, record="every", targets=()
        ).runs
        assert run.points is not None
        assert run.points[:, 0].tolist() == [1.0, 0.25, 0.5, 0.75, 0.0, 0.25]


def test_plans_tell_time_and_processes() -> None:
    """Little work stays in one process, much is spread over the cores; both take some time."""
    little = make_plan(runs_of([Request(problems=("parabola",), optimizers=("gd",))]))
    much = make_plan(
        runs_of(
            [Request(problems=("quadratic:dim=3",), optimizers=("gd", "adam"), lr=("1e-3..1:200",))]
        )
    )

    assert choose_jobs(little) == 1
    assert choose_jobs(much) >= 1
    assert 0 < estimate(little) < 60
    assert estimate(much) > 0


def test_bad_input_raises_before_anything_runs(tmp_path: Path) -> None:
    """The API raises what the command line prints, and leaves no store behind."""
    with pytest.raises(OptbenchError, match="did you mean quadratic"):
        optbench.run("quadratik", "gd", results=tmp_path / "results")

    assert not (tmp_path / "results").exists()


def test_the_probe_of_a_task_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warmup longer than the probe would end it at once, and its no time would be believed."""
    ended: list[Finished] = []

    def watched(batch: Batch) -> Finished:
        ended.append(run_batch(batch))
        return ended[-1]

    monkeypatch.setattr("optbench.executors.estimate.run_batch", watched)
    request = Request(
        problems=("digits-mlp",),
        optimizers=("torch.SGD",),
        schedules=("warmup_cosine:warmup=100",),
    )
    estimate(make_plan(runs_of([request])))

    assert [str(run.status) for run in ended[0].runs] == ["budget"]
