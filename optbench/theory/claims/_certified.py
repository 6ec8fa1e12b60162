"""The picture that certificates share: exact worst cases as points on their closed forms."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from optbench.theory.plot import Plot, Series, series, theory

Certified = tuple[str, Sequence[float], Sequence[float], ArrayLike, ArrayLike]
"""A label; horizons and their certified worst cases; the closed form's horizons and values."""


def drawn_certificates(
    parts: Sequence[Certified], y_label: str, caption: str, *others: Series
) -> Plot:
    """Draw worst cases against the number of steps, on axes where powers are straight lines."""
    lines: list[Series] = []
    for label, steps, certified, fine, values in parts:
        lines.append(series(f"{label}: certificate", steps, certified, points=True))
        lines.append(theory(f"{label}: theory", fine, values))
    return Plot(
        x_label="steps T",
        y_label=y_label,
        x_scale="log",
        y_scale="log",
        series=(*lines, *others),
        caption=caption,
    )
