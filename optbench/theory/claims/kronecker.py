"""K-FAC: a layer's Fisher matrix as a Kronecker product, of A = E aa' and G = E gg'."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from optbench.core.optimizer import Gradients
from optbench.core.problem import Problem
from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.engines.oracle import BatchOracle
from optbench.families.find import build_problem
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Key, Kind, Quote, Ruling, Text, claim
from optbench.theory.claims._coordinates import HERE, LAYER, omega
from optbench.theory.claims._kronecker import direction, drawn_layers, layer, place
from optbench.theory.finding import Finding, all_of
from optbench.theory.plot import Array, Plot, series, theory
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E2, Tolerance, asymptotic

M, N = 5, 4


def _matrix(problem: Problem, x: Array, which: str) -> Array:
    """Return the Hessian or the Fisher matrix at one point, (d, d)."""
    point = torch.from_numpy(x)[None]
    oracle = BatchOracle(problem, [0], Gradients(), point)
    found = oracle.fisher(point) if which == "fisher" else oracle.hessian(point)
    matrix: Array = found[0].numpy()
    return matrix


@claim(
    "KF-01",
    "A Kronecker-factored system of m n equations is solved by two small ones, G^-1 V A^-1.",
    formula=r"(A \otimes G)^{-1} \mathrm{vec}(V) = \mathrm{vec}\left(G^{-1} V A^{-1}\right)",
    assumptions="vec stacks columns; A and G positive definite, here factors of a Hessian",
    source="Martens and Grosse 2015, section 2.2; Horn and Johnson 1991, lemma 4.3.1",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-9, reason="kappa = 100 times rounding, relative to the step"),
    rule="newton",
    runs=lambda setting: {
        "run": setting.run(
            f"matrix_quadratic:rows={M},columns={N}", "newton:lr=.5", steps=3, points=True
        )
    },
)
def kf_01(evidence: Evidence) -> Finding:
    """Compare Newton's steps, solved with the whole Hessian, with the two small solutions."""
    run = evidence.runs["run"]
    assert run.points is not None
    problem = build_problem(run.spec.problem)
    H = _matrix(problem, run.points[0], "hessian").reshape(M, N, M, N)
    # H = G kron A row by row: a partial trace is one factor times the other's trace.
    G, A = np.einsum("ijkj->ik", H), np.einsum("ijil->jl", H)
    G = G / np.trace(A)
    gradients = problem.oracle(torch.from_numpy(run.points[:-1]))[1].numpy()
    small = [direction(g.reshape(M, N), A, G).ravel() / 2 for g in gradients]
    steps = -np.diff(run.points, axis=0)
    stacked = np.linalg.solve(np.kron(A, G), gradients[0].reshape(M, N).ravel(order="F")) / 2
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    plot = Plot(
        x_label="coordinate",
        y_label="first step",
        series=(
            series("Newton, m n equations", np.arange(M * N), steps[0], points=True),
            theory("G^-1 V A^-1", np.arange(M * N), small[0]),
        ),
        caption="What Newton's method finds with a 20 x 20 matrix needs a 5 x 5 and a 4 x 4 one.",
    )
    columns = stacked.reshape(M, N, order="F").ravel()
    return all_of(
        [
            verdicts.equals(steps / lengths, small / lengths, evidence.tolerance),
            verdicts.equals(columns / lengths[0], small[0] / lengths[0], evidence.tolerance),
        ],
        plot=plot,
    )


DECAYS = (2e-4, 1e-4, 5e-5)
DAMPING, RATE = 0.05, 0.1
NETWORK = "mlp:hidden=3,examples=20"


def _kfac(setting: Setting) -> Mapping[Key, RunSpec]:
    return {
        rho: setting.run(
            NETWORK,
            f"kfac:lr={RATE},damping={DAMPING},momentum=0,lr_cov={rho}",
            steps=8,
            points=True,
        )
        for rho in DECAYS
    }


@claim(
    "KF-01b",
    "K-FAC's steps are eta G^-1 V A^-1, in the inverse-free form up to second order in the decay.",
    formula=r"W_+ = W - \eta\, G^{-1} \nabla_W f A^{-1} + O(\rho^2)",
    assumptions="factors averaged with decay rho from I, damped by .05; a perceptron, 20 images",
    source="Martens and Grosse 2015, section 4.2; Lin et al. 2024, theorem 1",
    kind=Kind.RATE,
    tolerance=asymptotic(0.02, "the slope's next term is about 130 rho, .007 at the last pair"),
    rule="kfac",
    extra="curvature",
    runs=_kfac,
)
def kf_01b(evidence: Evidence) -> Finding:
    """Predict each step of both layers from gradients of single examples at the run's points."""
    apart = np.array([_distance(evidence.runs[rho], rho) for rho in DECAYS])
    moves = np.array([_move(evidence.runs[rho]) for rho in DECAYS])
    slope = float(np.log2(apart[-2] / apart[-1]))
    rho = np.array(DECAYS)
    plot = Plot(
        x_label="decay rho",
        y_label="distance from the equations, relative",
        x_scale="log",
        y_scale="log",
        series=(
            series("K-FAC from singd, 8 steps", rho, apart / moves, points=True),
            theory("slope 2", rho, apart[-1] / moves[-1] * (rho / rho[-1]) ** 2),
        ),
        caption="The package never inverts a matrix; what that costs falls with the square of rho.",
    )
    return all_of(
        [
            verdicts.equals(slope, 2.0, evidence.tolerance),
            verdicts.holds(
                bool(apart[-1] < 1e-3 * moves[-1]),
                theory="close to the equations",
                measured=apart[-1] / moves[-1],
            ),
        ],
        plot=plot,
    )


def _move(run: Run) -> float:
    assert run.points is not None
    return float(np.linalg.norm(run.points[-1] - run.points[0]))


def _distance(run: Run, rho: float) -> float:
    """Return the length of the difference of all steps and those predicted, summed up."""
    assert run.points is not None
    problem = build_problem(run.spec.problem)
    total = np.zeros(run.points.shape[1])
    factors: dict[str, tuple[Array, Array]] = {}
    for before, after in zip(run.points[:-1], run.points[1:], strict=True):
        x = torch.from_numpy(before)
        gradient = problem.oracle(x[None])[1][0].numpy()
        predicted = np.zeros_like(gradient)
        for name in ("0.weight", "2.weight"):
            seen = layer(problem, x, name, bias=True)
            m, p = seen.outputs.shape[1], seen.inputs.shape[1]
            A, G = factors.get(name, (np.eye(p), np.eye(m)))
            now = seen.factors()
            A = (1 - rho) * A + rho * (now[0] + DAMPING * np.eye(p))
            G = (1 - rho) * G + rho * (now[1] + DAMPING * np.eye(m))
            factors[name] = A, G
            weight, bias = place(problem, name), place(problem, name.replace("weight", "bias"))
            V = np.hstack([gradient[weight].reshape(m, p - 1), gradient[bias][:, None]])
            step = RATE * direction(V, A, G)
            predicted[weight], predicted[bias] = step[:, :-1].ravel(), step[:, -1]
        total += after - (before - predicted)
    return float(np.linalg.norm(total))


@claim(
    "KF-02a",
    "For one example a layer's block of the Fisher matrix is exactly aa' kron E gg'.",
    formula=r"F_W = E\left[a a' \otimes g g'\right] = a a' \otimes E\left[g g'\right]",
    assumptions="one example, so that a is fixed; labels drawn from the model; both layers",
    source="Martens and Grosse 2015, section 3",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-10, reason="sums of ten products, relative to the block"),
    says=(
        Quote(
            text=Text.TUTORIAL,
            statement="K-FAC and Shampoo take a block-diagonal approximation of the curvature.",
            ruling=Ruling.IMPRECISE,
            truth="One block per tensor, and each block is a Kronecker product besides. For one "
            "example, or independent inputs and gradients, a block is exact; with many examples "
            "it is off by 10 to 30 %, and the blocks off the diagonal, left out, are not small.",
        ),
    ),
)
def kf_02a(evidence: Evidence) -> Finding:
    """Enumerate the labels of one image, and of twenty, for which the factors are not exact.

    The parts that a block-diagonal approximation leaves out are measured too.
    """
    errors = {}
    names = ("0.weight", "2.weight")
    for n in (1, 2, 5, 20):
        named = evidence.setting.run(f"mlp:hidden=3,examples={n}", "gd:lr=1", steps=1)
        problem = build_problem(named.problem)
        x = problem.start(0)
        F = _matrix(problem, x.numpy(), "fisher")
        first, second = (place(problem, name) for name in names)
        errors[n] = [
            _from_kronecker(F[part, part], problem, x, name)
            for part, name in zip((first, second), names, strict=True)
        ]
        diagonal = np.linalg.norm(F[first, first]) * np.linalg.norm(F[second, second])
        outside = np.linalg.norm(F[first, second]) / np.sqrt(diagonal)
    sizes = np.array(list(errors), dtype=np.float64)
    found = np.array(list(errors.values()))
    plot = Plot(
        x_label="examples n",
        y_label="|F_W - A kron G|/|F_W|",
        x_scale="log",
        y_scale="log",
        series=(
            series("first layer", sizes, found[:, 0], points=True),
            series("second layer", sizes, found[:, 1], points=True),
            theory("exact", [1, 20], [1e-16, 1e-16]),
        ),
        caption="Exact for one example, off by 10 to 30 per cent for more: inputs and gradients "
        "of a network are not independent.",
    )
    return all_of(
        [
            verdicts.equals(found[0], 0.0, evidence.tolerance),
            verdicts.at_least(found[1:], 1e-2),
            verdicts.at_least(outside, 1e-2),
        ],
        plot=plot,
    )


def _from_kronecker(block: Array, problem: Problem, x: torch.Tensor, name: str) -> float:
    """Return the distance of a block, row by row, from E gg' kron E aa', relative to it."""
    shares = _probabilities(problem, x)
    drawn = drawn_layers(problem, x, name, shares)
    A = drawn[0].factors()[0]
    parts = [
        (one.outputs.T * share) @ one.outputs / len(share)
        for one, share in zip(drawn, shares.T, strict=True)
    ]
    G = np.sum(parts, axis=0)
    return float(np.linalg.norm(block - np.kron(G, A)) / np.linalg.norm(block))


def _probabilities(problem: Problem, x: torch.Tensor) -> Array:
    """Return the model's probabilities of each label for each example, (n, 10)."""
    assert problem.model is not None
    model = problem.model()
    seen: list[torch.Tensor] = []
    handle = model.module.register_forward_hook(lambda module, inputs, out: seen.append(out))
    parts = problem.layout.split(x)
    with torch.no_grad():
        for parameter, part in zip(model.module.parameters(), parts, strict=True):
            parameter.copy_(part)
        model.loss(None)
    handle.remove()
    shares: Array = seen[0].softmax(-1).numpy()
    return shares


@claim(
    "KF-02b",
    "Where output gradients do not depend on inputs a layer's Fisher block is exactly A kron G.",
    formula=r"a \perp g: \quad E\left[a a' \otimes g g'\right] = E[a a'] \otimes E[g g']",
    assumptions="last layer of a regression network: the model's g is a unit normal for every a",
    source="Martens and Grosse 2015, section 3",
    kind=Kind.IDENTITY,
    tolerance=Tolerance(absolute=1e-10, reason="sums over 20 examples, relative to the block"),
)
def kf_02b(evidence: Evidence) -> Finding:
    """Compare the last layer's block with E aa', 20 examples; a hidden layer has more terms."""
    named = evidence.setting.run("mlp_regression:hidden=3", "gd:lr=1", steps=1)
    problem = build_problem(named.problem)
    x = problem.start(0)
    F = _matrix(problem, x.numpy(), "fisher")
    last = F[place(problem, "4.weight"), place(problem, "4.weight")]
    A, _ = layer(problem, x, "4.weight").factors()
    spectra = {
        name: _rearranged(F[place(problem, name), place(problem, name)], shape)
        for name, shape in (("2.weight", (3, 3)), ("4.weight", (1, 3)))
    }
    plot = Plot(
        x_label="term of the sum of Kronecker products",
        y_label="singular value over the largest",
        y_scale="log",
        series=(
            series("hidden layer", np.arange(1, 10), np.maximum(spectra["2.weight"], 1e-17)),
            theory("last layer: one term", [1, 2], [1.0, 1e-17]),
        ),
        caption="A block that is one Kronecker product has a single term; the hidden layer, whose "
        "gradients depend on its inputs, needs more.",
    )
    return all_of(
        [
            verdicts.equals(last / np.abs(A).max(), A / np.abs(A).max(), evidence.tolerance),
            verdicts.at_least(spectra["2.weight"][1], 1e-3),
        ],
        plot=plot,
    )


def _rearranged(block: Array, shape: tuple[int, int]) -> Array:
    """Return the weights of the shortest sum of Kronecker products.

    Source: Van Loan and Pitsianis 1993: singular values of the rearranged block.
    """
    m, p = shape
    matrix = block.reshape(m, p, m, p).transpose(0, 2, 1, 3).reshape(m * m, p * p)
    values = np.linalg.svd(matrix, compute_uv=False)
    return np.asarray(values / values[0])


@claim(
    "KF-03",
    "K-FAC without damping does not depend on a linear map of a layer's inputs.",
    formula=r"W = V \Omega: \quad D_W = D_V \Omega, \quad D = G^{-1} \nabla f A^{-1}",
    assumptions="Omega invertible, no damping; the hidden layer of a regression network",
    source="Martens and Grosse 2015, theorem 1; Grosse and Martens 2016",
    kind=Kind.IDENTITY,
    tolerance=E2,
)
def kf_03(evidence: Evidence) -> Finding:
    """Compare the directions of both networks; gradient descent's and damped ones differ."""
    problems = [
        build_problem(evidence.setting.run(text, "gd:lr=1", steps=1).problem)
        for text in ("mlp_regression:hidden=3", f"{HERE}:mapped_inputs")
    ]
    by_W, by_V = (_directions(problem) for problem in problems)
    scale = np.abs(by_W).max(axis=(1, 2), keepdims=True)
    by_W, back = by_W / scale, by_V @ omega() / scale
    plot = Plot(
        x_label="entry of D_W",
        y_label="entry of D_V Omega",
        series=(
            series("K-FAC", by_W[0].ravel(), back[0].ravel(), points=True),
            series("K-FAC, damping 1e-2", by_W[1].ravel(), back[1].ravel(), points=True),
            theory("equal", [-1, 1], [-1, 1]),
        ),
        caption="Without damping the points lie on the line: the units of the inputs are divided "
        "out.",
    )
    return all_of(
        [
            verdicts.equals(back[0], by_W[0], evidence.tolerance),
            verdicts.at_least(np.abs(back - by_W)[1:].max(axis=(1, 2)), 1e-2),
        ],
        plot=plot,
    )


def _directions(problem: Problem) -> Array:
    """Return a layer's K-FAC directions, without and with damping, and its gradient, (3, m, p)."""
    x = problem.start(0)
    A, G = layer(problem, x, LAYER).factors()
    gradient = problem.oracle(x[None])[1][0].numpy()
    V = gradient[place(problem, LAYER)].reshape(3, 3)
    return np.stack([direction(V, A, G), direction(V, A, G, 1e-2), V])
