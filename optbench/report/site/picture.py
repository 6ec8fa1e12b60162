"""Paper figures that stand in a page as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from optbench.analysis.summary import Row
from optbench.core.errors import OptbenchError
from optbench.report.canvas import to_svg
from optbench.report.figures import draw
from optbench.report.looks import WEB

COLOUR = re.compile(r"((?:stroke|fill): )#([0-9a-f]{6})")


def picture(kind: str, rows: Sequence[Row]) -> Markup:
    """Return a figure for a page; nothing where the rows are not what it needs.

    Args:
        kind: One of `optbench.report.figures.KINDS`.
        rows: Rows of `summarize`.
    """
    try:
        made = draw(kind, rows, WEB)
    except OptbenchError:
        return Markup()
    # On dark paper the page replaces a colour by means of a CSS variable of its name.
    svg = COLOUR.sub(r"\1var(--\2, #\2)", to_svg(made.figure, made.alt))
    return Markup(svg)  # matplotlib has escaped the names in it
