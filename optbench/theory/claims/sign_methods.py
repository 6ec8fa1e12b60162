"""Methods whose steps have one length: sign descent, Lion, and the box that Lion's decay makes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._shown import constant, curvatures, points_of, shown, steps_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E0, E1, E2, B

ETAS = (0.01, 0.05, 0.2)


def _separable(setting: Setting) -> Mapping[Key, RunSpec]:
    """Curvatures from .1 to 10, one a coordinate."""
    problem = "quadratic:dim=40,kappa=100,smoothness=10,rotated=false,radius=10"
    return {
        eta: setting.run(problem, f"signsgd:lr={eta!r}", steps=600, points=True) for eta in ETAS
    }


@claim(
    "SI-01a",
    "A step of sign descent lowers f by at least eta |grad f|_1 - eta^2 (sum of the L_i)/2.",
    formula=r"f(x_{t+1}) \leq f(x_t) - \eta |\nabla f(x_t)|_1 + \frac{\eta^2}{2} \sum_i L_i",
    assumptions="coordinate smoothness L_i; equality on separable quadratics",
    source="Bernstein et al. 2018, theorem 1",
    kind=Kind.BOUND,
    tolerance=B,
    rule="signsgd",
    runs=_separable,
)
def si_01a(evidence: Evidence) -> Finding:
    """Check every step at three learning rates; on this quadratic both sides are equal."""
    values, bounds, scale = [], [], 0.0
    for eta in ETAS:
        run = evidence.runs[eta]
        f, slope = run.curve["value"], np.abs(shown(run)).sum(axis=1)
        values.append(f[1:])
        bounds.append(f[:-1] - eta * slope + eta**2 / 2 * curvatures(run).sum())
        scale = f[0]
    at = np.unique(np.geomspace(1, 600, 120).astype(int)) - 1
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t)",
        x_scale="log",
        y_scale="log",
        series=tuple(
            item
            for eta, value, bound in zip(ETAS, values, bounds, strict=True)
            for item in (
                series(f"eta = {eta:g}", at + 1, value[at], points=True),
                theory("bound from the step before", at + 1, bound[at]),
            )
        ),
        caption="The decrease is linear in eta, then the second term takes over.",
    )
    value, bound = np.concatenate(values), np.concatenate(bounds)
    return all_of(
        [
            verdicts.below(value, bound, evidence.tolerance, scale=scale),
            verdicts.equals(value[bound > 1e-3], bound[bound > 1e-3], E2),
        ],
        plot=plot,
    )


@claim(
    "SI-01b",
    "The smallest gradient of T steps of sign descent is at most D_0/(eta T) + eta (sum of the "
    "L_i)/2.",
    formula=r"\min_{t < T} |\nabla f(x_t)|_1 \leq \frac{D_0}{\eta T} + \frac{\eta}{2} \sum_i L_i",
    assumptions="coordinate smoothness L_i, D_0 = f(x_0) - f*; the floor is of order eta",
    source="Bernstein et al. 2018, theorem 1",
    kind=Kind.BOUND,
    tolerance=B,
    rule="signsgd",
    runs=_separable,
)
def si_01b(evidence: Evidence) -> Finding:
    """Check every T at three learning rates; SI-01a has the identity behind it."""
    values, bounds = [], []
    T = np.arange(1, 601)
    for eta in ETAS:
        run = evidence.runs[eta]
        values.append(np.minimum.accumulate(np.abs(shown(run)).sum(axis=1)))
        gap = run.curve["suboptimality"][0]
        bounds.append(gap / (eta * T) + eta / 2 * curvatures(run).sum())
    at = np.unique(np.geomspace(1, 600, 120).astype(int)) - 1
    plot = Plot(
        x_label="steps T",
        y_label="smallest |grad f|_1 so far",
        x_scale="log",
        y_scale="log",
        series=tuple(
            item
            for eta, value, bound in zip(ETAS, values, bounds, strict=True)
            for item in (
                series(f"eta = {eta:g}", T[at], value[at], points=True),
                theory(f"bound, eta = {eta:g}", T[at], bound[at]),
            )
        ),
        caption="A large eta gets down fast and stays high; a small one is slow.",
    )
    return verdicts.below(np.concatenate(values), np.concatenate(bounds), evidence.tolerance).drawn(
        plot
    )


@claim(
    "SI-01c",
    "At a constant learning rate sign descent ends within eta of the minimum in each coordinate, "
    "no closer.",
    formula=r"\limsup_t |x_{t,i} - x_i^*| \leq \eta",
    assumptions="separable function; after |x_0 - x*|_inf/eta steps",
    source="each coordinate walks on a grid of mesh eta",
    kind=Kind.BOUND,
    tolerance=B,
    rule="signsgd",
    runs=_separable,
)
def si_01c(evidence: Evidence) -> Finding:
    """Look at the last hundred of 600 steps; of two successive points one is eta/2 away."""
    etas = np.array(ETAS)
    tails = [np.abs(points_of(evidence.runs[eta])[-100:]) for eta in ETAS]
    farthest = np.array([tail.max() for tail in tails])
    closest = np.array([np.maximum(tail[1:], tail[:-1]).min() for tail in tails])
    plot = Plot(
        x_label="learning rate eta",
        y_label="|x_i - x_i*| in the end",
        x_scale="log",
        y_scale="log",
        series=(
            series("largest", etas, farthest, points=True),
            series("smallest of two successive steps' larger", etas, closest, points=True),
            theory("eta", etas, etas),
            theory("eta/2", etas, etas / 2),
        ),
        caption="Each coordinate jumps to and fro over its minimum, by eta.",
    )
    return all_of(
        [
            verdicts.below(farthest, etas, evidence.tolerance),
            verdicts.above(closest, etas / 2, B),
        ],
        plot=plot,
    )


SCALES = (*(sign * 10.0**power for power in range(-5, 6) for sign in (1, -1)), 0.0)


def _all_scales(setting: Setting) -> Mapping[Key, RunSpec]:
    return {g: setting.run(constant(g), "lion:lr=.25", steps=5, points=True) for g in SCALES}


@claim(
    "LI-01a",
    "Every coordinate of a step of Lion has length eta, whatever the gradients; where there never "
    "was one, 0.",
    formula=r"|\Delta_i| = \eta,\quad |\Delta|_2 = \eta \sqrt{d}",
    assumptions="no weight decay; gradients over ten decades",
    source="Chen et al. 2023, algorithm 2",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="lion",
    runs=_all_scales,
)
def li_01a(evidence: Evidence) -> Finding:
    """Compare five steps under 23 gradients bit by bit, eta = 1/4."""
    steps = np.array([steps_of(evidence.runs[g])[:, 0] for g in SCALES])
    signs = np.sign(SCALES)[:, None]
    sizes = np.abs(SCALES[:-1])
    plot = Plot(
        x_label="size of the gradient |g|",
        y_label="length of a step",
        x_scale="log",
        series=(
            series("Lion", sizes, np.abs(steps[:-1, 0]), points=True),
            theory("eta", sizes, np.full(len(sizes), 0.25)),
        ),
        caption="A coordinate with a tiny gradient moves as far as one with a huge gradient.",
    )
    expected = np.broadcast_to(-0.25 * signs, steps.shape)
    return verdicts.equals(steps, expected, evidence.tolerance).drawn(plot)


def _sizes_matter(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "online:gradients=random,dim=20,period=200,radius=0"
    return {
        "run": setting.run(problem, "lion:lr=.0625", steps=200, points=True),
        "adam": setting.run(problem, "adam", steps=1),
    }


def _mixed(g: Array) -> Array:
    """Return b1 m + (1 - b1) g before each step, for gradients of shape (T, d)."""
    m = np.zeros(g.shape[1])
    mixed = []
    for row in g:
        mixed.append(0.9 * m + 0.1 * row)
        m = 0.99 * m + 0.01 * row
    return np.array(mixed)


@claim(
    "LI-01b",
    "Lion takes the sign of a momentum, not of the gradient: the gradients' sizes count.",
    formula=r"\Delta = -\eta\, \mathrm{sign}(\beta_1 m + (1 - \beta_1) g),\quad m^+ = \beta_2 m + "
    r"(1 - \beta_2) g",
    assumptions="b1 = .9, b2 = .99, no weight decay; gradients with heavy tails",
    source="Chen et al. 2023, algorithm 2",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="lion",
    runs=_sizes_matter,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Lion uses only the sign of the gradient and keeps no second moment.",
            ruling=Ruling.IMPRECISE,
            truth="It takes the sign of an interpolated momentum, so that the sizes of earlier "
            "gradients matter: many steps go against the gradient's sign. It keeps one buffer, "
            "Adam two.",
        ),
    ),
)
def li_01b(evidence: Evidence) -> Finding:
    """Follow 200 steps by the recurrence; one in ten goes against the sign; half Adam's state."""
    run = evidence.runs["run"]
    g, steps = shown(run), steps_of(run)
    expected = -0.0625 * np.sign(_mixed(g))
    against = np.mean(np.sign(steps) == np.sign(g), axis=1)
    share = np.cumsum(against) / np.arange(1, 201)
    buffers = [float(evidence.runs[key].facts["state_bytes"] or 0) / 8 for key in ("run", "adam")]
    t = np.arange(1, 201)
    plot = Plot(
        x_label="steps t",
        y_label="share of steps against the gradient's sign",
        series=(
            series("Lion, mean so far", t, share),
            theory("sign of b1 m + (1 - b1) g", t, np.cumsum(np.mean(_mixed(g) * g < 0, 1)) / t),
            quoted("sign of the gradient", t, np.zeros(200)),
        ),
        caption="Twenty sequences of independent gradients.",
    )
    return all_of(
        [
            verdicts.equals(steps, expected, evidence.tolerance),
            verdicts.at_least(share[-1], 0.1),
            verdicts.equals(buffers, [1.0, 2.0], E0),
        ],
        plot=plot,
    )


BOX = 2.0
"""1/lambda for lambda = 1/2."""

RATE = 0.05


def _outside(setting: Setting) -> Mapping[Key, RunSpec]:
    """Far outside the box: under random gradients, and under one that pushes outwards."""
    lion = f"lion:lr={RATE},weight_decay={1 / BOX}"
    start = "/".join(["10", "-7", "3", "1"])
    problems = {
        "random": f"online:gradients=random,dim=4,period=400,radius=0,start={start}",
        "outwards": "online:gradients=-1,radius=0,start=10",
    }
    return {key: setting.run(text, lion, steps=400, points=True) for key, text in problems.items()}


def _excess(x: Array) -> Array:
    excess: Array = np.maximum(np.abs(x).max(axis=1) - BOX, 0.0)
    return excess


@claim(
    "LI-02a",
    "With weight decay Lion's points approach the box |x_i| <= 1/lambda, by 1 - eta lambda a step.",
    formula=r"\left(|x_t|_\infty - \frac{1}{\lambda}\right)_+ \leq (1 - \eta \lambda)^t "
    r"\left(|x_0|_\infty - \frac{1}{\lambda}\right)_+",
    assumptions="any gradients, eta lambda <= 1",
    source="Chen et al. 2024; Xie and Li 2024 for AdamW",
    kind=Kind.BOUND,
    tolerance=B,
    rule="lion",
    runs=_outside,
)
def li_02a(evidence: Evidence) -> Finding:
    """Check every step under random gradients, and under one that pushes outwards."""
    t = np.arange(401)
    excesses = {key: _excess(points_of(run)) for key, run in evidence.runs.items()}
    bound = (1 - RATE / BOX) ** t * (10 - BOX)
    positive = {key: np.flatnonzero(excess > 0) for key, excess in excesses.items()}
    plot = Plot(
        x_label="steps t",
        y_label="|x_t|_inf - 1/lambda",
        y_scale="log",
        series=(
            *(
                series(f"gradients {key}", t[at][::4], excesses[str(key)][at][::4], points=True)
                for key, at in positive.items()
            ),
            theory("(1 - eta lambda)^t of the start", t, bound),
        ),
        caption="However the gradients push, the decay wins outside the box.",
    )
    return verdicts.below(
        list(excesses.values()), [bound] * 2, evidence.tolerance, scale=10.0
    ).drawn(plot)


@claim(
    "LI-02b",
    "Under a gradient that pushes outwards Lion's approach to the box is exactly (1 - eta "
    "lambda)^t.",
    formula=r"x_t - \frac{1}{\lambda} = (1 - \eta \lambda)^t \left(x_0 - \frac{1}{\lambda}\right)",
    assumptions="constant negative gradient, any start; from inside the same law holds",
    source="the case of equality of LI-02a",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="lion",
    runs=lambda setting: {"run": _outside(setting)["outwards"]},
)
def li_02b(evidence: Evidence) -> Finding:
    """Compare 400 steps."""
    x = points_of(evidence.runs["run"])[:, 0]
    t = np.arange(401)
    law = BOX + (1 - RATE / BOX) ** t * (10 - BOX)
    plot = Plot(
        x_label="steps t",
        y_label="x_t - 1/lambda",
        y_scale="log",
        series=(
            series("Lion", t[::8], x[::8] - BOX, points=True),
            theory("(1 - eta lambda)^t (x_0 - 1/lambda)", t, law - BOX),
        ),
        caption="The box is reached in the limit only, and its edge is where Lion stays.",
    )
    return verdicts.equals(x, law, evidence.tolerance).drawn(plot)
