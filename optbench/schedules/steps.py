"""Factors that stay where they are and fall at single steps."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from optbench.core.parameters import Param, Vector, vector_of

Gamma = Annotated[float, Param("factor gamma of every fall", above=0, high=1)]


def constant(t: np.ndarray, horizon: int) -> np.ndarray:
    """Constant: factor 1."""
    del horizon
    return np.ones(len(t))


def step(
    t: np.ndarray,
    horizon: int,
    *,
    step_size: Annotated[int, Param("steps s between falls; 0 takes T/3, rounded up", low=0)] = 0,
    gamma: Gamma = 0.1,
) -> np.ndarray:
    """Step decay: gamma^floor(t/s).

    Defaults: three stages, each a tenth of the one before, as in 90 epochs on ImageNet.
    As torch.StepLR, which multiplies gamma up step by step and so differs by rounding.
    Source: He et al. 2016, section 3.4.
    """
    factors: np.ndarray = gamma ** (t // (step_size or -(-horizon // 3)))
    return factors


def multi_step(
    t: np.ndarray,
    horizon: int,
    *,
    milestones: Annotated[
        Vector, Param("steps at which it falls, as in 300/600; empty takes T/2 and 3T/4", low=0)
    ] = "",
    gamma: Gamma = 0.1,
) -> np.ndarray:
    """Multi-step decay: gamma^n, where n counts the milestones up to and including t.

    A milestone that is given twice counts twice. Milestones behind the end are never reached.
    Defaults: falls by ten at a half and three quarters of the run, as on CIFAR-10.
    As torch.MultiStepLR, which multiplies gamma up step by step and so differs by rounding.
    Source: He et al. 2016, section 4.2.
    """
    falls = np.sort(vector_of(milestones) or (horizon / 2, 3 * horizon / 4))
    factors: np.ndarray = gamma ** np.searchsorted(falls, t, side="right")
    return factors
