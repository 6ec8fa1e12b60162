"""Rates, scaling with kappa, noise floors: what was fitted and what theory says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import optbench
from optbench.analysis.scaling import exponent, kappa_of
from optbench.analysis.summary import Row, summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run, Status
from optbench.core.spec import Spec
from optbench.report.figures import draw
from optbench.report.figures.noise_floor import level_of, theory_floor
from optbench.report.looks import NEURIPS
from optbench.theory.diagnosis.diagnose import Kind, diagnose
from tests.learning_runs import learning_runs
from tests.report.figures.seen import look_at


@pytest.fixture(scope="module")
def descent() -> list[Row]:
    """Gradient descent and Polyak's pair on a quadratic, whose rates theory knows."""
    optimizers = ["gd:lr=1/L", "heavy_ball:lr=polyak,beta=polyak"]
    return summarize(
        optbench.run("quadratic:kappa=100", optimizers, budget=4000, targets=[1e-14]).runs
    )


def test_fits_and_theory_have_their_slopes_in_the_window(descent: list[Row]) -> None:
    """On the logarithmic axis the fitted line falls at the diagnosis' rate, theory's at its own."""
    made = draw("rate", descent, NEURIPS)
    seen = look_at(made.figure)

    for row in descent:
        found = diagnose(row.best[0])
        assert found.kind is Kind.GEOMETRIC
        assert found.theory is not None
        (fit,), (theory,) = seen.lines(f"fit {row.name}"), seen.lines(f"theory {row.name}")
        t, y = np.asarray(fit.get_xydata()).T
        assert (t[0], t[-1]) == pytest.approx(found.window)
        assert np.polyfit(t, np.log(y), 1)[0] == pytest.approx(-found.value)
        t, y = np.asarray(theory.get_xydata()).T
        assert np.polyfit(t, np.log(y), 1)[0] == pytest.approx(-found.theory.value)
        assert theory.get_linestyle() == "--"
        (measured,) = seen.lines(f"measured {row.name}")
        gap = row.best[0].curve["suboptimality"]
        assert np.asarray(measured.get_ydata()) == pytest.approx(np.maximum(gap / gap[0], 1.5e-14))
        middle = np.interp(np.mean(found.window), *np.asarray(measured.get_xydata()).T)
        assert np.interp(np.mean(found.window), *np.asarray(fit.get_xydata()).T) == pytest.approx(
            middle, rel=0.2
        )
        told = " ".join(seen.texts)
        assert f"({found.rho:.4g} ± {found.rho * found.error:.1g})^t" in told
        assert f"{np.exp(-found.theory.value):.4g}^t" in told


def test_a_short_curve_beside_a_long_one_has_logarithmic_steps(run: Callable[..., Run]) -> None:
    """One of ten steps is no stroke beside one of thousands; alike ones are linear, all plots one.

    The plots of a figure are read together: a scale for one is one for all.
    """
    alike = [run(label="a", budget=100), run(label="b", budget=100)]
    other = run(label="b", optimizer=Spec("sgd"), budget=100)
    long = replace(other, curve={**other.curve, "step": 20 * other.curve["step"]})
    for runs, scales in ((alike, ["linear"] * 2), ([*alike, long], ["log"] * 2)):
        figure = draw("rate", summarize(runs), NEURIPS).figure
        assert [axes.get_xscale() for axes in figure.axes] == scales


@pytest.mark.parametrize("kind", ["rate", "convergence", "pareto"])
def test_who_was_refused_stands_in_a_note_and_not_among_the_lines(
    kind: str, run: Callable[..., Run]
) -> None:
    """A name without a line has no sample, and what became of its runs is said."""
    other = run(optimizer=Spec("muon"))
    other = replace(other, status=Status.REFUSED, curve={}, hits=())
    seen = look_at(draw(kind, summarize([run(), other]), NEURIPS).figure)
    (note,) = [text for text in seen.texts if "muon" in text]

    assert note == "refused: muon"


def test_power_laws_are_straight_on_two_logarithmic_axes(run: Callable[..., Run]) -> None:
    """A curve like 1/t^2 has logarithmic steps and its exponent."""
    t = np.unique(np.geomspace(1, 1e5, 300).astype(int)).astype(float)
    one = run()
    curve = {"step": t, "gradient_calls": t, "suboptimality": t**-2.0, "gradient_norm": 1 / t}
    rows = summarize([replace(one, curve={**curve, "value": t**-2.0 + 1}, hits=())])
    made = draw("rate", rows, NEURIPS)

    assert made.figure.axes[0].get_xscale() == "log"
    (fit,) = look_at(made.figure).lines("fit")
    x, y = np.asarray(fit.get_xydata()).T
    assert np.polyfit(np.log(x), np.log(y), 1)[0] == pytest.approx(-2, abs=0.01)


def test_tasks_have_no_rate() -> None:
    """Learning problems are refused in one line."""
    with pytest.raises(OptbenchError, match="runs on functions"):
        draw("rate", summarize(learning_runs()), NEURIPS)


def test_scaling_is_the_median_of_steps_with_its_exponent(league: list[Row]) -> None:
    """Points are the steps to the target, where it is reached; the legend has the exponent."""
    rows = [replace(row, problem="quadratic") for row in league if row.name != "nesterov"]
    made = draw("kappa-scaling", rows, NEURIPS)
    seen = look_at(made.figure)
    level = float(made.figure.axes[0].get_ylabel().split()[-1])

    for name in ("gd", "heavy_ball"):
        own = sorted((r for r in rows if r.name == name), key=lambda r: kappa_of(r) or 0.0)
        hits = [[r.hit(level) for r in row.best] for row in own]
        steps = [np.median([hit.step if hit else np.inf for hit in seeds]) for seeds in hits]
        (line,) = seen.lines(f"steps {name}")
        drawn = np.asarray(line.get_ydata(), dtype=float)
        assert np.nan_to_num(drawn, nan=np.inf).tolist() == steps
        assert np.isfinite(drawn).sum() >= 3
        assert np.asarray(line.get_xdata()).tolist() == [4, 10, 30, 100, 300, 1000]
        found = exponent(np.asarray(line.get_xdata()), np.array(steps))
        (text,) = [t for t in seen.texts if t.startswith(f"{name}: ")]
        assert f"κ^{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]" in text
    for words, slope in (("slope 1", 1.0), ("slope 1/2", 0.5)):
        (line,) = [a for a in seen.lines(words) if a.get_gid() == words]
        x, y = np.log(np.asarray(line.get_xydata())).T
        assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(slope)
        (left, right), (bottom, top) = (
            made.figure.axes[0].get_xlim(),
            made.figure.axes[0].get_ylim(),
        )
        assert left <= np.exp(x[0]) < np.exp(x[1]) <= right
        assert bottom <= np.exp(y[0]) < np.exp(y[1]) <= top


def _reaching(row: Row, least: float) -> Row:
    """Take the hits of easy targets alone; none for inf."""
    runs = (replace(r, hits=tuple(h for h in r.hits if h.target >= least)) for r in row.best)
    return replace(row, best=tuple(runs))


def test_who_reaches_the_target_at_two_kappas_is_left_out_by_name(league: list[Row]) -> None:
    """The smallest target of the others is drawn; a line through two points is not."""
    rows = [
        _reaching(row, np.inf) if row.name == "gd" and row.problem not in ("k4", "k10") else row
        for row in league
    ]
    seen = look_at(draw("kappa-scaling", rows, NEURIPS).figure)

    assert not seen.lines("steps gd")
    assert seen.lines("steps heavy_ball")
    assert "left out, with the target at fewer than 3 κ: gd" in " ".join(
        " ".join(seen.texts).split()
    )


def test_missed_targets_are_on_the_edge(league: list[Row]) -> None:
    """A condition number at which most seeds miss has a cross, and no point."""
    worst = [row for row in league if row.problem == "k1000"]
    rows = [_reaching(row, np.inf if row in worst else 1e-2) for row in league if row.name == "gd"]
    seen = look_at(draw("kappa-scaling", rows, NEURIPS).figure)

    (line,) = seen.lines("steps gd")
    assert np.isnan(np.asarray(line.get_ydata(), dtype=float)).tolist() == [False] * 5 + [True]
    crosses = [a for a in seen.figure.axes[0].lines if a.get_marker() == "x"]
    assert [np.asarray(a.get_xdata()).tolist() for a in crosses] == [[1000]]


def test_the_shade_of_a_sweep_is_explained(league: list[Row]) -> None:
    """It spans quartiles of three seeds; of one seed there is none."""
    told = "shade: quartiles of 3 seeds"
    assert told in look_at(draw("kappa-scaling", league, NEURIPS).figure).texts
    single = summarize(r for row in league for r in row.runs if not r.spec.seed)
    texts = look_at(draw("kappa-scaling", single, NEURIPS).figure).texts
    assert not [text for text in texts if "shade" in text]


def test_scaling_needs_a_sweep(league: list[Row]) -> None:
    """Two condition numbers are no sweep; the line says what would be."""
    with pytest.raises(OptbenchError, match="quadratic:kappa=10/100/1000"):
        draw("kappa-scaling", [r for r in league if r.problem in ("k4", "k10")], NEURIPS)


def test_the_noise_floor_is_the_closed_form(noisy: list[Row]) -> None:
    """Below and above the levels theory's lines are those of kappa's ends: eta s^2/(2(2 - h))."""
    made = draw("noise-floor", noisy, NEURIPS)
    seen = look_at(made.figure)
    (row,) = [r for r in noisy if (r.optimizer, r.schedule) == ("sgd", "constant")]
    (line,) = seen.lines("level sgd")
    lrs, levels = np.asarray(line.get_xydata()).T

    for lr, level in zip(lrs, levels, strict=True):
        own = [level_of(run) for run in row.runs if run.hyper["lr"] == lr]
        assert level == pytest.approx(np.exp(np.mean(np.log(own))))
    eta = np.array([0.05, 0.2])
    found = theory_floor(row, eta)
    assert found is not None
    low, high = found
    assert low == pytest.approx(0.1 * eta / (2 * (2 - eta / 5)))
    assert high == pytest.approx(0.1 * eta / (2 * (2 - eta)))
    # Ten variables, three seeds and the last half of 2000 steps: within a third.
    assert levels[lrs == 0.2] == pytest.approx((low[1] + high[1]) / 2, rel=0.35)
    drawn = {tuple(np.asarray(a.get_ydata())[:1]) for a in seen.lines("theory sgd")}
    assert len(drawn) == 2
    crosses = [a for a in seen.figure.axes[0].lines if a.get_marker() == "x"]
    assert {float(np.asarray(a.get_xdata())[0]) for a in crosses} == {3.0}


def test_the_floor_below_the_runs_is_on_the_axis(noisy: list[Row]) -> None:
    """Runs too short to sink to theory's floor are drawn above it, down to three decades."""
    short = [replace(row, runs=tuple(map(_raised, row.runs))) for row in noisy]
    seen = look_at(draw("noise-floor", short, NEURIPS).figure)
    axes = seen.figure.axes[0]
    ends = [np.asarray(a.get_ydata(), dtype=float) for a in seen.lines("theory sgd")]
    levels = np.concatenate([np.asarray(a.get_ydata()) for a in seen.lines("level sgd")])
    markers = max(a.get_zorder() for a in seen.lines("level sgd"))

    assert len(ends) == 2
    assert min(np.nanmin(end) for end in ends) < levels.min() / 2
    assert axes.get_ylim()[0] <= min(np.nanmin(end) for end in ends)
    assert axes.get_ylim()[0] >= levels.min() / 1e4
    assert all(a.get_zorder() > markers for a in seen.lines("theory sgd"))


def test_what_still_falls_is_hollow_and_said(noisy: list[Row]) -> None:
    """Runs that halve from the third quarter to the last have no floor, those that wander have.

    Of one seed, too; the shade's meaning and seeds are in the legend.
    """

    def falling(run: Run) -> Run:
        t, gap = run.curve["step"], run.curve["suboptimality"]
        fall = np.exp2(-6 * t / t[-1]) if run.hyper["lr"] == 0.05 else 1.0
        return replace(run, curve={**run.curve, "suboptimality": gap * fall})

    for rows, shaded in (
        ([replace(row, runs=tuple(map(falling, row.runs))) for row in noisy], True),
        (summarize(falling(run) for row in noisy for run in row.runs if not run.spec.seed), False),
    ):
        made = draw("noise-floor", rows, NEURIPS)
        seen = look_at(made.figure)
        (hollow,), (line,) = seen.lines("falling sgd"), seen.lines("level sgd")
        assert np.asarray(hollow.get_xdata()).tolist() == [0.05]
        assert hollow.get_markerfacecolor() == NEURIPS.ground
        assert line.get_markevery() == [1]
        own = made.data[(made.data["series"] == "sgd") & (made.data["part"] == "measured")]
        assert own["still_falling"].tolist() == [True, False]
        told = " ".join(" ".join(seen.texts).split())
        assert "hollow: still falling" in told
        shade = "shade: 95 % t-interval of the geometric mean of 3 seeds"
        assert (shade in told) is shaded
    assert not look_at(draw("noise-floor", noisy, NEURIPS).figure).lines("falling")


def _raised(run: Run) -> Run:
    """Return a run that stays thirty times as high."""
    return replace(run, curve={**run.curve, "suboptimality": 30 * run.curve["suboptimality"]})


def test_without_noise_there_is_no_floor(league: list[Row]) -> None:
    """Exact gradients, decaying rates and an unknown f* are refused in one line."""
    with pytest.raises(OptbenchError, match="gradient noise"):
        draw("noise-floor", league, NEURIPS)
