"""Where a run was made: versions, processor, device, git revisions."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

_PACKAGES = ("numpy", "scipy", "torch")


@functools.cache
def environment(device: str) -> Mapping[str, str]:
    """Describe this machine and these packages.

    Args:
        device: `cpu` or `cuda`.

    Returns:
        Text by name: `optbench`, `python`, each package's version, `platform`, `cpu`, `device`,
        `threads`, `git` (revision of the working directory's repository) and `git_optbench` (that
        of optbench itself), the last two only where there is one.
    """
    known = {package: importlib.metadata.version(package) for package in _PACKAGES}
    known |= {
        "optbench": importlib.metadata.version("optbench"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _processor(),
        "cores": str(os.cpu_count()),
        "threads": "1",
        "device": _device(device),
        "git": git_revision(Path.cwd()),
        "git_optbench": git_revision(Path(__file__).parent),
    }
    return {name: text for name, text in sorted(known.items()) if text}


@functools.cache
def arithmetic(device: str) -> Mapping[str, str]:
    """Describe what decides how numbers are rounded here.

    Args:
        device: `cpu` or `cuda`.

    Returns:
        Text by name: `machine`, `blas` (the kernels that the BLAS libraries have chosen for this
        processor), `vector` (torch's), versions, `threads`, `device`.
    """
    import scipy.linalg  # noqa: F401 (its BLAS is asked about)
    import torch
    from threadpoolctl import threadpool_info

    kernels = {
        f"{info['internal_api']} {info['version']} {info.get('architecture') or ''}".strip()
        for info in threadpool_info()
        if info["user_api"] == "blas"
    }
    known = {package: importlib.metadata.version(package) for package in _PACKAGES}
    known |= {
        "machine": platform.machine(),
        "blas": ", ".join(sorted(kernels)),
        "vector": torch.backends.cpu.get_cpu_capability(),
        "threads": "1",
        "device": _device(device),
    }
    return dict(sorted(known.items()))


def git_revision(folder: Path) -> str:
    """Return the commit of a folder's repository, `-dirty` when files differ; empty for none."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _device(device: str) -> str:
    if device == "cpu":
        return "cpu"
    import torch

    return f"{device} ({torch.cuda.get_device_name()})"
