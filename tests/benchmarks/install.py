"""Installs a commit's wheel into the environment that asv measures it in.

    python tests/benchmarks/install.py WHEEL

With OPTBENCH_ASV_SITE, a folder of installed packages, torch and the others are borrowed from
there; without it they are installed, once, as constraints.txt pins them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


OWN = ("optbench", "pip", "setuptools", "wheel", "_distutils_hack", "__pycache__")
"""Beginnings of what an environment has itself."""


def borrow(lender: Path, place: Path) -> None:
    """Link a folder's packages into another, as if they were installed there.

    A path file would do for Python, but optbench of older commits took what lies outside of the
    environment for a user's code, and read all of torch.
    """
    for path in lender.iterdir():
        ours = path.name.startswith(OWN) or path.suffix == ".pth"
        if not ours and not (place / path.name).exists():
            (place / path.name).symlink_to(path)


def main() -> None:
    """Install the wheel that is named."""
    lender = os.environ.get("OPTBENCH_ASV_SITE")
    if lender:
        borrow(Path(lender), Path(sysconfig.get_path("purelib")))
    options = ["--no-deps"] if lender else ["-c", str(CONSTRAINTS)]
    command = [sys.executable, "-m", "pip", "install", "-q", *options, sys.argv[1]]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
