"""Learning-rate schedules: the factor on the learning rate at every step of a run, at once.

`schedule(t, horizon, *, ...)` takes the steps t (zero-based, int64, shape (n,)) and the number of
steps T of the run, and returns factors of shape (n,). The learning rate of step t is lr * factor.
Beyond its end a schedule stays at its last value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from optbench.core.errors import SpecError
from optbench.core.parameters import Param
from optbench.core.registry import Entry

if TYPE_CHECKING:
    import numpy as np

SCHEDULES = {
    "constant": Entry("the same learning rate at every step", "optbench.schedules:constant"),
    "linear": Entry("linear decay to a floor", "optbench.schedules:linear"),
    "cosine": Entry("half a cosine down to a floor", "optbench.schedules:cosine"),
    "warmup_cosine": Entry("linear warm-up, then cosine", "optbench.schedules:warmup_cosine"),
    "inverse_sqrt": Entry("1/sqrt(t + 1)", "optbench.schedules:inverse_sqrt"),
    "power": Entry("Robbins and Monro's c/(t + t0)^a", "optbench.schedules:power"),
}

Length = Annotated[int, Param("steps T of the schedule; 0 takes the whole run", low=0)]
Floor = Annotated[float, Param("last factor", low=0, high=1)]


def _length(steps: int, horizon: int) -> int:
    if steps > horizon:
        raise SpecError(f"schedule of {steps} steps is longer than the run of {horizon}")
    return steps or horizon


def constant(t: np.ndarray, horizon: int) -> np.ndarray:
    """Constant: factor 1."""
    import numpy as np

    del horizon
    return np.ones(len(t))


def linear(t: np.ndarray, horizon: int, *, steps: Length = 0, end: Floor = 0.0) -> np.ndarray:
    """Linear decay: end + (1 - end)(1 - t/T), and `end` from t = T on.

    Source: the last-iterate rate of Defazio et al. 2023 and Zamani and Glineur 2023.
    """
    import numpy as np

    T = _length(steps, horizon)
    factors: np.ndarray = end + (1 - end) * (1 - np.minimum(t, T) / T)
    return factors


def cosine(t: np.ndarray, horizon: int, *, steps: Length = 0, end: Floor = 0.0) -> np.ndarray:
    """Cosine: end + (1 - end)(1 + cos(pi t/T))/2, and `end` from t = T on.

    Source: Loshchilov and Hutter 2017, equation 5, one cycle.
    """
    import numpy as np

    T = _length(steps, horizon)
    factors: np.ndarray = end + (1 - end) * (1 + np.cos(np.pi * np.minimum(t, T) / T)) / 2
    return factors


def warmup_cosine(
    t: np.ndarray,
    horizon: int,
    *,
    warmup: Annotated[int, Param("steps w of the warm-up", low=0)] = 0,
    steps: Length = 0,
    end: Floor = 0.0,
) -> np.ndarray:
    """Warm-up and cosine: t/w before w, then cosine over the remaining T - w steps.

    Exactly 1 at t = w; w = 0 is `cosine`; w = T is the warm-up alone. The factor at t = 0 is 0: the
    first step does nothing. Source: Loshchilov and Hutter 2017; Goyal et al. 2017 for the warm-up.

    Raises:
        SpecError: When warmup is longer than the schedule, or the schedule than the run.
    """
    import numpy as np

    T = _length(steps, horizon)
    if warmup > T:
        raise SpecError(f"warm-up of {warmup} steps is longer than the schedule of {T}")
    decay = np.clip((t - warmup) / max(T - warmup, 1), 0, 1)
    falling = end + (1 - end) * (1 + np.cos(np.pi * decay)) / 2
    return np.where(t < warmup, t / max(warmup, 1), falling)


def inverse_sqrt(t: np.ndarray, horizon: int) -> np.ndarray:
    """Inverse square root: 1/sqrt(t + 1), the any-time rate of the subgradient method.

    Source: Nesterov 2004, section 3.2.3.
    """
    import numpy as np

    del horizon
    return 1 / np.sqrt(t + 1.0)


def power(
    t: np.ndarray,
    horizon: int,
    *,
    exponent: Annotated[float, Param("a", low=0)] = 1.0,
    offset: Annotated[float, Param("t0", above=0)] = 1.0,
) -> np.ndarray:
    """Power law: (t0/(t + t0))^a, so that the first factor is 1.

    Source: Robbins and Monro 1951; the last iterate needs 1/2 < a <= 1.
    """
    del horizon
    factors: np.ndarray = (offset / (t + offset)) ** exponent
    return factors
