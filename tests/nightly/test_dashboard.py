"""The dashboard's folder: what its pages say and hold."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optbench.nightly.dashboard.changes import changes
from optbench.nightly.dashboard.folder import write_dashboard
from optbench.nightly.dashboard.matrix import matrices
from optbench.nightly.dashboard.page import bisect_command
from optbench.nightly.dashboard.series import SHOWN, Suite, suites
from optbench.nightly.dashboard.sparkline import sparkline
from optbench.nightly.history import Curve, History, append, name_curve, read_history
from optbench.nightly.judgement import Verdict
from optbench.nightly.record import Key, Night, Row
from tests.nightly.nights import FINAL, STATUS, STEPS, TIME, exact, night, noisy

OPTIONS = {"d": ("--problem", "bowl:b='x y'", "--optimizer", "my.py:Opt")}
HOSTILE = "\"><script>alert(1)</script>'&"


def suite_of(*nights: Night) -> Suite:
    """Return the one suite of some nights."""
    (found,) = suites(nights)
    return found


def dashboard(folder: Path, *nights: Night, curves: dict[str, Curve] | None = None) -> Path:
    """Write the dashboard of some nights, by way of a history, and return its folder."""
    for one in nights:
        append(folder / "history", one, curves if one is nights[0] else None)
    history = read_history(folder / "history")
    write_dashboard(history, folder / "history", folder / "site", title="Nights", options=OPTIONS)
    return folder / "site"


def data_of(site: Path, key: Key = STEPS) -> dict[str, Any]:
    """Return the data of a series' page."""
    (series,) = [s for s in suite_of(night(1, exact(1, key))).series if s.key == key]
    text = (site / "data" / f"{series.file}.js").read_text()
    found: dict[str, Any] = json.loads(text.partition(",")[2].rstrip().removesuffix(")"))
    return found


def page_of(site: Path, key: Key = STEPS) -> str:
    """Return a series' page."""
    (series,) = suite_of(night(1, exact(1, key))).series
    return (site / series.page).read_text()


def test_a_change_of_an_exact_metric_is_found_once_with_its_nights_and_its_size() -> None:
    """A step of 10 % stands at the night that has it first, compared with the night before."""
    values = [100, 100, 100, 110, 110]
    (series,) = suite_of(*(night(i, exact(v)) for i, v in enumerate(values, 1))).series
    (change,) = series.tracks[0].changes

    assert (change.place, change.before, change.verdict) == (3, 2, Verdict.REGRESSION)
    assert change.share == pytest.approx(0.1)


def test_machines_that_take_turns_are_held_against_themselves() -> None:
    """Two machines that round differently, night by night, make no change each night."""
    nights = [
        night(i, exact(100 + 10 * (i % 2)), environment={"blas": f"machine {i % 2}"})
        for i in range(1, 9)
    ]
    (series,) = suite_of(*nights).series

    # The second machine's first night differs from what was known; after that nothing moves.
    assert [change.place for change in series.tracks[0].changes] == [1]


def test_a_series_that_is_defined_otherwise_starts_anew() -> None:
    """What the suite asks for has changed: the page says so, and no verdict is passed."""
    nights = [night(1, exact(100)), night(2, exact(50, definition="other"))]
    (change,) = suite_of(*nights).series[0].tracks[0].changes

    assert change.verdict is None
    assert "starts anew" in change.reason


def test_the_level_of_a_noisy_metric_is_found_in_hindsight() -> None:
    """Thirty nights around 1 and thirty around 1.3 have one change, at the thirty-first."""
    values = [1 + 0.01 * (i % 5) for i in range(30)] + [1.3 + 0.01 * (i % 5) for i in range(30)]
    nights = [night(i, noisy(v)) for i, v in enumerate(values, 1)]
    (change,) = changes(nights, range(60), [one.rows[0] for one in nights], 0)

    assert (change.place, change.verdict) == (30, Verdict.REGRESSION)
    assert change.share == pytest.approx(0.29, abs=0.02)


def test_changes_before_the_nights_that_are_shown_are_none_of_a_pages_business() -> None:
    """A change is told from the first night on that is looked at."""
    rows = [exact(value) for value in (10, 20, 20, 30)]
    nights = [night(i, row) for i, row in enumerate(rows, 1)]

    assert [change.place for change in changes(nights, range(4), rows, 2)] == [3]


def test_a_quiet_noisy_metric_has_no_change() -> None:
    """Sixty nights of noise of a few percent have no annotated change."""
    nights = [night(i, noisy(1 + 0.02 * ((i * 7) % 5))) for i in range(1, 61)]

    assert not changes(nights, range(60), [one.rows[0] for one in nights], 0)


def test_the_last_nights_are_shown_one_by_one_and_older_ones_thinned(tmp_path: Path) -> None:
    """A thousand nights of noise: every one of the last 365 is in the data, of the others few."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    nights = [
        night(
            1,
            noisy(1 + 0.01 * ((i * 37) % 11)),
            id=f"{i:05}",
            date=(first + timedelta(days=i)).isoformat(),
        )
        for i in range(1000)
    ]
    site = tmp_path / "site"
    write_dashboard(History(tuple(nights)), tmp_path, site, title="Nights", options=OPTIONS)
    data = data_of(site, TIME)
    packed = data["columns"][data["charts"]["numbers"]["curves"][0]["places"]]
    places = np.frombuffer(base64.b64decode(packed[1:]), "<f4")

    assert places[-SHOWN:].tolist() == list(range(1000 - SHOWN, 1000))
    assert len(places) <= SHOWN + 300
    assert places[0] == 0


def test_the_command_that_finds_the_commit_is_ready_to_copy(tmp_path: Path) -> None:
    """It names metric, problem, optimizer, good and bad commit, quoted for a shell."""
    key = Key("bowl:b='x y'", "my.py:Opt", "cosine", "steps_to_target")
    site = dashboard(tmp_path, night(1, exact(10, key)), night(2, exact(20, key)))
    nights = read_history(tmp_path / "history").nights
    (change,) = suite_of(*nights).series[0].tracks[0].changes
    command = bisect_command(key, change, nights[0], nights[1], OPTIONS)

    assert command == (
        "optbench bisect --metric steps_to_target --problem 'bowl:b='\"'\"'x y'\"'\"'' "
        "--optimizer my.py:Opt 000000000000 000000000000"
    )
    assert 'class="command"' in page_of(site, key)


@pytest.mark.parametrize(
    ("key", "second"),
    [
        (STEPS, {"commit": None}),
        (STEPS, {"commit": f"{1:040x}"}),
        (STEPS, {"definition": "asked for no more"}),
    ],
)
def test_there_is_no_command_where_no_commit_can_be_found(key: Key, second: Any) -> None:
    """Outside a repository, within one commit and for what is asked for no more none is offered."""
    known = second.pop("definition", "d")
    rows = [exact(value, key, definition=known) for value in (10, 20)]
    nights = (night(1, rows[0]), night(2, rows[1], **second))
    (change,) = suite_of(*nights).series[0].tracks[0].changes

    assert bisect_command(key, change, nights[0], nights[1], OPTIONS) == ""


def test_curves_before_and_after_are_laid_over_each_other(tmp_path: Path) -> None:
    """The page of a changed series has both curves; equal ones are drawn once."""
    curves: list[Curve] = [
        {"step": [0, 1, 2], "suboptimality": [1.0, rate, rate**2]} for rate in (0.5, 0.9)
    ]
    before, after = (name_curve(curve) for curve in curves)
    rows = [exact(10, curve=before), exact(10, curve=before), exact(20, curve=after)]
    nights = [night(i, row) for i, row in enumerate(rows, 1)]
    site = dashboard(tmp_path, *nights, curves=dict(zip((before, after), curves, strict=True)))
    chart = data_of(site)["charts"]["curves"]

    assert [name["text"] for name in chart["names"]] == [
        "newest, 2026-01-03 at 0000000000",
        "before, 2026-01-02 at 0000000000",
    ]
    assert chart["y"][0]["log"]


def test_a_curve_that_is_lost_takes_nothing_with_it(tmp_path: Path) -> None:
    """Histories are merged by copying: without its curves a night still has its page."""
    site = dashboard(tmp_path, night(1, exact(10, curve="0" * 16)))

    assert "curves" not in data_of(site)["charts"]
    assert "steps to target" in page_of(site)


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """Names of suites, problems, commits and notes are never markup."""
    key = Key(HOSTILE, HOSTILE, HOSTILE, f"m {HOSTILE}")
    site = dashboard(
        tmp_path,
        night(1, exact(1, key), suite=HOSTILE, subject=HOSTILE, notes=(HOSTILE,)),
        night(2, exact(HOSTILE, key), suite=HOSTILE, subject=HOSTILE, failures=(HOSTILE,)),
    )
    pages = list(site.rglob("*.html"))

    assert len(pages) == 2
    for page in pages:
        assert "<script>alert" not in page.read_text()
        assert page.resolve().is_relative_to(site.resolve())


def test_a_target_that_was_not_reached_has_no_height(tmp_path: Path) -> None:
    """It is on the rail above the chart, and the matrix says never."""
    site = dashboard(tmp_path, night(1, exact(10)), night(2, exact(None)))
    chart = data_of(site)["charts"]["numbers"]

    assert len(chart["rail"]) == 1
    assert ">never<" in (site / "index.html").read_text()


def test_words_have_no_chart_but_their_nights(tmp_path: Path) -> None:
    """The page of a status lists since when it is what it is."""
    site = dashboard(
        tmp_path, night(1, exact("converged", STATUS)), night(2, exact("diverged", STATUS))
    )
    text = page_of(site, STATUS)

    assert "figure" not in re.sub(r"<script.*", "", text)
    assert "converged → diverged" in text


def test_devices_stand_side_by_side() -> None:
    """Values of a CPU and a GPU are rows of one matrix, and their agreement is counted."""
    from optbench.nightly.dashboard.agreement import agreement

    rows = [[exact(10), exact(1e-6, FINAL)], [exact(10), exact(1.5e-6, FINAL)]]
    nights = [
        night(i, *row, device=device)
        for i, (device, row) in enumerate(zip(("cpu", "cuda"), rows, strict=True), 1)
    ]
    suite = suite_of(*nights)
    (matrix,) = matrices(suite)
    found = agreement(suite)

    assert [line.names[-1] for line in matrix.lines] == ["cpu", "cuda"]
    assert found is not None
    assert [(line.same, line.within, line.other) for line in found.lines] == [(1, 0, 0), (0, 0, 1)]


def test_a_series_that_is_gone_is_told_and_later_forgotten(tmp_path: Path) -> None:
    """What the newest night lacks is `not measured`, until a year of nights has passed."""
    nights = [night(1, exact(1), exact(1, FINAL)), night(2, exact(1))]
    site = dashboard(tmp_path, *nights)
    later = [night(i, exact(1)) for i in range(2, SHOWN + 2)]

    assert "not measured" in (site / "index.html").read_text()
    assert [s.key for s in suite_of(nights[0], *later).series] == [STEPS]


def test_an_empty_history_and_files_that_are_no_nights_have_a_page(tmp_path: Path) -> None:
    """Nothing to show is said, and what was left out is named."""
    history = History((), ("x.json: no strict JSON",))
    page = write_dashboard(history, tmp_path, tmp_path / "site", title="Nights", options=OPTIONS)

    assert "has no night yet" in page.read_text()
    assert "x.json: no strict JSON" in page.read_text()


def test_pages_of_series_that_are_no_more_go_and_others_files_stay(tmp_path: Path) -> None:
    """A second writing of the folder leaves no stale page, and touches nothing of a stranger's."""
    site = dashboard(tmp_path, night(1, exact(1)), night(2, exact(1, FINAL)))
    (site / "series" / "mine.html").write_text("mine")
    rows: tuple[Row, ...] = (exact(1),)
    write_dashboard(History((night(1, *rows),)), tmp_path, site, title="Nights", options=OPTIONS)

    assert len(list((site / "series").rglob("*.html"))) == 2
    assert (site / "series" / "mine.html").read_text() == "mine"


def test_sparklines_draw_a_level_by_its_ends_and_leave_gaps() -> None:
    """Many equal nights cost no bytes, and a night without a value is no zero."""
    level = sparkline([1.0] * 30 + [2.0] * 30, 30)
    gap = sparkline([1.0, None, 2.0, 3.0])

    assert level.count("L") == 3
    assert "<circle" in level
    assert gap.count("M") == 2
    assert sparkline([1e308, -1e308]).count("M") == 1
    assert sparkline([1.0]) == ""
