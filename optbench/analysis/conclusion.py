"""The sentence that says what a comparison allows to conclude, and what it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optbench.analysis.contest import trials
from optbench.analysis.significance import leaning
from optbench.analysis.statistics import MIN_SEEDS, Estimate
from optbench.analysis.summary import Row
from optbench.analysis.tables import measure_words

if TYPE_CHECKING:
    from optbench.analysis.compare import Change, Comparison

LEVEL = 0.05
"""Below this p-value two sides are told apart."""

MIN_SIGNED = 6
"""With fewer differences no signed-rank test gets below 5 %: 2/2^5 is 0.0625."""


def conclude(found: Comparison, rows: Sequence[tuple[Row, Row]]) -> str:
    """Say in one sentence what a comparison shows.

    Args:
        found: The comparison, whose own sentence does not matter.
        rows: The rows of both sides, a pair a change.

    Returns:
        The sentence, with its full stop.
    """
    if not found.changes:
        return f"{found.a} and {found.b} have no problem and seed in common; nothing can be said."
    clauses = [
        _lead(found, rows),
        *_success(found, rows),
        _singly(found),
        _tuning(found, rows),
        _products(found, rows),
        _left_out(found),
    ]
    return "; ".join(clause for clause in clauses if clause) + "."


def number(count: int, noun: str) -> str:
    """Return a count with its noun: `1 problem`, `2 problems`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _lead(found: Comparison, rows: Sequence[tuple[Row, Row]]) -> str:
    where = _on(found.changes)
    if _all_same(found):
        exact = all(change.difference == 0 for change in found.changes)
        return f"{found.b} does {'the same as' if exact else 'within 5 % of'} {found.a} {where}"
    changes, ratio = found.changes, found.overall
    out_of = changes[0].pairs if len(changes) == 1 else len(changes)
    told = f"({_p_words(found)})"
    if ratio is not None and ratio.count == out_of:
        return f"{found.b} {_ratio_words(found, ratio, rows)} of {found.a} {where} {told}"
    lead = f"{_standing(found)} {told}"
    if ratio is None:
        ends = changes[0].ratio_final if len(changes) == 1 else None
        return lead if ends is None else f"{lead}; it {_end_words(ends, rows)} of {found.a}"
    both = "both reach the target" if _have_targets(found) else "neither is lost"
    some = number(ratio.count, "seed" if len(changes) == 1 else "problem")
    return f"{lead}; where {both}, on {some}, it {_ratio_words(found, ratio, rows)}"


def _on(changes: Sequence[Change]) -> str:
    return f"on {changes[0].problem}" if len(changes) == 1 else f"over {len(changes)} problems"


def _all_same(found: Comparison) -> bool:
    return all(change.verdict == "same" for change in found.changes)


def _have_targets(found: Comparison) -> bool:
    return any(change.target is not None for change in found.changes)


def _standing(found: Comparison) -> str:
    """Say who is better where ratios alone do not tell it."""
    differences = [change.difference for change in found.changes]
    side = "better" if leaning(differences) < 0 else "worse"
    decided = found.p is not None and found.p < LEVEL
    told = f"{found.b} is {side} than" if decided else f"{found.b} is not told apart from"
    told = f"{told} {found.a}"
    if len(found.changes) == 1:
        return f"{told} on {found.changes[0].problem}"
    n = number(len(differences), "problem")
    return f"{told}, ahead on {found.wins} of {n} and behind on {found.losses}"


def _ratio_words(found: Comparison, ratio: Estimate, rows: Sequence[tuple[Row, Row]]) -> str:
    if _have_targets(found):
        return f"needs {_times(ratio)} the gradient evaluations"
    return _end_words(ratio, rows)


def _times(ratio: Estimate) -> str:
    times = f"{ratio.center:.3g} times"
    if ratio.low is None or ratio.high is None:
        return times
    return f"{times} [{ratio.low:.3g}, {ratio.high:.3g}]"


def _end_words(ratio: Estimate, rows: Sequence[tuple[Row, Row]]) -> str:
    measures = {measure_words(pair) for pair in rows}
    return (
        f"ends at {_times(ratio)} the final {measures.pop() if len(measures) == 1 else 'measure'}"
    )


def _p_words(found: Comparison) -> str:
    """Return the test with its p-value, and whether it could have told anything."""
    if found.p is None:
        pairs = found.changes[0].pairs
        return "no test of one run each" if pairs == 1 else f"no test with {pairs} seeds"
    p = "p < 0.0001" if found.p < 1e-4 else f"p = {found.p:.2g}"
    if found.p < LEVEL:
        return f"{found.test}, {p}"
    why = "undecided"
    if len(found.changes) > 1 and found.wins + found.losses < MIN_SIGNED:
        why = f"fewer than {MIN_SIGNED} problems that differ decide nothing"
    elif len(found.changes) == 1 and too_few_seeds(found.changes[0]):
        why = f"fewer than {MIN_SIGNED} seeds decide nothing"
    return f"{found.test}, {p}: {why}"


def too_few_seeds(change: Change) -> bool:
    """Return whether a problem's signed-rank test, `MIN_SIGNED` pairs short, can decide nothing."""
    ranked = change.p is not None and not change.test.startswith("paired t")
    return ranked and change.verdict == "undecided" and change.pairs < MIN_SIGNED


def _success(found: Comparison, rows: Sequence[tuple[Row, Row]]) -> list[str]:
    """Say where one side reaches the target with the majority of its seeds, and the other not."""
    if _all_same(found):
        return []
    where: dict[tuple[bool, bool], list[str]] = {}
    for change, (row_a, row_b) in zip(found.changes, rows, strict=True):
        if row_a.reach and row_b.reach:
            where.setdefault(change.reached, []).append(change.problem)
    told = {
        (True, False): f"only {found.a} reaches the target",
        (False, True): f"only {found.b} reaches the target",
        (False, False): "neither reaches a target",
    }
    return [
        f"on {where[key][0] if len(where[key]) == 1 else number(len(where[key]), 'problem')} {what}"
        for key, what in told.items()
        if key in where
    ]


def _singly(found: Comparison) -> str:
    """Say what is decided problem by problem."""
    verdicts = Counter(change.verdict for change in found.changes)
    seeds = {change.pairs for change in found.changes}
    if _all_same(found) or (len(found.changes) == 1 and max(seeds) >= MIN_SEEDS):
        return ""
    if set(verdicts) == {"undecided"} or max(seeds) < MIN_SEEDS:
        many = f"{_range(seeds)} seeds a problem" if max(seeds) > 1 else "one run each"
        return f"with {many} no single problem is decided"
    # Most frequent first; what is undecided last.
    order = sorted(verdicts, key=lambda verdict: (verdict == "undecided", -verdicts[verdict]))
    decided = ", ".join(f"{verdict} on {verdicts[verdict]}" for verdict in order)
    return f"problem by problem, corrected by Holm, {found.b} is {decided}"


def _tuning(found: Comparison, rows: Sequence[tuple[Row, Row]]) -> str:
    tried = [{trials(pair[side]) for pair in rows} for side in (0, 1)]
    if all(trials(row_a) == trials(row_b) for row_a, row_b in rows):
        return ""
    a, b = (_range(numbers) for numbers in tried)
    return f"the tuning was unequal: {found.a} tried {a} learning rates, {found.b} {b}"


def _range(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def _products(found: Comparison, rows: Sequence[tuple[Row, Row]]) -> str:
    used = [
        name
        for side, name in ((0, found.a), (1, found.b))
        if any(run.last("hvp_calls") > 0 for pair in rows for run in pair[side].best)
    ]
    if not used:
        return ""
    return f"the Hessian products of {' and '.join(used)} are not counted"


def _left_out(found: Comparison) -> str:
    if not found.unpaired:
        return ""
    left = number(len(found.unpaired), "problem")
    return f"left out: {left} that the two did not run with a seed in common"
