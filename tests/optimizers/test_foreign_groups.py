"""Parameter groups of foreign classes: by name, and in the same ratio whatever the schedule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import StepMethod
from optbench.core.registry import load_file
from optbench.core.run import Status
from optbench.optimizers.find import find_optimizer
from optbench.schedules.find import complete_schedule, factors_of
from tests.helpers import problem_of, run_with_groups, runs, spec_of, trajectory

LAYERS = "mlp:hidden=3,examples=20"
BLOCKS = "0.weight, 0.bias, 2.weight, 2.bias"
STEPS = 30


class Spy(torch.optim.AdamW):
    """AdamW that keeps what its groups say at every step."""

    seen: ClassVar[list[list[dict[str, Any]]]] = []

    def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.99)):
        """Hand everything on."""
        super().__init__(params, lr=lr, betas=betas)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Keep the groups, then take AdamW's step."""
        groups = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
        sizes = [[tuple(p.shape) for p in g["params"]] for g in self.param_groups]
        type(self).seen.append([g | {"sizes": s} for g, s in zip(groups, sizes, strict=True)])
        return super().step(closure)


@pytest.fixture
def seen() -> list[list[dict[str, Any]]]:
    """Return where the class in this file, loaded as a user's, keeps what it sees."""
    found: list[list[dict[str, Any]]] = load_file(Path(__file__)).Spy.seen
    found.clear()
    return found


@pytest.mark.parametrize(
    "schedule", ["constant", "cosine", "step:step_size=5", "warmup_linear:warmup=4", "one_cycle"]
)
def test_a_schedule_keeps_the_ratio_of_the_groups(
    schedule: str, seen: list[list[dict[str, Any]]]
) -> None:
    """At every step the biases have a fourth of the rate, and the rate is the schedule's."""
    runs(LAYERS, f"{__file__}:Spy:lr=0.1,lr_scale@bias=0.25", budget=STEPS, schedules=(schedule,))
    factors = factors_of(complete_schedule(spec_of(schedule)), STEPS)

    assert len(seen) == STEPS
    for t, groups in enumerate(seen):
        weights, biases = groups
        assert weights["lr"] == pytest.approx(0.1 * factors.lr[t], rel=1e-15)
        assert biases["lr"] == weights["lr"] / 4
        if factors.momentum is not None:
            assert weights["betas"] == biases["betas"] == (factors.momentum[t], 0.99)


def test_blocks_with_the_same_values_share_a_group(seen: list[list[dict[str, Any]]]) -> None:
    """Groups stand in the order of their first block, and blocks in theirs."""
    runs(
        LAYERS, f"{__file__}:Spy:lr_scale@bias=0.5,exclude@bias=true,lr_scale@2.weight=2", budget=1
    )
    (groups,) = seen

    assert [g["sizes"] for g in groups] == [[(3, 64)], [(3,), (10,)], [(10, 3)]]
    assert [g["lr"] for g in groups] == [1e-3, 5e-4, 2e-3]
    assert [g["weight_decay"] for g in groups] == [1e-2, 0.0, 1e-2]


@pytest.mark.parametrize(
    ("spec", "build"),
    [
        (
            "torch.AdamW:lr=0.01,weight_decay=0.3,exclude@bias=true",
            lambda w, b: torch.optim.AdamW(
                [{"params": w}, {"params": b, "weight_decay": 0.0}], lr=0.01, weight_decay=0.3
            ),
        ),
        (
            "torch.SGD:lr=0.01,momentum=0.9,momentum@weight=0.5,lr_scale@weight=3",
            lambda w, b: torch.optim.SGD(
                [{"params": w, "momentum": 0.5, "lr": 0.03}, {"params": b}], lr=0.01, momentum=0.9
            ),
        ),
        (
            "torch.Adam:lr=0.01,beta2@*.bias=0.5",
            lambda w, b: torch.optim.Adam(
                [{"params": w}, {"params": b, "betas": (0.9, 0.5)}], lr=0.01
            ),
        ),
        (
            "torch.SGD:lr=0.01,weight_decay=0.1,exclude@bias=false,weight_decay@bias=0.7",
            lambda w, b: torch.optim.SGD(
                [{"params": w, "weight_decay": 0.1}, {"params": b, "weight_decay": 0.7}], lr=0.01
            ),
        ),
    ],
)
def test_groups_do_what_torchs_do(
    spec: str, build: Callable[[list[Any], list[Any]], torch.optim.Optimizer]
) -> None:
    """The trajectory is that of the same groups written by hand, and not that without them."""
    problem = problem_of(LAYERS)
    run = trajectory(LAYERS, spec, budget=STEPS)
    x = problem.start(0)
    parameters = [torch.nn.Parameter(p.clone()) for p in problem.layout.split(x)]
    optimizer = build(parameters[::2], parameters[1::2])
    for _ in range(STEPS):
        point = problem.layout.join([p.detach() for p in parameters])
        gradient = problem.oracle(point[None])[1][0]
        for parameter, part in zip(parameters, problem.layout.split(gradient), strict=True):
            parameter.grad = part
        optimizer.step()
    expected = problem.layout.join([p.detach() for p in parameters]).numpy()
    plain = trajectory(LAYERS, ",".join(p for p in spec.split(",") if "@" not in p), budget=STEPS)
    assert run.points is not None
    assert plain.points is not None

    np.testing.assert_allclose(run.points[-1], expected, rtol=1e-9)
    assert not np.allclose(plain.points[-1], expected, rtol=1e-3)


def test_the_auxiliary_groups_of_muon_scale_too() -> None:
    """A multiple of the rate for biases is a multiple of the rate of the AdamW that has them."""
    for name in ("torch.Muon", "pytorch_optimizer.Muon"):
        plain = trajectory(LAYERS, f"{name}:lr=0.01", budget=1).points
        scaled = trajectory(LAYERS, f"{name}:lr=0.01,lr_scale@bias=3", budget=1).points
        assert plain is not None
        assert scaled is not None
        parts = problem_of(LAYERS).layout.split(torch.from_numpy(np.stack([plain, scaled])))
        moves = [(part[:, 1] - part[:, 0]).flatten(1) for part in parts]

        for i, (one, three) in enumerate(moves):
            torch.testing.assert_close(three, one * (3 if i % 2 else 1), rtol=2e-2, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "groups", "reason"),
    [
        ("torch.SGD", "lr_scale@gamma=2", f"no parameter matches 'gamma'; there are: {BLOCKS}"),
        (
            "torch.SGD",
            "lr_scale@bias=2,lr_scale@0.bias=3",
            "two values of lr_scale@ meet in 0.bias",
        ),
        ("torch.AdamW", "exclude@bias=true,weight_decay@2=1", "two values of weight_decay@ meet"),
        (
            "singd.SINGD",
            "lr_scale@bias=2",
            "singd.SINGD refuses these groups: Parameters of a layer",
        ),
        ("pytorch_optimizer.LOMO", "lr_scale@bias=2", "LOMO makes parameter groups of its own"),
        ("torch.LBFGS", "lr_scale@bias=2", "refuses these groups: LBFGS doesn't support per-param"),
    ],
)
def test_groups_that_cannot_be_are_refused(name: str, groups: str, reason: str) -> None:
    """A refusal is a result with the reason."""
    run = run_with_groups(LAYERS, name, groups, budget=5)

    assert run.status is Status.REFUSED
    assert reason in run.message


@pytest.mark.parametrize(
    ("name", "hyper", "reason"),
    [
        ("torch.Rprop", {"exclude@bias": True}, "torch.Rprop has no weight_decay that could"),
        ("torch.SGD", {"lr": "1/L", "exclude@bias": True, "lr_scale@weight": 2.0}, ""),
        ("torch.Muon", {"momentum@weight": 0.5}, ""),
        ("torch.LBFGS", {"lr_scale@bias": 2.0}, "torch.LBFGS refuses these arguments: LBFGS does"),
        ("pytorch_optimizer.SophiaH", {"update_period@bias": 2}, "SophiaH has no update_period"),
        ("kfac", {"damping@0": 0.1}, ""),
    ],
)
def test_what_a_class_cannot_vary_is_said_before_anything_runs(
    name: str, hyper: dict[str, Any], reason: str
) -> None:
    """The check knows which hyperparameters a class keeps by group."""
    method = find_optimizer(name)
    assert isinstance(method, StepMethod)
    assert method.check is not None

    if not reason:
        method.check(**hyper)
        return
    with pytest.raises(OptbenchError, match=reason):
        method.check(**hyper)


def test_a_class_without_groups_says_so(tmp_path: Path) -> None:
    """A class that only has step() can have no groups."""
    (tmp_path / "mine.py").write_text(
        "class Plain:\n"
        "    def __init__(self, params, lr=0.1, weight_decay=0.0):\n"
        "        self.params = list(params)\n"
        "    def step(self):\n"
        "        pass\n"
    )
    (run,) = runs(LAYERS, f"{tmp_path}/mine.py:Plain:lr_scale@*=2", budget=5)

    assert run.status is Status.REFUSED
    assert run.message.endswith("mine.py:Plain has no parameter groups")
