"""Softmax regression and multilayer perceptrons on grey images."""

from __future__ import annotations

from typing import Annotated

from torch.nn import functional

from optbench.core.parameters import Param
from optbench.core.task import Pairs, Task, accuracy
from optbench.families.images import Data, parts_of, stacks
from optbench.models.perceptron import ACTIVATIONS, perceptron

CLASSES = 10


def image_classifier(
    *,
    data: Data = "digits",
    hidden: Annotated[int, Param("width of every hidden layer", low=1, high=100_000)] = 64,
    layers: Annotated[int, Param("hidden layers; 0 is softmax regression", low=0, high=100)] = 1,
    activation: Annotated[
        str, Param("function between the layers", choices=tuple(ACTIVATIONS))
    ] = "relu",
    batch_size: Annotated[int, Param("examples in a gradient", low=1)] = 64,
    steps: Annotated[int, Param("steps of a run", low=1)] = 1000,
    target: Annotated[
        float,
        Param("share of wrong answers on validation data to reach; 0 for none", low=0, high=1),
    ] = 0.0,
) -> Task:
    """Images to one of ten classes, by softmax regression or a multilayer perceptron.

    f(x) = E[log sum_c exp(z_c(a)) - z_y(a)] over training images a of class y, with the logits
    z(a) = W_k s(... s(W_1 a + b_1) ...) + b_k and an activation s; without hidden layers
    z(a) = W a + b.

    Data: `digits`, 1797 images of 8 x 8, come with scikit-learn: 1197 to train, 300 for validation,
    300 for the test. `fashion-mnist`: 55,000, 5,000 and 10,000 images of 28 x 28;
    `fashion-mnist-5k` is a fixed part of it. Pixels are shifted and scaled together to mean 0 and
    variance 1.
    Facts: convex without hidden layers; f* is not known.
    Start: weights and biases uniform on [-1, 1]/sqrt(width before), as torch's Linear does.
    Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors,
    1986; Alpaydin and Kaynak 1998 (digits); Xiao, Rasul and Vollgraf 2017 (Fashion-MNIST).
    """
    train, validation, test = parts_of(data)
    widths = (train.images.shape[1], *[hidden] * layers, CLASSES)
    return Task(
        module=lambda: perceptron(widths, activation),
        loss=functional.cross_entropy,
        train=Pairs(*train),
        validation=Pairs(*validation),
        test=Pairs(*test),
        accuracy=accuracy,
        batch_size=batch_size,
        budget=steps,
        targets=(f"error={target}",) if target else (),
        stacks=stacks(*widths[1:-1]),
    )
