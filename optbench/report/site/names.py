"""File names of pages, for any text."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256


def file_stem(name: str) -> str:
    """Return a file name for any text: short, plain, and different for different texts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_+.-]+", "-", plain).strip("-.").lower()[:60]
    if plain and plain == name:
        return name
    return f"{plain or 'problem'}-{sha256(name.encode()).hexdigest()[:6]}"


def problem_page(title: str) -> str:
    """Return where a problem's page lies in the folder."""
    return f"problems/{file_stem(title)}.html"


def optimizer_page(name: str) -> str:
    """Return where an optimizer's page lies in the folder."""
    return f"optimizers/{file_stem(name)}.html"
