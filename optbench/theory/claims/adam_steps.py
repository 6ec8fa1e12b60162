"""How far Adam goes in a step: its averages, their correction, epsilon, the longest step.

m+ = b1 m + (1 - b1) g, v+ = b2 v + (1 - b2) g^2, x+ = x - eta m-hat / (sqrt(v-hat) + eps).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optbench.core.spec import RunSpec
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._shown import constant, points_of, shown, steps_of, thinned
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2, B

SIZES = tuple(sign * 10.0**power for power in range(-4, 6) for sign in (1, -1))


def _constant_gradients(setting: Setting) -> Mapping[Key, RunSpec]:
    return {g: setting.run(constant(g), "adam:lr=.1,eps=0", steps=200, points=True) for g in SIZES}


@claim(
    "AD-01",
    "Under a constant gradient of any size Adam moves by eta a step: theta_t = theta_0 - t eta "
    "sign(g).",
    formula=r"\hat m = g,\quad \hat v = g^2,\quad \theta_t = \theta_0 - t \eta\, \mathrm{sign}(g)",
    assumptions="constant gradient, eps = 0, any b1 and b2",
    source="Kingma and Ba 2015, section 3",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="adam",
    runs=_constant_gradients,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="In Adam parameters with large gradients get small steps, those with small "
            "gradients large ones.",
            ruling=Ruling.WRONG,
            truth="The effective learning rates differ, eta/|g|. The steps are the same: eta for "
            "both, as if only the sign counted.",
        ),
    ),
)
def ad_01(evidence: Evidence) -> Finding:
    """Check 200 steps under twenty gradients over nine decades; steps do not fall with size."""
    t = np.arange(201)
    paths = np.array([points_of(evidence.runs[g])[:, 0] for g in SIZES])
    sizes = np.abs(SIZES)
    lengths = np.abs(paths[:, -1]) / 200
    plot = Plot(
        x_label="size of the gradient |g|",
        y_label="step, or step/|g|",
        x_scale="log",
        y_scale="log",
        series=(
            series("length of a step", sizes, lengths, points=True),
            series("effective learning rate, step/|g|", sizes, lengths / sizes, points=True),
            theory("eta", sizes, np.full(len(sizes), 0.1)),
            theory("eta/|g|", sizes, 0.1 / sizes),
        ),
        caption="Large gradients get small learning rates, and the same steps as small gradients.",
    )
    expected = -0.1 * t * np.sign(SIZES)[:, None]
    return all_of(
        [
            verdicts.equals(paths, expected, evidence.tolerance),
            verdicts.equals(lengths[sizes == 1e5], lengths[sizes == 1e-4], evidence.tolerance),
        ],
        plot=plot,
    )


EPS = 1e-8
FIRST = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-4, 1.0, 1e8)


def _first_steps(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        g: setting.run(constant(g), f"adam:lr=1,eps={EPS}", steps=1, points=True) for g in FIRST
    }


@claim(
    "AD-02",
    "Adam's first step is eta |g|/(|g| + eps): eta for ordinary gradients, half of it at |g| = "
    "eps.",
    formula=r"|\theta_1 - \theta_0| = \eta\, \frac{|g|}{|g| + \varepsilon}",
    assumptions="t counted from 1; eps outside the square root, after the bias correction",
    source="Kingma and Ba 2015, algorithm 1",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="adam",
    runs=_first_steps,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Adam: averages of the gradient and of its square, each divided by 1 - b^t, "
            "and theta - eta m-hat/(sqrt(v-hat) + eps).",
            ruling=Ruling.OK,
            truth="t must start at 1, as 1 - b^0 = 0, and eps stands outside the square root: at "
            "|g| = eps the first step is half of eta, inside it would be a ten-thousandth.",
        ),
    ),
)
def ad_02(evidence: Evidence) -> Finding:
    """Take one step under gradients of 1e-12 to 1e8 with eps = 1e-8."""
    g = np.array(FIRST)
    lengths = np.array([-points_of(evidence.runs[size])[1, 0] for size in FIRST])
    fine = np.geomspace(FIRST[0], FIRST[-1], 200)
    plot = Plot(
        x_label="size of the gradient |g|",
        y_label="first step / eta",
        x_scale="log",
        y_scale="log",
        series=(
            series("first step", g, lengths, points=True),
            theory("|g|/(|g| + eps)", fine, fine / (fine + EPS)),
            quoted("eps inside the square root", fine, fine / np.sqrt(fine**2 + EPS)),
        ),
        verticals=((EPS, "eps"),),
        caption="The first step is eta as long as the gradient is far above eps = 1e-8; where eps "
        "stands decides from where on.",
    )
    return verdicts.equals(lengths, g / (g + EPS), evidence.tolerance).drawn(plot)


B1, B2 = 0.75, 0.5
DOMINANT = 2.0**40
"""An eps beside which sqrt(v) is nothing: with eta = eps a step is m-hat."""

IMPULSE = "online:gradients=1/0,period=60,radius=0,start=0"
JUMP = "online:gradients=2/1,period=60,radius=0,start=0"


def _first_moments(setting: Setting) -> Mapping[Key, RunSpec]:
    adam = f"adam:lr={DOMINANT!r},beta1={B1},beta2={B2},eps={DOMINANT!r}"
    return {
        "impulse": setting.run(IMPULSE, adam, steps=60, points=True),
        "constant": setting.run(constant(1.0), adam, steps=60, points=True),
    }


def _weights(b: float, steps: int) -> Array:
    """Return (1 - b) b^(s - 1) for s = 1 to T."""
    weights: Array = (1 - b) * b ** np.arange(steps, dtype=np.float64)
    return weights


def _weight_plot(b: float, sums: Array) -> Plot:
    t = np.arange(1, len(sums) + 1)
    return Plot(
        x_label="steps t",
        y_label="1 - sum of the weights",
        y_scale="log",
        series=(
            series("read off Adam's steps", t[:40], 1 - sums[:40], points=True),
            theory("b^t", t[:40], b ** t[:40]),
        ),
        caption="What an average that starts at zero lacks after t steps: the correction divides "
        "by the rest.",
    )


@claim(
    "AD-03a",
    "The weights of Adam's average of gradients, (1 - b1) b1^(t-s), add up to 1 - b1^t.",
    formula=r"\sum_{s=1}^{t} (1 - \beta_1) \beta_1^{t-s} = 1 - \beta_1^t",
    assumptions="m_0 = 0, t from 1; with eta = eps far above sqrt(v) a step shows m-hat",
    source="Kingma and Ba 2015, section 3",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="adam",
    runs=_first_moments,
)
def ad_03a(evidence: Evidence) -> Finding:
    """Read the weights off the answer to one gradient, their sum off that to equal ones."""
    t = np.arange(1, 61)
    impulse, even = (-steps_of(evidence.runs[key])[:, 0] for key in ("impulse", "constant"))
    weights = impulse * (1 - B1**t)
    sums = np.cumsum(weights)
    return all_of(
        [
            verdicts.equals(sums, 1 - B1**t, evidence.tolerance),
            verdicts.equals(weights[:30], _weights(B1, 30), E2),
            verdicts.equals(even, 1.0, evidence.tolerance),
        ],
        plot=_weight_plot(B1, sums),
    )


def _second_moments(setting: Setting) -> Mapping[Key, RunSpec]:
    adam = f"adam:lr=1,beta1=0,beta2={B2},eps=0"
    return {
        "jump": setting.run(JUMP, adam, steps=40, points=True),
        "constant": setting.run(constant(1.0), adam, steps=40, points=True),
    }


@claim(
    "AD-03b",
    "The weights of Adam's average of squares, (1 - b2) b2^(t-s), add up to 1 - b2^t.",
    formula=r"\sum_{s=1}^{t} (1 - \beta_2) \beta_2^{t-s} = 1 - \beta_2^t",
    assumptions="v_0 = 0, t from 1; with b1 = eps = 0 a step shows g/sqrt(v-hat)",
    source="Kingma and Ba 2015, section 3",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="adam",
    runs=_second_moments,
)
def ad_03b(evidence: Evidence) -> Finding:
    """Let the first gradient be 2 and the others 1: v-hat - 1 is three times its weight."""
    t = np.arange(1, 41)
    jump, even = (steps_of(evidence.runs[key])[:, 0] for key in ("jump", "constant"))
    g = np.where(t == 1, 2.0, 1.0)
    v_hat = (g / jump) ** 2
    sums = np.cumsum((v_hat - 1) / 3 * (1 - B2**t))
    return all_of(
        [
            verdicts.equals(sums, 1 - B2**t, evidence.tolerance),
            verdicts.equals(v_hat, 1 + 3 * _weights(B2, 40) / (1 - B2**t), evidence.tolerance),
            verdicts.equals(even, -1.0, evidence.tolerance),
        ],
        plot=_weight_plot(B2, sums),
    )


LONGEST = 0.1 / np.sqrt((1 - 0.999) * (1 - 0.81 / 0.999))
"""(1 - b1)/sqrt((1 - b2)(1 - b1^2/b2)) for b1 = .9, b2 = .999: 7.2702918."""

SPIKE = 0.1 / np.sqrt(1 - 0.999)
"""The step at a lone spike after a long silence, (1 - b1)/sqrt(1 - b2) = 3.162."""


def _longest_step(t: Array) -> Array:
    """Return the largest |step|/eta at step t = 1, 2, ... for b1 = .9, b2 = .999."""
    ratio = 0.81 / 0.999
    sums = (1 - ratio**t) / (1 - ratio)
    longest: Array = 0.1 / (1 - 0.9**t) * np.sqrt((1 - 0.999**t) / (1 - 0.999) * sums)
    return longest


def _wild(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "online:gradients=random,dim=50,period=400,radius=0"
    return {"run": setting.run(problem, "adam:lr=1,eps=0", steps=400, points=True)}


def _worst_gradients(setting: Setting) -> Mapping[Key, RunSpec]:
    """Gradients that grow like (b2/b1)^t = 1.11^t."""
    problem = "online:gradients=1,growth=1.11,radius=0,start=0"
    return {"run": setting.run(problem, "adam:lr=1,eps=0", steps=400, points=True)}


@claim(
    "AD-04a",
    "Whatever the gradients, Adam's step stays below 7.27 eta: it cannot blow up.",
    formula=r"\frac{|\theta_{t+1} - \theta_t|}{\eta} \leq \frac{1 - \beta_1}{1 - \beta_1^t} "
    r"\sqrt{\frac{1 - \beta_2^t}{1 - \beta_2} \sum_{k<t} \left(\frac{\beta_1^2}{\beta_2}\right)^k}",
    assumptions="any gradients, eps >= 0, b1^2 < b2; here (.9, .999) and heavy tails",
    source="Cauchy-Schwarz; Kingma and Ba 2015, section 2.1, has the value of a lone spike, 3.16",
    kind=Kind.BOUND,
    tolerance=B,
    rule="adam",
    runs=_wild,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Adam rarely diverges, minds the learning rate less and copes with badly "
            "scaled coordinates.",
            ruling=Ruling.IMPRECISE,
            truth="A step is at most 7.27 eta, so nothing blows up, and coordinates may be scaled "
            "at will. But axes may not be turned, a constant eta never settles, and on some "
            "problems Adam goes to the worst point.",
        ),
    ),
)
def ad_04a(evidence: Evidence) -> Finding:
    """Check every step of fifty heavy-tailed sequences; AD-04b attains the bound."""
    run = evidence.runs["run"]
    t = np.arange(1.0, 401)
    bound = _longest_step(t)
    lengths = np.abs(steps_of(run))
    plot = Plot(
        x_label="steps t",
        y_label="longest step / eta",
        x_scale="log",
        series=(
            series("longest of fifty heavy-tailed sequences", t, lengths.max(axis=1)),
            theory("no sequence can do more", t, bound),
        ),
        caption="However wild the gradients are, a step of Adam has a largest length.",
    )
    limits = np.broadcast_to(bound[:, None], lengths.shape)
    return all_of(
        [
            verdicts.below(lengths.max(), LONGEST, evidence.tolerance),
            verdicts.below(lengths, limits, evidence.tolerance),
        ],
        plot=plot,
    )


@claim(
    "AD-04b",
    "Gradients that grow like (b2/b1)^t attain Adam's longest step, 7.27 eta for (.9, .999).",
    formula=r"\max \frac{|\theta_{t+1} - \theta_t|}{\eta} \to \frac{1 - \beta_1}{\sqrt{(1 - "
    r"\beta_2)(1 - \beta_1^2/\beta_2)}} = 7.2703",
    assumptions="eps = 0, b1^2 < b2; the limit is approached like sqrt(1 - b2^t)",
    source="the case of equality in Cauchy-Schwarz",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="adam",
    runs=_worst_gradients,
)
def ad_04b(evidence: Evidence) -> Finding:
    """Every step attains its bound; divided by sqrt(1 - b2^t) the last one is at the limit."""
    t = np.arange(1.0, 401)
    lengths, bound = -steps_of(evidence.runs["run"])[:, 0], _longest_step(t)
    at = thinned(400, 60)
    plot = Plot(
        x_label="steps t",
        y_label="step / eta",
        x_scale="log",
        series=(
            series("under gradients 1.11^t", t[at], lengths[at], points=True),
            theory("the longest step", t, bound),
            quoted("a lone spike, (1 - b1)/sqrt(1 - b2)", t, np.full(400, SPIKE)),
        ),
        caption="The worst gradients grow by a ninth a step. A lone spike after a long silence, "
        "often quoted as the limit, gives less than half.",
    )
    limit = lengths[-1] / np.sqrt(1 - 0.999**400)
    return all_of(
        [
            verdicts.equals(limit, LONGEST, evidence.tolerance),
            verdicts.equals(lengths, bound, evidence.tolerance),
            verdicts.at_least(limit, 2 * SPIKE),
        ],
        plot=plot,
    )


def _alternating(setting: Setting) -> Mapping[Key, RunSpec]:
    problem = "online:gradients=1/5,radius=0,start=20"
    return {
        "run": setting.run(problem, "adam:lr=1,beta1=0,beta2=.75,eps=0", steps=120, points=True)
    }


@claim(
    "AD-13",
    "Adam's second moment is not the gradient's variance but mean^2 + variance: 13 for 3 and 4.",
    formula=r"E\, \hat v = (E g)^2 + \mathrm{Var}\, g",
    assumptions="stationary gradients; here 1 and 5 in turn, mean 3, variance 4",
    source="linearity of the moving average",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="adam",
    runs=_alternating,
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="Adam's second moment is the variance of the gradient.",
            ruling=Ruling.WRONG,
            truth="It is not centred: mean^2 + variance. Under a constant gradient the variance is "
            "0 and v-hat is g^2.",
        ),
    ),
)
def ad_13(evidence: Evidence) -> Finding:
    """Read v-hat off the steps, (g/step)^2 with b1 = 0; its mean over a period is 13, not 4."""
    run = evidence.runs["run"]
    v_hat = (shown(run) / steps_of(run))[:, 0] ** 2
    means = (v_hat[1:] + v_hat[:-1]) / 2
    t = np.arange(1, len(v_hat) + 1)
    plot = Plot(
        x_label="steps t",
        y_label="v-hat",
        series=(
            series("v-hat", t[:40], v_hat[:40]),
            series("mean over a period", t[1:40], means[:39], points=True),
            theory("mean^2 + variance = 13", t[:40], np.full(40, 13.0)),
            quoted("variance = 4", t[:40], np.full(40, 4.0)),
        ),
        caption="Gradients 1, 5, 1, 5 ... have mean 3 and variance 4.",
    )
    exact = verdicts.equals(means[-1], 13.0, evidence.tolerance)
    return all_of([exact, verdicts.at_least(means[-1], 3 * 4.0)], plot=plot)
