"""What Adam's path depends on, the axes, and what it does not: the scale of each coordinate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._shown import points_of, thinned
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E0, Tolerance

NEAR = Tolerance(absolute=1e-12, reason="points of size 1 after 100 steps, each rounded to 1e-16")


ARRIVED = Tolerance(absolute=1e-10, reason="ten decades down: no doubt that it converges")


def _rescaled(setting: Setting) -> Mapping[Key, RunSpec]:
    """Quadratics whose gradients differ by a factor in each coordinate, from one start."""
    curvatures = {"1": (10, 10), "1e-7 to 1": (1e7, 1), "1 to 1e6": (1e6, 1e6)}
    return {
        name: setting.run(
            f"quadratic:dim=5,kappa={kappa!r},smoothness={L!r},rotated=false",
            "adam:lr=.05,eps=0",
            steps=100,
            points=True,
        )
        for name, (kappa, L) in curvatures.items()
    }


@claim(
    "AD-05a",
    "With eps = 0 Adam's path does not change when coordinates of the gradient are rescaled.",
    formula=r"g_i \to c_i g_i,\ c_i > 0 \quad\Rightarrow\quad x_t \to x_t",
    assumptions="eps = 0, factors of the coordinates over seven decades",
    source="Kingma and Ba 2015, section 2.1",
    kind=Kind.IDENTITY,
    tolerance=NEAR,
    rule="adam",
    runs=_rescaled,
)
def ad_05a(evidence: Evidence) -> Finding:
    """Compare the paths on three quadratics with other curvatures and the same start."""
    first, *others = (points_of(run) for run in evidence.runs.values())
    t = np.arange(len(first))
    plot = Plot(
        x_label="steps t",
        y_label="|x_t|",
        y_scale="log",
        series=(
            *(
                series(f"curvatures {name}", t, np.linalg.norm(points_of(run), axis=1), points=True)
                for name, run in list(evidence.runs.items())[1:]
            ),
            theory("curvatures 1 to 10", t, np.linalg.norm(first, axis=1)),
        ),
        caption="One path, whatever the curvatures along the axes.",
    )
    return all_of(
        [verdicts.equals(other, first, evidence.tolerance) for other in others], plot=plot
    )


def _turned(setting: Setting) -> Mapping[Key, RunSpec]:
    """One quadratic and one start, in two systems of axes, for Adam and for gradient descent."""
    return {
        (rule, turned): setting.run(
            f"quadratic:dim=3,kappa=10,rotated={turned},start=equal", rule, steps=100
        )
        for rule in ("adam:lr=.05,eps=0", "gd:lr=1/L")
        for turned in ("false", "true")
    }


@claim(
    "AD-05b",
    "Turning the axes changes Adam's path: it is not equivariant under rotations, as gradient "
    "descent is.",
    formula=r"x \to Q x \quad\nRightarrow\quad x_t \to Q x_t",
    assumptions="a rotated quadratic from the rotated start; the distance to the minimum is "
    "compared",
    source="an example suffices",
    kind=Kind.NEGATIVE,
    tolerance=Tolerance(relative=0.05, reason="a path counts as another when it is 5 % away"),
    rule="adam",
    runs=_turned,
)
def ad_05b(evidence: Evidence) -> Finding:
    """Distances to the minimum would be equal; Adam's differ by more than 5 % of the start's."""
    curves = []
    change = {}
    for rule in ("adam:lr=.05,eps=0", "gd:lr=1/L"):
        plain, turned = (evidence.runs[rule, word].curve["distance"] for word in ("false", "true"))
        change[rule] = float(np.max(np.abs(turned - plain)) / plain[0])
        t, name = np.arange(len(plain)), rule.partition(":")[0]
        curves += [
            series(f"{name}, turned", t, turned, points=True),
            theory(f"{name}, if turning did not matter", t, plain),
        ]
    adam, gd = change.values()
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - x*|",
        y_scale="log",
        series=tuple(curves),
        caption="The same quadratic in turned axes: gradient descent does not notice, Adam does.",
    )
    return all_of(
        [
            verdicts.at_least(adam, evidence.tolerance.relative),
            verdicts.equals(gd, 0.0, NEAR),
        ],
        plot=plot,
    )


SCALE = 64


def _scaled(setting: Setting) -> Mapping[Key, RunSpec]:
    """Learning rate and start, both 64 times as large."""
    return {
        c: setting.run(
            f"quadratic:dim=4,kappa=10,rotated=false,radius={c}",
            f"adam:lr={c / 1024},eps=0",
            steps=2000,
            points=True,
        )
        for c in (1, SCALE)
    }


@claim(
    "AD-06a",
    "On a quadratic Adam's path scales with its learning rate: x_t(c eta, c x_0) = c x_t(eta, "
    "x_0).",
    formula=r"x_t(c\,\eta, c\,x_0) = c\, x_t(\eta, x_0)",
    assumptions="quadratic with its minimum at 0, eps = 0, c a power of two: nothing is rounded",
    source="m and sqrt(v) are homogeneous of degree one",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="adam",
    runs=_scaled,
)
def ad_06a(evidence: Evidence) -> Finding:
    """Compare 2000 steps bit by bit, c = 64."""
    one, many = (points_of(evidence.runs[c]) for c in (1, SCALE))
    at = thinned(len(one))
    plot = Plot(
        x_label="steps t",
        y_label="|x_t|",
        x_scale="log",
        y_scale="log",
        series=(
            series("c eta from c x_0", at + 1, np.linalg.norm(many[at], axis=1), points=True),
            theory(
                "c times the path of eta from x_0", at + 1, 64 * np.linalg.norm(one[at], axis=1)
            ),
        ),
        caption="How far Adam stays from the minimum is therefore proportional to eta.",
    )
    return verdicts.equals(many, SCALE * one, evidence.tolerance).drawn(plot)


def _without_memory(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "quadratic:dim=5,kappa=100"
    return {
        "adam": setting.run(problem, "adam:lr=.125,beta1=0,beta2=0,eps=0", steps=100, points=True),
        "signs": setting.run(problem, "signsgd:lr=.125", steps=100, points=True),
    }


@claim(
    "AD-11",
    "Without memory, b1 = b2 = eps = 0, Adam is sign descent.",
    formula=r"\beta_1 = \beta_2 = \varepsilon = 0:\quad x_{t+1} = x_t - \eta\, "
    r"\mathrm{sign}(g_t)",
    assumptions="no gradient is zero; sign(0) = 0, where Adam has 0/0",
    source="Bernstein et al. 2018, section 1",
    kind=Kind.IDENTITY,
    tolerance=E0,
    rule="adam",
    runs=_without_memory,
)
def ad_11(evidence: Evidence) -> Finding:
    """Compare a hundred steps bit by bit."""
    adam, signs = evidence.runs["adam"], evidence.runs["signs"]
    t = signs.curve["step"][:31]
    plot = Plot(
        x_label="steps t",
        y_label="f(x_t) - f*",
        y_scale="log",
        series=(
            series("Adam without memory", t, adam.curve["suboptimality"][:31], points=True),
            theory("sign descent", t, signs.curve["suboptimality"][:31]),
        ),
        caption="Two names for one method: it comes as near as its step allows, and jumps there.",
    )
    return verdicts.equals(points_of(adam), points_of(signs), evidence.tolerance).drawn(plot)


def _ill_conditioned(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        turned: setting.run(
            f"quadratic:dim=8,kappa=1e8,rotated={turned},start=equal,radius={8**0.5!r}",
            "adam:lr=.1,eps=0",
            steps=600,
            points=True,
        )
        for turned in ("false", "true")
    }


@claim(
    "AD-12a",
    "Along the axes Adam does not see the condition number: kappa = 1e8, and all coordinates take "
    "one path.",
    formula=r"x_{t,1} = x_{t,2} = ... = x_{t,d}",
    assumptions="separable quadratic, eps = 0, all coordinates start at 1",
    source="follows from AD-05a",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-13, reason="coordinates of size 1 are rounded to 1e-16"),
    rule="adam",
    runs=lambda setting: {"run": _ill_conditioned(setting)["false"]},
)
def ad_12a(evidence: Evidence) -> Finding:
    """Look at the largest difference of two coordinates over 600 steps."""
    x = points_of(evidence.runs["run"])
    t = thinned(600)
    plot = Plot(
        x_label="steps t",
        y_label="x_t of the flattest and the steepest coordinate",
        x_scale="log",
        series=(
            series("curvature 1", t + 1, x[t, -1], points=True),
            theory("curvature 1e-8", t + 1, x[t, 0]),
        ),
        caption="Curvatures from 1e-8 to 1, one path.",
    )
    return verdicts.equals(np.ptp(x, axis=1), 0.0, evidence.tolerance).drawn(plot)


@claim(
    "AD-12b",
    "In turned axes Adam makes no progress along the flat directions of the same quadratic.",
    formula=r"|Q x_{600} - x^*| \gg |x_{600} - x^*|",
    assumptions="kappa = 1e8, d = 8, random axes, eps = 0, 600 steps",
    source="an example suffices; cf. AD-05b",
    kind=Kind.NEGATIVE,
    tolerance=Tolerance(relative=0.1, reason="a tenth of the way counts as progress"),
    rule="adam",
    runs=_ill_conditioned,
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="Preconditioning mitigates bad conditioning, and Adam approximates it.",
            ruling=Ruling.OK,
            truth="On the axes only: there Adam removes kappa = 1e8 completely, in turned axes it "
            "does not help.",
        ),
    ),
)
def ad_12b(evidence: Evidence) -> Finding:
    """Over the last 500 of 600 steps the distance falls by less than a tenth; on the axes to 0."""
    plain, turned = (evidence.runs[word].curve["distance"] for word in ("false", "true"))
    t = np.arange(601)
    plot = Plot(
        x_label="steps t",
        y_label="|x_t - x*|",
        y_scale="log",
        series=(series("on the axes", t, plain), series("in turned axes", t, turned)),
        caption="kappa = 1e8. What Adam corrects is scaling of the axes, not conditioning.",
    )
    return all_of(
        [
            verdicts.at_least(turned[600] / turned[100], 1 - evidence.tolerance.relative),
            verdicts.equals(plain[600] / plain[0], 0.0, ARRIVED),
        ],
        plot=plot,
    )
