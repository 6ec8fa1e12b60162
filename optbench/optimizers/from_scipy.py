"""Methods of `scipy.optimize.minimize`, as reference lines.

They choose their own steps, so they have no learning rate; what they spend in line searches is
counted like everything else.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import scipy.optimize
import torch

from optbench.core.optimizer import Needs, Session, StepMethod
from optbench.optimizers.newton import MAX_DIM

# Their own stopping tests are switched off: budget and targets decide, as for every optimizer.
_OPTIONS: dict[str, dict[str, Any]] = {
    "L-BFGS-B": {"maxiter": 10**9, "maxfun": 10**9, "ftol": 0.0, "gtol": 0.0, "maxcor": 10},
    "BFGS": {"maxiter": 10**9, "gtol": 0.0},
    "CG": {"maxiter": 10**9, "gtol": 0.0},
    "Newton-CG": {"maxiter": 10**9, "xtol": 0.0},
}


_SMOOTH = Needs(unconstrained=True)


def _run(method: str, session: Session) -> str:
    like = session.x

    def point(x: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(x, dtype=torch.float64).to(like)

    def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        f, g = session.evaluate(point(x))
        return float(f), g.double().cpu().numpy()

    def hessian_vector(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return session.hessian_vector(point(x), point(v)).double().cpu().numpy()

    result = scipy.optimize.minimize(
        value_and_gradient,
        like.double().cpu().numpy(),
        jac=True,
        method=method,
        hessp=hessian_vector if method == "Newton-CG" else None,
        callback=lambda x: session.log(point(x)),
        options=_OPTIONS[method],
    )
    return f"{method} ended by itself: {result.message}"


def _method(name: str, documentation: str, needs: Needs = _SMOOTH) -> StepMethod:
    return StepMethod(
        run=functools.partial(_run, name),
        parameters={},
        documentation=documentation,
        needs=needs,
        package="scipy",
    )


L_BFGS_B = _method(
    "L-BFGS-B",
    """L-BFGS with 10 pairs and scipy's line search (Liu and Nocedal 1989; Byrd et al. 1995).

    x+ = x - alpha H grad f(x),  H from the last 10 pairs (x+ - x, g+ - g), alpha by Wolfe's
    conditions
    """,
)
BFGS = _method(
    "BFGS",
    """BFGS with scipy's line search (Broyden; Fletcher; Goldfarb; Shanno 1970).

    Nocedal and Wright 2006, algorithm 6.1:

    x+ = x - alpha H grad f(x),  H+ = (I - rho s y') H (I - rho y s') + rho s s',  H_0 = I,
    s = x+ - x,  y = g+ - g,  rho = 1/y's,  alpha by Wolfe's conditions

    On a quadratic with an exact line search the iterates are those of conjugate gradient. H is a
    d x d matrix in memory.
    """,
    needs=Needs(unconstrained=True, dim=MAX_DIM),
)
CG = _method(
    "CG",
    """Nonlinear conjugate gradient (Polak and Ribiere 1969; Nocedal and Wright 2006, algorithm
    5.4).

    d+ = -g+ + max(0, g+'(g+ - g)/g'g) d,  x+ = x + alpha d, alpha by Wolfe's conditions
    """,
)
NEWTON_CG = _method(
    "Newton-CG",
    """Line-search Newton-CG (Nocedal and Wright 2006, algorithm 7.1).

    H(x) p = -grad f(x) by conjugate gradient, x+ = x + alpha p; every Hessian-vector product counts
    """,
    needs=Needs(hessian_vector=True, unconstrained=True),
)
