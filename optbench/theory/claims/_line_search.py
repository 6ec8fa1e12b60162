"""torch's L-BFGS with an exact line search on quadratics, the hypothesis of classical theorems."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class ExactLBFGS(torch.optim.LBFGS):
    """One iteration of torch's L-BFGS a step, its length replaced by the exact one on a quadratic.

    A trial step gives a second gradient along the direction d; on a quadratic the slope g'd is
    linear in the step's length, so its zero is known. Two gradients a step.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 1.0, history_size: int = 10) -> None:
        """Keep `history_size` pairs; `lr` is the length of the trial step."""
        super().__init__(
            params,
            lr=lr,
            max_iter=1,
            history_size=history_size,
            tolerance_grad=0.0,
            tolerance_change=0.0,
        )

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Take the trial step, and go back or on to where the slope along it is zero."""
        (x,) = self.param_groups[0]["params"]
        before = x.detach().clone()
        loss = super().step(closure)  # type: ignore[no-untyped-call]
        state = self.state[x]
        first = state["prev_flat_grad"] @ state["d"]
        closure()
        slope = x.grad.flatten() @ state["d"]
        state["t"] = float(state["t"] * first / (first - slope))
        with torch.no_grad():
            x.copy_(before + state["t"] * state["d"].view_as(x))
        return loss
