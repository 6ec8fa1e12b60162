"""Shampoo: X+ = X - eta L^(-1/4) G R^(-1/4), L and R sums of GG' and G'G."""

from __future__ import annotations

import numpy as np
import torch

from optbench.core.optimizer import Gradients
from optbench.core.run import Run
from optbench.engines.oracle import BatchOracle
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._coordinates import HERE, SIDES, rotation
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.probes.steps import take_step
from optbench.theory.tolerance import Tolerance

EPS = 1e-3
SHAPES = ((4, 4), (3, 6), (6, 3))
FIRST = "shampoo:lr=1,eps=1e-14"


def points_of(run: Run) -> Array:
    """Return x_0 to x_T, shape (T + 1, d)."""
    assert run.points is not None
    return run.points


def _gradients(run: Run) -> Array:
    """Return the gradient at each point that a step starts from, (T, d)."""
    gradients = build_problem(run.spec.problem).oracle(torch.from_numpy(points_of(run)[:-1]))[1]
    found: Array = gradients.numpy()
    return found


def _root(matrix: Array, order: int, eps: float = 0.0) -> Array:
    """Return (matrix + eps I)^(1/order) of a positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix + eps * np.eye(len(matrix)))
    return np.asarray((vectors * np.maximum(values, 0.0) ** (1 / order)) @ vectors.T)


@claim(
    "SH-01",
    "Shampoo's first step is eta U V': every singular value of the gradient becomes one.",
    formula=r"G = U S V': \quad X_1 = X_0 - \eta\, U V' \quad (\epsilon \to 0)",
    assumptions="eps = 1e-14; 4 x 4, 3 x 6 and 6 x 3 matrices; gradients of any size",
    source="Gupta, Koren and Singer 2018, algorithm 1; Bernstein and Newhouse 2024, section 2",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-8, reason="eps over the smallest squared singular value"),
    rule="shampoo",
    runs=lambda setting: {
        shape: setting.run(
            f"matrix_quadratic:rows={shape[0]},columns={shape[1]},kappa=4",
            FIRST,
            steps=1,
            points=True,
        )
        for shape in SHAPES
    },
)
def sh_01(evidence: Evidence) -> Finding:
    """Compare the first step with the singular vectors; then with gradients 10 and 100 times it."""
    steps, polar, before, scaled = [], [], [], []
    for shape in SHAPES:
        run = evidence.runs[shape]
        problem = build_problem(run.spec.problem)
        x = torch.from_numpy(points_of(run))
        u, s, vt = np.linalg.svd(_gradients(run)[0].reshape(shape), full_matrices=False)
        steps.append((x[0] - x[1]).numpy())
        polar.append((u @ vt).ravel())
        before.append(s / s[0])
        minimiser = problem.facts.x_star
        assert minimiser is not None
        far = minimiser + torch.tensor([[10.0], [100.0]]).double() * (x[0] - minimiser)
        moved, _ = take_step(evidence.optimizer(FIRST), problem, far)
        scaled.append((far - moved).numpy())
    values = np.linalg.svd(steps[0].reshape(SHAPES[0]), compute_uv=False)
    k = np.arange(1, 5)
    plot = Plot(
        x_label="number of the singular value",
        y_label="singular value",
        y_scale="log",
        series=(
            series("gradient, over the largest", k, before[0], points=True),
            series("first step", k, values, points=True),
            theory("1", k, np.ones(4)),
        ),
        caption="Shampoo's first step keeps the gradient's singular vectors and nothing of its "
        "singular values.",
    )
    sizes = np.concatenate([np.ravel(two) for two in scaled])
    return all_of(
        [
            verdicts.equals(np.concatenate(steps), np.concatenate(polar), evidence.tolerance),
            verdicts.equals(
                sizes, np.concatenate([np.tile(one, 2) for one in polar]), evidence.tolerance
            ),
        ],
        plot=plot,
    )


@claim(
    "SH-02",
    "Shampoo turns with the rows and the columns of its matrix; Adam does not.",
    formula=r"X = Q_a' Y Q_b: \quad X_t = Q_a' Y_t Q_b \quad \mathrm{for\ all}\ t",
    assumptions="Q_a and Q_b orthogonal; a 4 x 3 matrix, 10 steps",
    source="Gupta, Koren and Singer 2018, algorithm 1",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-8, reason="ten eigendecompositions, relative to |X|"),
    rule="shampoo",
    runs=lambda setting: {
        (name, basis): setting.run(problem, f"{name}:lr=.1", steps=10, points=True)
        for name in ("shampoo", "adam")
        for basis, problem in (
            ("X", f"matrix_quadratic:rows={SIDES[0]},columns={SIDES[1]}"),
            ("Y", f"{HERE}:turned"),
        )
    },
)
def sh_02(evidence: Evidence) -> Finding:
    """Turn the points of the runs in Y back and compare them with those in X."""
    rows, columns = rotation(SIDES[0], 0), rotation(SIDES[1], 1)
    apart = {}
    for name in ("shampoo", "adam"):
        Y = points_of(evidence.runs[name, "Y"]).reshape(-1, *SIDES)
        X = points_of(evidence.runs[name, "X"]).reshape(-1, *SIDES)
        apart[name] = np.linalg.norm(rows.T @ Y @ columns - X, axis=(1, 2)) / np.linalg.norm(X[0])
    t = np.arange(11)
    plot = Plot(
        x_label="steps t",
        y_label="|Q_a' Y_t Q_b - X_t|/|X_0|",
        y_scale="log",
        series=(
            series("Shampoo", t, np.maximum(apart["shampoo"], 1e-17), points=True),
            series("Adam", t[1:], apart["adam"][1:], points=True),
            theory("rounding", [0, 10], [1e-15, 1e-15]),
        ),
        caption="For Shampoo a rotated problem is the same problem; Adam sees coordinates.",
    )
    return all_of(
        [
            verdicts.equals(apart["shampoo"], 0.0, evidence.tolerance),
            verdicts.at_least(apart["adam"][-1], 0.1),
        ],
        plot=plot,
    )


@claim(
    "SH-03",
    "Shampoo's Kronecker product is an upper bound of AdaGrad's full matrix of gradients.",
    formula=r"\epsilon I + \frac{1}{r} \sum_t \mathrm{vec}(G_t) \mathrm{vec}(G_t)' \preceq"
    r" L_t^{1/2} \otimes R_t^{1/2}",
    assumptions="r the largest rank of the G_t, L and R with eps I; vec stacks rows",
    source="Gupta, Koren and Singer 2018, lemma 8",
    kind=Kind.BOUND,
    tolerance=Tolerance(absolute=1e-10, reason="rounding of eigenvalues"),
    rule="shampoo",
    runs=lambda setting: {
        "matrix": setting.run(
            "matrix_quadratic:rows=4,columns=3", f"shampoo:lr=.5,eps={EPS}", steps=12, points=True
        ),
        "row": setting.run(
            "matrix_quadratic:rows=1,columns=5", f"shampoo:lr=.5,eps={EPS}", steps=1, points=True
        ),
    },
    says=(
        Quote(
            text=Text.TEXTBOOK,
            statement="Shampoo, K-FAC and the natural gradient are true second-order methods that "
            "approximate the Hessian or the Fisher matrix.",
            ruling=Ruling.IMPRECISE,
            truth="K-FAC and the natural gradient take the Fisher matrix. Shampoo is an AdaGrad: "
            "its matrices are sums of products of gradients, which bound AdaGrad's full matrix "
            "and know nothing of the Hessian.",
        ),
    ),
)
def sh_03(evidence: Evidence) -> Finding:
    """Rebuild the sums by Shampoo's own steps and look at the spectrum of what they leave.

    The bound is attained, up to eps, for a single gradient of rank one. The factors of the Hessian,
    which here is a Kronecker product itself, are far from Shampoo's.
    """
    run = evidence.runs["matrix"]
    gradients = _gradients(run)
    left, right = _sums(evidence, run)
    G = gradients.reshape(-1, 4, 3)
    ratios, gaps = [], []
    for t in range(1, len(G) + 1):
        L, R = (_root(side[t - 1], 2, EPS) for side in (left, right))
        full = EPS * np.eye(12) + gradients[:t].T @ gradients[:t] / 3
        bound = np.kron(L, R)
        gaps.append(float(np.linalg.eigvalsh(bound - full)[0]))
        ratios.append(float(np.linalg.eigvals(np.linalg.solve(bound, full)).real.max()))
    row = _gradients(evidence.runs["row"])[0]
    one = [side[0] for side in _sums(evidence, evidence.runs["row"])]
    direction = row / np.linalg.norm(row)
    attained = np.sqrt(one[0][0, 0]) * (direction @ _root(one[1], 2) @ direction)
    hessian = _hessian_factor(run)
    unit = [part / np.linalg.norm(part) for part in (left[-1], hessian)]
    every = np.arange(1, 13)
    plot = Plot(
        x_label="steps t",
        y_label="largest ratio of the matrix to the bound",
        series=(
            series("4 x 3 matrix", every, ratios, points=True),
            theory("the bound", every, np.ones(12)),
        ),
        caption="Never above one: Shampoo's Kronecker product is the larger matrix in every "
        "direction.",
    )
    sums = np.einsum("tij,tkj->ik", G, G)
    return all_of(
        [
            verdicts.below(ratios, 1.0, evidence.tolerance),
            verdicts.above(np.array(gaps) + 1.0, 1.0, evidence.tolerance),
            verdicts.equals(left[-1], sums, Tolerance(absolute=1e-12, reason="a sum of 12")),
            verdicts.equals(attained, row @ row, Tolerance(relative=1e-7, reason="two roots")),
            verdicts.at_least(np.linalg.norm(unit[0] - unit[1]), 0.1),
        ],
        plot=plot,
    )


def _sums(evidence: Evidence, run: Run) -> tuple[list[Array], list[Array]]:
    """Return L_1, L_2, ... and R_1, R_2, ... as the rule's own steps add them up."""
    problem = build_problem(run.spec.problem)
    optimizer = evidence.optimizer(f"shampoo:lr=.5,eps={EPS}")
    state = None
    left: list[Array] = []
    right: list[Array] = []
    for t, x in enumerate(torch.from_numpy(points_of(run)[:-1])):
        _, state = take_step(optimizer, problem, x[None], state, t=t)
        left.append(state[0][0].numpy())
        right.append(state[1][0].numpy())
    return left, right


def _hessian_factor(run: Run) -> Array:
    """Return the rows' factor of the Hessian of a 4 x 3 matrix quadratic, up to a number."""
    x = torch.from_numpy(points_of(run)[:1])
    H = BatchOracle(build_problem(run.spec.problem), [0], Gradients(), x).hessian(x)
    factor: Array = np.einsum("ijkj->ik", H[0].numpy().reshape(4, 3, 4, 3))
    return factor


@claim(
    "SH-04",
    "On a vector Shampoo is AdaGrad with the full matrix; on a d x 1 matrix it is not.",
    formula=r"\mathrm{vector:}\; x_+ = x - \eta \left(\epsilon I + \sum g g'\right)^{-1/2} g",
    assumptions="order-1 tensors have the exponent -1/2, matrices -1/4 on either side",
    source="Gupta, Koren and Singer 2018, algorithm 2; Duchi, Hazan and Singer 2011",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(
        relative=1e-9, absolute=1e-9, reason="eigendecompositions of a matrix of condition 1e3"
    ),
    rule="shampoo",
    runs=lambda setting: {
        "vector": setting.run(
            "quadratic:dim=5,kappa=10", f"shampoo:lr=.5,eps={EPS}", steps=12, points=True
        ),
        "matrix": setting.run(
            "matrix_quadratic:rows=5,columns=1", f"shampoo:lr=.5,eps={EPS}", steps=12, points=True
        ),
    },
)
def sh_04(evidence: Evidence) -> Finding:
    """Predict every step from the gradients until then, with both exponents."""
    found, full, apart = {}, {}, 0.0
    for key, run in evidence.runs.items():
        gradients = _gradients(run)
        found[key] = -np.diff(points_of(run), axis=0)
        sums = np.cumsum(gradients[:, :, None] * gradients[:, None, :], axis=0)
        full[key] = np.array(
            [
                0.5 * np.linalg.solve(_root(S, 2, EPS), g)
                for S, g in zip(sums, gradients, strict=True)
            ]
        )
        if key == "matrix":
            traces = np.trace(sums, axis1=1, axis2=2) + EPS
            both = [
                0.5 * np.linalg.solve(_root(S, 4, EPS), g) / size**0.25
                for S, g, size in zip(sums, gradients, traces, strict=True)
            ]
            apart = float(np.abs(full[key] - found[key])[1:].max())
    t = np.arange(12)
    plot = Plot(
        x_label="steps t",
        y_label="|x_(t+1) - x_t|",
        y_scale="log",
        series=(
            series("Shampoo, vector", t, np.linalg.norm(found["vector"], axis=1), points=True),
            theory("full AdaGrad", t, np.linalg.norm(full["vector"], axis=1)),
            series("Shampoo, d x 1 matrix", t, np.linalg.norm(found["matrix"], axis=1)),
        ),
        caption="How a parameter is shaped decides which method it gets.",
    )
    return all_of(
        [
            verdicts.equals(found["vector"], full["vector"], evidence.tolerance),
            verdicts.equals(found["matrix"], both, evidence.tolerance),
            verdicts.at_least(apart, 1e-2),
        ],
        plot=plot,
    )
