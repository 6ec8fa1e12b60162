"""Profiles, the heatmap and ranks show what the analysis says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from optbench.analysis.contest import contest, costs_to, median_cost
from optbench.analysis.profiles import data_profile, performance_profile
from optbench.analysis.ranks import ranks
from optbench.analysis.summary import Row
from optbench.core.errors import OptbenchError
from optbench.core.run import Status
from optbench.core.spec import Spec
from optbench.report.figures import draw
from optbench.report.looks import NEURIPS
from optbench.report.style import colour_of
from tests.report.figures.seen import look_at


@pytest.mark.parametrize("x", ["ratio", "gradient_calls"])
def test_profiles_are_right_continuous_steps(league: list[Row], x: str) -> None:
    """Each line holds its share from an x up to the next, on a binary or decimal axis."""
    made = draw("profile", league, NEURIPS, x=x)
    found = (performance_profile if x == "ratio" else data_profile)(contest(league))
    axes = made.figure.axes[0]

    assert axes.get_xscale() == "log"
    assert len(axes.lines) == len(found.names)
    for name in found.names:
        (line,) = [a for a in axes.lines if a.get_color() == colour_of(name)]
        assert line.get_drawstyle() == "steps-post"
        at, share = np.asarray(line.get_xydata()).T
        for place, value in zip(at, share, strict=True):
            below = found.x <= place
            assert value == (found.shares[name][below][-1] if below.any() else 0)
        own = made.data[made.data["series"] == name]
        assert own[x].tolist() == at.tolist()
        assert own["share"].tolist() == share.tolist()
    if x == "ratio":
        assert axes.get_xlim()[0] == 1
        assert [t.get_text() for t in axes.get_xticklabels()][:2] == ["1", "2"]


def test_a_profile_says_who_is_left_out(league: list[Row]) -> None:
    """An entrant that did not run on all problems is named, and why in the words."""
    rows = [row for row in league if row.name != "nesterov" or row.problem == "k4"]
    made = draw("profile", rows, NEURIPS)

    assert any("left out" in t and "nesterov" in t for t in look_at(made.figure).texts)
    assert "nesterov is left out: no run on" in made.alt
    with pytest.raises(OptbenchError, match="2 optimizers"):
        draw("profile", [row for row in league if row.name == "gd"], NEURIPS)


def test_the_heatmap_prints_ratios_misses_and_gaps(league: list[Row]) -> None:
    """A cell is the cost over the best one's; a miss is hatched with k/n; what is not there n/a."""
    missed = next(row for row in league if (row.problem, row.name) == ("k4", "gd"))
    lost = tuple(replace(run, hits=()) for run in missed.best[:2])
    rows = [replace(row, best=(*lost, row.best[2])) if row is missed else row for row in league]
    rows = [row for row in rows if (row.problem, row.name) != ("k10", "nesterov")]
    made = draw("heatmap", rows, NEURIPS)
    axes = made.figure.axes[0]

    names = [label.get_text() for label in axes.get_yticklabels()]
    problems = [label.get_text() for label in axes.get_xticklabels()]
    printed = {
        (round(t.get_position()[0] - 0.5), round(t.get_position()[1] - 0.5)): t.get_text()
        for t in axes.texts
    }
    found = contest(rows)
    for (j, i), text in printed.items():
        row, target = found.row(problems[j], names[i]), found.target(problems[j])
        if row is None:
            assert (problems[j], names[i], text) == ("k10", "nesterov", "n/a")
            continue
        assert target is not None
        cost = median_cost(row, target)
        if np.isinf(cost):
            assert text == f"{sum(np.isfinite(costs_to(row, target)))}/3"
        else:
            others = [found.row(problems[j], n) for n in found.names]
            best = min(median_cost(o, target) for o in others if o is not None)
            assert float(text) == pytest.approx(cost / best, rel=0.05)
    hatched = {(r.get_x(), r.get_y()) for r in axes.patches if isinstance(r, Rectangle)}
    assert hatched == {place for place, text in printed.items() if "/3" in text}
    assert ("1/3" in printed.values(), "n/a" in printed.values()) == (True, True)


def test_who_ran_on_few_of_many_problems_is_named_below(league: list[Row]) -> None:
    """Of sixteen optimizers those with one problem of six are left out, but not of the numbers."""
    k4 = [row for row in league if (row.problem, row.name) == ("k4", "gd")]
    rare = [f"rare{i}" for i in range(13)]
    more = [replace(row, optimizer=name, variant=Spec(name)) for name in rare for row in k4]
    made = draw("heatmap", [*league, *more], NEURIPS)
    drawn = [label.get_text() for label in made.figure.axes[0].get_yticklabels()]

    assert sorted(drawn) == sorted({row.name for row in league})
    (said,) = [t for t in look_at(made.figure).texts if "left out" in t]
    assert all(name in said for name in rare)
    assert set(rare) <= set(made.data["series"])
    fewer = draw("heatmap", [*league, *more[:12]], NEURIPS)
    assert len(fewer.figure.axes[0].get_yticklabels()) == 15
    alone = [replace(row, problem=row.optimizer) for row in more]
    alone += [replace(row, problem=f"{row.problem}-{i}") for i in range(3) for row in more[:1]]
    assert draw("heatmap", alone, NEURIPS).figure.axes[0].texts


def test_who_ran_on_more_problems_stands_before_who_ran_on_one(league: list[Row]) -> None:
    """Best first among those with half of the problems; below, most problems first, then best."""
    problems = {"late": ["k4"], "some": ["k10", "k30"], "best": ["k4", "k10", "k30"]}
    source = {"late": "nesterov", "some": "gd", "best": "nesterov"}
    rows = [row for row in league if row.optimizer == "gd"]
    rows += [
        replace(row, optimizer=name, variant=Spec(name))
        for name, ran_on in problems.items()
        for row in league
        if row.optimizer == source[name] and row.problem in ran_on
    ]
    axes = draw("heatmap", rows, NEURIPS).figure.axes[0]

    drawn = [label.get_text() for label in axes.get_yticklabels()]
    assert drawn == ["best", "gd", "some", "late"]


def test_many_optimizers_fit_on_a_page(league: list[Row]) -> None:
    """Forty-four with long names leave room for turned problems and a caption on nine inches."""
    some = [row for row in league if row.optimizer == "gd"]
    names = [f"method_{i}_strongly_convex:beta=0.9" for i in range(44)]
    rows = [replace(row, optimizer=name, variant=Spec(name)) for name in names for row in some]
    made = draw("heatmap", rows, NEURIPS)

    assert made.figure.get_size_inches()[1] < 8
    labels = [label.get_text() for label in made.figure.axes[0].get_yticklabels()]
    assert sorted(labels) == sorted(names)


def test_problems_are_rows_where_there_are_many(league: list[Row]) -> None:
    """Twenty problems and three optimizers stand upright."""
    rows = [replace(row, problem=f"{row.problem}-{i}") for row in league for i in range(4)]
    axes = draw("heatmap", rows, NEURIPS).figure.axes[0]

    assert len(axes.get_yticklabels()) == 24
    assert len(axes.get_xticklabels()) == 3


def test_ranks_are_where_they_belong(league: list[Row]) -> None:
    """Lines start at the mean ranks, bars span the cliques, the difference is to scale."""
    made = draw("ranks", league, NEURIPS)
    seen, found = look_at(made.figure), ranks(contest(league))

    for name, mean in zip(found.names, found.mean, strict=True):
        (line,) = seen.lines(f"rank {name}")
        assert np.asarray(line.get_xdata())[0] == pytest.approx(mean)
        assert f"{name} ({mean:.2f})" in [t.replace("\n", " ") for t in seen.texts]
    bars = [np.asarray(line.get_xdata(), dtype=float) for line in seen.lines("clique")]
    assert len(bars) == len(found.cliques)
    for (first, last), bar in zip(found.cliques, bars, strict=True):
        assert bar[0] < found.mean[first] <= found.mean[last] < bar[1]
    told = [text for text in seen.texts if "CD = " in text or "critical difference" in text]
    assert told
    assert f"{found.critical_difference:.2f}" in told[0]


def test_ranks_need_five_problems(league: list[Row]) -> None:
    """Fewer are refused in one line."""
    few = [row for row in league if row.problem in ("k4", "k10")]

    with pytest.raises(OptbenchError, match="ranks need 5 problems"):
        draw("ranks", few, NEURIPS)


def test_bars_of_one_height_do_not_touch(league: list[Row]) -> None:
    """Many cliques are stacked, and no two of one height overlap."""
    rows = []
    for k, row in enumerate(row for row in league if row.name == "gd"):
        for i in range(12):
            factor = 1 + i + 5 * ((i * 7 + k * 3) % 5)
            best = tuple(
                replace(
                    r,
                    hits=tuple(
                        replace(h, gradient_calls=h.gradient_calls * factor) for h in r.hits
                    ),
                )
                for r in row.best
            )
            rows.append(replace(row, optimizer=f"m{i}", best=best))
    seen = look_at(draw("ranks", rows, NEURIPS).figure)
    bars = [np.asarray(line.get_xydata()) for line in seen.lines("clique")]

    for i, one in enumerate(bars):
        for other in bars[i + 1 :]:
            apart = one[1, 0] < other[0, 0] or other[1, 0] < one[0, 0]
            assert apart or one[0, 1] != other[0, 1]


def test_nobody_with_a_target_is_refused(league: list[Row]) -> None:
    """Runs without targets, or all of whose runs failed, give a line or a figure that says so."""
    without = [replace(row, reach=()) for row in league]
    with pytest.raises(OptbenchError, match="targets"):
        draw("heatmap", without, NEURIPS)
    lost = [
        replace(
            row,
            best=tuple(replace(r, hits=(), status=Status.DIVERGED) for r in row.best),
            reach=tuple(replace(r, reached=0) for r in row.reach),
        )
        for row in league
    ]
    texts = [t.get_text() for t in draw("heatmap", lost, NEURIPS).figure.axes[0].texts]
    assert set(texts) == {"0/3", "0/0"} & set(texts)
