"""Spectra of quadratics: eigenvalues in [mu, L] that attain both ends exactly."""

from __future__ import annotations

import numpy as np

from optbench.core.errors import SpecError

SPECTRA = ("two_mode", "gap", "uniform", "log_uniform", "power", "clustered")

CLUSTERS = 5


def eigenvalues(
    spectrum: str, dim: int, kappa: float, smoothness: float, exponent: float
) -> np.ndarray:
    """Return the eigenvalues of a quadratic.

    - `two_mode`: half of them mu, half L.
    - `gap`: mu and L alone, the others evenly spaced in the logarithm on [3 mu, L/3].
    - `uniform`, `log_uniform`: evenly spaced, or evenly spaced in the logarithm.
    - `power`: quantiles of the density proportional to lambda^(p-1) on (mu, L].
    - `clustered`: five values, evenly spaced in the logarithm (conjugate gradients end in 5 steps).

    Args:
        spectrum: One of `SPECTRA`.
        dim: How many, d.
        kappa: Condition number L/mu.
        smoothness: Largest one, L.
        exponent: p of the power law.

    Returns:
        Shape (d,), float64, ascending; the first is L/kappa and the last L, exactly.

    Raises:
        SpecError: When one eigenvalue cannot be both ends, or kappa leaves no room for a gap.
    """
    mu, L = smoothness / kappa, smoothness
    if dim == 1 and kappa != 1:
        raise SpecError(f"quadratic: dim=1 has one eigenvalue, so kappa must be 1, got {kappa:g}")
    if spectrum == "gap" and kappa < 9:
        raise SpecError(f"quadratic: spectrum=gap needs kappa >= 9 (3 mu <= L/3), got {kappa:g}")
    quantile = np.linspace(0.0, 1.0, dim)
    if spectrum == "two_mode":
        found = np.where(np.arange(dim) < dim // 2, mu, L)
    elif spectrum == "gap":
        found = np.concatenate([[mu], np.geomspace(3 * mu, L / 3, dim - 2), [L]])
    elif spectrum == "uniform":
        found = mu + (L - mu) * quantile
    elif spectrum == "log_uniform":
        found = np.geomspace(mu, L, dim)
    elif spectrum == "power":
        low = kappa**-exponent
        found = L * (low + (1 - low) * quantile) ** (1 / exponent)
    else:
        values = np.geomspace(mu, L, min(CLUSTERS, dim))
        found = values[np.arange(dim) * len(values) // dim]
    found = np.clip(found, mu, L)
    found[0], found[-1] = mu, L
    return found
