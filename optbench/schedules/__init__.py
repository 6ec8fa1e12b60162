"""Schedules: the factor on the learning rate at every step of a run, at once; one family a file.

`schedule(t, horizon, *, ...)` takes the steps t (zero-based, int64, shape (n,)) and the number of
steps T of the run, and returns factors of shape (n,), float64. The learning rate of step t is
lr * factor, for any number of learning rates. Where a schedule has an end, it stays there at its
last value; `constant`, `exponential`, `inverse_sqrt`, `warmup_inverse_sqrt` and `robbins_monro`
have none.

Any scheduler of torch is reached as `torch.NAME`, a function of your own as `file.py:name`.
"""

from __future__ import annotations

from optbench.core.registry import Entry

SCHEDULES = {
    "constant": Entry("the same learning rate at every step", "optbench.schedules.steps:constant"),
    "step": Entry("times gamma every so many steps", "optbench.schedules.steps:step"),
    "multi_step": Entry("times gamma at each milestone", "optbench.schedules.steps:multi_step"),
    "exponential": Entry("gamma^t", "optbench.schedules.decay:exponential"),
    "polynomial": Entry("(1 - t/T)^p down to a floor", "optbench.schedules.decay:polynomial"),
    "linear": Entry("linear decay to a floor", "optbench.schedules.decay:linear"),
    "cosine": Entry("half a cosine down to a floor", "optbench.schedules.decay:cosine"),
    "inverse_sqrt": Entry("1/sqrt(t + 1)", "optbench.schedules.decay:inverse_sqrt"),
    "robbins_monro": Entry(
        "Robbins and Monro's c/(t + t0)^a", "optbench.schedules.decay:robbins_monro"
    ),
    "last_iterate": Entry(
        "the linear decay that is minimax optimal for the last iterate",
        "optbench.schedules.decay:last_iterate",
    ),
    "warmup_cosine": Entry(
        "linear warm-up, then cosine", "optbench.schedules.warmup:warmup_cosine"
    ),
    "warmup_linear": Entry(
        "linear warm-up, then linear", "optbench.schedules.warmup:warmup_linear"
    ),
    "warmup_inverse_sqrt": Entry(
        "linear warm-up, then 1/sqrt(t + 1): the transformer's",
        "optbench.schedules.warmup:warmup_inverse_sqrt",
    ),
    "wsd": Entry("warm-up, stable, decay", "optbench.schedules.warmup:wsd"),
    "triangular": Entry("up and down again and again", "optbench.schedules.cyclic:triangular"),
    "triangular2": Entry(
        "triangular, half as high in every cycle", "optbench.schedules.cyclic:triangular2"
    ),
    "exp_range": Entry("triangular under gamma^t", "optbench.schedules.cyclic:exp_range"),
    "one_cycle": Entry(
        "one long cycle of the learning rate, the momentum against it",
        "optbench.schedules.one_cycle:one_cycle",
    ),
    "cosine_restarts": Entry(
        "cosine decays one after another, ever longer",
        "optbench.schedules.restarts:cosine_restarts",
    ),
}

MOMENTUM = {
    "triangular": "optbench.schedules.cyclic:triangular_momentum",
    "triangular2": "optbench.schedules.cyclic:triangular2_momentum",
    "exp_range": "optbench.schedules.cyclic:exp_range_momentum",
    "one_cycle": "optbench.schedules.one_cycle:one_cycle_momentum",
}
"""The functions that give the momentum of the schedules that cycle it.

They take what the schedule takes and return the momentum itself, shape (n,), or None when it is
not to be cycled.
"""
