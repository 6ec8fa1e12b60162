"""Which of several optimizers on one problem is best, and which are not told apart from it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optbench.analysis.statistics import mean
from optbench.report.tables.table import Mark

SAID = (
    "{best}: the best of those without a miss; {tied}: not told from it, as the paired 95% "
    "t-interval over seeds holds 0."
)
"""What the caption says of the marks."""


def marks(numbers: Mapping[str, Mapping[int, float]], *, logarithmic: bool) -> dict[str, Mark]:
    """Mark the best mean over seeds, and what the paired interval does not tell from it.

    Args:
        numbers: Name to seed to a finite number, less is better; who missed or was lost is not in
            it.
        logarithmic: Whether means and differences are of logarithms, that is ratios.

    Returns:
        The marks. Equal means are all the best. Below 3 seeds in common nothing is tied, since
        nothing is known of the spread.
    """
    values = {
        name: {seed: _log(x) if logarithmic else x for seed, x in by_seed.items()}
        for name, by_seed in numbers.items()
        if by_seed
    }
    if not values:
        return {}
    means = {name: sum(v.values()) / len(v) for name, v in values.items()}
    best = min(means, key=lambda name: (means[name], name))
    found = dict.fromkeys(numbers, Mark.NONE)
    for name in values:
        if math.isclose(means[name], means[best], rel_tol=1e-12, abs_tol=1e-300):
            found[name] = Mark.BEST
        elif _is_tied(values[best], values[name]):
            found[name] = Mark.TIED
    return found


def _is_tied(best: Mapping[int, float], other: Mapping[int, float]) -> bool:
    differences = [other[seed] - best[seed] for seed in best if seed in other]
    # Below 3 of them there is no interval.
    low = mean(differences).low if differences else None
    return low is not None and low <= 0


def _log(x: float) -> float:
    return math.log(max(x, 5e-324))
