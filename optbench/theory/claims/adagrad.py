"""AdaGrad: s+ = s + g^2, x+ = x - eta g / sqrt(s+), and its form with one norm."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np

from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._shown import constant, points_of, shown, steps_of, thinned
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, B, Tolerance

ZETA_HALF = -1.4603545088095868
"""Riemann's zeta at 1/2."""

WIDTH = 2.0
"""D, the width of the box |x_i| <= 1."""


def _heavy_tailed(setting: Setting) -> Mapping[Key, RunSpec]:
    """Fifty sequences of gradients with heavy tails, one a coordinate, and a constant one."""
    problem = "online:gradients=random,dim=50,period=300,radius=0"
    return {
        "random": setting.run(problem, "adagrad:lr=1,eps=0", steps=300, points=True),
        "constant": setting.run(constant(1.0), "adagrad:lr=1,eps=0", steps=300, points=True),
    }


@claim(
    "AG-01",
    "Squared gradients over the roots of their running sums add up to at most twice the last root.",
    formula=r"\sum_{t=1}^{T} \frac{a_t}{\sqrt{A_t}} \leq 2 \sqrt{A_T},\quad A_t = a_1 + ... + a_t",
    assumptions="any a_t = g_t^2 >= 0, 0/0 = 0; the left side is what AdaGrad's steps pay, eps = 0",
    source="Duchi, Hazan and Singer 2011, lemma 4",
    kind=Kind.BOUND,
    tolerance=B,
    rule="adagrad",
    runs=_heavy_tailed,
)
def ag_01(evidence: Evidence) -> Finding:
    """Multiply AdaGrad's own steps by the gradients shown; at every T and in every coordinate."""
    paid, bounds = [], []
    for run in evidence.runs.values():
        g = shown(run)
        paid.append(np.cumsum(-g * steps_of(run), axis=0))
        bounds.append(2 * np.sqrt(np.cumsum(g * g, axis=0)))
    worst = int(np.argmax((paid[0] / bounds[0])[-1]))
    T = np.arange(1, len(paid[0]) + 1)
    plot = Plot(
        x_label="steps T",
        y_label="sum of g_t^2 / sqrt(g_1^2 + ... + g_t^2)",
        x_scale="log",
        y_scale="log",
        series=(
            series("heavy-tailed gradients", T, paid[0][:, worst]),
            theory("twice the last root", T, bounds[0][:, worst]),
        ),
        caption="The sequence that comes closest, of fifty: each jump is one large gradient.",
    )
    values, limits = (np.concatenate([part.ravel() for part in parts]) for parts in (paid, bounds))
    return verdicts.below(values, limits, evidence.tolerance).drawn(plot)


ETAS = tuple(float(eta) for eta in np.geomspace(0.1, 10, 9) * WIDTH / math.sqrt(2))
"""Two decades round D/sqrt 2, which is best."""


def _games(setting: Setting) -> Mapping[Key, RunSpec]:
    """Random gradients, and the adversary's: always uphill of where the point is."""
    problems = {
        "random": "online:gradients=random,dim=5,period=400,radius=1",
        "adversary": "absolute:mu=0,dim=2,radius=1,start=1/.3",
    }
    return {
        (name, eta): setting.run(text, f"adagrad:lr={eta!r},eps=0", steps=400, points=True)
        for name, text in problems.items()
        for eta in ETAS
    }


def regret(run: Run) -> Array:
    """Return the regret on the box |x_i| <= D/2 after each step, by coordinate, shape (T, d)."""
    g, x = shown(run), points_of(run)[:-1]
    paid: Array = np.cumsum(g * x, axis=0)
    return paid + WIDTH / 2 * np.abs(np.cumsum(g, axis=0))


@claim(
    "AG-02",
    "On a box AdaGrad pays at most (D^2/(2 eta) + eta) times the gradients' norms more than the "
    "best point.",
    formula=r"\sum_{t \leq T} g_t^T (x_t - x) \leq \sum_i \left(\frac{D^2}{2 \eta} + \eta\right) "
    r"\sqrt{\sum_{t \leq T} g_{t,i}^2}",
    assumptions="projection on a box of width D, any gradients, any x in the box, any eta > 0",
    source="Duchi, Hazan and Singer 2011, theorem 5",
    kind=Kind.BOUND,
    tolerance=B,
    rule="adagrad",
    runs=_games,
)
def ag_02(evidence: Evidence) -> Finding:
    """Compare with the best point of each prefix, for random gradients and for an adversary."""
    values, bounds, curves = [], [], []
    for name, eta in itertools.product(("random", "adversary"), ETAS):
        run = evidence.runs[name, eta]
        norms = np.sqrt(np.cumsum(shown(run) ** 2, axis=0)).sum(axis=1)
        values.append(regret(run).sum(axis=1))
        bounds.append((WIDTH**2 / (2 * eta) + eta) * norms)
        curves.append((name, eta, values[-1][-1] / norms[-1]))
    etas = np.array(ETAS)
    plot = Plot(
        x_label="learning rate eta",
        y_label="regret / sum of the gradients' norms",
        x_scale="log",
        y_scale="log",
        series=(
            *(
                series(name, etas, [ratio for own, _, ratio in curves if own == name], points=True)
                for name in ("random", "adversary")
            ),
            theory("D^2/(2 eta) + eta", etas, WIDTH**2 / (2 * etas) + etas),
        ),
        verticals=((WIDTH / math.sqrt(2), "D/sqrt 2"),),
        caption="After 400 steps, D = 2. The adversary's gradient always points away from the "
        "minimum of |x|.",
    )
    return verdicts.below(np.concatenate(values), np.concatenate(bounds), evidence.tolerance).drawn(
        plot
    )


PUSH = {-7.0: 10_000, 1e-3: 1000, 1e3: 1000}
"""Constant gradients, each with its number of steps."""


def _pushed(setting: Setting) -> Mapping[Key, RunSpec]:
    """A long run, and shorter ones under gradients of other sizes."""
    return {
        g: setting.run(constant(g), "adagrad:lr=.1,eps=0", steps=T, points=True, record="log")
        for g, T in PUSH.items()
    }


@claim(
    "AG-03",
    "Under a constant gradient AdaGrad goes 2 eta sqrt T far: its learning rate falls like 1/sqrt "
    "t.",
    formula=r"|x_T - x_0| = \eta \left(2 \sqrt{T} + \zeta\left(\frac{1}{2}\right) + "
    r"\frac{1}{2 \sqrt{T}}\right)",
    assumptions="constant gradient of any size, eps = 0; the next term is -1/(24 T^(3/2))",
    source="Euler-Maclaurin formula; zeta(1/2) = -1.4603545",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="adagrad",
    runs=_pushed,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="AdaGrad's denominator only grows, so that its learning rate decreases and "
            "in the end throttles learning.",
            ruling=Ruling.OK,
            truth="It grows always. The throttling, like 1/sqrt t, needs gradients that do not "
            "vanish: without noise the denominator levels off and convergence is linear.",
        ),
    ),
)
def ag_03(evidence: Evidence) -> Finding:
    """Compare the distance with the law after 10^4 steps, and with the sum of 1/sqrt t before."""
    findings, curves = [], []
    for g, T in PUSH.items():
        run = evidence.runs[g]
        t = run.curve["step"][1:]
        gone = np.abs(points_of(run)[1:, 0]) / 0.1
        sums = np.cumsum(1 / np.sqrt(np.arange(1, T + 1)))
        # The first steps are logged one by one; each is shorter than the one before.
        falls = bool(np.all(np.diff(gone[:90], 2) < 0))
        findings += [
            verdicts.equals(gone, sums[t.astype(int) - 1], evidence.tolerance),
            verdicts.holds(falls, theory="the learning rate falls", measured="it rises"),
        ]
        curves.append(series(f"g = {g:g}", t, gone, points=True))
    run = evidence.runs[-7.0]
    t = run.curve["step"][1:]
    law = 2 * np.sqrt(t) + ZETA_HALF + 1 / (2 * np.sqrt(t))
    end = verdicts.equals(abs(points_of(run)[-1, 0]) / 0.1, law[-1], evidence.tolerance)
    plot = Plot(
        x_label="steps T",
        y_label="|x_T - x_0| / eta",
        x_scale="log",
        y_scale="log",
        series=(*curves, theory("2 sqrt T + zeta(1/2) + 1/(2 sqrt T)", t, law)),
        caption="Gradients of every size are throttled alike: ten times as far takes a hundred "
        "times as many steps.",
    )
    return all_of([end, *findings], plot=plot)


GRADED = (0.1, 1.0, 100.0)


def _unknown_smoothness(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = f"quadratic:dim=3,kappa=10,smoothness=10,rotated=false,start=equal,radius={3**0.5!r}"
    return {
        eta: setting.run(problem, f"adagrad_norm:lr={eta}", steps=4000, points=True)
        for eta in GRADED
    }


CONVERGED = Tolerance(absolute=1e-6, reason="a millionth of the gap at the start is left")
LEVEL = 1.2
"""Largest growth of the denominator that counts as level."""


@claim(
    "AG-04",
    "AdaGrad-Norm converges without knowing L, whatever eta: its denominator grows and levels off.",
    formula=r"b_t \uparrow b_\infty < \infty,\quad f(x_t) \to f^*",
    assumptions="quadratic without noise, eta from .1 to 100; eta << R takes (R/eta)^2 steps",
    source="Ward, Wu and Bottou 2019, theorem 2.2",
    kind=Kind.BOUND,
    tolerance=Tolerance(reason="growth by a fifth over the last half counts as level"),
    rule="adagrad_norm",
    runs=_unknown_smoothness,
)
def ag_04(evidence: Evidence) -> Finding:
    """Read the denominator off each step, eta |g|/|x+ - x|, until the gap is below 1e-100."""
    grown, gaps, monotone, curves = [], [], [], []
    squares, sums = [], []
    for eta in GRADED:
        run = evidence.runs[eta]
        gap, length = run.curve["suboptimality"], np.linalg.norm(steps_of(run), axis=1)
        used = (gap[:-1] > 1e-100) & (length > 0)
        b = eta * run.curve["gradient_norm"][:-1][used] / length[used]
        grown.append(b[-1] / b[len(b) // 2])
        gaps.append(gap[-1] / gap[0])
        squares.append(b[-1] ** 2 - b[0] ** 2)
        sums.append(np.square(run.curve["gradient_norm"][:-1][used][1:]).sum())
        monotone.append(float(np.min(b[1:] / b[:-1])))
        squared = np.square(run.curve["gradient_norm"][:-1][used])
        summed = np.sqrt(b[0] ** 2 - squared[0] + np.cumsum(squared))
        at = thinned(len(b), 60)
        curves.append(series(f"eta = {eta:g}", at + 1, b[at], points=True))
        curves.append(theory(f"sqrt(b_0^2 + sum |g|^2), eta = {eta:g}", at + 1, summed[at]))
    plot = Plot(
        x_label="steps t",
        y_label="denominator b_t",
        x_scale="log",
        y_scale="log",
        series=tuple(curves),
        caption="Whatever the learning rate, the denominator grows until eta/b is small enough, "
        "and stays there: gradients vanish, and their sum of squares is finite.",
    )
    return all_of(
        [
            verdicts.holds(
                max(grown) <= LEVEL, theory=f"at most {LEVEL:g}", measured=float(max(grown))
            ),
            verdicts.equals(gaps, 0.0, CONVERGED),
            verdicts.at_least(monotone, 1 - E2.relative),
            verdicts.equals(squares, sums, E2),
        ],
        plot=plot,
    )
