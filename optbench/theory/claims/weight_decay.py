"""Weight decay beside Adam's step (AdamW) and inside its gradient (L2)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._shown import constant, points_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2, Tolerance


def _no_gradient(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "online:gradients=0,radius=0,start=3"
    return {
        decay: setting.run(problem, f"adamw:lr=.1,weight_decay={decay}", steps=200, points=True)
        for decay in (0.1, 0.5)
    }


@claim(
    "AW-01",
    "Without a gradient AdamW only decays: theta_T = (1 - eta lambda)^T theta_0.",
    formula=r"g = 0:\quad \theta_T = (1 - \eta \lambda)^T\, \theta_0",
    assumptions="eps > 0; lambda is multiplied by the learning rate",
    source="Loshchilov and Hutter 2019, algorithm 2, in torch's form",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="adamw",
    runs=_no_gradient,
)
def aw_01(evidence: Evidence) -> Finding:
    """Compare 200 steps, at two strengths."""
    t = np.arange(201)
    findings, curves = [], []
    for decay in (0.1, 0.5):
        x, law = points_of(evidence.runs[decay])[:, 0], 3 * (1 - 0.1 * decay) ** t
        findings.append(verdicts.equals(x, law, evidence.tolerance))
        curves += [
            series(f"lambda = {decay}", t, x, points=True),
            theory(f"3 (1 - eta lambda)^t, lambda = {decay}", t, law),
        ]
    plot = Plot(
        x_label="steps t",
        y_label="theta_t",
        y_scale="log",
        series=tuple(curves),
        caption="Decoupled decay forgets at a rate that eta and lambda alone decide.",
    )
    return all_of(findings, plot=plot)


COEFFICIENTS = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)


def _decay_alone(setting: Setting) -> Mapping[Key, RunSpec]:
    """Nothing but the penalty lambda theta^2/2, which Adam is shown as its gradient."""
    return {
        decay: setting.run(
            f"parabola:curvature={decay!r}", "adam:lr=.01,eps=0", steps=30, points=True
        )
        for decay in COEFFICIENTS
    }


@claim(
    "AW-02",
    "With L2 in Adam's gradient and no loss the weights shrink by nearly eta a step, whatever the "
    "coefficient.",
    formula=r"g = \lambda \theta:\quad |\theta_t - \theta_0| \approx t\, \eta\ "
    r"\mathrm{for\ every}\ \lambda",
    assumptions="eps = 0, eta = .01, t = 30, theta_0 = 1, lambda from 1e-3 to 1e3",
    source="Loshchilov and Hutter 2019, section 2",
    kind=Kind.NEGATIVE,
    tolerance=Tolerance(relative=0.05, reason="sqrt(v) and m lag behind the shrinking gradient"),
    rule="adam",
    runs=_decay_alone,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="In Adam with an L2 penalty the strength of regularisation depends on the "
            "size of the gradients.",
            ruling=Ruling.OK,
            truth="In the extreme: where the loss has no gradient, the strength does not depend on "
            "the coefficient at all.",
        ),
    ),
)
def aw_02(evidence: Evidence) -> Finding:
    """Thirty steps under seven coefficients: one path, the first step eta, all nearly 30 eta."""
    paths = np.array([points_of(evidence.runs[decay])[:, 0] for decay in COEFFICIENTS])
    shrunk = 1 - paths[:, -1]
    lam = np.array(COEFFICIENTS)
    plot = Plot(
        x_label="coefficient lambda",
        y_label="theta_0 - theta_30",
        x_scale="log",
        y_scale="log",
        series=(
            series("Adam with L2", lam, shrunk, points=True),
            theory("30 eta", lam, np.full(len(lam), 0.3)),
            quoted("decoupled, 1 - (1 - eta lambda)^30", lam[:5], 1 - (1 - 0.01 * lam[:5]) ** 30),
        ),
        caption="A penalty a million times as strong shrinks the weights by the same amount.",
    )
    return all_of(
        [
            verdicts.equals(shrunk, 0.3, evidence.tolerance),
            verdicts.equals(paths, np.broadcast_to(paths[3], paths.shape), E1),
            verdicts.equals(paths[:, 1], 0.99, E1),
        ],
        plot=plot,
    )


PUSHES = (1e-3, 1.0, -1e3)


def _pushed(setting: Setting) -> Mapping[Key, RunSpec]:
    adamw = "adamw:lr=.1,weight_decay=.1,eps=0"
    return {g: setting.run(constant(g), adamw, steps=2500, points=True) for g in PUSHES}


@claim(
    "AW-03a",
    "Under a constant gradient of any size AdamW ends at distance 1/lambda.",
    formula=r"\theta_t \to -\frac{\mathrm{sign}(g)}{\lambda}",
    assumptions="eps = 0; decay before the step, or at once with it. After it: (1 - eta lambda) of "
    "that",
    source="Loshchilov and Hutter 2019, algorithm 2; Xie and Li 2024",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="adamw",
    runs=_pushed,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="AdamW: theta <- (1 - eta lambda) theta - eta u, u being Adam's direction.",
            ruling=Ruling.OK,
            truth="This is torch's form. The paper multiplies lambda by the schedule only, not by "
            "the learning rate.",
        ),
    ),
)
def aw_03a(evidence: Evidence) -> Finding:
    """2500 steps bring theta to 10 for lambda = .1; every one follows 10 (1 - (1 - .01)^t)."""
    t = np.arange(2501)
    paths = np.array([points_of(evidence.runs[g])[:, 0] for g in PUSHES])
    signs = np.sign(PUSHES)[:, None]
    law = 10 * (1 - 0.99**t)
    at = np.arange(0, 2001, 25)
    plot = Plot(
        x_label="steps t",
        y_label="1/lambda - |theta_t|",
        y_scale="log",
        series=(
            *(
                series(f"g = {g:g}", t[at], 10 - np.abs(path[at]), points=True)
                for g, path in zip(PUSHES, paths, strict=True)
            ),
            theory("(1 - eta lambda)^t/lambda", t[at], 10 * 0.99 ** t[at]),
            quoted("decay after the step", t[at], 10 - 0.99 * law[at]),
        ),
        caption="The decay holds theta at 1/lambda = 10, whatever the size of the gradient.",
    )
    return all_of(
        [
            verdicts.equals(paths[:, -1], -10 * signs[:, 0], evidence.tolerance),
            verdicts.equals(paths, -signs * law, evidence.tolerance),
        ],
        plot=plot,
    )


LOSSES = (0.1, 0.5, 2.0)


def _penalised(setting: Setting) -> Mapping[Key, RunSpec]:
    """The loss g theta and the penalty .05 theta^2: a parabola round -10 g."""
    return {
        g: setting.run(
            f"parabola:curvature=.1,center={-10 * g!r},start=0",
            "adam:lr=.1,eps=1e-2",
            steps=1500,
            points=True,
        )
        for g in LOSSES
    }


@claim(
    "AW-03b",
    "Adam with L2 ends where the penalised loss has its minimum, -g/lambda, as AdamW does not.",
    formula=r"\theta_t \to -\frac{g}{\lambda}",
    assumptions="eps = .01, so that a constant learning rate is stable; lambda = .1",
    source="Loshchilov and Hutter 2019, section 2",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="adam",
    runs=_penalised,
)
def aw_03b(evidence: Evidence) -> Finding:
    """The last of 1500 steps under three gradients."""
    g = np.array(LOSSES)
    ends = np.array([points_of(evidence.runs[push])[-1, 0] for push in LOSSES])
    plot = Plot(
        x_label="gradient g of the loss",
        y_label="|theta_T|",
        series=(
            series("Adam with L2", g, -ends, points=True),
            theory("g/lambda", g, 10 * g),
            quoted("AdamW, 1/lambda", g, np.full(len(g), 10.0)),
        ),
        caption="The two ways of decay agree on nothing but the name.",
    )
    return verdicts.equals(ends, -10 * g, evidence.tolerance).drawn(plot)


HUGE = 2.0**50
"""eps of an AdamW whose direction is g/eps: with eta eps as learning rate it is plain SGD."""


def _plain(setting: Setting) -> Mapping[Key, RunSpec]:
    """A quadratic with decoupled decay, and the same with lambda = .125 in its curvatures."""
    decoupled = (
        f"adamw:lr={0.5 * HUGE!r},beta1=0,beta2=0,eps={HUGE!r},weight_decay={0.125 / HUGE!r}"
    )
    axes = "rotated=false,start=1/-2"
    return {
        "decoupled": setting.run(
            f"quadratic:dim=2,kappa=4,{axes}", decoupled, steps=50, points=True
        ),
        "L2": setting.run(
            f"quadratic:dim=2,kappa=3,smoothness=1.125,{axes}", "gd:lr=.5", steps=50, points=True
        ),
    }


@claim(
    "AW-04",
    "For plain gradient descent decoupled decay and an L2 penalty are the same.",
    formula=r"(1 - \eta \lambda) x - \eta \nabla f(x) = x - \eta \nabla \left(f + "
    r"\frac{\lambda}{2} |x|^2\right)(x)",
    assumptions="no momentum, no scaling; the decoupled form is AdamW's with eps far above |g|",
    source="Loshchilov and Hutter 2019, proposition 1",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="gd",
    runs=_plain,
)
def aw_04(evidence: Evidence) -> Finding:
    """Compare fifty steps on a quadratic, curvatures 1/4 and 1, with those at lambda more."""
    decoupled, coupled = (points_of(evidence.runs[key]) for key in ("decoupled", "L2"))
    t = np.arange(51)
    plot = Plot(
        x_label="steps t",
        y_label="|x_t|",
        y_scale="log",
        series=(
            series("L2 penalty", t, np.linalg.norm(coupled, axis=1), points=True),
            theory("decoupled decay", t, np.linalg.norm(decoupled, axis=1)),
        ),
        caption="Only where the gradient is scaled or remembered do the two differ.",
    )
    return verdicts.equals(coupled, decoupled, evidence.tolerance).drawn(plot)
