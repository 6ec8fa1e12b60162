"""What hostile files and slips of the finger come to: one line, and exit status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

TASK = """
import torch
from optbench import Pairs, Task, accuracy

X, Y = torch.rand(20, 3), torch.arange(20) % 2

def net(**changes):
    own = dict(module=lambda: torch.nn.Linear(3, 2), loss=torch.nn.functional.cross_entropy,
               train=Pairs(X, Y), validation=Pairs(X, Y), accuracy=accuracy, batch_size=5)
    return Task(**(own | changes))

def good(): return net()
def many(): return net(budget="many")
def half(): return net(batch_size=2.5)
def never(): return net(evaluation_batch=0)
def total(): return net(loss=torch.nn.CrossEntropyLoss(reduction="sum"))
def sparse(): return net(train=Pairs(X.to_sparse(), Y))
def lines(): raise RuntimeError("one line\\nand another")
def leaves(): raise SystemExit(3)
"""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("mine.py:many",), "budget must be a number of steps, got 'many'"),
        (("mine.py:half",), "batch_size must be a whole number from 1 on, got 2.5"),
        (("mine.py:never",), "evaluation_batch must be a whole number from 1 on, got 0"),
        (("mine.py:total",), "the loss is the sum over the examples; it must be their mean"),
        (("mine.py:sparse",), "trying it on a few examples raised NotImplementedError"),
        (("mine.py:lines",), "cannot be built: RuntimeError: one line and another"),
        (("mine.py:leaves",), "mine.py:leaves cannot be built: SystemExit: 3"),
        (("mine.py:good", "--target", "error=8.75"), "error must be a share in [0, 1]"),
    ],
)
def test_hostile_tasks_are_one_line(
    optbench: Command, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    """Nothing raises, leaves or fills the screen; nothing is run and nothing written."""
    (tmp_path / "mine.py").write_text(TASK)
    done = optbench("run", "-o", "torch.SGD", "--lr", "0.1", "-j", "1", "-p", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 500
    assert not (tmp_path / "results").exists()
