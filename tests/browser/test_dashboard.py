"""The dashboard in a real browser: what a reader sees, follows, presses and copies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optbench.nightly.dashboard.folder import write_dashboard
from optbench.nightly.dashboard.trend import Benchmark, Trend
from optbench.nightly.history import Curve, append, name_curve, read_history
from optbench.nightly.record import Key, Night
from tests.browser.conftest import Watched
from tests.nightly.nights import FINAL, STEPS, exact, night, noisy

OPTIONS = {"d": ("--problem", "bowl", "--optimizer", "sgd")}
HOSTILE = '"><script>document.title="hacked"</script><b>'

Writer = Callable[..., Watched]


@pytest.fixture
def dashboard(visit: Writer, tmp_path: Path) -> Writer:
    """Return a function that writes a dashboard of some nights and a page that will open it."""
    places = itertools.count()

    def write(*nights: Night, trend: Trend | None = None, **look: Any) -> Watched:
        number = next(places)
        history, folder = tmp_path / f"history{number}", tmp_path / f"site{number}"
        for place, one in enumerate(nights):
            append(history, one, {} if place else CURVES)
        write_dashboard(
            read_history(history), history, folder, title="Nights", options=OPTIONS, trend=trend
        )
        return visit(folder, **look)

    return write


_FALLS: list[Curve] = [
    {"step": list(range(30)), "suboptimality": [math.exp(-rate * t) for t in range(30)]}
    for rate in (0.5, 0.3)
]
CURVES = {name_curve(curve): curve for curve in _FALLS}
BEFORE, AFTER = CURVES


def some_nights(key: Key = STEPS) -> list[Night]:
    """Return twelve nights in which a target took 100 steps and from the ninth on 120."""
    return [
        night(
            i,
            exact(100 if i < 9 else 120, key, curve=BEFORE if i < 9 else AFTER),
            exact(1e-6, key._replace(metric=FINAL.metric), curve=BEFORE),
            noisy(1 + 0.01 * (i % 3)),
            subject=f"Change {i}",
        )
        for i in range(1, 13)
    ]


def test_a_reader_follows_a_cell_to_the_changes_of_its_series(dashboard: Writer) -> None:
    """From the matrix to the series: its chart, the numbered change, both curves, the command."""
    page = dashboard(*some_nights()).open("index.html")
    page.locator("table.matrix a.cell", has_text="120").first.click()
    page.wait_for_selector("#nights .main-svg")
    page.locator("#curves").scroll_into_view_if_needed()
    page.wait_for_selector("#curves .main-svg")

    assert page.locator("#nights .xtick").count() > 1
    assert page.locator("#nights .annotation-text").all_text_contents() == ["1"]
    assert page.locator("#curves .legend li").count() == 2
    assert page.locator("code.command").text_content() == (
        "optbench bisect --metric steps_to_target --problem bowl --optimizer sgd "
        "000000000000 000000000000"
    )


def test_pointing_at_a_night_tells_value_date_and_commit(dashboard: Writer) -> None:
    """The hover box of a point has what the nights' shared file knows."""
    watched = dashboard(*some_nights())
    page = watched.open("index.html")
    page.locator("table.matrix a.cell", has_text="120").first.click()
    page.wait_for_selector("#nights .main-svg")
    page.locator("#nights .scatterlayer .point").nth(2).hover(force=True)
    page.wait_for_selector(".tip:not([hidden])")
    text = page.locator(".tip").inner_text()

    assert "2026-01-03" in text
    assert "Change 3" in text
    assert "100" in text


def test_arrows_go_from_cell_to_cell(dashboard: Writer) -> None:
    """A matrix is one stop of the tabulator key; in it the arrows move, and Enter follows."""
    page = dashboard(*some_nights()).open("index.html")
    cells = page.locator("table.matrix").first.locator("a.cell")
    cells.nth(0).focus()
    page.keyboard.press("ArrowRight")
    second = cells.nth(1).evaluate("cell => cell === document.activeElement")
    stops = cells.evaluate_all("cells => cells.filter(cell => cell.tabIndex === 0).length")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # the edge holds
    page.keyboard.press("Enter")
    page.wait_for_selector("#nights .main-svg")

    assert second
    assert stops == 1
    assert page.locator("h1").text_content() == "steps to target"


def test_rows_can_be_filtered_by_name_and_by_change(dashboard: Writer) -> None:
    """The box keeps the rows that have the text, the choice those with a change last night."""
    nights = [
        night(
            i,
            *(
                exact(i if p == "p3" and i == 2 else 9, Key(p, "gd", "", "m"))
                for p in ["p1", "p2", "p3"]
            ),
        )
        for i in (1, 2)
    ]
    page = dashboard(*nights).open("index.html")
    rows = page.locator("table.matrix tbody tr:not([hidden])")
    page.get_by_label("filter the rows by name").fill("p2")
    named = rows.count()
    page.get_by_label("filter the rows by name").fill("")
    page.get_by_label("only with a change").check()

    assert named == 1
    assert rows.count() == 1
    assert "p3" in rows.inner_text()


def test_a_command_from_a_disk_can_be_copied(dashboard: Writer) -> None:
    """The button copies, or where a browser forbids that, selects."""
    page = dashboard(*some_nights()).open("index.html")
    page.locator("table.matrix a.cell", has_text="120").first.click()
    button = page.locator("button.copy")
    button.click()
    page.wait_for_function("document.querySelector('button.copy').textContent !== 'copy'")
    told = button.text_content()
    selected = page.evaluate("getSelection().toString()")

    assert told == "copied" or (told == "selected" and selected.startswith("optbench bisect"))


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_scrolls_tables_and_not_the_page(dashboard: Writer, dark: bool) -> None:
    """At 360 pixels no page is wider than the screen, on light and dark paper."""
    watched = dashboard(*some_nights(), width=360, dark=dark)
    page = watched.open("index.html")
    widths = [page.evaluate("document.documentElement.scrollWidth")]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("table.matrix a.cell", has_text="120").first.click()
    page.wait_for_selector("#nights .main-svg")
    widths.append(page.evaluate("document.documentElement.scrollWidth"))

    assert max(widths) <= 360
    assert (paper == "rgb(20, 24, 29)") is dark


def test_hostile_names_are_read_as_they_are(dashboard: Writer) -> None:
    """Problems, suites and commits with markup in their names run nothing, and links hold."""
    key = Key(HOSTILE, HOSTILE, HOSTILE, "steps_to_target")
    nights = [
        night(i, exact(i, key), suite=HOSTILE, subject=HOSTILE, notes=(HOSTILE,)) for i in (1, 2)
    ]
    page = dashboard(*nights).open("index.html")
    tags = page.locator("main b").count()
    page.locator("table.matrix a.cell").first.click()
    page.wait_for_selector("#nights .main-svg")

    assert "hacked" not in page.title()[:6]
    assert tags + page.locator("main b").count() == 0
    assert HOSTILE in page.locator("dl.facts").inner_text()


def test_devices_are_drawn_in_one_chart(dashboard: Writer) -> None:
    """A series on a CPU and on a GPU has a page with two curves."""
    nights = [
        night(2 * i + j, exact(100 + j), device=device)
        for i in range(1, 4)
        for j, device in enumerate(("cpu", "cuda"))
    ]
    page = dashboard(*nights).open("index.html")
    side_by_side = page.get_by_role("heading", name="devices side by side").count()
    page.locator("table.matrix a.cell").first.click()
    page.wait_for_selector("#nights .main-svg")

    assert side_by_side == 1
    assert page.locator("#nights .legend li").all_inner_texts() == ["cpu\nonly", "cuda\nonly"]


def test_noisy_series_and_the_trend_of_asv_are_drawn(dashboard: Writer) -> None:
    """The page of a time has its chart, and asv's results have a page without a network."""
    trend = Trend(
        commits={"cpu2": [("a" * 40, "2026-01-01"), ("b" * 40, "2026-01-02")]},
        benchmarks=[Benchmark(machine="cpu2", name="x.time_y(adam)", values=[1e-3, 2e-3])],
        pages="../asv/index.html",
    )
    page = dashboard(*some_nights(), trend=trend).open("index.html")
    page.locator("table.matrix").nth(1).locator("a.cell").click()
    page.wait_for_selector("#nights .main-svg")
    page.go_back()
    page.get_by_role("link", name="trend of").click()

    assert page.locator("table.matrix tbody tr").inner_text().split("\t")[-3:-1] == [
        "2 ms",
        "+100.0%",
    ]
    assert page.locator("svg.spark").count() == 1


def test_a_page_without_a_history_opens(dashboard: Writer) -> None:
    """No night at all, and one alone, are pages too."""
    nothing = dashboard().open("index.html").locator("main").inner_text()
    alone = dashboard(night(1, noisy(1.0))).open("index.html")
    alone.locator("table.matrix a.cell").click()
    alone.wait_for_selector("#nights .main-svg")

    assert "no night yet" in nothing
