"""Power laws of gradient descent on one function: flat minima and dense spectra."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Claim, Evidence, Key, Kind, Runs, claim
from optbench.theory.estimators.sequences import power_slope
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import asymptotic


def _flat_minimum(p: int, steps: int = 20_000) -> Runs:
    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        problem, T = f"power:p={p},start=.8", steps * setting.effort
        return {"run": setting.run(problem, "gd:lr=.5", steps=T, record="log")}

    return runs


def _power_claim(part: str, p: int) -> Claim:
    """Make the claim about |x|^p/p, whose rate is no power that a bound has."""
    exponent = -p / (p - 2)

    @claim(
        f"GD-08{part}",
        f"On |x|^{p}/{p} gradient descent falls like t^{exponent:g}: faster than any bound's 1/t.",
        formula=rf"f(x_t) \sim \frac{{1}}{{{p}}} \left({p - 2}\, \eta\, t\right)^{{-{p}/{p - 2}}}",
        assumptions=f"f = |x|^{p}/{p}, x_0 = .8, eta = .5",
        source="the gradient flow x' = -x^(p-1) in closed form; cf. Nesterov 2018, section 4.2",
        kind=Kind.RATE,
        tolerance=asymptotic(2e-3, "the next term is (ln t)/t times at most 1.6: 9e-4 at 2e4"),
        rule="gd",
        runs=_flat_minimum(p),
        long=True,
        retries=1,
    )
    def check(evidence: Evidence) -> Finding:
        """Compare the slope and, at the end, the value."""
        curve = evidence.runs["run"].curve
        t, f = curve["step"][1:], curve["suboptimality"][1:]
        fit = power_slope(t, f)
        if math.isnan(fit.value):
            return verdicts.inconclusive(exponent, fit.reason)
        line = ((p - 2) * 0.5 * t) ** exponent / p
        thin = slice(None, None, 3)
        plot = Plot(
            x_label="steps t",
            y_label="f(x_t) - f*",
            x_scale="log",
            y_scale="log",
            series=(
                series(f"|x|^{p}/{p}", t[thin], f[thin]),
                theory("((p - 2) eta t)^(-p/(p-2))/p", t[thin], line[thin]),
            ),
            caption="A fixed convex function with a minimiser falls faster than 1/t.",
        )
        return all_of(
            [
                verdicts.equals(fit.value, exponent, evidence.tolerance),
                verdicts.equals(f[-1] / line[-1], 1.0, evidence.tolerance),
            ],
            plot=plot,
        )

    return check


gd_08a, gd_08b, gd_08c = (_power_claim(part, p) for part, p in zip("abc", (4, 6, 10), strict=True))


KAPPA = 1e9


def _spectral_claim(part: str, p: float) -> Claim:
    """Make the claim about a quadratic whose spectral measure is lambda^(p-1) d lambda."""

    @claim(
        f"GD-09{part}",
        f"With spectral measure lambda^({p} - 1) gradient descent falls like t^-{1 + p}.",
        formula=rf"f(x_t) \sim \frac{{p R^2}}{{2}} \Gamma(1 + p) (2 \eta t)^{{-(1+p)}}, \; p={p}",
        assumptions="quadratic, 4000 modes down to 1e-9 with weights for lambda^(p-1) d lambda on "
        "(0, 1], eta = 1",
        source="Laplace's method; p to 0 approaches the worst case 1/t",
        kind=Kind.RATE,
        tolerance=asymptotic(5e-3, "the next term is 1/(4 t) times at most 4, at t = 200"),
        rule="gd",
        runs=lambda setting: {
            "run": setting.run(
                f"quadratic:dim=4000,kappa={KAPPA!r},spectrum=log_uniform,rotated=false,"
                f"start=power_law,exponent={p},radius=1",
                "gd:lr=1",
                steps=4000 * setting.effort,
                record="log",
            )
        },
        retries=1,
    )
    def check(evidence: Evidence) -> Finding:
        """Compare the slope and the values from 200 on, where 1/L << t << 1/mu."""
        curve = evidence.runs["run"].curve
        t, f = curve["step"][1:], curve["suboptimality"][1:]
        fit = power_slope(t, f)
        if math.isnan(fit.value):
            return verdicts.inconclusive(-(1 + p), fit.reason)
        line = p / (1 - KAPPA**-p) * math.gamma(1 + p) / 2 * (2 * t) ** -(1 + p)
        late, thin = t >= 200, slice(None, None, 2)
        plot = Plot(
            x_label="steps t",
            y_label="f(x_t) - f*",
            x_scale="log",
            y_scale="log",
            series=(
                series(f"4000 modes, p = {p}", t[thin], f[thin]),
                theory("C t^-(1 + p)", t[thin], line[thin]),
            ),
            caption="Many small eigenvalues make a power law of many geometric ones; the fewer "
            "there are, the faster.",
        )
        return all_of(
            [
                verdicts.equals(fit.value, -(1 + p), evidence.tolerance),
                verdicts.equals(f[late], line[late], evidence.tolerance),
            ],
            plot=plot,
        )

    return check


gd_09a, gd_09b = (_spectral_claim(part, p) for part, p in zip("ab", (0.1, 0.3), strict=True))
