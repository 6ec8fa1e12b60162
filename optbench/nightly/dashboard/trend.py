"""What asv has measured of the project's own commits: its trend, without asv's pages.

asv's pages load scripts from the network; this one needs none. Source of the format: asv's
documentation, "Benchmark results", version 2.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from optbench.analysis.tables import printable
from optbench.nightly.dashboard.sparkline import sparkline
from optbench.report.site.whole import Page

if TYPE_CHECKING:
    from optbench.nightly.dashboard.whole import Whole

FORMAT = 2
"""Version of asv's files of results."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark with one choice of its parameters.

    Attributes:
        machine: Where it was measured.
        name: Its name, with the parameters.
        values: A value a commit of the machine, the oldest first; None where there is none.
    """

    machine: str
    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Trend:
    """The results of asv.

    Attributes:
        commits: Commit and date of each machine's results, the oldest first.
        benchmarks: What was measured.
        pages: Where asv's own pages are, seen from the dashboard; empty for nowhere.
        left_out: Files that could not be used.
    """

    commits: Mapping[str, Sequence[tuple[str, str]]]
    benchmarks: Sequence[Benchmark]
    pages: str
    left_out: Sequence[str] = ()


CONFIGURATION = "asv.conf.json"
"""The file that says where asv keeps results and pages."""


def find_trend(checkout: Path, folder: Path) -> Trend | None:
    """Read what asv has measured of a project.

    Args:
        checkout: The project's checkout.
        folder: The dashboard's folder, from which asv's pages are linked.

    Returns:
        The trend; None where the project has no asv, or nothing was measured.
    """
    try:
        text = (checkout / CONFIGURATION).read_text(encoding="utf-8")
        # asv takes comments, which JSON has not.
        settings = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
        results = checkout / settings.get("results_dir", "results")
        pages = checkout / settings.get("html_dir", "html") / "index.html"
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return read_trend(results, os.path.relpath(pages, folder) if pages.is_file() else "")


def read_trend(results: Path, pages: str = "") -> Trend | None:
    """Read asv's results.

    Args:
        results: The folder of results, with a folder a machine in it.
        pages: Where asv's own pages are, seen from the dashboard.

    Returns:
        The trend; None where nothing was measured.
    """
    commits, benchmarks, left_out = {}, [], []
    for machine in sorted(path for path in results.glob("*") if path.is_dir()):
        found = []
        for path in sorted(machine.glob("*.json")):
            if path.name == "machine.json":
                continue
            try:
                found.append(_read(path))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                left_out.append(printable(f"{path.name}: {type(error).__name__}: {error}"))
        found.sort(key=lambda one: one[:2])
        if found:
            commits[machine.name] = [(commit, _day(date)) for date, commit, _ in found]
            names = {n for *_, values in found for n, value in values.items() if value is not None}
            benchmarks += [
                Benchmark(
                    machine=machine.name,
                    name=name,
                    values=[values.get(name) for *_, values in found],
                )
                for name in sorted(names)
            ]
    if not benchmarks:
        return None
    return Trend(commits=commits, benchmarks=benchmarks, pages=pages, left_out=left_out)


def _read(path: Path) -> tuple[float, str, dict[str, float | None]]:
    """Return date in milliseconds, commit and values of a file; NaN and what failed are None."""
    data = json.loads(path.read_text(encoding="utf-8"))
    if data["version"] != FORMAT:
        raise ValueError(f"version {data['version']} of asv's format")
    columns = data["result_columns"]
    values: dict[str, float | None] = {}
    for name, cells in data["results"].items():
        row = dict(zip(columns, cells, strict=False))
        for words, value in zip(
            _parameters(row.get("params") or []), row["result"] or [], strict=False
        ):
            known = isinstance(value, int | float) and math.isfinite(value)
            values[f"{name}{words}"] = float(value) if known else None
    return float(data["date"]), str(data["commit_hash"]), values


def _parameters(params: Sequence[Sequence[str]]) -> Iterator[str]:
    for choice in itertools.product(*params):
        words = (word.strip("'") for word in choice)
        yield f"({', '.join(words)})" if choice else ""


def _day(milliseconds: float) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()


def page_of_trend(whole: Whole, trend: Trend) -> Page:
    """Make the page of the trend: every benchmark with its first and its newest value.

    Args:
        whole: The dashboard.
        trend: What asv has measured.
    """
    machines = [
        {
            "name": printable(machine),
            "count": len(commits),
            "first": f"{commits[0][0][:10]} ({commits[0][1]})",
            "last": f"{commits[-1][0][:10]} ({commits[-1][1]})",
            "lines": [_line(b) for b in trend.benchmarks if b.machine == machine],
        }
        for machine, commits in trend.commits.items()
    ]
    html = whole.render("asv.html.j2", root="", machines=machines, pages=trend.pages, trend=trend)
    return Page(path="asv.html", html=html)


def _line(benchmark: Benchmark) -> dict[str, Any]:
    known = [value for value in benchmark.values if value is not None]
    first, last = (known[0], known[-1]) if known else (None, None)
    share = last / first - 1 if first and last is not None else 0.0
    return {
        "name": printable(benchmark.name),
        "first": _text(benchmark.name, first),
        "last": _text(benchmark.name, last),
        "change": f"{share:+.1%}" if abs(share) >= 5e-4 else "",
        "count": len(known),
        "spark": Markup(sparkline(benchmark.values)),  # made of numbers alone
    }


UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
"""Units of time, largest first."""


def _text(name: str, value: float | None) -> str:
    if value is None:
        return "—"
    kind = name.partition("(")[0].rpartition(".")[2].partition("_")[0]
    if kind == "time":
        size, unit = next((u for u in UNITS if value >= u[0]), UNITS[-1])
        return f"{value / size:.3g} {unit}"
    return f"{value / 2**20:.4g} MiB" if kind in ("peakmem", "mem") else f"{value:.6g}"
