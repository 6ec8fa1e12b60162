"""What the benchmarks name, and how they run on commits that lack some of it.

asv finds the parameters of a benchmark in today's code and measures older commits with them, so the
names are written down here; a test holds them against the registries. On a commit that does not
know a name, the benchmark says NotImplementedError in its setup, which asv records as not
available.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Container
from typing import Any

from optbench.core.errors import OptbenchError

OPTIMIZERS = """
    gd sgd subgradient polyak_averaging heavy_ball heavy_ball_ema nesterov nesterov_convex fista
    nesterov_strongly_convex ogm adagrad adagrad_norm rmsprop rmsprop_centered rmsprop_momentum
    adadelta adam amsgrad adamw nadam radam adamax adafactor signsgd signum lion lars lamb
    schedule_free_sgd schedule_free_adamw dadapt_sgd dadapt_adam prodigy newton natural_gradient
    closed_form coordinate_descent conjugate_gradient chebyshev sophia_h sophia_g muon shampoo kfac
    soap scipy.BFGS scipy.L-BFGS-B scipy.CG scipy.Newton-CG
""".split()  # noqa: SIM905 (a name a line would fill a page)
"""Every optimizer."""

HOMES = {
    "sgd": "least_squares",
    "polyak_averaging": "least_squares",
    "natural_gradient": "bernoulli",
    "sophia_g": "softmax_regression",
    "muon": "matrix_quadratic",
    "kfac": "mlp_regression",
    "soap": "matrix_quadratic",
}
"""Problems of those that need more than a quadratic: samples, matrices, layers, a likelihood."""

PROBLEMS = """
    absolute ackley beale bernoulli cubic deep_linear double_well gaussian himmelblau huber
    least_mean_squares least_squares lessard_recht_packard log_barrier log_sum_exp logistic
    matrix_factorisation matrix_quadratic max_coordinate mean_estimation mlp mlp_regression
    nesterov_convex nesterov_strongly_convex online parabola polyak_lojasiewicz power product
    pseudo_huber quadratic rastrigin rayleigh rosenbrock saddle saddle_quartic
    softmax_regression styblinski_tang wu_ma_e
""".split()  # noqa: SIM905
"""Every family of problems but the learning ones, whose oracle is a model's."""


def home(optimizer: str) -> str:
    """Return the problem on which an optimizer's step is timed."""
    return HOMES.get(optimizer, "quadratic:dim=50,kappa=100")


def require(here: Container[str], *names: str) -> None:
    """Skip what a commit does not have.

    Args:
        here: What it has.
        names: What is needed; parameters after a colon are not looked at.

    Raises:
        NotImplementedError: When one is not there.
    """
    for name in names:
        if name.partition(":")[0] not in here:
            raise NotImplementedError(f"{name} is not known here")


MISUSED = 2
"""Exit status of a command that does not exist."""


def available(work: Callable[[], Any]) -> Any:
    """Return what some work gives.

    Raises:
        NotImplementedError: When this commit takes it for a user's mistake: it does not know what
            was asked for. Any other error is passed on and fails the benchmark, since
            `asv continuous` is to see what a commit has broken.
    """
    try:
        return work()
    except OptbenchError as error:
        raise NotImplementedError(str(error)) from error
    except subprocess.CalledProcessError as error:
        if error.returncode != MISUSED:
            raise
        raise NotImplementedError(str(error)) from error
