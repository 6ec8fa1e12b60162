"""Means of correlated sequences: a noise floor from one long chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BATCHES = 40
"""Batches that a chain is cut into."""

NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class BatchMean:
    """The mean of a chain with the error of its batch means.

    Attributes:
        value: The mean.
        error: Its standard error, with `batches` - 1 degrees of freedom.
        batches: Number of batches.
        length: Values in each.
        window: First and last index used; the first few are dropped when they do not fill a batch.
        reason: Why there is no value; empty when there is one.
    """

    value: float
    error: float = NAN
    batches: int = BATCHES
    length: int = 0
    window: tuple[float, float] = (NAN, NAN)
    reason: str = ""

    def interval(self, level: float) -> tuple[float, float]:
        """Return the t-interval with this probability, such as .95."""
        from scipy.stats import t as student

        half = float(student.ppf((1 + level) / 2, self.batches - 1)) * self.error
        return self.value - half, self.value + half


def batch_means(values: ArrayLike) -> BatchMean:
    """Return the mean of a stationary chain, its error from the means of 40 batches.

    Means of stretches much longer than the correlation are nearly independent, so their spread is
    honest where that of single values is far too small.

    Source: Law, Kelton, "Simulation Modeling and Analysis", 3rd edition, 2000, chapter 9.

    Args:
        values: The chain after its transient, shape (n,).

    Returns:
        The mean; NaN for fewer than 40 values or one that is not finite.
    """
    chain = np.asarray(values, dtype=np.float64)
    if len(chain) < BATCHES:
        return BatchMean(value=NAN, reason=f"{len(chain)} values, fewer than {BATCHES}")
    if not np.isfinite(chain).all():
        return BatchMean(value=NAN, reason="a value is not finite")
    length = len(chain) // BATCHES
    means = chain[-BATCHES * length :].reshape(BATCHES, length).mean(axis=1)
    return BatchMean(
        value=float(means.mean()),
        error=float(means.std(ddof=1) / np.sqrt(BATCHES)),
        length=length,
        window=(float(len(chain) - BATCHES * length), float(len(chain) - 1)),
    )


def n_eff(n: float, a: float) -> float:
    """Return how many independent draws the squares of an autoregressive chain are worth.

    n (1 - a^2) / (1 + a^2) for x_(t+1) = a x_t + noise: the squares' correlation at lag s is
    a^(2 s).

    Args:
        n: Length of the chain.
        a: The coefficient, 1 - eta lambda for gradient descent on a parabola.

    Returns:
        The effective number.
    """
    return n * (1 - a**2) / (1 + a**2)
