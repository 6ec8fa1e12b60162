"""A deep autoencoder of grey images."""

from __future__ import annotations

from collections import OrderedDict
from typing import Annotated

from torch import nn
from torch.nn import functional

from optbench.core.errors import SpecError
from optbench.core.parameters import Param, Vector, vector_of
from optbench.core.task import Pairs, Task
from optbench.families.images import Data, parts_of, stacks
from optbench.models.perceptron import ACTIVATIONS, perceptron


def autoencoder(
    *,
    data: Data = "digits",
    widths: Annotated[Vector, Param("a/b/.../code, from the image to its code")] = "32/16/8",
    activation: Annotated[
        str, Param("function between the layers", choices=tuple(ACTIVATIONS))
    ] = "relu",
    batch_size: Annotated[int, Param("examples in a gradient", low=1)] = 64,
    steps: Annotated[int, Param("steps of a run", low=1)] = 4000,
    target: Annotated[
        float, Param("squared error on validation data to reach; 0 for none", low=0)
    ] = 0.0,
) -> Task:
    """Images through a narrow code and back.

    f(x) = E|D(C(a)) - a|^2/p over training images a of p pixels: C is a perceptron of the given
    widths from the image to its code, D its mirror image back; neither has an activation at its
    end.

    A linear autoencoder's least error is that of principal components, as many as the code has
    numbers (Baldi and Hornik, Neural networks and principal component analysis, 1989), which is
    the figure to fall below. Data as of `image_classifier`; there is no accuracy.
    Facts: not convex; f* is not known.
    Start: weights and biases uniform on [-1, 1]/sqrt(width before), as torch's Linear does.
    Source: Hinton and Salakhutdinov, Reducing the dimensionality of data with neural networks,
    2006.

    Raises:
        SpecError: For widths that are not whole numbers from 1 on.
    """
    inner = _whole(widths)
    train, validation, test = (part.images for part in parts_of(data))
    outer = (train.shape[1], *inner)

    def module() -> nn.Module:
        encoder, decoder = perceptron(outer, activation), perceptron(outer[::-1], activation)
        return nn.Sequential(OrderedDict(encoder=encoder, decoder=decoder))

    return Task(
        module=module,
        loss=functional.mse_loss,
        train=Pairs(train, train),
        validation=Pairs(validation, validation),
        test=Pairs(test, test),
        batch_size=batch_size,
        budget=steps,
        targets=(f"value={target}",) if target else (),
        stacks=stacks(*inner),
    )


def _whole(widths: str) -> tuple[int, ...]:
    """Read the widths."""
    numbers = vector_of(widths)
    if not numbers or any(number != int(number) or number < 1 for number in numbers):
        raise SpecError(f"widths must be whole numbers from 1 on, as in 32/16/8, got {widths!r}")
    return tuple(int(number) for number in numbers)
