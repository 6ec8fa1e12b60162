"""Mistakes of the caller, each with a message that helps.

Outcomes of a run (diverged, refused, out of memory ...) are values, see `optbench.core.run.Status`;
exceptions are for input that no run can be made of. The command line prints the message on one line
and exits 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OptbenchError(Exception):
    """Bad input or missing data; the message is one line that names the thing and the way out."""


class SpecError(OptbenchError):
    """A text that is not a spec, or a parameter that its owner does not take."""


class StoreError(OptbenchError):
    """A results file that cannot be used as it is: damaged, foreign, newer, or not writable."""


MANY = 60
"""More names than this are not all told where some come close."""


LONGEST = 300
"""Characters of somebody else's error that are passed on; torch's can have pages."""


def in_one_line(error: BaseException) -> str:
    """Return an exception of code that is not ours as one line, `ValueError: what it says`."""
    text = " ".join(str(error).split())
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
    return f"{type(error).__name__}: {shown}"


def unknown(kind: str, name: str, known: Iterable[str]) -> OptbenchError:
    """Build the error for a name that does not exist, with the closest ones that do.

    Args:
        kind: What was looked for, in the singular ("problem", "parameter of adam").
        name: What the user typed.
        known: Every name that would have been right.

    Returns:
        The error, to be raised by the caller.
    """
    known = sorted(set(known))
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    message = f"unknown {kind} {name!r}"
    if close:
        message += f"; did you mean {' or '.join(close)}?"
    if close and len(known) > MANY:
        return OptbenchError(message)
    between = "; " if any(", " in name for name in known) else ", "  # `adam, cosine` is one name
    return OptbenchError(f"{message} (known: {between.join(known) or 'none'})")
