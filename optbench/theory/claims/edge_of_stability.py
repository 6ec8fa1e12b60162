"""Which minima gradient descent can stay at, and that networks come to the edge of it."""

from __future__ import annotations

import numpy as np
import torch

from optbench.core.run import Run, Status
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Kind, claim
from optbench.theory.claims._shown import points_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.tolerance import B, Tolerance

LR = 0.6
STARTS = 300


@claim(
    "ES-01",
    "Of the minima of (x y - 1)^2/2 gradient descent converges only to those whose largest "
    "curvature, x^2 + y^2, is at most 2/eta.",
    formula=r"x_{\infty}^2 + y_{\infty}^2 \leq \frac{2}{\eta}",
    assumptions="300 random starts in a box, beside minima as sharp and sharper; those that do not "
    "converge do not count",
    source="linear stability: Wu, Ma and E 2018, section 2; Cohen et al. 2021",
    kind=Kind.THRESHOLD,
    tolerance=B,
    rule="gd",
    runs=lambda setting: {
        **{
            seed: setting.run(
                "product", f"gd:lr={LR}", steps=400, seed=seed, record="log", points=True
            )
            for seed in setting.seeds(STARTS)
        },
        **{
            share: setting.run(
                f"product:start={_beside(share)}",
                f"gd:lr={LR}",
                steps=3000,
                record="log",
                points=True,
            )
            for share in (0.99, 1.01)
        },
    },
    diverges=True,
)
def es_01(evidence: Evidence) -> Finding:
    """Compare starts with limits, and start beside minima 1 % less and 1 % more sharp than 2/eta.

    The flatter of the two holds the run, the sharper one does not.
    """
    beside = {share: evidence.runs[share] for share in (0.99, 1.01)}
    runs = [run for key, run in evidence.runs.items() if key not in beside]
    ended = [run for run in runs if run.last("suboptimality") < 1e-20]
    before, after = (np.array([_sharpness(run, i) for run in ended]) for i in (0, -1))
    sharper = int((before > 2 / LR).sum())
    near = {share: _sharpness(run, -1) * LR / 2 for share, run in beside.items()}
    plot = Plot(
        x_label="x^2 + y^2 at the start",
        y_label="x^2 + y^2 at the minimum reached",
        series=(
            series(f"{len(ended)} runs that converged", before, after, points=True),
            theory("2/eta", [0, 8], [2 / LR, 2 / LR]),
        ),
        verticals=((2 / LR, "2/eta"),),
        caption=f"eta = {LR}. {sharper} of these starts are sharper than 2/eta: their runs leave "
        "for flatter minima.",
    )
    return all_of(
        [
            verdicts.below(after, 2 / LR, evidence.tolerance),
            verdicts.holds(
                len(ended) > STARTS / 2 and sharper > STARTS / 10,
                theory="starts sharper than 2/eta",
                measured=f"{sharper} of {len(ended)}",
            ),
            verdicts.holds(
                beside[0.99].status is Status.BUDGET and abs(near[0.99] - 0.99) < 1e-3,
                theory="stays at .99 of 2/eta",
                measured=near[0.99],
            ),
            verdicts.holds(near[1.01] < 1, theory="leaves 1.01 of 2/eta", measured=near[1.01]),
        ],
        plot=plot,
    )


def _beside(share: float) -> str:
    """Return a start 1e-3 beside the minimum (x, 1/x) with x^2 + 1/x^2 = share 2/eta."""
    s = share * 2 / LR
    x = np.sqrt((s + np.sqrt(s * s - 4)) / 2)
    return f"{x:.15g}/{1 / x + 1e-3:.15g}"


def _sharpness(run: Run, index: int) -> float:
    """Return x^2 + y^2, the larger curvature where x y = 1."""
    return float(np.square(points_of(run)[index]).sum())


NETWORK = "mlp_regression:hidden=20,layers=2,examples=20"
ETA, STEPS, EVERY, SETTLED = 0.1, 4500, 150, 3000
EDGE = Tolerance(absolute=0.1, reason="it hovers: a band of .95 to 1.1, found by experiment")


def sharpness(run: Run, steps: Array) -> Array:
    """Return the Hessian's eigenvalue of largest modulus at the logged points next to some steps.

    Power iteration, 60 products with the problem's own Hessian at all points together.
    """
    problem = build_problem(run.spec.problem)
    rows = np.searchsorted(run.curve["step"], steps).clip(max=len(run.curve["step"]) - 1)
    x = torch.from_numpy(points_of(run)[rows])
    assert problem.hessian_vector is not None
    v, length = torch.ones_like(x), torch.ones(len(x), 1)
    for _ in range(60):
        v = problem.hessian_vector(x, v / length)
        length = torch.linalg.vector_norm(v, dim=1, keepdim=True)
    found: Array = length[:, 0].numpy()
    return found


@claim(
    "ES-02",
    "Under full-batch gradient descent a small tanh network sharpens until its largest curvature "
    "hovers at 2/eta.",
    formula=r"\frac{\eta}{2} \lambda_{\max}(\nabla^2 f(x_t)) \rightarrow 1",
    assumptions="a multilayer perceptron 1-20-20-1 on 20 points of 4 x^3 - 3 x, squared error, "
    "eta = .1, one start; t > 3000. An observation, not a theorem",
    source="Cohen et al. 2021, section 3",
    kind=Kind.RATE,
    tolerance=EDGE,
    rule="gd",
    runs=lambda setting: {
        "network": setting.run(
            NETWORK, f"gd:lr={ETA}", steps=STEPS * setting.effort, record="log", points=True
        )
    },
    long=True,
    retries=1,
)
def es_02(evidence: Evidence) -> Finding:
    """Measure the sharpness by power iteration: from below .5 into the band [.95, 1.1]."""
    run = evidence.runs["network"]
    t = np.arange(0.0, run.last("step") + 1, EVERY)
    share = sharpness(run, t) * ETA / 2
    tail = share[t > SETTLED]
    plot = Plot(
        x_label="steps t",
        y_label="eta/2 times the largest curvature",
        series=(
            series("a tanh network", t, share),
            theory("1, the edge of stability", [0, t[-1]], [1, 1]),
        ),
        caption="Nothing in the loss asks for it: the curvature rises by itself to the largest "
        "value at which gradient descent does not leave, and the loss falls all the same.",
    )
    if tail.max() < 0.95:
        return verdicts.inconclusive(1.0, "the edge was not reached", tail.max()).drawn(plot)
    fell = run.curve["value"][-1] < 1e-2 * run.curve["value"][0]
    return all_of(
        [
            verdicts.holds(0.95 < tail.max() < 1.1, theory=1.0, measured=float(tail.max())),
            verdicts.equals(np.median(tail), 1.0, evidence.tolerance),
            verdicts.holds(share[0] < 0.5, theory="flat at the start", measured=share[0]),
            verdicts.holds(bool(fell), theory="f falls", measured=run.last("value")),
        ],
        plot=plot,
    )
