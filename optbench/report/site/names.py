"""File names of pages, for any text."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from markupsafe import Markup, escape

from optbench.analysis.tables import printable

PARTS = re.compile(r"([:,=_/])(?=.)")
"""After what a name may go on in the next line; no entity of HTML has one of them."""


def file_stem(name: str) -> str:
    """Return a file name for any text: short, plain, and different for different texts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_+.-]+", "-", plain).strip("-.").lower()[:60]
    if plain and plain == name:
        return name
    return f"{plain or 'problem'}-{sha256(name.encode()).hexdigest()[:6]}"


def parted(name: str) -> Markup:
    """Return a name as HTML in which a line may end after `:`, `,`, `=`, `_` and `/`."""
    return Markup(PARTS.sub(r"\1<wbr>", str(escape(printable(name)))))


def problem_page(title: str) -> str:
    """Return where a problem's page lies in the folder."""
    return f"problems/{file_stem(title)}.html"


def optimizer_page(name: str) -> str:
    """Return where an optimizer's page lies in the folder."""
    return f"optimizers/{file_stem(name)}.html"
