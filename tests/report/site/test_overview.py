"""What the overview, an optimizer's page and the page of rates say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optbench.analysis.curves import FLOOR
from optbench.analysis.profiles import performance_profile
from optbench.analysis.running_time import running_times
from optbench.analysis.summary import summarize
from optbench.core.run import Run
from optbench.core.spec import Spec
from optbench.report.pages import write_report
from optbench.report.site import rates
from optbench.report.site.columns import Columns
from optbench.report.site.overall import overall
from optbench.report.site.profile import profile_chart
from optbench.report.site.whole import Whole
from optbench.theory.diagnosis.diagnose import Diagnosis, Kind
from optbench.theory.diagnosis.guarantees import Guarantee
from tests.report.folder import column, load, read

Maker = Callable[..., Run]


def whole_of(runs: list[Run]) -> Whole:
    """Return a report of some runs."""
    rows = summarize(runs)
    return Whole(title="t", notes=(), runs=runs, rows=rows, old=frozenset(), stamp="", date="")


def test_profiles_are_drawn_as_steps_to_the_end_of_the_axis(small_suite: list[Run]) -> None:
    """Each curve has the profile's height at every place, and goes on to the last."""
    whole = whole_of(small_suite)
    profile = performance_profile(whole.contest)
    columns = Columns()
    chart = profile_chart(profile, whole.styles, columns, x="cost", y="share")
    data = {"columns": columns.written()}

    assert len(chart["curves"]) == len(profile.names) > 1
    for curve in chart["curves"]:
        name = chart["names"][curve["of"]]["text"]
        x, share, low, high = (column(data, place) for place in curve["at"]["cost"]["share"])
        held = share[np.searchsorted(x * (1 + 1e-6), profile.x * (1 + 2e-6), side="right") - 1]
        np.testing.assert_allclose(held, profile.shares[name], rtol=1e-6)
        assert x[-1] == pytest.approx(chart["span"]["cost"][1])
        assert (low <= share + 1e-6).all()
        assert (share <= high + 1e-6).all()


def test_unequal_tuning_and_missing_ranks_are_said(small_suite: list[Run], tmp_path: Path) -> None:
    """One optimizer had one try: a warning; two problems are too few for ranks: the reason."""
    text = " ".join(read(write_report(small_suite, tmp_path, title="t")).text.split())

    assert "Tuning was not equal" in text
    assert "ranks need 5 problems" in text
    equal = [run for run in small_suite if run.spec.optimizer.name != "torch.SGD"]
    text = " ".join(read(write_report(equal, tmp_path, title="t")).text.split())
    assert "Tuning was equal" in text


def test_ranks_have_a_picture_and_pairs(run: Maker, tmp_path: Path) -> None:
    """On five problems mean ranks are drawn, and every pair has its p-values."""
    runs = [
        run(optimizer=Spec(name), lr=lr, kappa=kappa, label=f"k{kappa:g}")
        for kappa in (2.0, 4.0, 8.0, 16.0, 32.0)
        for name, lr in (("a", 1.0), ("b", 0.5), ("c", 0.1))
    ]
    page = write_report(runs, tmp_path, title="t")

    reader = read(page)
    assert "svg" in reader.tags
    assert "Friedman" in reader.text
    assert "corrected for all pairs by Holm" in reader.text


def test_running_times_are_those_of_the_analysis(small_suite: list[Run]) -> None:
    """A table a target, each cell with the expected time, its interval and its successes."""
    whole = whole_of(small_suite)
    values, _ = overall(whole)
    times = {(t.problem, t.name, f"{t.target:.0e}"): t for t in running_times(whole.contest)}

    assert [table.label for table in values["times"]] == ["1e-02", "1e-04", "1e-08"]
    for table in values["times"]:
        for name, line in table.lines:
            for title, cell in zip(table.problems, line, strict=True):
                time = times[title, name, table.label]
                assert cell is not None
                assert cell[1].endswith(f"{time.successes}/{time.runs}")
                told = "—" if math.isinf(time.expected) else f"{time.expected:,.4g}"
                assert cell[0] == told


def test_an_optimizer_is_measured_against_the_best(run: Maker, tmp_path: Path) -> None:
    """Ends are divided by the best end on the problem; who reaches the target is as good as it."""
    runs = [run(optimizer=Spec("a"), lr=lr, budget=60) for lr in (0.01, 1.0)]
    runs += [run(optimizer=Spec("b"), lr=1.0, kappa=2.0)]
    write_report(runs, tmp_path, title="t")
    data = load(tmp_path / "data" / "optimizer" / "a.js")
    (curve,) = data["charts"]["sensitivity"]["curves"]
    ratio = column(data, curve["at"]["lr"]["ratio"][1])
    ends = [float(r.curve["suboptimality"][-1] / r.curve["suboptimality"][0]) for r in runs[:2]]

    np.testing.assert_allclose(ratio, np.maximum(ends, FLOOR) / 1e-8, rtol=1e-6)


def test_an_optimizer_has_crosses_where_it_was_lost(run: Maker, tmp_path: Path) -> None:
    """Rates at which seeds diverged are marked on its page, also where all of them did."""
    runs = [run(optimizer=Spec("a"), lr=lr, seed=s) for lr in (1.0, 4.0) for s in range(2)]
    runs += [run(optimizer=Spec("a"), lr=5.0, label="lost")]
    write_report(runs, tmp_path, title="t")
    data = load(tmp_path / "data" / "optimizer" / "a.js")
    chart = data["charts"]["sensitivity"]
    found = {
        chart["names"][row["of"]]["text"]: [
            column(data, place).tolist() for place in row["columns"]
        ]
        for row in chart["rail"]
    }

    assert found == {
        "lost": [[5.0], [1.0], [1.0]],
        "quadratic": [[1.0, 4.0], [0.0, 1.0], [2.0] * 2],
    }
    assert len(chart["curves"]) == 2


def test_unknown_f_star_is_no_failure(run: Maker, tmp_path: Path) -> None:
    """Targets that nobody can measure have no zeros, no shares of successes, and the reason."""
    runs = [run(optimizer=Spec(name), known=False) for name in ("a", "b")]
    page = write_report(runs, tmp_path, title="t")

    text = " ".join(read(page).text.split())
    assert "Not measurable, as f* is unknown" in text
    assert "0/1" not in text
    assert "0.00" not in text
    assert page.read_text(encoding="utf-8").count('title="not measurable, as f* is unknown"') == 2
    own = read(tmp_path / "problems" / "quadratic.html").text
    assert "Its targets are not measurable, as f* is unknown" in own


GEOMETRIC = Guarantee(kind="geometric", value=0.1, bound=True, source="s")
POWER = Guarantee(kind="power law", value=-1.0, bound=True, source="s")


@pytest.mark.parametrize(
    ("kind", "value", "error", "theory", "verdict"),
    [
        (Kind.GEOMETRIC, 0.2, 0.01, GEOMETRIC, "faster"),
        (Kind.GEOMETRIC, 0.05, 0.01, GEOMETRIC, "slower"),
        (Kind.GEOMETRIC, 0.0995, 1e-9, GEOMETRIC, "as fast"),
        (Kind.GEOMETRIC, 0.05, 0.03, GEOMETRIC, "as fast"),
        (Kind.POWER_LAW, -2.0, 0.01, POWER, "faster"),
        (Kind.POWER_LAW, -0.5, 0.01, POWER, "slower"),
        (Kind.GEOMETRIC, 0.2, 0.01, POWER, "faster"),
        (Kind.POWER_LAW, -2.0, 0.01, GEOMETRIC, ""),
        (Kind.UNDECIDED, math.nan, math.nan, GEOMETRIC, ""),
        (Kind.FLOOR, 0.05, 0.01, GEOMETRIC, "slower"),
        (Kind.DIVERGING, -0.2, 0.01, POWER, ""),
        (Kind.GEOMETRIC, 0.2, 0.01, None, ""),
    ],
)
def test_rates_are_compared_with_theory(
    kind: Kind, value: float, error: float, theory: Guarantee | None, verdict: str
) -> None:
    """Faster and slower by more than the fit's uncertainty, and only where both are of one kind."""
    found = Diagnosis(kind=kind, value=value, error=error, theory=theory)

    assert rates._verdict(found) == verdict


def test_the_page_of_rates_names_theory(run: Maker, tmp_path: Path) -> None:
    """Gradient descent at 1/L on a quadratic has its rate, its guarantee and a point."""
    one = run(lr=1.0, kappa=50.0, dim=2, budget=600, targets=())
    true = replace(one, spec=replace(one.spec, problem=Spec.of("quadratic", {"dim": 20})))
    write_report([true], tmp_path, title="t")
    text = read(tmp_path / "theory.html").text

    assert "Where theory says something" in text
    assert "gradient descent, strongly convex" in text
    data = load(tmp_path / "data" / "theory.js")
    (curve,) = data["charts"]["rates"]["curves"]
    x, y, low, high = (column(data, place)[0] for place in curve["at"]["theory"]["rate"])
    assert x == pytest.approx(-2 * math.log(1 - 1 / 50), rel=1e-6)
    assert low <= y <= high
    assert y == pytest.approx(x, rel=0.1)
