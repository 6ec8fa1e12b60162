"""Multilayer perceptrons on the digits: small networks with every derivative at hand."""

from __future__ import annotations

import functools
import math
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Model, Problem
from optbench.core.randomness import stream
from optbench.data import tabular
from optbench.families.constant import Constant
from optbench.families.labels import draw_labels
from optbench.families.newton import hessian_vector_of
from optbench.families.perceptron import ACTIVATIONS, Perceptron, linear_start

CLASSES = 10


def mlp(
    *,
    hidden: Annotated[int, Param("width of every hidden layer", low=1, high=10_000)] = 16,
    layers: Annotated[int, Param("number of hidden layers", low=1, high=100)] = 1,
    activation: Annotated[
        str, Param("function between the layers", choices=tuple(ACTIVATIONS))
    ] = "tanh",
    examples: Annotated[int, Param("how many of the images; 0 takes all", low=0, high=1797)] = 0,
    l2: Annotated[float, Param("coefficient of the squared norm", low=0)] = 0.0,
    seed: Annotated[int, Param("makes the starts", low=0)] = 0,
) -> Problem:
    """A multilayer perceptron with softmax cross-entropy.

    f(x) = (1/n) sum_i (log sum_c exp(z_c(a_i)) - z_(y_i)(a_i)) + l2/2 |x|^2, with the logits
    z(a) = W_k s(... s(W_1 a + b_1) ...) + b_k and an activation s; x holds W_1, b_1, W_2, b_2 ...,
    each matrix row by row, named as in torch's Sequential: 0.weight, 0.bias, 2.weight ...

    Data: 1797 images of the digits 0 to 9, 64 grey levels, shifted and scaled together to mean 0
    and variance 1; with `examples`, the first of them in a fixed random order. l2 acts on biases
    too.
    Facts: not convex; no f*, no L. The Fisher matrix is the Gauss-Newton matrix
    (1/n) sum_i J_i'(diag(p_i) - p_i p_i')J_i + l2 I, where J_i is the derivative of the logits.
    Start: every weight and bias uniform on [-1/sqrt(width before), 1/sqrt(width before)], as
    torch's Linear does by default; another for each seed.
    Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors,
    1986; for the Fisher matrix Martens, New insights and perspectives on the natural gradient
    method, 2020, section 9.
    """
    images, onehot = _data(examples)
    n = len(images)
    network = Perceptron((images.shape[1], *[hidden] * layers, CLASSES), activation)
    dim = sum(block.size for block in network.layout.blocks)
    A, Y = Constant(images), Constant(onehot)

    def penalised(x: Tensor, z: Tensor) -> Tensor:
        fit = (z.logsumexp(-1) - (z * Y.like(x)).sum(-1)).mean(-1)
        return fit + 0.5 * l2 * x.square().sum(-1) if l2 else fit

    def regularised(x: Tensor, g: Tensor) -> Tensor:
        return g + l2 * x if l2 else g

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        tape = network.forward(x, A.like(x))
        scores = (tape.logits.softmax(-1) - Y.like(x)) / n
        return penalised(x, tape.logits), regularised(x, network.pull_back(x, tape, scores))

    def mean_score(x: Tensor, indices: Tensor, uniforms: Tensor | None = None) -> Tensor:
        tape = network.forward(x, A.like(x)[indices])
        p = tape.logits.softmax(-1)
        y = Y.like(x)[indices] if uniforms is None else draw_labels(p, uniforms)
        return regularised(x, network.pull_back(x, tape, (p - y) / indices.shape[1]))

    def fisher_vector(x: Tensor, v: Tensor) -> Tensor:
        tape = network.forward(x, A.like(x))
        p, u = tape.logits.softmax(-1), network.push_forward(x, tape, v)
        weights = p * (u - (p * u).sum(-1, keepdim=True)) / n
        return regularised(v, network.pull_back(x, tape, weights))

    return Problem(
        facts=Facts(dim=dim, convex=False, noise_variance=None),
        start=linear_start(network, seed),
        oracle=oracle,
        value=lambda x: penalised(x, network.forward(x, A.like(x)).logits),
        hessian_vector=hessian_vector_of(oracle),
        examples=n,
        minibatch=mean_score,
        sampled_gradient=mean_score,
        fisher_vector=fisher_vector,
        model=lambda: _model(network, A, Y, l2, linear_start(network, seed)(0)),
        blocks=network.layout.blocks,
        scale=math.log(CLASSES),
        seed=seed,
        domain=(-1.0, 1.0),
    )


def _model(network: Perceptron, A: Constant, Y: Constant, l2: float, x: Tensor) -> Model:
    """Return the network as a module that stands at x, and its loss by torch's own layers."""
    module = network.module(x)

    def loss(indices: Tensor | None) -> Tensor:
        parameters = list(module.parameters())
        chosen = slice(None) if indices is None else indices
        a, y = A.like(parameters[0])[chosen], Y.like(parameters[0])[chosen]
        fit = torch.nn.functional.cross_entropy(module(a), y)
        if not l2:
            return fit
        squares = [p.square().sum() for p in parameters]
        return fit + 0.5 * l2 * torch.stack(squares).sum()

    return Model(module=module, loss=loss)


@functools.cache
def _data(examples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 64) and one-hot classes (n, 10)."""
    levels, classes = tabular.digits()
    order = stream(0, 0, "examples").permutation(len(levels)) if examples else slice(None)
    images = ((levels - levels.mean()) / levels.std())[order][: examples or None]
    return images, np.eye(CLASSES)[classes[order][: examples or None]]
