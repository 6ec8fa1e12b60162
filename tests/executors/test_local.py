"""One process or several: the same bits, and a worker's death costs one batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from optbench.core.run import Status
from optbench.engines.planner import plan
from optbench.executors.local import execute
from tests.engines.test_batches import same_bits
from tests.helpers import specs

DEADLY = '''
import os, signal, sys

class Dies:
    def __init__(self, params, lr):
        self.params = list(params)
    def step(self):
        os.kill(os.getpid(), signal.SIGKILL)

class Interrupts(Dies):
    def step(self):
        raise KeyboardInterrupt

class DiesOnce:
    """Leaves a mark, dies, and at the second try finds the mark."""
    def __init__(self, params, lr):
        self.params = list(params)
    def step(self):
        mark = os.path.join(os.path.dirname(__file__), "mark")
        if not os.path.exists(mark):
            open(mark, "w").close()
            os._exit(3)
'''


def test_any_number_of_processes_gives_the_same_bits() -> None:
    """Two workers compute what one process computes, to the last bit."""
    batches = plan(
        [
            *specs("quadratic:dim=30", "adam:lr=1e-3..1:150", seeds=2, budget=60),
            *specs("least_squares", "sgd:batch_size=7,lr=1e-2..1:5", seeds=2, budget=5),
            *specs("logistic", "gd:lr=1e-2..1:5", budget=50, targets=(1e-2,)),
            *specs("rosenbrock", "torch.Adam:lr=0.1", budget=50),
        ]
    )
    alone = {f.batch.name: f.runs for f in execute(batches, jobs=1)}
    shared = {f.batch.name: f.runs for f in execute(batches, jobs=2)}

    assert set(alone) == set(shared) == {batch.name for batch in batches}
    for name, runs in alone.items():
        assert all(map(same_bits, runs, shared[name]))


@pytest.fixture
def deadly(tmp_path: Path) -> str:
    """Return a file of optimizers that take their process with them."""
    (tmp_path / "deadly.py").write_text(DEADLY)
    return f"{tmp_path}/deadly.py"


def test_a_worker_that_dies_takes_only_its_run_with_it(deadly: str) -> None:
    """After a second try the run ends as an error that names the signal; the others are done."""
    batches = plan(
        [
            *specs("quadratic:dim=5", f"{deadly}:Dies:lr=0.1", budget=10),
            *specs("quadratic:dim=5", "torch.SGD:lr=0.1/0.2/0.3", budget=10),
        ]
    )
    runs = [run for finished in execute(batches, jobs=2) for run in finished.runs]
    ended = {run.spec.optimizer.name.partition(":")[2] or "torch": run for run in runs}

    assert len(runs) == 4
    assert ended["Dies"].status is Status.ERROR
    assert "SIGKILL" in ended["Dies"].message
    assert ended["torch"].status is Status.BUDGET


def test_an_interrupt_that_an_optimizer_raises_costs_its_run_alone(
    deadly: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is not the terminal's, which workers do not hear, and it shows no traceback."""
    batches = plan(specs("quadratic:dim=5", f"{deadly}:Interrupts:lr=0.1", budget=10))
    ((run,),) = [finished.runs for finished in execute([*batches, *batches], jobs=2)][:1]

    assert run.status is Status.ERROR
    assert "Traceback" not in capfd.readouterr().err


def test_a_worker_that_died_by_accident_is_replaced(deadly: str) -> None:
    """What goes well at the second try is a result like any other."""
    batches = plan(specs("quadratic:dim=5", f"{deadly}:DiesOnce:lr=0.1/0.2", budget=10))
    runs = [run for finished in execute(batches, jobs=2) for run in finished.runs]

    assert [run.status for run in runs] == [Status.BUDGET, Status.BUDGET]
