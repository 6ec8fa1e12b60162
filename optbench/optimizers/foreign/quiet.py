"""Other people's warnings and prints, kept off the terminal."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(*, on: bool = True) -> Iterator[None]:
    """Drop what is warned and printed to stdout inside the block.

    Args:
        on: Whether to; off, nothing happens.

    Yields:
        Nothing.
    """
    if not on:
        yield
        return
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
