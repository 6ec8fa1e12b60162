"""What the terminal shows: tables to stdout, progress to stderr."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.progress import Progress as Progress

if TYPE_CHECKING:
    from optbench.analysis.results import Results
    from optbench.analysis.summary import Row
    from optbench.conformance.battery import Conformance
    from optbench.core.schedule import Factors
    from optbench.workflow import Plan

MESSAGES = 10
"""Different messages of runs that are printed."""

TOLD = ("validation_loss", "validation_accuracy", "test_loss", "test_accuracy")
"""What is printed of the ends of a learning problem's runs, besides what they are compared by."""


@contextlib.contextmanager
def prints_to_stderr() -> Iterator[None]:
    """Send what others' code prints inside the block to stderr: stdout is for what was asked for.

    The file descriptor is what is turned, so that worker processes that start inside print there
    too.

    Yields:
        Nothing.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def print_json(data: Any) -> None:
    """Print data as JSON; numbers that are not finite become null."""
    print(json.dumps(_finite(data), indent=2))


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data if isinstance(data, int | float | str | None) else str(data)


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Print names and one line each, aligned."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, text in pairs:
        print(f"{name:<{width}}  {text}".rstrip())


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    texts: Sequence[int] = (0,),
) -> None:
    """Print a table, wide enough for its content where nobody wraps lines.

    Args:
        columns: Headings.
        rows: Cells.
        title: Above the table.
        texts: Places of the columns that hold text, to the left, in as many lines as they need; the
            others hold numbers, to the right, in one line.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title) if title else None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    for place, column in enumerate(columns):
        table.add_column(
            column,
            justify="left" if place in texts else "right",
            overflow="fold",
            no_wrap=place not in texts,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=max(width(), 60)).print(table)


def width() -> int:
    """Return the columns of the terminal; 200 where nobody wraps lines."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 200


def print_record(head: Sequence[str], text: str, details: str) -> None:
    """Print what a table's row holds, for narrow terminals: text and details beside the head."""
    start = "  ".join(head) + "  "
    lines = [line for part in (text, details) for line in textwrap.wrap(part, width() - len(start))]
    for place, line in enumerate(lines):
        print((start if place == 0 else " " * len(start)) + line)


def print_description(found: Mapping[str, Any]) -> None:
    """Print what `catalogue.describe` says of one thing."""
    print(
        f"{found['kind']} {found['name']}" + (f": {found['about']}" if found.get("about") else "")
    )
    for key in ("documentation", "reference"):
        if found.get(key):
            print(f"\n{found[key]}")
    if found.get("parameters"):
        rows = [
            [p["name"], _text(p["default"]), _text(p["value"]), p["range"], p["about"]]
            for p in found["parameters"]
        ]
        print()
        print_columns(["parameter", "default", "value", "range", "meaning"], rows)
    _print_learning(found)
    if "facts" in found:
        print(f"\nfacts of {found['spec']}")
        computed = found["computed"]
        for name, value in found["facts"].items():
            how = f"  (computed, residual {computed[name]:.1e})" if name in computed else ""
            print(f"  {name:<18} {_fact(value)}{how}")
    if "costs" in found:
        _print_costs(found["costs"])
    for entry in found.get("entries", ()):
        budget = "the problem's" if entry["budget"] is None else format(entry["budget"], "g")
        print(f"\n{entry['runs']} runs, budget {budget}, {entry['seeds']} seeds")
        for key in ("problems", "optimizers", "schedules", "lr"):
            if entry[key]:
                print(f"  {key:<11} {', '.join(entry[key])}")
    if "runs" in found:
        print(f"\n{found['runs']} runs in all")
    print()


def _print_learning(found: Mapping[str, Any]) -> None:
    """Print a learning card, and how large the problem is as it has been built."""
    if found.get("learning"):
        print("\nlearning")
        for key, value in found["learning"].items():
            print_record([f"  {key.replace('_', ' '):<13}"], _text(value), "")
    if "counts" in found:
        print(f"\ncounts of {found['spec']}")
        for name, value in found["counts"].items():
            print(f"  {name:<22} {value:,}" if isinstance(value, int) else f"  {name:<22} {value}")
    if "missing" in found:
        print(f"\n{found['missing']}")


def _print_costs(costs: Mapping[str, float | None] | str) -> None:
    if isinstance(costs, str):
        print(f"\ncosts: not measured, {costs}")
        return
    lines = {
        "state_bytes": "bytes of state a parameter, which itself has 4",
        "gradients": "gradients a step",
        "hvps": "Hessian- or Fisher-vector products a step",
        "relative_time": "times as long a step as plain gradient descent, as timed just now",
    }
    print(f"\ncosts, measured now on {costs['parameters']} parameters (a matrix and a vector)")
    for name, meaning in lines.items():
        value = costs[name]
        text = "unknown" if value is None else format(value, ".3g")
        print(f"  {text:>8}  {meaning}")


def drawn_schedule(numbers: Factors) -> str:
    """Return a schedule drawn in characters, as wide as the terminal."""
    from optbench.report.plaintext import draw

    width, braille = shutil.get_terminal_size().columns, _has_braille()
    panels = [draw("factor on the learning rate", numbers.lr, width, braille=braille)]
    if numbers.momentum is not None:
        panels.append(draw("momentum", numbers.momentum, width, braille=braille))
    return "\n\n".join(panels)


def _has_braille() -> bool:
    # Python writes UTF-8 in the C locale too, but the terminal was not asked for it.
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return encoding == "utf8" and locale not in ("C", "POSIX")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _fact(value: float | bool | None) -> str:
    if value is None:
        return "unknown"
    return str(value).lower() if isinstance(value, bool) else f"{value:.12g}"


def print_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print short columns aligned to the left."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        print("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip())


def print_plan(plan: Plan, seconds: float, *, as_json: bool) -> None:
    """Print what would be run, and about how long one process would take."""
    groups: dict[tuple[str, str, str, str], int] = {}
    for batch in plan.batches:
        first = batch.specs[0]
        key = (first.problem_label, first.optimizer.name, str(first.schedule), batch.engine)
        groups[key] = groups.get(key, 0) + len(batch.specs)
    if as_json:
        keys = ("problem", "optimizer", "schedule", "engine", "runs")
        rows = [dict(zip(keys, (*key, count), strict=True)) for key, count in groups.items()]
        print_json({"runs": plan.new, "known": plan.known, "seconds": seconds, "groups": rows})
        return
    columns = ["problem", "optimizer", "schedule", "engine", "runs"]
    if groups:
        print_columns(columns, [[*key, str(count)] for key, count in groups.items()])
    print(
        f"\n{plan.new} runs in {len(plan.batches)} batches, {plan.known} known; "
        f"at most about {seconds:.0f} s of computing on one core"
    )


def print_outcome(outcome: Results, store: Path, page: Path | None, *, as_json: bool) -> None:
    """Print the summary of some runs, what went wrong, and where everything is."""
    from optbench.analysis.tables import printable

    statuses = Counter(str(run.status) for run in outcome.runs)
    rows = outcome.summary()
    if as_json:
        print_json(
            {
                "runs": len(outcome.runs),
                "new": outcome.new,
                "older": outcome.older,
                "statuses": statuses,
                "engine_seconds": outcome.engine_seconds,
                "store": str(store),
                "report": page,
                "summary": _records(rows),
            }
        )
        return
    for problem, group in itertools.groupby(rows, key=lambda row: row.title):
        _print_problem(problem, list(group))
    messages = Counter((str(r.status), r.spec.problem_label, r.message) for r in outcome.runs)
    said = [(*key, count) for key, count in messages.most_common() if key[2]]
    for status, problem, message, count in said[:MESSAGES]:
        print(f"{count} {status} on {printable(problem)}: {printable(message)}")
    if len(said) > MESSAGES:
        print(f"... and {len(said) - MESSAGES} other messages, in the store")
    engines = Counter(run.engine for run in outcome.runs)
    print(f"{len(outcome.runs)} runs: {_counts(statuses)}; engines: {_counts(engines)}")
    print(f"{outcome.new} new, {outcome.engine_seconds:.2f} engine seconds")
    if outcome.older:
        print(f"{outcome.older} older runs of these specs, made by other code, are left out")
    print(f"store: {store}")
    if page:
        print(f"report: {page}")


def _counts(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items()))


def _records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    from optbench.analysis.tables import csv_table

    header, lines = csv_table(rows)
    return [dict(zip(header, line, strict=True)) for line in lines]


def _print_problem(problem: str, rows: Sequence[Row]) -> None:
    from optbench.analysis.tables import (
        cells,
        ends_shown,
        is_learning,
        judged_targets,
        measure_words,
        printable,
        target_label,
    )
    from optbench.cards import cards
    from optbench.core.target import SUBOPTIMALITY

    targets, measure = judged_targets(rows), measure_words(rows)
    ends = [name for name in ends_shown(rows) if name in TOLD]
    table = [cells(row, targets, ends) for row in rows]
    lines = [
        [c.name, c.lr + " (edge)" * c.edge, *c.reach, c.final_in_full, *c.ends, c.diverged, c.runs]
        for c in table
    ]
    reach = [f"to {target_label(rows, target)}" for target in targets]
    final = "final" if measure == SUBOPTIMALITY else f"final {measure}"
    told = [name.replace("_", " ") for name in ends]
    columns = ["optimizer", "best lr", *reach, final, *told, "diverged", "seeds x lr"]
    if is_learning(rows):  # long names over short numbers
        columns = [name.replace(" ", "\n", 1) for name in columns]
    print_table(columns, lines, title=printable(problem))
    card = cards().get(rows[0].problem)
    if card is not None and card.learning is not None:
        print(f"published: {' '.join(str(card.learning.published).split())}\n")


def print_conformance(found: Conformance, *, as_json: bool) -> None:
    """Print what the battery says of an implementation."""
    if as_json:
        told = asdict(found)
        print_json({**told, "verdict": found.verdict, "summary": found.summary()})
        return
    rows = [[row.check, row.expected, row.got, str(row.verdict)] for row in found.rows]
    print_columns(["check", "expected", "got", "verdict"], rows)
    meanings = dict.fromkeys(row.meaning for row in found.deviations)
    if meanings and not (found.diagnosis and found.diagnosis.exact):
        print("\nwhat such deviations usually mean")
        for meaning in meanings:
            print(f"  {meaning}")
    print(f"\n{found.summary()}")
    if found.diagnosis and found.diagnosis.note:
        print(f"known: {found.diagnosis.note}")
    for note in found.notes:
        print(f"note: {note}")
