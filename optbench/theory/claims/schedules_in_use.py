"""What becomes of schedules and decays as tutorials use them: per epoch, per group, for years."""

from __future__ import annotations

import numpy as np

from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._schedules import rates_of, taken, under
from optbench.theory.claims._shown import points_of, shown, steps_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Plot, quoted, series, theory
from optbench.theory.tolerance import E2, Tolerance

EPOCHS = (5, 10, 30, 100)


@claim(
    "SC-09",
    "A cosine that is stepped once an epoch leaves the last of E epochs at (1 + cos(pi (E - 1)/E))"
    "/2: 2.447 % of the peak for E = 10, not 0.",
    formula=r"\eta_{E-1} = \frac{1 + \cos(\pi (E - 1)/E)}{2} \eta_0",
    assumptions="T_max = E; a step of the run stands for an epoch",
    source="torch.optim.lr_scheduler.CosineAnnealingLR; Loshchilov and Hutter 2017, equation 5",
    kind=Kind.IDENTITY,
    tolerance=E2,
    rule="gd",
    runs=lambda setting: {
        E: run
        for E in EPOCHS
        for run in under({E: f"torch.CosineAnnealingLR:T_max={E}"}, steps=E)(setting).values()
    },
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="CosineAnnealingLR(T_max=epochs), stepped once an epoch, anneals to 0.",
            ruling=Ruling.OK,
            truth="It reaches 0 behind the last epoch, which itself runs at (1 + cos(pi (E - 1)/E))"
            "/2 of the peak: 2.447 % for 10 epochs.",
        ),
    ),
)
def sc_09(evidence: Evidence) -> Finding:
    """Look at the rate of the last epoch, and of the one that would come next: 0."""
    E = np.array(EPOCHS)
    last = np.array([rates_of(evidence.runs[e])[e - 1] for e in EPOCHS])
    behind = [rates_of(evidence.runs[e])[e] for e in EPOCHS]
    expected = (1 + np.cos(np.pi * (E - 1) / E)) / 2
    ten = evidence.runs[10]
    epochs = np.arange(11.0)
    plot = Plot(
        x_label="epoch",
        y_label="learning rate over its peak",
        series=(
            series("10 epochs", epochs[:10], rates_of(ten)[:10], points=True),
            theory("(1 + cos(pi e/10))/2", epochs, (1 + np.cos(np.pi * epochs / 10)) / 2),
            quoted("0 at the end", [9, 10], [0, 0]),
        ),
        caption="The last point is the last epoch: 2.4 % of the peak.",
    )
    return all_of(
        [
            verdicts.equals(last[1], 0.02447174185242318, evidence.tolerance),
            verdicts.equals(last, expected, evidence.tolerance),
            verdicts.equals(behind, 0.0, Tolerance(absolute=1e-15, reason="a few roundings of 1")),
            taken(ten, (1 + np.cos(np.pi * epochs / 10)) / 2),
        ],
        plot=plot,
    )


LR, DECAY, STRONG, STEPS = 3e-4, 1e-4, 0.1, 1000
SLOW = Tolerance(relative=1e-8, reason="1000 roundings of 1e-16, on a decay of 3e-5")


@claim(
    "SC-10",
    "AdamW with lr = 3e-4 and a weight decay of 1e-4 needs 3.3e7 steps to decay by a factor e.",
    formula=r"x_t = (1 - \eta \lambda)^t x_0, \quad \tau = \frac{-1}{\ln(1 - \eta \lambda)} "
    r"\approx \frac{1}{\eta \lambda} = 3.3 \cdot 10^7",
    assumptions="no gradient; a constant learning rate",
    source="Loshchilov and Hutter 2019, algorithm 2, in torch's form",
    kind=Kind.IDENTITY,
    tolerance=SLOW,
    rule="adamw",
    runs=lambda setting: {
        decay: setting.run(
            "online:gradients=0,radius=0,start=1",
            f"adamw:lr={LR},weight_decay={decay}",
            steps=STEPS,
            points=True,
        )
        for decay in (DECAY, STRONG)
    },
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="AdamW(lr=3e-4, weight_decay=1e-4) regularises by weight decay.",
            ruling=Ruling.OK,
            truth="The decay multiplies the weights by 1 - 3e-8 a step: its time constant is "
            "3.3e7 steps, so that in most runs there is none.",
        ),
    ),
)
def sc_10(evidence: Evidence) -> Finding:
    """Measure the time constant from 1000 steps of decay alone, and that of a decay of .1."""
    t = np.arange(STEPS + 1)
    paths = {decay: points_of(evidence.runs[decay])[:, 0] for decay in (DECAY, STRONG)}
    constants = {decay: -STEPS / np.log(path[-1]) for decay, path in paths.items()}
    expected = {decay: -1 / np.log1p(-LR * decay) for decay in paths}
    few = slice(None, None, 10)
    plot = Plot(
        x_label="steps t",
        y_label="x_t",
        series=(
            series("weight decay 1e-4", t[few], paths[DECAY][few]),
            series("weight decay .1", t[few], paths[STRONG][few]),
            theory("(1 - 3e-5)^t", t[few], (1 - LR * STRONG) ** t[few]),
            theory("(1 - 3e-8)^t", t[few], (1 - LR * DECAY) ** t[few]),
        ),
        caption="Weights without a gradient: with the usual numbers they stay where they are.",
    )
    return all_of(
        [
            verdicts.equals(constants[DECAY], expected[DECAY], evidence.tolerance),
            verdicts.equals(constants[STRONG], expected[STRONG], evidence.tolerance),
            verdicts.holds(
                f"{constants[DECAY]:.1e}" == "3.3e+07", theory=3.3e7, measured=constants[DECAY]
            ),
            verdicts.holds(
                bool(paths[DECAY][-1] > 0.9999), theory="no decay", measured=paths[DECAY][-1]
            ),
        ],
        plot=plot,
    )


NETWORK = "mlp_regression:hidden=4,layers=1,examples=10"


@claim(
    "SC-11",
    "A schedule multiplies the learning rates of all groups: 1e-5 to 1e-3 stays 1 to 100.",
    formula=r"\eta_t^{(1)} / \eta_t^{(2)} = \eta^{(1)} / \eta^{(2)}",
    assumptions="warm-up and cosine over 100 steps, a group of its own for the first layer",
    source="torch.optim: schedulers multiply each group's initial learning rate",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(relative=1e-6, reason="a step of 1e-5 is the difference of two points"),
    rule="gd",
    runs=lambda setting: {
        "run": setting.run(
            NETWORK,
            "gd:lr=1e-3,lr_scale@0=.01",
            steps=100,
            schedule="warmup_cosine:warmup=10",
            points=True,
        )
    },
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="Parameter groups with learning rates of 1e-5 and 1e-3 under one schedule.",
            ruling=Ruling.OK,
            truth="The schedule multiplies both, so that their ratio stays 100.",
        ),
    ),
)
def sc_11(evidence: Evidence) -> Finding:
    """Divide every step by its gradient, coordinate by coordinate."""
    run = evidence.runs["run"]
    first = build_problem(run.spec.problem).layout.mask(
        build_problem(run.spec.problem).start(0)[None], "0"
    )
    rates = -steps_of(run) / shown(run)
    slow, fast = rates[:, first.numpy()], rates[:, ~first.numpy()]
    t = np.arange(100.0)
    scheduled = rates_of(run)[:100]
    means = [np.median(group, axis=1) for group in (fast, slow)]
    plot = Plot(
        x_label="steps t",
        y_label="learning rate",
        y_scale="log",
        series=(
            series("the other layers", t[1:], means[0][1:], points=True),
            series("the first layer", t[1:], means[1][1:], points=True),
            theory("1e-3 times the schedule", t[1:], scheduled[1:]),
            theory("1e-5 times the schedule", t[1:], scheduled[1:] / 100),
        ),
        caption="Two curves of one shape, a factor of 100 apart.",
    )
    return all_of(
        [
            verdicts.equals(means[0][1:] / means[1][1:], 100.0, evidence.tolerance),
            verdicts.equals(means[0], scheduled, evidence.tolerance),
            verdicts.equals(scheduled.max(), 1e-3, E2),
        ],
        plot=plot,
    )
