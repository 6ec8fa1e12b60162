"""Steps in proportion to a layer's norm: LARS, LAMB, and losses that know directions alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from optbench.core.layout import Layout
from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.engines.columns import with_exclusions
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._shown import points_of, shown, steps_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2, Tolerance

NETWORK = "mlp_regression:hidden=8,layers=2,examples=20"
"""Six layers: three matrices, three biases."""


def _layer_norms(layout: Layout, x: Array) -> Array:
    """Return the 2-norm of each layer, points (n, d) to (n, layers)."""
    parts = layout.split(torch.from_numpy(x))
    return np.stack([part.flatten(1).norm(dim=1).numpy() for part in parts], axis=1)


def _layers_of(run: Run, values: Array) -> Array:
    return _layer_norms(build_problem(run.spec.problem).layout, values)


TRUST = 1e-2
SCALES = (1e-3, 1.0, 1e3)


def _lars_runs(setting: Setting) -> Mapping[Key, RunSpec]:
    """On a network, and on one quadratic whose gradients come in three scales."""
    text = f"lars:lr=.5,beta=0,trust={TRUST},weight_decay=0"
    return {
        "network": setting.run(NETWORK, text, steps=50, points=True),
        **{
            scale: setting.run(
                f"quadratic:dim=10,kappa=10,smoothness={scale}", text, steps=50, points=True
            )
            for scale in SCALES
        },
    }


@claim(
    "LS-01a",
    "A LARS step has the length eta tau |w| in each layer, whatever the gradient's scale.",
    formula=r"\|\Delta w_l\| = \eta \tau \|w_l\|",
    assumptions="no weight decay, no momentum, w_l and its gradient not 0",
    source="You, Gitman and Ginsburg 2017, equation 6",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="lars",
    runs=_lars_runs,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="LARS and LAMB rescale the step of each layer.",
            ruling=Ruling.OK,
            truth="The step of a layer is as long as eta (times tau for LARS) times the layer's "
            "weights, whatever its gradient.",
        ),
    ),
)
def ls_01a(evidence: Evidence) -> Finding:
    """Measure the steps of six layers, and those of one quadratic in three scales."""
    findings = []
    for run in evidence.runs.values():
        lengths, sizes = _layers_of(run, steps_of(run)), _layers_of(run, points_of(run)[:-1])
        findings.append(verdicts.equals(lengths / sizes, 0.5 * TRUST, evidence.tolerance))
    paths = [points_of(evidence.runs[scale]) for scale in SCALES]
    findings += [verdicts.equals(path, paths[1], E2) for path in paths]
    run = evidence.runs["network"]
    slopes = _layers_of(run, shown(run))[0]
    lengths, sizes = _layers_of(run, steps_of(run))[0], _layers_of(run, points_of(run))[0]
    order = np.argsort(slopes)
    plot = Plot(
        x_label="|g| of a layer",
        y_label="|step|/|w| of the layer",
        x_scale="log",
        y_scale="log",
        series=(
            series("the six layers of a network", slopes, lengths / sizes, points=True),
            theory("eta tau", slopes[order], np.full(6, 0.5 * TRUST)),
            series("what eta g would be", slopes, 0.5 * slopes / sizes, points=True),
        ),
        caption="The first step: gradients of very different lengths, steps of the same relative "
        "length.",
    )
    return all_of(findings, plot=plot)


@claim(
    "LS-01b",
    "With weight decay a LARS step is at most eta tau |w| in each layer.",
    formula=r"\|\Delta w_l\| = \eta \tau \|w_l\| \frac{\|g + \lambda w\|}{\|g\| + \lambda \|w\|} "
    r"\leq \eta \tau \|w_l\|",
    assumptions="no momentum, weight decay lambda",
    source="You, Gitman and Ginsburg 2017, equation 6; the triangle inequality",
    kind=Kind.BOUND,
    tolerance=E2,
    rule="lars",
    runs=lambda setting: {
        decay: setting.run(
            NETWORK,
            f"lars:lr=.5,beta=0,trust={TRUST},weight_decay={decay}",
            steps=50,
            points=True,
        )
        for decay in (1e-4, 1e-2, 1.0)
    },
)
def ls_01b(evidence: Evidence) -> Finding:
    """Compare every layer's steps with the bound; a small lambda comes close to it."""
    findings, lines = [], []
    for decay, run in evidence.runs.items():
        lengths, sizes = _layers_of(run, steps_of(run)), _layers_of(run, points_of(run)[:-1])
        share = lengths / (0.5 * TRUST * sizes)
        findings.append(verdicts.below(share, 1.0, evidence.tolerance))
        lines.append(series(f"lambda = {decay}", np.arange(50), share.mean(axis=1)))
    run = evidence.runs[1.0]
    w, g = points_of(run)[:-1], shown(run)
    exact = _layers_of(run, g + w) / (_layers_of(run, g) + _layers_of(run, w))
    sizes = _layers_of(run, w)
    findings.append(
        verdicts.equals(_layers_of(run, steps_of(run)), 0.5 * TRUST * sizes * exact, E2)
    )
    plot = Plot(
        x_label="steps t",
        y_label="|step|/(eta tau |w|), mean of the layers",
        series=(*lines, theory("the bound", [0, 49], [1, 1])),
        caption="The decay and the gradient point in different directions, so that their sum is "
        "shorter than the lengths that the step is divided by.",
    )
    return all_of(findings, plot=plot)


@claim(
    "LS-01c",
    "Layers of zeros and excluded layers have the trust ratio 1: there LARS is plain descent.",
    formula=r"w_l = 0 \; \mathrm{or\ excluded}: \quad \Delta w_l = -\eta g_l",
    assumptions="no weight decay, no momentum",
    source="You, Gitman and Ginsburg 2017, section 5; common practice for biases and norms",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="lars",
    runs=lambda setting: {
        "excluded": setting.run(
            NETWORK, "lars:lr=.5,beta=0,trust=.01,exclude@bias=true", steps=20, points=True
        ),
        "zero": setting.run(
            "nesterov_convex:T=5", "lars:lr=.5,beta=0,trust=.01", steps=1, points=True
        ),
    },
)
def ls_01c(evidence: Evidence) -> Finding:
    """Compare the steps of biases, and the first step from the origin, with eta g."""
    run, zero = evidence.runs["excluded"], evidence.runs["zero"]
    layout = build_problem(run.spec.problem).layout
    layout = with_exclusions(layout, {"exclude@bias": True})
    bias = layout.mask(torch.empty(0), excluded=True).numpy()
    moved, g = steps_of(run), shown(run)
    return all_of(
        [
            verdicts.equals(moved[:, bias], -0.5 * g[:, bias], E2),
            verdicts.holds(
                not np.allclose(moved[:, ~bias], -0.5 * g[:, ~bias], rtol=1e-2),
                theory="the weights are scaled",
                measured="they are not",
            ),
            verdicts.equals(steps_of(zero), -0.5 * shown(zero), evidence.tolerance),
        ]
    )


RADII = (0.1, 1.0, 10.0)
PATHS = Tolerance(absolute=1e-12, reason="about 100 roundings of points of length 1")


@claim(
    "LS-02",
    "Where weights are c times as large and gradients 1/c times, a LARS step is c times as large.",
    formula=r"(w, g) \rightarrow (c w, g/c): \quad \Delta w \rightarrow c \Delta w",
    assumptions="a loss of the direction of w alone; gradient descent's step goes to 1/c of it",
    source="You, Gitman and Ginsburg 2017, section 4; van Laarhoven 2017",
    kind=Kind.IDENTITY,
    tolerance=PATHS,
    rule="lars",
    runs=lambda setting: {
        (name, c): setting.run(f"rayleigh:dim=10,radius={c}", text, steps=50, points=True)
        for name, text in (("lars", "lars:lr=1,trust=.1,weight_decay=0"), ("gd", "gd:lr=.5"))
        for c in RADII
    },
)
def ls_02(evidence: Evidence) -> Finding:
    """Start Rayleigh's quotient at three radii: LARS walks the same path, enlarged."""
    paths = {c: points_of(evidence.runs["lars", c]) / c for c in RADII}
    first = {c: steps_of(evidence.runs["gd", c])[0] for c in RADII}
    lines = []
    for name in ("lars", "gd"):
        for c in RADII:
            run = evidence.runs[name, c]
            gap = run.curve["suboptimality"]
            lines.append(series(f"{name}, c = {c:g}", run.curve["step"], gap))
    lars = evidence.runs["lars", 1.0].curve
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t) - f*",
        y_scale="log",
        series=(*lines, theory("lars, every c", lars["step"], lars["suboptimality"])),
        caption="Three scales of the weights before a normalisation: LARS does not see them, its "
        "three lines lie on one another; gradient descent hardly moves where they are large.",
    )
    return all_of(
        [verdicts.equals(paths[c], paths[1.0], evidence.tolerance) for c in RADII]
        + [verdicts.equals(first[c], first[1.0] / c, E2) for c in RADII],
        plot=plot,
    )


@claim(
    "LS-03",
    "A LAMB step has the length eta |w| in each layer, exactly, whatever Adam's direction.",
    formula=r"\|\Delta w_l\| = \eta \|w_l\|",
    assumptions="phi the identity, w_l and its direction not 0; any weight decay",
    source="You et al. 2020, algorithm 2",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="lamb",
    runs=lambda setting: {
        decay: setting.run(NETWORK, f"lamb:lr=.01,weight_decay={decay}", steps=50, points=True)
        for decay in (0.0, 0.1)
    },
)
def ls_03(evidence: Evidence) -> Finding:
    """Measure every step of every layer of a network."""
    shares = {
        decay: _layers_of(run, steps_of(run)) / _layers_of(run, points_of(run)[:-1])
        for decay, run in evidence.runs.items()
    }
    run = evidence.runs[0.0]
    lengths = _layers_of(run, steps_of(run))
    sizes = _layers_of(run, points_of(run)[:-1])
    ends = np.array([sizes.min(), sizes.max()])
    plot = Plot(
        x_label="|w| of a layer",
        y_label="|step| of the layer",
        x_scale="log",
        y_scale="log",
        series=(
            *(series(f"layer {i}", sizes[:, i], lengths[:, i], points=True) for i in range(6)),
            theory("eta |w|", ends, 0.01 * ends),
        ),
        caption="Six layers, whose gradients are of different lengths: one relative step.",
    )
    return all_of(
        [verdicts.equals(share, 0.01, evidence.tolerance) for share in shares.values()], plot=plot
    )


EXACT = Tolerance(relative=1e-13, absolute=1e-13, reason="a sum of ten products of numbers up to 1")


@claim(
    "LS-04",
    "On a loss of the direction alone gradients are orthogonal to w, whose norm can only grow.",
    formula=r"\langle w_t, g_t \rangle = 0, \quad \|w_{t+1}\|^2 = \|w_t\|^2 + \eta^2 \|g_t\|^2",
    assumptions="f(c w) = f(w) for c > 0, as before a normalisation layer",
    source="van Laarhoven 2017, section 3; Euler's theorem on homogeneous functions",
    kind=Kind.IDENTITY,
    tolerance=EXACT,
    rule="gd",
    runs=lambda setting: {
        lr: setting.run("rayleigh:dim=10,kappa=100", f"gd:lr={lr}", steps=100, points=True)
        for lr in (0.1, 1.0, 10.0)
    },
)
def ls_04(evidence: Evidence) -> Finding:
    """Check both identities at every step of three runs."""
    findings, lines = [], []
    for lr in (0.1, 1.0, 10.0):
        run = evidence.runs[lr]
        w, g = points_of(run), shown(run)
        square = np.square(w).sum(axis=1)
        grown = square[0] + np.cumsum(lr**2 * np.square(g).sum(axis=1))
        each = square[:-1] + lr**2 * np.square(g).sum(axis=1)
        findings += [
            verdicts.equals(square[1:], each, evidence.tolerance),
            verdicts.equals((w[:-1] * g).sum(axis=1), 0.0, evidence.tolerance),
        ]
        t = np.arange(1, len(square))
        lines += [
            series(f"eta = {lr:g}", t, square[1:]),
            theory(f"|w_0|^2 + sum of eta^2 |g|^2, eta = {lr:g}", t, grown),
        ]
    plot = Plot(
        x_label="steps t",
        y_label="|w_t|^2",
        x_scale="log",
        y_scale="log",
        series=tuple(lines),
        caption="Each step is at a right angle to w. As w grows, gradients and relative steps "
        "shrink: a large learning rate turns itself down.",
    )
    return all_of(findings, plot=plot)
