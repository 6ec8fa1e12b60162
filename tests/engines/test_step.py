"""The step engine: other people's optimizers, and everything that they do wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optbench.core.run import Status
from tests.helpers import runs

OPTIMIZERS = '''
import torch

class Signed(torch.optim.Optimizer):
    """x+ = x - lr sign(g)"""
    def __init__(self, params, lr=0.1, scale=1.0):
        super().__init__(params, dict(lr=lr, scale=scale))
    @torch.no_grad()
    def step(self, closure=None):
        if closure is not None:
            closure()
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * group["scale"] * p.grad.sign()

class Plain:
    """Not a torch optimizer, only in its form, without a closure."""
    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr
    def step(self):
        for p in self.params:
            p.data -= self.lr * p.grad

class Raises(Plain):
    def step(self):
        raise RuntimeError("out of\\nideas")

class RaisesLater(Plain):
    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.count = 0
    def step(self):
        self.count += 1
        if self.count > 5:
            raise ValueError("tired")
        super().step()

class NotANumber(Plain):
    def step(self):
        for p in self.params:
            p.data *= float("nan")

class Shapeless(Plain):
    def step(self):
        for p in self.params:
            p.data = p.data[:1]

class Endless(Plain):
    def step(self):
        while True:
            pass

class Hungry(Plain):
    def step(self):
        torch.empty(10**15, dtype=torch.float64)

class Replaces(Plain):
    """Puts new memory under its parameters."""
    def step(self):
        for p in self.params:
            p.data = p.data - self.lr * p.grad

class Thief(Plain):
    """Changes the gradient that it was given, which is its own."""
    def step(self):
        super().step()
        for p in self.params:
            p.grad.zero_()
'''


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """Return the path of a user's file with optimizers in it."""
    (tmp_path / "mine.py").write_text(OPTIMIZERS)
    return f"{tmp_path}/mine.py"


def test_a_users_class_runs_with_its_own_parameters(mine: str) -> None:
    """It gets lr= and whatever else its signature names."""
    (run,) = runs("parabola:start=4", f"{mine}:Signed:lr=0.5,scale=2", budget=3, record_x=True)
    assert run.points is not None

    assert run.points[:, 0].tolist() == [4.0, 3.0, 2.0, 1.0]
    assert run.hyper["scale"] == 2


def test_a_class_without_closure_does_too(mine: str) -> None:
    """A class that only has step() is gradient descent when it says so."""
    (run,) = runs("quadratic:dim=4", f"{mine}:Plain:lr=0.5", budget=20, record="every")
    (ours,) = runs("quadratic:dim=4", "gd:lr=0.5", budget=20, record="every")

    np.testing.assert_allclose(run.curve["value"], ours.curve["value"], rtol=1e-12)


@pytest.mark.parametrize(
    ("problem", "lr"), [("quadratic:dim=4", 0.1), ("matrix_quadratic", 0.01), ("max_coordinate", 5)]
)
def test_a_class_may_replace_its_memory(mine: str, problem: str, lr: float) -> None:
    """New tensors under the parameters are found, also where a projection moves the point."""
    replaced = runs(problem, f"{mine}:Replaces:lr={lr}", budget=20, record="every")[0]
    ours = runs(problem, f"gd:lr={lr}", budget=20, record="every")[0]

    np.testing.assert_allclose(replaced.curve["value"], ours.curve["value"], rtol=1e-9)
    assert replaced.last("value") != replaced.curve["value"][0]


def test_an_optimizer_that_eats_its_gradients_harms_nobody(mine: str) -> None:
    """What an optimizer does to its own gradient does not reach the record."""
    (run,) = runs("quadratic:dim=4", f"{mine}:Thief:lr=0.5", budget=20, record="every")
    (ours,) = runs("quadratic:dim=4", "gd:lr=0.5", budget=20, record="every")

    np.testing.assert_allclose(run.curve["gradient_norm"], ours.curve["gradient_norm"], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "status", "message", "steps"),
    [
        ("Raises", Status.ERROR, "RuntimeError: out of ideas (mine.py:", 0),
        ("RaisesLater", Status.ERROR, "ValueError: tired (mine.py:", 5),
        ("NotANumber", Status.NAN, "", 0),
        ("Shapeless", Status.ERROR, "changed the parameter's shape from (4,) to (1,)", 0),
        ("Hungry", Status.OUT_OF_MEMORY, "", -1),
    ],
)
def test_what_goes_wrong_is_a_status_with_a_line(
    mine: str, name: str, status: Status, message: str, steps: int
) -> None:
    """A failing optimizer ends its run, says why in one line, and keeps what was recorded."""
    (run,) = runs("quadratic:dim=4", f"{mine}:{name}:lr=0.1", budget=50)

    assert run.status is status
    assert message in run.message
    assert "\n" not in run.message
    if steps >= 0:
        assert run.last("step") == steps


def test_an_optimizer_that_never_returns_is_stopped(mine: str) -> None:
    """The time limit reaches into other people's loops."""
    from optbench.engines.execute import Setting, run_batch
    from optbench.engines.planner import plan
    from tests.helpers import specs

    (batch,) = plan(specs("quadratic:dim=4", f"{mine}:Endless:lr=0.1"))
    (run,) = run_batch(batch, Setting(timeout=0.2)).runs

    assert run.status is Status.TIMEOUT
    assert run.last("step") == 0


def test_closures_are_counted_and_paid_for() -> None:
    """Torch's L-BFGS asks for several gradients a step, and the budget counts each."""
    (run,) = runs("quadratic:dim=10", "torch.LBFGS:max_iter=4", budget=30)
    calls = run.curve["gradient_calls"]

    assert calls[-1] <= 30
    assert run.last("step") < calls[-1]


@pytest.mark.parametrize("method", ["L-BFGS-B", "CG", "Newton-CG"])
def test_scipy_agrees_with_scipy(method: str) -> None:
    """A scipy method run by itself reaches the same point with the same number of evaluations."""
    import scipy.optimize
    import torch

    from tests.helpers import problem_of

    text = "log_sum_exp:rows=20,columns=4"
    problem = problem_of(text)
    (run,) = runs(text, f"scipy.{method}", budget=10_000, record="every", record_x=True)
    points: list[np.ndarray] = []

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        f, g = problem.value_and_gradient(torch.from_numpy(x)[None])
        return float(f), g[0].numpy()

    def product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        assert problem.hessian_vector is not None
        return problem.hessian_vector(torch.from_numpy(x)[None], torch.from_numpy(v)[None])[
            0
        ].numpy()

    scipy.optimize.minimize(
        function,
        problem.start(0).numpy(),
        jac=True,
        method=method,
        hessp=product if method == "Newton-CG" else None,
        callback=lambda x: points.append(x.copy()),
        options={"maxiter": 5},
    )
    assert run.points is not None

    np.testing.assert_allclose(run.points[1:6], points[:5], rtol=1e-9)


def test_hessian_vector_products_are_counted_apart() -> None:
    """Newton-CG's products are no gradients."""
    (run,) = runs("rosenbrock", "scipy.Newton-CG", budget=60)

    assert run.last("hvp_calls") > 10
    assert run.last("gradient_calls") <= 60


def test_a_method_that_ends_by_itself_says_so() -> None:
    """A reference method that stops before the budget gives its own reason."""
    (run,) = runs("quadratic:dim=10", "scipy.Newton-CG", budget=5000)

    assert run.status is Status.BUDGET
    assert "Newton-CG ended by itself" in run.message


@pytest.mark.parametrize(
    ("problem", "optimizer", "reason"),
    [
        ("rosenbrock", "gd", "lr=1/L needs the fact smoothness"),
        ("huber", "heavy_ball:lr=polyak", "needs strong convexity"),
        (
            "rosenbrock",
            "conjugate_gradient",
            "needs the facts quadratic and strong_convexity, which are not given here",
        ),
        ("quadratic", "sgd:lr=0.1", "a finite sum or gradient noise"),
        ("max_coordinate", "scipy.CG", "an unconstrained problem"),
        ("least_squares:rows=5,columns=3", "sgd:batch_size=6,lr=0.1", "least_squares has 5"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(
    problem: str, optimizer: str, reason: str
) -> None:
    """Who needs what, and what is missing, is a result and not a crash."""
    (run,) = runs(problem, optimizer)

    assert run.status is Status.REFUSED
    assert reason in run.message


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ("gd:lr=1.5/L", {"lr": 1.5 / 4}),
        ("gd:lr=two-over-sum", {"lr": 2 / (4 + 1)}),
        ("heavy_ball:lr=polyak,beta=polyak", {"lr": 4 / 9, "beta": 1 / 9}),
        ("torch.SGD:lr=1/L,momentum=polyak", {"lr": 1 / 4, "momentum": 1 / 9}),
    ],
)
def test_tunings_are_the_numbers_of_the_theorems(
    optimizer: str, expected: dict[str, float]
) -> None:
    """With L = 4 and mu = 1: c/L, 2/(L + mu), and Polyak's pair 4/9 and 1/9."""
    (run,) = runs("quadratic:smoothness=4,kappa=4,dim=5", optimizer, budget=5)

    for name, value in expected.items():
        assert run.hyper[name] == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("optimizer", ["adam:batch_size=10", "torch.Adam:batch_size=10"])
def test_a_batch_of_nothing_is_refused(optimizer: str) -> None:
    """A quadratic without noise has no examples, so that a batch size would say nothing."""
    (run,) = runs("quadratic", f"{optimizer},lr=1")
    assert run.status is Status.REFUSED
    assert "batch_size=10 needs a finite sum or gradient noise" in run.message
