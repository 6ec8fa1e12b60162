"""Sophia: momentum over an estimate of the Hessian's diagonal, clipped in each coordinate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from optbench.core.spec import RunSpec
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._chains import drawn_as_often
from optbench.theory.claims._shown import curvatures, points_of
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E0, E1

GAMMA = 2.0


def _on_axes(setting: Setting) -> Mapping[Key, RunSpec]:
    """On the axes the estimate is exact; starts such that some coordinates are clipped."""
    problem = "quadratic:dim=4,kappa=100,smoothness=10,rotated=false,start=3/-.5/.02/.001"
    sophia = f"sophia_h:lr=.05,beta1=.9,beta2=.5,gamma={GAMMA},weight_decay=.25"
    return {"run": setting.run(problem, sophia, steps=35, points=True)}


def _sophia(x: Array, curvature: Array, steps: int) -> tuple[Array, Array]:
    """Return x_0 to x_T by the equation, and m/(gamma h) before it is clipped, each (., d)."""
    m, h = np.zeros_like(x), np.zeros_like(x)
    points, ratios = [x], []
    for t in range(steps):
        if t % 10 == 0:
            h = 0.5 * h + 0.5 * curvature
        m = 0.9 * m + 0.1 * curvature * x
        ratios.append(m / np.maximum(GAMMA * h, 1e-12))
        x = (1 - 0.05 * 0.25) * x - 0.05 * np.clip(ratios[-1], -1, 1)
        points.append(x)
    return np.array(points), np.array(ratios)


@claim(
    "SP-01",
    "A step of Sophia is eta times the momentum over gamma h, clipped to [-1, 1] in each "
    "coordinate.",
    formula=r"x^+ = (1 - \eta \lambda) x - \eta\, \mathrm{clip}\left(\frac{m^+}{\max(\gamma h^+, "
    r"\varepsilon)}, 1\right)",
    assumptions="h estimated every tenth step, exactly where the Hessian is diagonal",
    source="Liu et al. 2023, algorithms 1 and 3",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="sophia_h",
    runs=_on_axes,
)
def sp_01(evidence: Evidence) -> Finding:
    """Compare 35 steps with the equation; coordinates are clipped and free among them."""
    run = evidence.runs["run"]
    x = points_of(run)
    law, ratios = _sophia(x[0], curvatures(run), 35)
    t = np.arange(36)
    plot = Plot(
        x_label="steps t",
        y_label="|x_t| by coordinate",
        y_scale="log",
        series=tuple(
            item
            for i in range(4)
            for item in (
                series(f"coordinate {i + 1}", t, np.abs(x[:, i]), points=True),
                theory(f"equation, {i + 1}", t, np.abs(law[:, i])),
            )
        ),
        caption="Far from the minimum the clipped step has one length, near it the curvature "
        "decides.",
    )
    clipped = np.abs(ratios) > 1
    both = bool(clipped.any() and not clipped.all())
    return all_of(
        [
            verdicts.equals(x, law, evidence.tolerance),
            verdicts.holds(both, theory="clipped and free", measured="one of them only"),
        ],
        plot=plot,
    )


SEEDS = 512


def _one_step(setting: Setting) -> Mapping[Key, RunSpec]:
    """One step under the signs of 512 seeds, far from the clip; it shows h, as m is known."""
    problem = "quadratic:dim=3,kappa=2,start=equal"
    sophia = "sophia_h:lr=1,beta1=0,beta2=0,gamma=100,weight_decay=0"
    return {
        seed: setting.run(problem, sophia, steps=1, seed=seed, points=True)
        for seed in setting.seeds(SEEDS)
    }


@claim(
    "SP-02",
    "The mean of Hutchinson's estimate u (H u) over all vectors of signs is the diagonal of H.",
    formula=r"2^{-d} \sum_{u \in \{-1, 1\}^d} u \odot (H u) = \mathrm{diag}\, H",
    assumptions="any symmetric H; here 3 x 3, turned axes: 8 vectors, of which u and -u agree",
    source="Hutchinson 1989; Liu et al. 2023, algorithm 1",
    kind=Kind.IDENTITY,
    tolerance=E1,
    rule="sophia_h",
    runs=_one_step,
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Sophia uses a cheap diagonal estimate of the Hessian.",
            ruling=Ruling.OK,
            truth="One product with the Hessian every tenth step. The estimate is unbiased; a "
            "single one is off by the sum of the other entries of its row.",
        ),
    ),
)
def sp_02(evidence: Evidence) -> Finding:
    """Read the estimates off one step a seed; all four that there are turn up among 64 seeds."""
    runs = list(evidence.runs.values())
    problem = build_problem(runs[0].spec.problem)
    assert problem.hessian_vector is not None
    x = torch.from_numpy(points_of(runs[0])[:1])
    g = problem.oracle(x)[1][0].numpy()
    eye = torch.eye(3, dtype=torch.float64)
    diagonal = problem.hessian_vector(x.expand(3, 3), eye).diagonal().numpy()
    moves = np.array([points_of(run)[0] - points_of(run)[1] for run in runs])
    estimates = g / (100 * moves)
    _, first, seen = np.unique(estimates.round(9), axis=0, return_index=True, return_counts=True)
    different = estimates[first]
    where = np.arange(1, 4)
    plot = Plot(
        x_label="coordinate i",
        y_label="estimates of H_ii",
        series=(
            *(series(f"signs {j + 1}", where, row, points=True) for j, row in enumerate(different)),
            series("their mean", where, different.mean(axis=0)),
            theory("diagonal of H", where, diagonal),
        ),
        caption="The four estimates that signs can give in three variables.",
    )
    return all_of(
        [
            verdicts.equals(different.mean(axis=0), diagonal, evidence.tolerance),
            verdicts.equals(len(different), 4, E0),
            drawn_as_often(seen, np.ones(len(seen)), "vectors of signs"),
        ],
        plot=plot,
    )
