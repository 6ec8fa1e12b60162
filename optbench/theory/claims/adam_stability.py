"""Adam near a minimum: a threshold for its learning rate, and bursts beyond it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, claim
from optbench.theory.claims._shown import points_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, Tolerance, asymptotic

HOVER = 0.0284
"""Root mean square of x/eta over many bursts; there is no closed form."""

ETA = 2.0**-7


def _long(setting: Setting) -> Mapping[Key, RunSpec]:
    """Sixteen parabolas of curvature 1 at once, from 32 to 64 eta."""
    start = "/".join(repr(float(x)) for x in np.linspace(32, 64, 16) * ETA)
    problem = f"quadratic:dim=16,kappa=1,rotated=false,start={start}"
    return {"run": setting.run(problem, f"adam:lr={ETA!r},eps=0", steps=20_000, points=True)}


@claim(
    "AD-06b",
    "At a constant learning rate Adam never settles: it hovers in bursts, .0284 eta in root mean "
    "square.",
    formula=r"\sqrt{\overline{x_t^2}} = 0.0284\, \eta",
    assumptions="curvature 1, (.9, .999), eps = 0; a mean over bursts that are thousands of steps "
    "apart",
    source="a number without closed form; cf. Cohen et al. 2022, on Adam's edge of stability",
    kind=Kind.NEGATIVE,
    tolerance=asymptotic(0.1, "the window holds two or three bursts of each start"),
    rule="adam",
    runs=_long,
    long=True,
)
def ad_06b(evidence: Evidence) -> Finding:
    """After 5000 steps from 16 starts: the mean square, and that x comes back above eta/10."""
    x = points_of(evidence.runs["run"]) / ETA
    tail = np.abs(x[5000:])
    rms = float(np.sqrt(np.mean(tail**2)))
    blocks = np.abs(x[:20_000, 0]).reshape(200, 100).max(axis=1)
    t = 100 * np.arange(200) + 50
    plot = Plot(
        x_label="steps t",
        y_label="largest |x_t|/eta of 100 steps",
        y_scale="log",
        series=(
            series("one start, drawn down to 1e-20", t, np.maximum(blocks, 1e-20)),
            theory("root mean square over all, .0284", t, np.full(200, HOVER)),
        ),
        caption="Adam converges fast, until sqrt(v) has shrunk so far that eta/sqrt(v) is unstable "
        "and a burst throws it back to the size of eta. The last value misleads.",
    )
    return all_of(
        [
            verdicts.equals(rms, HOVER, evidence.tolerance),
            verdicts.at_least(tail.max(axis=0), 0.1),
        ],
        plot=plot,
    )


STABLE = 38.0
"""2 (1 + b1)/(1 - b1) for b1 = .9."""

NEARBY = (0.3799, 0.38, 0.3801)


def _near_threshold(setting: Setting) -> Mapping[Key, RunSpec]:
    """So near the minimum, in the first coordinate, that v is nothing beside eps."""
    problem = "quadratic:dim=2,kappa=1,rotated=false,start=1e-100/1"
    return {
        eta: setting.run(problem, f"adam:lr={eta},eps=1e-2", steps=420, points=True)
        for eta in NEARBY
    }


@claim(
    "AD-07a",
    "Near a minimum of curvature lambda Adam is stable if and only if eta lambda/eps < 2 (1 + "
    "b1)/(1 - b1) = 38.",
    formula=r"\frac{\eta \lambda}{\varepsilon} < \frac{2 (1 + \beta_1)}{1 - \beta_1}",
    assumptions="v is of second order there and plays no part; here eps = .01, so eta = .38",
    source="linearisation; cf. Cohen et al. 2022, who have 38/eta for the preconditioned Hessian",
    kind=Kind.THRESHOLD,
    tolerance=E2,
    rule="adam",
    runs=_near_threshold,
)
def ad_07a(evidence: Evidence) -> Finding:
    """Measure the factor per step below, at and above the threshold: at it |x| stays for ever."""
    h = np.array(NEARBY) / 1e-2
    last = np.array([points_of(evidence.runs[eta])[-2:, 0] for eta in NEARBY])
    factors = np.abs(last[:, 1] / last[:, 0])
    fine = np.linspace(37.98, 38.02, 50)
    plot = Plot(
        x_label="eta lambda / eps",
        y_label="|x_(t+1)/x_t|",
        series=(
            series("after 420 steps", h, factors, points=True),
            theory("larger root of z^2 + (.1 h - 1.9) z + .9", fine, _factor(fine)),
        ),
        verticals=((STABLE, "38"),),
        caption="The linear map near the minimum loses its stability at 38.",
    )
    return all_of(
        [
            verdicts.equals(factors[1], 1.0, evidence.tolerance),
            verdicts.equals(factors, _factor(h), evidence.tolerance),
        ],
        plot=plot,
    )


def _factor(h: Array) -> Array:
    """Return the larger modulus of the roots of z^2 - (1 + b1 - (1 - b1) h) z + b1, b1 = .9."""
    factors: Array = np.array([np.abs(np.roots([1, 0.1 * one - 1.9, 0.9])).max() for one in h])
    return factors


def _beside_threshold(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "quadratic:dim=1,kappa=1,rotated=false,radius=1e-4"
    return {
        eta: setting.run(problem, f"adam:lr={eta},eps=1e-2", steps=12_000, points=True)
        for eta in (0.375, 0.39)
    }


@claim(
    "AD-07b",
    "Below 38 eps/lambda Adam converges, above it bursts: it looks converged and comes back.",
    formula=r"\eta = 0.375 < \frac{38\, \varepsilon}{\lambda} = 0.38 < 0.39",
    assumptions="curvature 1, eps = .01; largest |x| from step 2000 to step 12000",
    source="Cohen et al. 2022",
    kind=Kind.THRESHOLD,
    tolerance=Tolerance(absolute=1e-12, reason="a hundred-millionth of the start is converged"),
    rule="adam",
    runs=_beside_threshold,
    long=True,
)
def ad_07b(evidence: Evidence) -> Finding:
    """Take the largest value of the tail; the last one and the median look converged on both."""
    below, above = (np.abs(points_of(evidence.runs[eta])[:-1, 0]) for eta in (0.375, 0.39))
    t = 60 * np.arange(200) + 30
    plot = Plot(
        x_label="steps t",
        y_label="largest |x_t| of 60 steps",
        y_scale="log",
        series=tuple(
            series(name, t, np.maximum(x.reshape(200, 60).max(axis=1), 1e-30))
            for name, x in (("eta = .375, below", below), ("eta = .39, above", above))
        ),
        caption="Drawn down to 1e-30. Above the threshold Adam falls by a hundred decades before "
        "the first burst.",
    )
    return all_of(
        [
            verdicts.at_least(above[2000:].max(), 1e-3),
            verdicts.equals(below[2000:].max(), 0.0, evidence.tolerance),
        ],
        plot=plot,
    )
