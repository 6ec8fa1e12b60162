"""optbench: benchmarks optimizers and checks their convergence against theory.

`run` does what `optbench run` does; the other names are for writing problems and optimizers. All
are imported when they are first used, so that `import optbench` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optbench.analysis.results import Results as Results
    from optbench.comparing import compare as compare
    from optbench.conformance.battery import assert_conforms as assert_conforms
    from optbench.conformance.battery import conform as conform
    from optbench.core.errors import OptbenchError as OptbenchError
    from optbench.core.optimizer import UpdateRule as UpdateRule
    from optbench.core.parameters import Param as Param
    from optbench.core.problem import Facts as Facts
    from optbench.core.problem import Problem as Problem
    from optbench.core.run import Run as Run
    from optbench.core.task import Augmentation as Augmentation
    from optbench.core.task import Pairs as Pairs
    from optbench.core.task import Task as Task
    from optbench.core.task import Windows as Windows
    from optbench.core.task import accuracy as accuracy
    from optbench.families.autograd import problem_from_function as problem_from_function
    from optbench.figures import figure as figure
    from optbench.report.pages import write_report as write_report
    from optbench.report.save import save_figure as save_figure
    from optbench.reporting import table as table
    from optbench.workflow import run as run
    from optbench.workflow import verify as verify

_HOMES = {
    "Augmentation": "core.task",
    "Facts": "core.problem",
    "OptbenchError": "core.errors",
    "Pairs": "core.task",
    "Param": "core.parameters",
    "Problem": "core.problem",
    "Results": "analysis.results",
    "Run": "core.run",
    "Task": "core.task",
    "UpdateRule": "core.optimizer",
    "Windows": "core.task",
    "accuracy": "core.task",
    "assert_conforms": "conformance.battery",
    "compare": "comparing",
    "conform": "conformance.battery",
    "figure": "figures",
    "problem_from_function": "families.autograd",
    "run": "workflow",
    "save_figure": "report.save",
    "table": "reporting",
    "verify": "workflow",
    "write_report": "report.pages",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'optbench' has no attribute {name!r}")
    return getattr(importlib.import_module(f"optbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
