"""The fastest methods on convex quadratics that move in the span of gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from optbench.core.layout import Layout
from optbench.core.optimizer import Needs, Oracle, State, UpdateRule
from optbench.core.parameters import Smoothness, StrongConvexity
from optbench.optimizers.algebra import inner


def conjugate_gradient(x: Tensor, state: State, oracle: Oracle, t: int) -> tuple[Tensor, State]:
    """Linear conjugate gradient (Hestenes and Stiefel 1952, section 3).

    r_0 = p_0 = -grad f(x_0),  alpha = r'r / p'Hp,  x+ = x + alpha p,
    r+ = r - alpha H p,  p+ = r+ + (r+'r+ / r'r) p

    x_t minimises f over x_0 + span{g, Hg, ..., H^(t-1) g}: no method in the span of gradients is
    below it at any step. f_t - f* <= (f_0 - f*)/T_t((kappa + 1)/(kappa - 1))^2 with the Chebyshev
    polynomial T_t, and it ends after as many steps as H has distinct eigenvalues, in exact
    arithmetic. The residual r is carried along, not recomputed: what it costs is one gradient in
    the whole run and one Hessian-vector product a step, and noise in that gradient stays for ever.
    Where the residual is exactly zero x stays.

    No learning rate.
    """
    r, p = state
    if t == 0:
        r = p = -oracle.gradient(x)
    hp = oracle.hessian_vector(x, p)
    alpha = _ratio(inner(r, r), inner(p, hp))
    r_next = r - alpha * hp
    beta = _ratio(inner(r_next, r_next), inner(r, r))
    return x + alpha * p, (r_next, r_next + beta * p)


def chebyshev(
    x: Tensor,
    state: State,
    oracle: Oracle,
    t: int,
    *,
    L: Smoothness = "L",
    mu: StrongConvexity = "mu",
) -> tuple[Tensor, State]:
    """Chebyshev iteration (Flanders and Shortley 1950; Golub and Varga 1961), three-term form.

    x+ = x - a_t grad f(x) + (c a_t - 1)(x - x_prev),  c = (L + mu)/2,  e = (L - mu)/2,
    a_0 = 1/c,  a_1 = 1/(c - e^2 a_0/2),  a_t = 1/(c - e^2 a_(t-1)/4)

    The error is T_t((L + mu - 2 H)/(L - mu))/T_t((L + mu)/(L - mu)) applied to x_0 - x*: the
    smallest worst case over spectra in [mu, L] that t gradients allow, at every t. a_t falls to
    heavy ball's 4/(sqrt L + sqrt mu)^2. Needs mu > 0, and diverges when L is too small.

    Default: the problem's L and mu. No learning rate.
    """
    moved, a = state
    c, e = (L + mu) / 2, (L - mu) / 2
    a = 1 / (c - (0.5 if t == 1 else 0.25) * e**2 * a)
    moved = (c * a - 1) * moved - a * oracle.gradient(x)
    return x + moved, (moved, a)


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """Return a/b where b is positive, and 0 elsewhere: there is no residual left to reduce."""
    return torch.where(b > 0, a / b, 0.0)


def _displacement_and_step(x: Tensor, layout: Layout) -> State:
    del layout
    return x.new_zeros(x.shape), x.new_zeros(len(x), 1)


# Strong convexity is known, as 0 at least, of convex problems only.
_CONVEX_QUADRATIC = ("quadratic", "strong_convexity")

CONJUGATE_GRADIENT = UpdateRule(
    step=conjugate_gradient,
    memory=2,
    needs=Needs(facts=_CONVEX_QUADRATIC, hessian_vector=True, unconstrained=True),
)
CHEBYSHEV = UpdateRule(
    step=chebyshev,
    start=_displacement_and_step,
    needs=Needs(facts=_CONVEX_QUADRATIC, unconstrained=True),
)
