"""Multilayer perceptrons fitted to a curve: small networks that sharpen as they learn."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from optbench.core.parameters import Param
from optbench.core.problem import Facts, Model, Problem
from optbench.families.constant import Constant
from optbench.families.newton import hessian_vector_of
from optbench.families.perceptron import ACTIVATIONS, Perceptron, linear_start


def mlp_regression(
    *,
    hidden: Annotated[int, Param("width of every hidden layer", low=1, high=10_000)] = 20,
    layers: Annotated[int, Param("number of hidden layers", low=1, high=100)] = 2,
    activation: Annotated[
        str, Param("function between the layers", choices=tuple(ACTIVATIONS))
    ] = "tanh",
    examples: Annotated[int, Param("points of the curve n", low=2)] = 20,
    seed: Annotated[int, Param("makes the starts", low=0)] = 0,
) -> Problem:
    """A multilayer perceptron fitted to Chebyshev's third polynomial.

    f(x) = 1/(2n) sum_i (z(a_i) - y_i)^2, y_i = 4 a_i^3 - 3 a_i at n points a_i evenly spaced on
    [-1, 1]; z(a) = W_k s(... s(W_1 a + b_1) ...) + b_k with an activation s, x holds W_1, b_1, W_2
    ..., named as in torch's Sequential.

    Under gradient descent the largest eigenvalue of the Hessian rises to 2/eta and stays there.
    Facts: not convex; no f*, no L. The Fisher matrix (normal labels of variance 1) is the
    Gauss-Newton matrix (1/n) sum_i J_i'J_i, J_i the derivative of z(a_i).
    Start: every weight and bias uniform on [-1/sqrt(width before), 1/sqrt(width before)], as
    torch's Linear does by default; another for each seed.
    Source: Cohen, Kaur, Li, Kolter and Talwalkar, Gradient descent on neural networks typically
    occurs at the edge of stability, 2021.
    """
    network = Perceptron((1, *[hidden] * layers, 1), activation)
    inputs = torch.linspace(-1, 1, examples, dtype=torch.float64)[:, None]
    a, y = Constant(inputs), Constant(4 * inputs**3 - 3 * inputs)

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        tape = network.forward(x, a.like(x))
        e = tape.logits - y.like(x)
        return 0.5 * e.square().mean((1, 2)), network.pull_back(x, tape, e / examples)

    def minibatch(x: Tensor, indices: Tensor) -> Tensor:
        tape = network.forward(x, a.like(x)[indices])
        e = tape.logits - y.like(x)[indices]
        return network.pull_back(x, tape, e / indices.shape[1])

    def fisher_vector(x: Tensor, v: Tensor) -> Tensor:
        tape = network.forward(x, a.like(x))
        return network.pull_back(x, tape, network.push_forward(x, tape, v) / examples)

    return Problem(
        facts=Facts(
            dim=sum(block.size for block in network.layout.blocks),
            convex=False,
            noise_variance=None,
        ),
        start=linear_start(network, seed),
        oracle=oracle,
        hessian_vector=hessian_vector_of(oracle),
        examples=examples,
        minibatch=minibatch,
        fisher_vector=fisher_vector,
        model=lambda: _model(network, a, y, linear_start(network, seed)(0)),
        blocks=network.layout.blocks,
        seed=seed,
        domain=(-1.0, 1.0),
    )


def _model(network: Perceptron, a: Constant, y: Constant, x: Tensor) -> Model:
    """Return the network as a module that stands at x, and its loss by torch's own layers."""
    module = network.module(x)

    def loss(indices: Tensor | None) -> Tensor:
        like = next(module.parameters())
        chosen = slice(None) if indices is None else indices
        fit = torch.nn.functional.mse_loss(module(a.like(like)[chosen]), y.like(like)[chosen])
        return fit / 2

    return Model(module=module, loss=loss)
