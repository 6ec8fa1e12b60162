"""Reports in a real browser: what a reader sees, points at and presses."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from optbench.core.run import Run, Status
from optbench.core.spec import Spec
from tests.browser.conftest import Opener
from tests.learning_runs import learning_runs
from tests.report.conftest import descend
from tests.report.folder import column, load

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

HOSTILE = '"><script>document.title="hacked"</script>&lt;b&gt;'
FEW = [0.1, 0.5, 1.0, 4.0]


def runs_of(*names: str, rates: list[float] = FEW, seeds: int = 3, **more: Any) -> list[Run]:
    """Return short runs of optimizers of our own names."""
    return [
        descend(optimizer=Spec(name), lr=lr, seed=seed, budget=60, **more)
        for name in names
        for lr in rates
        for seed in range(seeds)
    ]


def chart(page: Page, section: str = "convergence") -> Locator:
    """Return a chart of a page, scrolled to and drawn."""
    figure = page.locator(f"#{section} figure.chart")
    figure.scroll_into_view_if_needed()
    figure.locator(".plot .main-svg").first.wait_for()
    return figure


def state(figure: Locator) -> dict[str, Any]:
    """Return the layout that plotly drew."""
    plot = figure.locator(".plot")
    found: dict[str, Any] = plot.evaluate(
        """plot => ({
            x: plot.layout.xaxis.type, y: plot.layout.yaxis.type,
            xTitle: plot.layout.xaxis.title.text, yTitle: plot.layout.yaxis.title.text,
            range: plot.layout.yaxis.range.slice(), ink: plot.layout.font.color,
            curves: plot.data.filter(trace => trace.mode && trace.mode.startsWith("lines")
                && !trace.fill).length,
        })"""
    )
    return found


def choose(figure: Locator, label: str, text: str) -> None:
    """Choose from one of the lists over a chart."""
    figure.locator(f"label.choice:has(span:text-is('{label}')) select").select_option(label=text)


def test_every_page_opens_from_a_disk(report: Opener) -> None:
    """Overview, theory, problems and optimizers draw all their charts, and ask for no network."""
    functions = [*runs_of("gd", "b", label="p"), *runs_of("gd", "b", label="q", kappa=10.0)]
    watched = report([*functions, *learning_runs()])

    for path in sorted(watched.folder.rglob("*.html")):
        page = watched.open(str(path.relative_to(watched.folder)))
        assert page.locator("h1").count() == 1
        for section in page.locator("section:has(figure.chart)").all():
            for figure in section.locator("figure.chart").all():
                figure.scroll_into_view_if_needed()
                figure.locator(".plot .main-svg").first.wait_for()
                assert state(figure)["curves"] + figure.locator(".point").count() > 0


def test_pointing_shows_the_value_and_the_spec(report: Opener) -> None:
    """The box has the name, the exact value with its quartiles, the budget and the parameters."""
    runs = runs_of("mine", rates=[1.0])
    page = report(runs).open("problems/quadratic.html")
    plot = chart(page).locator(".plot")
    where = plot.evaluate(
        """plot => {
            const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
            const trace = plot.data.find(t => t.mode === "lines+markers"), i = 9;
            return [box.x + xaxis._offset + xaxis.d2p(trace.x[i]),
                    box.y + yaxis._offset + yaxis.d2p(trace.y[i]), trace.x[i], trace.y[i]];
        }"""
    )
    page.mouse.move(where[0], where[1])
    tip = page.locator(".tip")
    tip.wait_for()

    text = tip.inner_text().split("\n")
    assert text[0] == "mine"
    assert f"{where[3]:.5g}"[:6] in text[1].replace("\N{MINUS SIGN}", "-")
    assert "[" in text[1]
    assert text[2] == f"gradient evaluations (full gradients): {where[2]:g}"
    assert any("lr 1, best of 1; 3 seeds" in line for line in text)
    page.mouse.move(2, 2)
    tip.wait_for(state="hidden")


def test_hiding_and_leaving_one_alone(report: Opener) -> None:
    """A click hides and shows a curve, `only` leaves it alone and brings the others back."""
    page = report(runs_of("a", "b", "c")).open("problems/quadratic.html")
    figure = chart(page)
    names = figure.locator(".legend .name")
    whole = state(figure)["curves"]

    names.nth(1).click()
    assert names.nth(1).get_attribute("aria-pressed") == "false"
    assert state(figure)["curves"] == whole - 1
    names.nth(1).click()
    assert state(figure)["curves"] == whole
    figure.locator(".legend li").nth(0).hover()
    figure.locator(".legend .only").nth(0).click()
    pressed = [name.get_attribute("aria-pressed") for name in names.all()[:3]]
    assert pressed == ["true", "false", "false"]
    figure.locator(".legend .only").nth(0).click()
    assert state(figure)["curves"] == whole
    figure.locator(".tools button", has_text="none").click()
    assert state(figure)["curves"] == 0


def test_the_legend_works_by_keyboard(report: Opener) -> None:
    """Tab reaches a name, Space hides it, Shift and Enter leave it alone."""
    page = report(runs_of("a", "b")).open("problems/quadratic.html")
    figure = chart(page)
    first = figure.locator(".legend .name").first

    figure.locator(".tools button", has_text="none").focus()
    page.keyboard.press("Tab")
    assert first.evaluate("element => element === document.activeElement")
    page.keyboard.press("Space")
    assert first.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Shift+Enter")
    pressed = [name.get_attribute("aria-pressed") for name in figure.locator(".name").all()[:2]]
    assert pressed == ["true", "false"]
    assert first.evaluate("element => element === document.activeElement")


def test_axes_measures_and_scales_can_be_chosen(report: Opener) -> None:
    """Another budget, another measure, linear for logarithmic: the plot follows."""
    watched = report(learning_runs())
    (path,) = (watched.folder / "problems").iterdir()
    page = watched.open(f"problems/{path.name}")
    figure = chart(page)

    assert state(figure)["yTitle"] == "validation loss"
    choose(figure, "against", "epochs")
    assert state(figure)["xTitle"] == "epochs"
    choose(figure, "measure", "validation accuracy")
    assert state(figure)["yTitle"] == "validation accuracy"
    before = state(figure)["y"]
    figure.locator("label.check", has_text="log y").click()
    assert {before, state(figure)["y"]} == {"linear", "log"}
    label = figure.locator(".plot").get_attribute("aria-label") or ""
    assert label.startswith("validation accuracy against epochs")


def test_single_runs_come_when_they_are_asked_for(report: Opener) -> None:
    """Their file is not loaded before; then each seed is a curve, or each rate has its colour."""
    watched = report(runs_of("a", "b"))
    page = watched.open("problems/quadratic.html")
    figure = chart(page)

    assert not [url for url in watched.asked if "/data/runs/" in url]
    choose(figure, "show", "all learning rates of one")
    figure.locator(".legend .name", has_text="lr 0.5").wait_for()
    assert figure.locator(".legend li").count() == len(FEW) + 2
    colours = figure.locator(".plot").evaluate(
        "plot => [...new Set(plot.data.filter(t => t.mode === 'lines').map(t => t.line.color))]"
    )
    assert len(colours) == len(FEW) + 1
    choose(figure, "optimizer", "b")
    choose(figure, "show", "best rate of each: single runs")
    figure.locator(".legend .name[title^='a']").wait_for()
    assert state(figure)["curves"] == 2 * 3 + 2
    assert len([url for url in watched.asked if "/data/runs/" in url]) == 1


def test_names_are_text_wherever_they_appear(report: Opener) -> None:
    """Markup in names is neither run nor swallowed: legend, hover box, tables, headings."""
    long = "n" * 300
    runs = runs_of(HOSTILE, long, rates=[0.5], label=HOSTILE)
    watched = report(runs, title=HOSTILE)
    (path,) = (watched.folder / "problems").iterdir()
    page = watched.open(f"problems/{path.name}")
    figure = chart(page)

    assert page.title() != "hacked"
    assert page.locator("h1").inner_text() == HOSTILE
    texts = figure.locator(".legend .name span").all_inner_texts()
    assert {HOSTILE, long} <= set(texts)
    assert page.locator(".legend script, .tip script, table script").count() == 0
    figure.locator("summary").click()
    assert HOSTILE in figure.locator("details table").inner_text()
    watched.open("index.html")
    assert page.title() != "hacked"


def test_dark_paper_has_light_ink_and_follows_the_reader(report: Opener) -> None:
    """Colours are those of the scheme, at first and when it changes."""
    page = report(runs_of("torch.Nesterov", "nesterov"), dark=True).open("problems/quadratic.html")
    figure = chart(page)

    assert state(figure)["ink"] == "#e6edf3"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
    dark = figure.locator(".plot").evaluate("plot => plot.data.map(t => t.line && t.line.color)")
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        "document.querySelector('#convergence .plot').layout.font.color === '#1b1f24'"
    )
    light = figure.locator(".plot").evaluate("plot => plot.data.map(t => t.line && t.line.color)")
    assert dark != light


def test_a_phone_shows_the_page_without_scrolling_sideways(report: Opener) -> None:
    """Wide tables scroll by themselves; the page is as wide as the screen."""
    watched = report(runs_of("a" * 80, "b", label="p" * 120), width=390)

    for path in sorted(watched.folder.rglob("*.html")):
        page = watched.open(str(path.relative_to(watched.folder)))
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path.name


@pytest.mark.parametrize("width", [390, 1200])
def test_titles_of_axes_lie_within_the_plot(report: Opener, width: int) -> None:
    """Long ones go on in a second line, on a phone as on a screen, above marks of lost runs."""
    page = report(runs_of("gd", "b"), width=width).open("problems/quadratic.html")

    for section in ("convergence", "sensitivity", "cost"):
        figure = chart(page, section)
        plot = figure.locator(".plot").bounding_box()
        assert plot is not None
        for title in (".xtitle", ".ytitle"):
            box = figure.locator(f".plot {title}").bounding_box()
            assert box is not None
            inside = (
                box["x"] >= plot["x"] - 1,
                box["y"] >= plot["y"] - 1,
                box["x"] + box["width"] <= plot["x"] + plot["width"] + 1,
                box["y"] + box["height"] <= plot["y"] + plot["height"] + 1,
            )
            assert all(inside), (section, title)


def test_lost_runs_have_room_above_the_curves(report: Opener) -> None:
    """The plot ends where the rows of crosses begin."""
    page = report(runs_of("gd", "b")).open("problems/quadratic.html")
    plot = chart(page, "sensitivity").locator(".plot")

    ends = plot.evaluate("p => [p._fullLayout.yaxis.domain[1], p._fullLayout.yaxis2.domain[0]]")
    assert ends[0] < ends[1] < 1


def test_fifty_optimizers_can_be_filtered(report: Opener) -> None:
    """The legend has them all, and a box that finds one."""
    names = [f"method-{i:02d}" for i in range(50)]
    runs = [
        descend(optimizer=Spec(name), lr=0.02 * (i + 1), budget=40) for i, name in enumerate(names)
    ]
    page = report(runs).open("problems/quadratic.html")
    figure = chart(page)

    assert figure.locator(".legend li:visible").count() >= 50
    figure.locator(".legend input[type=search]").fill("method-17")
    assert figure.locator(".legend li:visible").count() == 1


def test_of_many_optimizers_the_best_ten_are_shown_at_first(report: Opener) -> None:
    """The others are in the legend: one click shows them all, another the best again."""
    runs = [
        descend(optimizer=Spec(f"method-{i:02d}"), lr=0.02 * (i + 1), budget=40) for i in range(15)
    ]
    runs += [descend(optimizer=Spec("method-14"), lr=i / 1000, budget=40) for i in range(1, 12)]
    page = report(runs).open("problems/quadratic.html")
    figure = chart(page)
    pressed = figure.locator(".legend .name[aria-pressed=true] span")
    few = state(figure)["curves"]

    best = {f"method-{i:02d}" for i in range(5, 15)}
    assert {name for name in pressed.all_inner_texts() if name.startswith("method")} == best
    assert "10 of 15 shown" in figure.locator(".key").inner_text()
    figure.locator(".tools button", has_text="all").click()
    assert figure.locator(".legend .name[aria-pressed=false]").count() == 0
    assert state(figure)["curves"] == few + 5
    figure.locator(".tools button", has_text="best 10").click()
    assert state(figure)["curves"] == few
    choose(figure, "show", "all learning rates of one")
    figure.locator(".legend .name", has_text="lr 0.3").wait_for()
    assert figure.locator(".legend .name[aria-pressed=false]").count() == 0
    assert figure.locator(".tools button").all_inner_texts() == ["all", "none"]


def test_who_has_no_curve_is_named_below(report: Opener) -> None:
    """Refused optimizers are not in the legend, which has curves, but in the line of notes."""
    refused = [
        replace(descend(optimizer=Spec(f"no{i}")), curve={}, hits=(), status=Status.REFUSED)
        for i in range(5)
    ]
    page = report([*runs_of("a", "b"), *refused]).open("problems/quadratic.html")
    figure = chart(page)

    names = figure.locator(".legend .name span").all_inner_texts()
    assert not [name for name in names if name.startswith("no")]
    key = figure.locator(".key").inner_text()
    assert "not drawn: no0 (refused), no1 (refused), no2 (refused) and 2 more" in key


def boxes(figure: Locator, selector: str) -> list[dict[str, float]]:
    """Return where the elements of a plot lie on the screen."""
    found: list[dict[str, float]] = figure.locator(f".plot {selector}").evaluate_all(
        "texts => texts.map(text => text.getBoundingClientRect().toJSON())"
    )
    return found


@pytest.mark.parametrize("highest", [2.0, 10.0])
def test_labels_of_ticks_have_room_on_a_phone(report: Opener, highest: float) -> None:
    """No label touches the next: `10^-3 2` would read as 10^-32."""
    rates = np.geomspace(1e-3, highest, 5).tolist()
    page = report(runs_of("a", rates=rates, seeds=1), width=390).open("problems/quadratic.html")
    labels = sorted(boxes(chart(page, "sensitivity"), ".xtick text"), key=lambda box: box["left"])

    assert len(labels) > 2
    gaps = [right["left"] - left["right"] for left, right in itertools.pairwise(labels)]
    assert min(gaps) > 3


def test_crosses_of_lost_runs_are_within_the_axis(report: Opener) -> None:
    """Where every rate is lost the axis reaches from the first of them to the last."""
    page = report(runs_of("a", rates=[5.0, 50.0])).open("problems/quadratic.html")
    plot = chart(page, "sensitivity").locator(".plot")

    first, last = plot.evaluate("plot => plot.layout.xaxis.range")
    assert first < np.log10(5.0)
    assert last > np.log10(50.0)


def test_learning_rates_may_lie_600_decades_apart(report: Opener) -> None:
    """The ratio of the last to the first is no number; the axis goes from one to the other."""
    runs = [replace(descend(budget=60), hyper={"lr": lr}) for lr in (1e-300, 1e300)]
    page = report(runs).open("problems/quadratic.html")
    plot = chart(page, "sensitivity").locator(".plot")

    first, last = plot.evaluate("plot => plot._fullLayout.xaxis.range")
    assert -324 <= first < -300
    assert 300 < last < 309


def test_bars_of_points_are_drawn_whole(report: Opener) -> None:
    """The axis of final values reaches both ends of every interval."""
    page = report(runs_of("a", rates=[0.5], noise=0.1)).open("problems/quadratic.html")
    plot = chart(page, "cost").locator(".plot")

    low, middle, high, bottom, top = plot.evaluate(
        """plot => {
            const { y, error_y } = plot.data.find(trace => trace.error_y);
            return [y[0] - error_y.arrayminus[0], y[0], y[0] + error_y.array[0],
                    ...plot.layout.yaxis.range.map(end => 10 ** end)];
        }"""
    )
    assert bottom < low < middle < high < top
    assert high > 2 * middle


def test_shades_are_told_where_they_are(report: Opener) -> None:
    """More profiles than three have no shade and no word of it; one pointed at or alone has."""
    page = report(runs_of("a", "b", "c", "d")).open("index.html")
    figure = page.locator("#overall figure.chart").first
    figure.locator(".plot .main-svg").first.wait_for()
    shaded = "plot => plot.data.filter(trace => trace.fill).length"

    assert figure.locator(".plot").evaluate(shaded) == 0
    assert "shade" not in figure.locator(".key").inner_text()
    figure.locator(".legend li").nth(2).hover()
    assert figure.locator(".plot").evaluate(shaded) == 1
    figure.locator(".key").hover()
    assert figure.locator(".plot").evaluate(shaded) == 0
    figure.locator(".legend li").nth(0).hover()
    figure.locator(".legend .only").nth(0).click()
    figure.locator(".key").hover()
    assert figure.locator(".plot").evaluate(shaded) == 1
    assert "shade: Wilson" in figure.locator(".key").inner_text()


def test_times_of_batches_are_marked(report: Opener) -> None:
    """The mark stands at a name where curves go against seconds, and only there."""
    both = [
        replace(run, curve={**run.curve, "seconds": run.curve["step"] / 1e3}, engine=engine)
        for name, engine in (("a", "batched"), ("b", "single"))
        for run in runs_of(name)
    ]
    page = report(both).open("problems/quadratic.html")
    figure = chart(page)

    assert "‡" not in figure.inner_text()
    choose(figure, "against", "seconds")
    figure.locator(".legend .name", has_text="a ‡").wait_for()
    assert figure.locator(".legend .name", has_text="b ‡").count() == 0
    assert "‡ time of a batch" in figure.locator(".key").inner_text()


def test_long_names_break_between_their_parts(report: Opener) -> None:
    """In tables and legends of a phone no part of a name goes on in the next line."""
    name = "a_method_with:beta=polyak,restarts=gradient,weights=decoupled"
    page = report(runs_of(name, "b"), width=390).open("problems/quadratic.html")
    chart(page)

    lines = page.locator(f"th:has-text('{name}'), .legend span:has-text('{name}')").evaluate_all(
        """cells => cells.flatMap(cell => {
            const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), found = [];
            while (walker.nextNode()) {
                const range = document.createRange();
                range.selectNodeContents(walker.currentNode);
                found.push(new Set([...range.getClientRects()].map(box => box.top)).size);
            }
            return found;
        })"""
    )
    assert lines.count(1) > 20
    assert max(lines) == 1


def test_columns_are_unpacked_as_they_were_packed(report: Opener) -> None:
    """The script reads every kind of column, also those that are told by another one."""
    watched = report(runs_of("a", rates=[0.5]))
    page = watched.open("problems/quadratic.html")
    choose(chart(page), "show", "best rate of each: single runs")
    page.wait_for_function("optbench.files.has('runs/quadratic')")
    data = load(watched.folder / "data" / "runs" / "quadratic.js")

    assert {"~", "f"} <= {text[0] for text in data["columns"]}
    for place in range(len(data["columns"])):
        read = page.evaluate(f"[...optbench.files.get('runs/quadratic').column({place})]")
        np.testing.assert_allclose(read, column(data, place), rtol=1e-7)


def test_the_numbers_of_a_chart_are_a_table(report: Opener) -> None:
    """What is drawn can be read: one row a curve, also of the chart of learning rates."""
    page = report(runs_of("a", "b")).open("problems/quadratic.html")
    for section in ("convergence", "sensitivity", "cost"):
        figure = chart(page, section)
        figure.locator("summary").click()
        rows = figure.locator("details tbody tr")
        rows.nth(1).wait_for()
        assert set(rows.locator("th").all_inner_texts()) == {"a", "b"}


def test_one_target_at_a_time(report: Opener) -> None:
    """Expected running times are shown for the target that is chosen, the hardest at first."""
    page = report(runs_of("a", "b")).open("index.html")
    tables = page.locator("#times [data-label]")

    visible = [table.get_attribute("data-label") for table in tables.all() if table.is_visible()]
    assert visible == ["1e-08"]
    page.locator("#times select").select_option(label="1e-02")
    visible = [table.get_attribute("data-label") for table in tables.all() if table.is_visible()]
    assert visible == ["1e-02"]


def wild() -> list[Run]:
    """Return a run whose values go from 1e300 to 1e-300, and then to zero."""
    one = descend(budget=60)
    value = np.append(np.geomspace(1e300, 1e-300, len(one.curve["step"]) - 1), 0.0)
    columns = {"value": value, "suboptimality": value, "gradient_norm": value}
    return [replace(one, curve={**one.curve, **columns})]


@pytest.mark.parametrize(
    "runs",
    [
        [descend(budget=50)],
        [descend(lr=lr, budget=50) for lr in (3.0, 5.0)],
        [descend(lr=lr, budget=50, known=False) for lr in (0.1, 1.0)],
        wild(),
        [descend(budget=400, kappa=1.0, lr=1.0, targets=())],
        [replace(descend(budget=50), curve={}, hits=(), status=Status.ERROR, message="no")],
    ],
    ids=["one run", "all diverged", "no f*", "1e300 to 0", "zero gap", "failed"],
)
def test_odd_results_are_drawn(report: Opener, runs: list[Run]) -> None:
    """Each has charts without an error, with finite limits, on both scales."""
    page = report(runs).open("problems/quadratic.html")
    for section in ("convergence", "sensitivity", "cost"):
        figure = chart(page, section)
        assert all(map(np.isfinite, state(figure)["range"]))
        for box in ("log y", "log x", "log y"):
            figure.locator("label.check", has_text=box).click()
            assert all(map(np.isfinite, state(figure)["range"]))


def test_zeros_are_marked_at_the_floor(report: Opener) -> None:
    """A gap of zero is drawn where the axis ends, with a mark that says so."""
    page = report([descend(budget=50, kappa=1.0, lr=1.0, targets=())]).open(
        "problems/quadratic.html"
    )
    figure = chart(page)

    assert "▽ floor" in figure.locator(".key").inner_text()
    symbols = figure.locator(".plot").evaluate("plot => plot.data.map(t => t.marker.symbol).flat()")
    assert "triangle-down-open" in symbols


def test_lost_runs_end_with_a_cross(report: Opener) -> None:
    """A diverged median is drawn up to where it leaves the plot, and marked there."""
    page = report([descend(lr=5.0, budget=50)]).open("problems/quadratic.html")
    figure = chart(page)

    assert "\N{MULTIPLICATION SIGN} diverged" in figure.locator(".key").inner_text()


def test_no_runs_are_a_page(report: Opener) -> None:
    """An empty report opens, and says what it is."""
    page = report([]).open("index.html")

    assert "There are no runs to show." in page.locator("main").inner_text()


def test_print_shows_all_charts_on_white(report: Opener) -> None:
    """Before printing, charts that were not scrolled to are drawn, with dark ink."""
    page = report(runs_of("a", "b"), dark=True).open("problems/quadratic.html")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    for section in ("convergence", "sensitivity", "cost"):
        ink = page.locator(f"#{section} .plot").evaluate("plot => plot.layout.font.color")
        assert ink == "#1b1f24"
    page.emulate_media(media="print")
    together = "stages => stages.map(stage => getComputedStyle(stage).breakInside)"
    assert set(page.locator(".stage").evaluate_all(together)) == {"avoid"}


SILENT = "window.IntersectionObserver = class { observe() {} unobserve() {} };"
"""An observer that has not spoken yet, as before the first frame and in a tab behind others."""


def test_what_is_on_the_screen_is_drawn_when_the_page_is_loaded(report: Opener) -> None:
    """A picture taken at once shows every chart of a window as tall as the page."""
    watched = report([*runs_of("gd", "b", label="p"), *runs_of("gd", "b", label="q", kappa=10.0)])
    watched.page.add_init_script(SILENT)
    watched.page.set_viewport_size({"width": 1200, "height": 9000})

    for name in ("index.html", "problems/p.html", "optimizers/gd.html"):
        watched.page.goto(f"file://{watched.folder / name}")
        charts = watched.page.locator("figure.chart")
        assert charts.count() > 0
        assert charts.locator(".plot .main-svg:first-child").count() == charts.count(), name
