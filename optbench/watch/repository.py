"""What git says of the tested project; nothing where there is no repository, or no git."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Commit:
    """Where a checkout stands.

    Attributes:
        hash: The commit, 40 hexadecimal digits.
        subject: First line of its message.
        dirty: Whether tracked files differ from it.
    """

    hash: str
    subject: str
    dirty: bool


def git(folder: Path, *arguments: str) -> str | None:
    """Return what a git command prints, or None when it fails or there is no git."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def commit_of(folder: Path, reference: str) -> str | None:
    """Return the commit that a reference stands for in a folder's repository, or None."""
    name = f"{reference}^{{commit}}"
    return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", name)


def checkout_of(folder: Path) -> Commit | None:
    """Return where a folder's repository stands, or None outside one, or before a first commit."""
    commit = commit_of(folder, "HEAD")
    if commit is None:
        return None
    subject = git(folder, "log", "-1", "--format=%s", commit) or ""
    changed = git(folder, "status", "--porcelain", "--untracked-files=no")
    return Commit(commit, subject, bool(changed))
