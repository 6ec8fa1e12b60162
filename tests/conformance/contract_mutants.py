"""Momentum and Adam with the right equation and a broken contract: shared state, lost state ..."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Params = Any


def _momentum(
    *,
    state_of: Callable[[torch.optim.Optimizer, Tensor], dict[str, Tensor]] | None = None,
    group_of: Callable[[torch.optim.Optimizer, dict[str, Any]], dict[str, Any]] | None = None,
    before: Callable[[Tensor], None] = lambda p: None,
    missing: str = "skip",
) -> type[torch.optim.Optimizer]:
    """Return the heavy ball, with pieces that may be broken."""

    class Momentum(torch.optim.Optimizer):
        def __init__(self, params: Params, lr: float = 0.1, momentum: float = 0.9) -> None:
            super().__init__(params, {"lr": lr, "momentum": momentum})
            self.kept: dict[Any, dict[str, Tensor]] = {}

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            for group in self.param_groups:
                used = group if group_of is None else group_of(self, group)
                for p in group["params"]:
                    if p.grad is None and missing == "skip":
                        continue
                    g = torch.ones_like(p) if p.grad is None else p.grad
                    before(p)
                    state = self.state[p] if state_of is None else state_of(self, p)
                    m = used["momentum"] * state.get("m", torch.zeros_like(p)) + g
                    state["m"] = m
                    p.sub_(used["lr"] * m)

    return Momentum


def _kept(optimizer: Any, p: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = optimizer.kept.setdefault(p, {})
    return found


_SHARED: dict[int, dict[str, Tensor]] = {}


def _survives(optimizer: Any, p: Tensor) -> dict[str, Tensor]:
    del optimizer
    return _SHARED.setdefault(p.numel(), {})


def _scale_in_place(p: Tensor) -> None:
    if p.grad is not None:
        p.grad.mul_(1.0)
        p.grad.add_(0.5 * p.grad.abs()).sub_(p.grad / 3)


class SharedCount(torch.optim.Optimizer):
    """Adam with one step count, which every parameter advances."""

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        """Start."""
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})
        self.count = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step."""
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                self.count += 1
                state = self.state[p]
                for name, value, b in (("m", p.grad, b1), ("v", p.grad**2, b2)):
                    state[name] = b * state.get(name, torch.zeros_like(p)) + (1 - b) * value
                m, v = state["m"] / (1 - b1**self.count), state["v"] / (1 - b2**self.count)
                p.sub_(group["lr"] * m / (v.sqrt() + group["eps"]))


class IgnoresMaximize(torch.optim.SGD):
    """Gradient descent that takes maximize and descends."""

    def __init__(self, params: Params, lr: float = 0.1, maximize: bool = False) -> None:
        """Start."""
        super().__init__(params, lr=lr)


class ForeachDiffers(torch.optim.SGD):
    """Gradient descent whose foreach path halves the step."""

    def __init__(self, params: Params, lr: float = 0.1, foreach: bool | None = None) -> None:
        """Start."""
        super().__init__(params, lr=lr * (0.5 if foreach else 1.0), foreach=foreach)


class Noisy(torch.optim.SGD):
    """Gradient descent that adds noise too small for any trajectory."""

    def __init__(self, params: Params, lr: float = 0.1) -> None:
        """Start."""
        super().__init__(params, lr=lr)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step."""
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(1 + 1e-15 * torch.randint_like(p, 2))


class DecayOfItsOwn(torch.optim.SGD):
    """Gradient descent whose weight decay is not multiplied by the learning rate."""

    def __init__(self, params: Params, lr: float = 0.1, weight_decay: float = 0.0) -> None:
        """Start."""
        super().__init__(params, lr=lr)
        self.decay = weight_decay

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step."""
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(1 - self.decay)
        super().step()


CONTRACT_BUGS: dict[str, tuple[str, type, str]] = {
    "state outside state_dict": ("heavy_ball", _momentum(state_of=_kept), "resume"),
    "state survives in the class": ("heavy_ball", _momentum(state_of=_survives), "deterministic"),
    "first group's lr for all": (
        "heavy_ball",
        _momentum(group_of=lambda optimizer, group: optimizer.param_groups[0]),
        "groups",
    ),
    "defaults for all groups": (
        "heavy_ball",
        _momentum(group_of=lambda optimizer, group: optimizer.defaults),
        "groups",
    ),
    "a missing gradient counts as one": (
        "heavy_ball",
        _momentum(missing="one"),
        "missing-gradient",
    ),
    "the gradient is changed in place": (
        "heavy_ball",
        _momentum(before=_scale_in_place),
        "gradient-kept",
    ),
    "one step count for all": ("adam", SharedCount, "blocks-apart"),
    "maximize ignored": ("gd", IgnoresMaximize, "maximize"),
    "foreach path differs": ("gd", ForeachDiffers, "paths"),
    "random in the last digit": ("gd", Noisy, "deterministic"),
    "decay without lr": ("gd", DecayOfItsOwn, "decay-option"),
}
"""Bug to its equation, the class, and the check that must catch it."""
