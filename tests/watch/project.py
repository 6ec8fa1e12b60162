"""A small project of somebody else, with an optimizer that changes from commit to commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPTIMIZER = '''
import torch
from mylib.algebra import advance


class SGD(torch.optim.Optimizer):
    """Plain gradient descent."""

    def __init__(self, params, lr=0.5):
        super().__init__(params, dict(lr=lr))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                advance(p, p.grad, group["lr"])
'''
PLAIN = "p.add_(g, alpha=-lr)"
ROUNDED = "p.copy_(3 * (p / 3 - g * (lr / 3)))"
SLOWER = "p.add_(g, alpha=-0.9 * lr)"
SUITE = """
about = "mine"
reference = "none"
budget = 200
targets = [1e-2, 1e-6]

[[runs]]
problems = ["quadratic:dim=10,kappa=10"]
optimizers = ["gd:lr=0.5", "mylib.sgd:SGD:lr=0.5"]

[nightly]
roundings = 2
"""


@dataclass(frozen=True)
class Project:
    """A checkout.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    def write(self, step: str = PLAIN, suite: str = SUITE) -> None:
        """Write the package with a step of that form, and the suite."""
        package = self.folder / "mylib"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "sgd.py").write_text(OPTIMIZER)
        (package / "algebra.py").write_text(f"def advance(p, g, lr):\n    {step}\n")
        (self.folder / "optbench.toml").write_text(suite)

    def git(self, *arguments: str) -> str:
        """Run git here."""
        who = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run optbench here, in a process of its own, without bytecode that could be stale."""
        return subprocess.run(
            [sys.executable, "-m", "optbench", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def nightly(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a night and return its exit status and its summary."""
        done = self.run("nightly", "--suite", "./optbench.toml", "--json", *arguments)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)
