"""Kronecker-factored curvature, on problems with a model, from the package singd."""

from __future__ import annotations

from optbench.optimizers.foreign.packages import find_class
from optbench.optimizers.from_torch import adapt

_DOCUMENTATION = """K-FAC (Martens and Grosse 2015), in the inverse-free form of Lin et al. 2024.

For each linear layer with inputs a (a 1 appended for the bias), output gradients g and weight W:

A+ = (1 - rho) A + rho (E aa' + lambda I),  G+ = (1 - rho) G + rho (E gg' + lambda I),
A_0 = G_0 = I,
M+ = beta M + (G+)^-1 (dL/dW) (A+)^-1,       W+ = W - eta M+

The factors come from the same examples as the gradient, with the data's labels (the empirical
Fisher). The roots of A^-1 and G^-1 are updated by matrix products, which agrees with the equations
above to second order in rho (Lin et al. 2024, Theorem 1); every other kind of layer is refused.

Here: rho is `lr_cov` and 0.05, as in Martens and Grosse (section 5: decay 0.95); lambda is
`damping`; beta is `momentum`; eta is `lr`; `T` is the number of steps between updates of the
factors, and 1. Default: eta = 1e-3, beta = 0.9, lambda = 1e-3. Search range: 1e-4 to 1.
"""

KFAC = adapt(
    find_class("singd.SINGD"),
    "kfac",
    documentation=_DOCUMENTATION,
    defaults={"kfac_like": True, "alpha1": 0.0, "T": 1, "lr_cov": 0.05},
)
"""SINGD with the settings in which it is K-FAC: no Riemannian momentum, factors at every step."""
