"""Convex quadratics with a chosen spectrum, orientation, minimiser and gradient noise."""

from __future__ import annotations

import functools
from sys import float_info
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.errors import SpecError
from optbench.core.parameters import Param, Vector
from optbench.core.problem import Facts, Problem, ValueAndGradient
from optbench.core.randomness import stream
from optbench.families.constant import Constant
from optbench.families.spectra import SPECTRA, eigenvalues
from optbench.families.starts import Start, always, direction, given

MAX_ROTATED_DIM = 20_000
"""A larger matrix takes more than 3 GB."""

DIRECTIONS = ("random", "equal", "slow", "power_law")
"""Words for where the start lies, seen from the minimiser."""

MAX_ROTATED_KAPPA = 1e12
"""Beyond it rounding of the rotated matrix changes its smallest eigenvalue by more than 1 %."""


def quadratic(
    *,
    dim: Annotated[int, Param("number of variables d", low=1, high=10_000_000)] = 100,
    kappa: Annotated[float, Param("condition number L/mu", low=1)] = 1e3,
    smoothness: Annotated[float, Param("largest eigenvalue L", above=0)] = 1.0,
    spectrum: Annotated[str, Param("how the eigenvalues lie", choices=SPECTRA)] = "log_uniform",
    exponent: Annotated[float, Param("p of the power laws, density lambda^(p-1)", above=0)] = 0.5,
    rotated: Annotated[bool, Param("random eigenvectors instead of the axes")] = True,
    center: Annotated[float, Param("every coordinate of the minimiser x*")] = 0.0,
    noise: Annotated[float, Param("trace of the gradient noise's covariance", low=0)] = 0.0,
    radius: Annotated[float, Param("distance |x_0 - x*|", above=0)] = 1.0,
    start: Annotated[
        Vector, Param("direction of x_0 - x*, or x_0 itself, as in 1.5/1.5", choices=DIRECTIONS)
    ] = "random",
    seed: Annotated[int, Param("makes the eigenvectors", low=0)] = 0,
) -> Problem:
    """A convex quadratic with a controlled condition number.

    f(x) = 1/2 (x - x*)' A (x - x*), A = Q diag(lambda) Q', mu = lambda_1 <= ... <= lambda_d = L.

    Spectra: two_mode (half mu, half L), gap (mu and L isolated, the others in [3 mu, L/3]),
    uniform, log_uniform, power (density lambda^(p-1) on (mu, L]), clustered (five values).
    Facts: f* = 0, L, mu = L/kappa. A rotated A holds its eigenvalues to rounding (residual stored).
    Noise: a gradient shown to an optimizer gets normal noise of covariance (noise/d) I.
    Start: x* + radius u; u is a random direction for each seed, or has equal weight on all
    eigenvectors (equal), or is the slowest eigenvector (slow), or has weights of squares
    proportional to lambda^p d(ln lambda) (power_law: on a dense spectrum the spectral measure
    lambda^(p-1) d lambda, by the trapezoidal rule); all but random are the same in all seeds, and
    so is a point that is given, which also decides the radius.
    Source: Polyak, Some methods of speeding up the convergence of iteration methods, 1964, for the
    rates of gradient descent and the heavy ball by mu and L.
    """
    if rotated and kappa > MAX_ROTATED_KAPPA:
        raise SpecError(f"quadratic: kappa above {MAX_ROTATED_KAPPA:g} needs rotated=false")
    if rotated and dim > MAX_ROTATED_DIM:
        raise SpecError(f"quadratic: dim above {MAX_ROTATED_DIM} needs rotated=false")
    values = eigenvalues(spectrum, dim, kappa, smoothness, exponent)
    vectors = rotation(dim, seed) if rotated else None
    x_star = torch.full((dim,), center, dtype=torch.float64)
    weights = _weights(start, values, exponent)
    begin = _start(start, x_star, radius, weights, vectors, seed)
    if start not in DIRECTIONS:
        radius = float(torch.dist(begin(0), x_star)) or radius
    if vectors is None:
        matrix = Constant(values)
        residuals = {}
    else:
        product = (vectors * values) @ vectors.T
        matrix = Constant((product + product.T) / 2)
        residuals = {"strong_convexity": 4 * dim * float_info.epsilon * kappa}
    return Problem(
        facts=Facts(
            dim=dim,
            smoothness=smoothness,
            strong_convexity=smoothness / kappa,
            f_star=0.0,
            x_star=x_star,
            convex=True,
            pl_constant=smoothness / kappa,
            quadratic=True,
            noise_variance=noise,
            residuals=residuals,
        ),
        start=begin,
        oracle=_oracle(matrix, dim, rotated, center),
        hessian_vector=lambda x, v: v @ matrix.like(v) if rotated else v * matrix.like(v),
        scale=0.5 * smoothness * radius**2,
        seed=seed,
        domain=(center - 1.5 * radius, center + 1.5 * radius),
    )


@functools.cache
def rotation(dim: int, seed: int) -> np.ndarray:
    """Return a random orthogonal matrix (d, d), uniform in Haar's measure (Mezzadri 2007)."""
    gaussian = stream(seed, 0, "rotation").standard_normal((dim, dim))
    q, r = np.linalg.qr(gaussian)
    signed: np.ndarray = q * np.sign(np.diag(r))
    return signed


def _oracle(matrix: Constant, dim: int, rotated: bool, center: float) -> ValueAndGradient:
    """Return value and gradient; no subtraction where the minimiser is the origin."""
    half = Constant(np.full(dim, 0.5))  # a product with it is quicker than a sum and a scaling

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e = x - center if center else x
        g = e @ matrix.like(x) if rotated else e * matrix.like(x)
        return (e * g) @ half.like(x), g

    return oracle


def _weights(kind: str, values: np.ndarray, exponent: float) -> np.ndarray | None:
    """Return the start's components along the eigenvectors, a unit vector, for words that say."""
    dim = len(values)
    if kind in ("equal", "slow"):
        return np.full(dim, dim**-0.5) if kind == "equal" else np.eye(dim)[0]
    if kind != "power_law":
        return None
    gaps = np.diff(np.log(values)) / 2
    squares = values**exponent * (np.append(gaps, 0.0) + np.append(0.0, gaps))
    if not squares.any():
        raise SpecError("quadratic: start=power_law needs more than one eigenvalue")
    weights: np.ndarray = np.sqrt(squares / squares.sum())
    return weights


def _start(
    kind: str,
    x_star: Tensor,
    radius: float,
    weights: np.ndarray | None,
    vectors: np.ndarray | None,
    seed: int,
) -> Start:
    dim = len(x_star)
    if weights is not None:
        unit = weights if vectors is None else vectors @ weights
        return always(x_star + radius * torch.from_numpy(unit))
    point = None if kind == "random" else given("quadratic", kind, dim)
    return point or (lambda run_seed: x_star + radius * direction(dim, seed, run_seed))
