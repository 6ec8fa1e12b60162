"""Labels drawn from a model's own distribution, for estimates of the Fisher matrix."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import one_hot


def draw_labels(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Draw classes by the inverse of the distribution function.

    Args:
        probabilities: Shape (..., C); the last axis sums to 1.
        uniforms: Numbers in [0, 1), shape (...).

    Returns:
        One-hot classes, shape (..., C), in the dtype of the probabilities: class c where u lies
        between p_1 + ... + p_(c-1) and p_1 + ... + p_c.
    """
    classes = probabilities.shape[-1]
    below = (probabilities.cumsum(-1) <= uniforms[..., None]).sum(-1)
    # Rounding may leave the last sum below 1, and u in single precision may be 1.
    return one_hot(below.clamp(max=classes - 1), classes).to(probabilities)
