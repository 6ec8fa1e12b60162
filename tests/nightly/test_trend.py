"""What asv has measured, read without asv."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optbench.nightly.dashboard.folder import write_dashboard
from optbench.nightly.dashboard.trend import find_trend, read_trend
from optbench.nightly.history import History

COLUMNS = ["result", "params", "version", "started_at"]


def write(folder: Path, commit: str, date: int, results: dict[str, Any], version: int = 2) -> None:
    """Write a file of results as asv does: NaN included, which strict JSON has not."""
    place = folder / "cpu2"
    place.mkdir(parents=True, exist_ok=True)
    (place / "machine.json").write_text('{"machine": "cpu2", "version": 1}')
    data = {
        "commit_hash": commit * 40,
        "date": date,
        "result_columns": COLUMNS,
        "results": results,
        "version": version,
    }
    (place / f"{commit * 8}-virtualenv-py3.11.json").write_text(json.dumps(data))


def steps(*values: float) -> dict[str, Any]:
    """Return results of a benchmark with two optimizers."""
    return {"convergence.Quadratic.track_steps": [list(values), [["'gd'", "'adam'"]], "v", 1]}


def test_commits_are_in_the_order_of_their_dates_and_parameters_are_told_apart(
    tmp_path: Path,
) -> None:
    """Files lie in the order of their hashes; the trend goes by time, a series a parameter."""
    write(tmp_path, "a", 2_000_000, steps(130.0, 77.0))
    write(tmp_path, "b", 1_000_000, steps(132.0, 79.0))
    trend = read_trend(tmp_path)

    assert trend is not None
    assert [commit[0] for commit, _ in trend.commits["cpu2"]] == ["b", "a"]
    assert [(one.name, one.values) for one in trend.benchmarks] == [
        ("convergence.Quadratic.track_steps(adam)", [79.0, 77.0]),
        ("convergence.Quadratic.track_steps(gd)", [132.0, 130.0]),
    ]


def test_what_failed_or_was_never_measured_has_no_value(tmp_path: Path) -> None:
    """NaN, null and a failed benchmark are gaps, and what has only gaps is not listed."""
    write(tmp_path, "a", 1, {**steps(float("nan"), 77.0), "x.time_y": [None, [], "v", 1]})
    write(tmp_path, "b", 2, {**steps(float("nan"), float("nan"))})
    trend = read_trend(tmp_path)

    assert trend is not None
    assert [(one.name[-6:], one.values) for one in trend.benchmarks] == [("(adam)", [77.0, None])]


def test_files_that_are_something_else_are_named_and_stop_nothing(tmp_path: Path) -> None:
    """Another version, another shape and no JSON at all are left out."""
    write(tmp_path, "a", 1, steps(1.0, 2.0))
    write(tmp_path, "b", 2, steps(1.0, 2.0), version=3)
    (tmp_path / "cpu2" / "c.json").write_text("{")
    (tmp_path / "cpu2" / "d.json").write_text("[]")
    trend = read_trend(tmp_path)

    assert trend is not None
    assert len(trend.commits["cpu2"]) == 1
    assert [line.partition(":")[0] for line in trend.left_out] == [
        "bbbbbbbb-virtualenv-py3.11.json",
        "c.json",
        "d.json",
    ]


def test_the_trend_is_found_by_asvs_own_configuration_and_has_a_page(tmp_path: Path) -> None:
    """Comments in it are none of JSON's business; asv's pages are linked where there are some."""
    (tmp_path / "asv.conf.json").write_text(
        '{\n  // where\n  "results_dir": "results/asv",\n  "html_dir": "reports/asv"\n}'
    )
    write(tmp_path / "results" / "asv", "a", 1, steps(132.0, 80.0))
    write(tmp_path / "results" / "asv", "b", 2, steps(132.0, 100.0))
    (tmp_path / "reports" / "asv").mkdir(parents=True)
    (tmp_path / "reports" / "asv" / "index.html").write_text("asv")
    site = tmp_path / "reports" / "nightly"
    trend = find_trend(tmp_path, site)
    write_dashboard(History(), tmp_path, site, title="Nights", options={}, trend=trend)
    page = (site / "asv.html").read_text()

    assert 'href="../asv/index.html"' in page
    assert "+25.0%" in page
    assert 'href="asv.html"' in (site / "index.html").read_text()


def test_a_project_without_asv_has_no_trend(tmp_path: Path) -> None:
    """No file, a broken one, and one without results make no page."""
    found = [find_trend(tmp_path, tmp_path)]
    for text in ("{", "[]", '{"results_dir": "nowhere"}'):
        (tmp_path / "asv.conf.json").write_text(text)
        found.append(find_trend(tmp_path, tmp_path))

    assert found == [None] * 4
