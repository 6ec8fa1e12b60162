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


def main() -> None:
    """Install the wheel that is named."""
    borrowed = os.environ.get("OPTBENCH_ASV_SITE")
    # The lender has an optbench too, which pip would take for the wheel's.
    options = ["--no-deps", "--force-reinstall"] if borrowed else ["-c", str(CONSTRAINTS)]
    if borrowed:
        Path(sysconfig.get_path("purelib"), "borrowed.pth").write_text(borrowed)
    command = [sys.executable, "-m", "pip", "install", "-q", *options, sys.argv[1]]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
