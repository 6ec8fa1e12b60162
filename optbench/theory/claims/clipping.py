"""Clipped gradients: how long they are, where they point, what they do to a minimum."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from optbench.core.optimizer import Gradients
from optbench.core.randomness import stream
from optbench.core.run import Status
from optbench.core.spec import RunSpec, Spec
from optbench.engines.oracle import BatchOracle
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._shown import points_of, shown, steps_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, quoted, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import Tolerance, asymptotic

LR = 0.1
SHORT = 1e-6
"""What torch adds to the norm before it divides by it."""


STEP = Tolerance(absolute=1e-12, reason="a step is the difference of two points up to 20")


def _clipped_run(setting: Setting, option: str) -> Mapping[Key, RunSpec]:
    """A run whose gradients are long at first and short in the end."""
    problem = "quadratic:dim=3,kappa=10,smoothness=5,radius=20"
    return {"run": setting.run(problem, f"gd:lr={LR},{option}=1", steps=400, points=True)}


@claim(
    "CL-01a",
    "Clipping by norm shortens a gradient to c |g|/(|g| + 1e-6), just below c, and keeps its "
    "direction; shorter gradients stay.",
    formula=r"g' = g \min\left(1, \frac{c}{\|g\| + 10^{-6}}\right)",
    assumptions="torch's form, with 1e-6 in the denominator; here c = 1 and |g| from 1e-6 to 100",
    source="Pascanu, Mikolov and Bengio 2013, algorithm 1; torch.nn.utils.clip_grad_norm_",
    kind=Kind.IDENTITY,
    tolerance=STEP,
    rule="gd",
    runs=lambda setting: _clipped_run(setting, "clip_norm"),
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="clip_grad_norm_(parameters, 1.0) clips the gradient to norm 1.",
            ruling=Ruling.OK,
            truth="A gradient that is clipped has the norm |g|/(|g| + 1e-6), a little less than 1.",
        ),
    ),
)
def cl_01a(evidence: Evidence) -> Finding:
    """Compare every step with the formula and with torch's own function."""
    run = evidence.runs["run"]
    g, applied = shown(run), -steps_of(run) / LR
    before, after = (np.linalg.norm(a, axis=1) for a in (g, applied))
    expected = np.minimum(before, before / (before + SHORT))
    clipped = before + SHORT > 1
    line = np.geomspace(before.min(), before.max(), 100)
    plot = Plot(
        x_label="|g| before",
        y_label="|g| after",
        x_scale="log",
        y_scale="log",
        series=(
            series("gradients of a run", before, after, points=True),
            theory("min(|g|, |g|/(|g| + 1e-6))", line, np.minimum(line, line / (line + SHORT))),
            quoted("1", [before.min(), before.max()], [1.0, 1.0]),
        ),
        caption="Long gradients are cut to just below 1, short ones stay as they are.",
    )
    reference = np.stack([_torch_clipped(row, 1.0) for row in g])
    return all_of(
        [
            verdicts.equals(after, expected, evidence.tolerance),
            verdicts.equals(applied, reference, evidence.tolerance),
            verdicts.holds(
                bool((after[clipped] < 1).all()) and 10 < int(clipped.sum()) < len(clipped) - 10,
                theory="below 1 where clipped",
                measured=f"{int(clipped.sum())} of {len(clipped)} clipped",
            ),
        ],
        plot=plot,
    )


def _torch_clipped(gradient: Array, limit: float) -> Array:
    """Return what torch makes of a gradient, shape (d,)."""
    parameter = torch.zeros(len(gradient), dtype=torch.float64, requires_grad=True)
    parameter.grad = torch.from_numpy(gradient.copy())
    torch.nn.utils.clip_grad_norm_([parameter], limit)
    clipped: Array = parameter.grad.numpy()
    return clipped


@claim(
    "CL-01b",
    "Clipping by value cuts every coordinate to [-c, c] and turns the gradient.",
    formula=r"g'_i = \max(-c, \min(c, g_i))",
    assumptions="here c = 1",
    source="torch.nn.utils.clip_grad_value_",
    kind=Kind.IDENTITY,
    tolerance=STEP,
    rule="gd",
    runs=lambda setting: _clipped_run(setting, "clip_value"),
)
def cl_01b(evidence: Evidence) -> Finding:
    """Compare every step with the formula, and find how far clipped gradients are turned."""
    run = evidence.runs["run"]
    g, applied = shown(run), -steps_of(run) / LR
    cosine = (g * applied).sum(axis=1) / (
        np.linalg.norm(g, axis=1) * np.linalg.norm(applied, axis=1)
    )
    return all_of(
        [
            verdicts.equals(applied, np.clip(g, -1, 1), evidence.tolerance),
            verdicts.holds(
                cosine.min() < 0.97, theory="turned", measured=f"cosine {cosine.min():.3f}"
            ),
        ]
    )


def _shown_to(problem: Spec, clip: Gradients, x: torch.Tensor) -> torch.Tensor:
    """Return the gradients that an optimizer is shown at points (n, d)."""
    oracle = BatchOracle(build_problem(problem), [0] * len(x), clip, x)
    oracle.begin(0)
    return oracle.gradient(x)


ROUNDED = Tolerance(relative=1e-5, reason="the 1e-6 in the denominator, for vectors of length 1")


@claim(
    "CL-02",
    "Clipping by norm brings no two gradients farther apart: it is the projection on a ball.",
    formula=r"\|g' - h'\| \leq \|g - h\|",
    assumptions="any g and h, up to the 1e-6 in torch's denominator; here c = 1",
    source="the projection on a convex set is non-expansive, e.g. Bauschke and Combettes 2011",
    kind=Kind.BOUND,
    tolerance=ROUNDED,
)
def cl_02(evidence: Evidence) -> Finding:
    """Show the oracle 20000 pairs of points on x^2/2, whose gradients they are.

    Pairs inside the ball attain the bound.
    """
    noise = torch.from_numpy(stream(0, 0, "pairs").standard_normal((3, 20_000, 5)))
    x, other = noise[0] * noise[2, :, :1].exp() / 2, noise[1]
    # Half of the pairs are close together, where a jump would show.
    y = torch.where(torch.arange(20_000)[:, None] % 2 == 0, other, x + 1e-3 * other)
    problem, clip = Spec.of("quadratic", {"dim": 5, "kappa": 1.0}), Gradients(clip_norm=1.0)
    before = torch.linalg.vector_norm(x - y, dim=1).numpy()
    after = torch.linalg.vector_norm(
        _shown_to(problem, clip, x) - _shown_to(problem, clip, y), dim=1
    ).numpy()
    value = Gradients(clip_value=1.0)
    apart = torch.linalg.vector_norm(
        _shown_to(problem, value, x) - _shown_to(problem, value, y), dim=1
    ).numpy()
    few = slice(0, 300)
    line = np.sort(before[few])
    plot = Plot(
        x_label="|g - h| before",
        y_label="|g - h| after",
        x_scale="log",
        y_scale="log",
        series=(
            series("pairs of gradients", before[few], after[few], points=True),
            theory("as far apart as before", line, line),
        ),
        caption="No pair is above the line.",
    )
    return all_of(
        [
            verdicts.below(after, before, evidence.tolerance),
            verdicts.below(apart, before, evidence.tolerance),
        ],
        plot=plot,
    )


QUARTIC = "power:p=4,start=100"
"""x^4/4 with lr = .04 and c = 2.5 takes the steps of x^4 with lr = .01 and c = 10."""

LEVELS = (0.5, 0.2, 0.1, 0.05, 0.02)
"""Values of |x| to be reached."""


@claim(
    "CL-03",
    "On x^4 from 100 clipping needs as many steps as its linear and its power-law phase together; "
    "without it gradient descent explodes.",
    formula=r"N(\epsilon) = \frac{x_0 - x_c}{\eta c} + \frac{1}{8 \eta \epsilon^2}",
    assumptions="f(x) = x^4, x_0 = 100, eta = .01, c = 10; 4 x_c^3 = c, here epsilon = .02",
    source="the gradient flow, phase by phase; cf. Zhang, He, Sra and Jadbabaie 2020",
    kind=Kind.RATE,
    tolerance=asymptotic(2e-3, "the start of the power law, 1/(8 eta x_c^2), is left out"),
    rule="gd",
    runs=lambda setting: {
        option: setting.run(
            QUARTIC,
            f"gd:lr=.04{option}",
            steps=40_000,
            record="log",
            targets=tuple(f"distance={level}" for level in LEVELS),
        )
        for option in (",clip_value=2.5", "")
    },
    diverges=True,
    long=True,
)
def cl_03(evidence: Evidence) -> Finding:
    """Count the steps to |x| = .02, exactly; the other levels are shown."""
    clipped, plain = evidence.runs[",clip_value=2.5"], evidence.runs[""]
    counts = [clipped.hit(level) for level in LEVELS]
    linear = (100 - 2.5 ** (1 / 3)) / 0.1
    levels = np.array(LEVELS)
    expected = linear + 1 / (0.08 * levels**2)
    line = np.geomspace(0.02, 0.5, 50)
    found = np.array([np.nan if hit is None else hit.step for hit in counts])
    plot = Plot(
        x_label="epsilon",
        y_label="steps until |x| = epsilon",
        x_scale="log",
        y_scale="log",
        series=(
            series("clipped", levels, found, points=True),
            theory("both phases", line, linear + 1 / (0.08 * line**2)),
            theory("the power law alone", line, 1 / (0.08 * line**2)),
        ),
        caption="At first every step has the same length, later the slope fades: the steps of "
        "both phases add up.",
    )
    return all_of(
        [
            verdicts.equals(found[-1], expected[-1], evidence.tolerance),
            verdicts.holds(
                plain.status in (Status.DIVERGED, Status.NAN),
                theory="explodes without clipping",
                measured=plain.status,
            ),
        ],
        plot=plot,
    )


FIXED = Tolerance(absolute=1e-6, reason="torch's 1e-6 in the denominator moves the point by 1e-7")


def _two_orders(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        option: setting.run(
            "mean_estimation:points=0/0/3,start=-1", f"gd:lr=.2,{option}=.5", steps=200, points=True
        )
        for option in ("clip_sample", "clip_norm")
    }


@claim(
    "CL-04",
    "Clipping each example's gradient moves the minimum: the mean of 0, 0, 3 is taken for .25.",
    formula=r"\sum_i \mathrm{clip}(x - a_i) = 0 \; \mathrm{at} \; x = 0.25 \neq 1",
    assumptions="f(x) = (1/3) sum (x - a_i)^2/2, a = 0, 0, 3, c = .5; the whole batch, no noise",
    source="Koloskova, Hendrikx and Stich 2023, section 3",
    kind=Kind.NEGATIVE,
    tolerance=FIXED,
    rule="gd",
    runs=_two_orders,
)
def cl_04(evidence: Evidence) -> Finding:
    """Clip before and after averaging: the first stops at .25, the second at the mean, 1."""
    paths: dict[str, Array] = {
        option: points_of(evidence.runs[option])[:, 0] for option in ("clip_sample", "clip_norm")
    }
    t = np.arange(len(paths["clip_norm"]))
    few = slice(0, 80)
    plot = Plot(
        x_label="steps t",
        y_label="x_t",
        series=(
            series("each gradient clipped, then averaged", t[few], paths["clip_sample"][few]),
            series("averaged, then clipped", t[few], paths["clip_norm"][few]),
            theory(".25", [0, 79], [0.25, 0.25]),
            theory("1, the mean", [0, 79], [1, 1]),
        ),
        caption="Clipped one by one, the example at 3 pulls no harder than .5, wherever x is.",
    )
    return all_of(
        [
            verdicts.equals(paths["clip_sample"][-1], 0.25, evidence.tolerance),
            verdicts.equals(paths["clip_norm"][-1], 1.0, evidence.tolerance),
        ],
        plot=plot,
    )
