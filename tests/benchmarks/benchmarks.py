"""The harness under asv: time of sweeps and of start-up, and steps to target."""

from __future__ import annotations

import subprocess
import sys

import optbench


class Sweeps:
    """101 learning rates of one optimizer on one problem."""

    params = (["quadratic:dim=100", "rosenbrock:dim=10"], ["gd", "adam"])
    param_names = ("problem", "optimizer")
    timeout = 120.0

    def time_sweep(self, problem: str, optimizer: str) -> None:
        """Time 300 steps of the sweep."""
        optbench.run(problem, optimizer, lr="1e-5..1:101", budget=300, targets=())


class Convergence:
    """Steps to a relative suboptimality of 1e-6, at a fixed learning rate and seed."""

    params = (["gd:lr=1/L", "heavy_ball:lr=polyak,beta=polyak", "adam:lr=0.1"],)
    param_names = ("optimizer",)

    def track_steps_to_target(self, optimizer: str) -> float:
        """Count them; NaN when the target was not reached."""
        result = optbench.run("quadratic:kappa=100", optimizer, targets=(1e-6,))
        hit = result.runs[0].hit(1e-6)
        return float(hit.step) if hit else float("nan")


def time_help() -> None:
    """Time `optbench --help` in a process of its own."""
    command = [sys.executable, "-m", "optbench", "--help"]
    subprocess.run(command, check=True, capture_output=True)
