"""What theory says of a stored run's rate, from its optimizer, its numbers and its facts."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from optbench.core.errors import OptbenchError
from optbench.core.run import Run
from optbench.core.spec import Spec
from optbench.theory.formulas.rates import gd_contraction, heavy_ball_rate

SAME = 1e-9
"""Relative difference up to which a learning rate or a momentum is the one that theory asks for."""


@dataclass(frozen=True, kw_only=True)
class Guarantee:
    """A rate from theory.

    Attributes:
        kind: `geometric`, then the value is -ln rho per step, or `power law`, then it is the
            exponent of t.
        value: The rate.
        bound: Whether every function of the class is at least as fast; otherwise the value is the
            asymptotic rate of almost every start.
        source: The setting and where it comes from.
    """

    kind: str
    value: float
    bound: bool
    source: str

    @property
    def text(self) -> str:
        """The rate in one phrase."""
        sign = "≥" if self.bound else "→"
        if self.kind == "geometric":
            return f"-ln rho {sign} {self.value:.4g}"
        return f"O(t^{self.value:g})"


def guarantee_of(run: Run, measure: str) -> Guarantee | None:
    """Return the rate that theory has for a run's measure, or None.

    Gradient descent with a constant learning rate below 2/L, Nesterov's methods at 1/L, heavy ball
    with Polyak's pair on quadratics; on smooth convex problems, with exact and whole gradients.

    Args:
        run: Any run.
        measure: `suboptimality` or `gradient_norm`.
    """
    L, mu = _fact(run, "smoothness"), _fact(run, "strong_convexity")
    lr, name = run.hyper.get("lr"), run.spec.optimizer.name
    if name not in GUARANTEES or lr is None or not L or not run.facts.get("convex"):
        return None
    if not _is_plain(run) or _is_online(run):
        return None
    return GUARANTEES[name](run, measure, L=L, mu=mu or 0.0, lr=lr)


def _is_plain(run: Run) -> bool:
    """Return whether gradients are exact, whole and unclipped, and the learning rate constant."""
    params = dict(run.spec.optimizer.params)
    changed = ("batch_size", "clip_norm", "clip_value", "clip_sample")
    exact = not run.facts.get("noise_variance") and not any(params.get(name) for name in changed)
    return exact and run.spec.schedule.name == "constant"


def _is_online(run: Run) -> bool:
    known = run.facts.get("online")
    return _built(run.spec.problem)[0] if known is None else bool(known)


def _is_quadratic(run: Run) -> bool:
    known = run.facts.get("online")  # runs tell both or neither
    return _built(run.spec.problem)[1] if known is None else bool(run.facts.get("quadratic"))


@functools.lru_cache(maxsize=64)
def _built(spec: Spec) -> tuple[bool, bool]:
    """Return whether a problem is online, and whether quadratic, for runs of before they told.

    Building one can take long. Of a user's file that is no longer there nothing is promised.
    """
    from optbench.families.find import build_problem

    try:
        problem = build_problem(spec)
    except OptbenchError:
        return True, False
    online = problem.stream is not None or problem.project is not None
    return online, bool(problem.facts.quadratic)


def _gd(run: Run, measure: str, *, L: float, mu: float, lr: float) -> Guarantee | None:
    if not 0 < lr * L < 2:
        return None
    if not mu:
        source = "gradient descent, convex: Drori, Teboulle 2014; Taylor et al. 2017"
        return Guarantee(kind="power law", value=-1.0, bound=True, source=source)
    rho = gd_contraction(smoothness=L, strong_convexity=mu, lr=lr)
    if rho == 0:  # it arrives in one step, which is no rate
        return None
    value = -math.log(rho) * (2 if measure == "suboptimality" else 1)
    source = "gradient descent, strongly convex: Polyak 1987; Taylor et al. 2018"
    return Guarantee(kind="geometric", value=value, bound=True, source=source)


def _nesterov_convex(run: Run, measure: str, *, L: float, mu: float, lr: float) -> Guarantee | None:
    if not 0 < lr * L <= 1 + SAME:
        return None
    # |grad f|^2 <= 2 L (f - f*) halves the exponent.
    value = -2.0 if measure == "suboptimality" else -1.0
    source = "Nesterov, convex: Nesterov 1983; Beck, Teboulle 2009"
    return Guarantee(kind="power law", value=value, bound=True, source=source)


def _nesterov_strongly_convex(
    run: Run, measure: str, *, L: float, mu: float, lr: float
) -> Guarantee | None:
    if not 0 < mu < L or not math.isclose(lr * L, 1, rel_tol=SAME):
        return None
    q = heavy_ball_rate(kappa=L / mu)  # the tuning `nesterov` is the same expression
    if not math.isclose(run.hyper.get("beta", math.nan), q, rel_tol=SAME):
        return None
    value = -math.log1p(-math.sqrt(mu / L)) / (1 if measure == "suboptimality" else 2)
    source = "Nesterov, strongly convex: d'Aspremont, Scieur, Taylor 2021"
    return Guarantee(kind="geometric", value=value, bound=True, source=source)


def _heavy_ball(run: Run, measure: str, *, L: float, mu: float, lr: float) -> Guarantee | None:
    if not 0 < mu < L or not _is_quadratic(run):
        return None
    rho, best = heavy_ball_rate(kappa=L / mu), 4 / (math.sqrt(L) + math.sqrt(mu)) ** 2
    pair = (lr, run.hyper.get("beta", math.nan))
    if not all(math.isclose(a, b, rel_tol=SAME) for a, b in zip(pair, (best, rho**2), strict=True)):
        return None
    value = -math.log(rho) * (2 if measure == "suboptimality" else 1)
    source = "heavy ball, Polyak's pair on a quadratic: Polyak 1964"
    return Guarantee(kind="geometric", value=value, bound=False, source=source)


GUARANTEES = {
    "gd": _gd,
    "nesterov_convex": _nesterov_convex,
    "fista": _nesterov_convex,
    "nesterov_strongly_convex": _nesterov_strongly_convex,
    "heavy_ball": _heavy_ball,
}
"""Optimizer to its theory."""


def _fact(run: Run, name: str) -> float | None:
    value = run.facts.get(name)
    return None if value is None else float(value)
