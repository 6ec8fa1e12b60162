"""Likelihoods of two standard distributions in several parameters, with their Fisher matrices."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Problem
from optbench.families import starts


def bernoulli(
    *,
    mean: Annotated[float, Param("share of ones in the data", above=0, below=1)] = 0.3,
    parameter: Annotated[str, Param("what x stands for", choices=("mean", "logit"))] = "mean",
    unit: Annotated[float, Param("x is measured in it: the parameter is unit x", above=0)] = 1.0,
    start: Annotated[float, Param("the parameter at every seed's start")] = 0.9,
) -> Problem:
    """The likelihood of a coin, in its mean or its natural parameter.

    f(x) = -m ln p - (1 - m) ln(1 - p), m the share of ones, with p = unit x (mean) or
    p = 1/(1 + exp(-unit x)) (logit).

    The natural gradient in the mean parameter is p - m, so that p_t - m = (1 - eta)^t (p_0 - m); in
    the logit it is the plain gradient by p, f's derivative in the mean parameter.
    Facts: p* = m, f* = the entropy -m ln m - (1 - m) ln(1 - m), convex. By the mean f is infinite
    outside 0 < p < 1, mu = unit^2 (m^(1/3) + (1 - m)^(1/3))^3; by the logit L = unit^2/4. The
    Fisher matrix is unit^2/(p (1 - p)) by the mean and unit^2 p (1 - p) by the logit.
    Start: the parameter `start`, for every seed.
    Source: Amari, Natural gradient works efficiently in learning, 1998.
    """
    m, is_mean = mean, parameter == "mean"
    entropy = -m * math.log(m) - (1 - m) * math.log1p(-m)
    best = m if is_mean else math.log(m / (1 - m))

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        z = unit * x
        if not is_mean:
            f = -m * logsigmoid(z) - (1 - m) * logsigmoid(-z) - entropy
            return f.sum(-1), unit * (z.sigmoid() - m)
        # The divergence of p from m: no cancellation near p = m.
        gap = m * (m / z).log() + (1 - m) * ((1 - m) / (1 - z)).log()
        f = torch.where((z > 0) & (z < 1), gap, torch.inf)
        return f.sum(-1), unit * (z - m) / (z * (1 - z))

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        z = unit * x
        if is_mean:
            return unit**2 * (m / z.square() + (1 - m) / (1 - z).square()) * v
        return unit**2 * z.sigmoid() * (-z).sigmoid() * v

    def fisher_vector(x: Tensor, v: Tensor) -> Tensor:
        z = unit * x
        return unit**2 * v / (z * (1 - z)) if is_mean else hessian_vector(x, v)

    return Problem(
        facts=Facts(
            dim=1,
            smoothness=None if is_mean else unit**2 / 4,
            strong_convexity=unit**2 * (m ** (1 / 3) + (1 - m) ** (1 / 3)) ** 3 if is_mean else 0.0,
            f_star=entropy,
            x_star=torch.tensor([best / unit], dtype=torch.float64),
            convex=True,
        ),
        start=starts.always([start / unit]),
        oracle=oracle,
        shift=entropy,
        hessian_vector=hessian_vector,
        fisher_vector=fisher_vector,
        domain=(0.01 / unit, 0.99 / unit) if is_mean else (-4.0 / unit, 4.0 / unit),
    )


def gaussian(
    *,
    mean: Annotated[float, Param("mean of the data")] = 1.0,
    deviation: Annotated[float, Param("standard deviation of the data", above=0)] = 1.5,
    parameter: Annotated[
        str, Param("what the second variable stands for", choices=("sigma", "log_sigma"))
    ] = "sigma",
    start_mean: Annotated[float, Param("mu at every seed's start")] = 0.0,
    start_sigma: Annotated[float, Param("sigma at every seed's start", above=0)] = 1.0,
) -> Problem:
    """The likelihood of a normal distribution, by its standard deviation or the logarithm of it.

    f(x) = ln sigma + (s^2 + (mu - m)^2)/(2 sigma^2), m and s the mean and deviation of the data,
    with x = (mu, sigma) or x = (mu, ln sigma); the constant ln(2 pi)/2 is left out.

    The natural gradient flow is the same curve of distributions in both; its steps with learning
    rate eta differ by O(eta^2).
    Facts: mu = m, sigma = s, f* = ln s + 1/2, not convex, no L; infinite for sigma <= 0. The Fisher
    matrix is diag(1, 2)/sigma^2 by sigma, diag(1/sigma^2, 2) by its logarithm.
    Start: (start_mean, start_sigma), for every seed.
    Source: Amari, Natural gradient works efficiently in learning, 1998; Martens, New insights and
    perspectives on the natural gradient method, 2020, section 12 (invariance).
    """
    by_log = parameter == "log_sigma"
    encode = math.log if by_log else float
    f_star = math.log(deviation) + 0.5

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        e, second = x[:, 0] - mean, x[:, 1]
        sigma = second.exp() if by_log else second
        spread = (deviation**2 + e * e) / sigma.square()
        gap = (sigma / deviation).log() + 0.5 * (spread - 1)
        by_sigma = 1 - spread if by_log else (1 - spread) / sigma
        f = torch.where(sigma > 0, gap, torch.inf)
        return f, torch.stack([e / sigma.square(), by_sigma], dim=-1)

    def fisher_vector(x: Tensor, v: Tensor) -> Tensor:
        second = x[:, 1]
        precision = (-2 * second).exp() if by_log else second.square().reciprocal()
        other = torch.full_like(second, 2.0) if by_log else 2 * precision
        return torch.stack([precision, other], dim=-1) * v

    def hessian_vector(x: Tensor, v: Tensor) -> Tensor:
        e, second = x[:, 0] - mean, x[:, 1]
        sigma = second.exp() if by_log else second
        p = sigma.square().reciprocal()
        spread = (deviation**2 + e * e) * p
        cross = -2 * e * p if by_log else -2 * e * p / sigma
        last = 2 * spread if by_log else (3 * spread - 1) * p
        u, w = v.unbind(-1)
        return torch.stack([p * u + cross * w, cross * u + last * w], dim=-1)

    return Problem(
        facts=Facts(
            dim=2,
            f_star=f_star,
            x_star=torch.tensor([mean, encode(deviation)], dtype=torch.float64),
            convex=False,
        ),
        start=starts.always([start_mean, encode(start_sigma)]),
        oracle=oracle,
        shift=f_star,
        hessian_vector=hessian_vector,
        fisher_vector=fisher_vector,
        domain=(0.2, 4.0),
    )
