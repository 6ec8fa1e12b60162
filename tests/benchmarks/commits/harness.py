"""Under asv: time and peak memory of the harness, of start-up, the store and the report."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import optbench

from .names import available

SMALL: dict[str, Any] = {"lr": "1e-4..1:21", "budget": 200, "targets": (1e-2,)}


class Sweeps:
    """101 learning rates of one optimizer on one problem, as one batch."""

    params = (["quadratic:dim=100", "rosenbrock:dim=10"], ["gd", "adam"])
    param_names = ("problem", "optimizer")
    timeout = 120.0

    def setup(self, problem: str, optimizer: str) -> None:
        """Import and build what is built once."""
        available(lambda: self._sweep(problem, optimizer, "1e-3..1e-2:2"))

    def time_sweep(self, problem: str, optimizer: str) -> None:
        """Time 300 steps of the sweep."""
        self._sweep(problem, optimizer)

    def peakmem_sweep(self, problem: str, optimizer: str) -> None:
        """Measure the memory of a process that sweeps."""
        self._sweep(problem, optimizer)

    def _sweep(self, problem: str, optimizer: str, rates: str = "1e-5..1:101") -> None:
        optbench.run(problem, optimizer, lr=rates, budget=300, targets=())


class Harness:
    """What is done around the steps of a run: planning, building, recording."""

    def setup(self) -> None:
        """Import and build what is built once."""
        available(self.time_run_of_one_step)

    def time_run_of_one_step(self) -> None:
        """Time a run that has next to nothing to compute."""
        optbench.run("parabola", "gd", lr=0.1, budget=1, targets=())

    def peakmem_run_of_one_step(self) -> None:
        """Measure the memory of the same."""
        self.time_run_of_one_step()


class StartUp:
    """Commands in a process of their own."""

    params = (["--help", "list optimizers", "show gd"],)
    param_names = ("command",)
    timeout = 120.0

    def setup(self, command: str) -> None:
        """See that this commit knows the command."""
        available(lambda: self.time_command(command))

    def time_command(self, command: str) -> None:
        """Time it from an empty process on."""
        whole = [sys.executable, "-m", "optbench", *command.split()]
        subprocess.run(whole, check=True, capture_output=True)


class Stored:
    """42 runs in a store."""

    timeout = 120.0

    def setup(self) -> None:
        """Fill a store."""
        self.folder = tempfile.TemporaryDirectory()
        self.store = Path(self.folder.name) / "full"
        available(lambda: self._run(self.store))
        self.count = 0

    def teardown(self) -> None:
        """Throw it away."""
        self.folder.cleanup()

    def time_store(self) -> None:
        """Time the runs with a new store to write to."""
        self.count += 1
        self._run(Path(self.folder.name) / str(self.count))

    def time_read(self) -> None:
        """Time the same runs again, which reads them back."""
        self._run(self.store)

    def _run(self, folder: Path) -> optbench.Results:
        return optbench.run("quadratic", ["gd", "adam"], results=folder, **SMALL)


class Report:
    """The report of 42 runs."""

    timeout = 300.0

    def setup(self) -> None:
        """Have the runs, and import what draws."""
        self.folder = tempfile.TemporaryDirectory()
        self.runs = available(lambda: optbench.run("quadratic", ["gd", "adam"], **SMALL)).runs
        self.count = 0
        available(self.time_report)

    def teardown(self) -> None:
        """Throw the reports away."""
        self.folder.cleanup()

    def time_report(self) -> None:
        """Time all of its pages."""
        from optbench.report.pages import write_report

        self.count += 1
        folder = Path(self.folder.name) / str(self.count)
        write_report(self.runs, folder, title="two optimizers")
