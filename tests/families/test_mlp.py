"""Perceptrons on the digits against scikit-learn's data, torch's layers and enumerated labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.func import jacrev, vmap

from optbench.core.errors import SpecError
from optbench.core.problem import Problem
from optbench.core.spec import parse_one
from optbench.families.find import complete_problem
from optbench.families.mlp import mlp

L2 = 0.05


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Return a narrow network on all images."""
    return mlp(hidden=2, l2=L2)


@pytest.fixture(scope="module")
def x(problem: Problem) -> Tensor:
    """Return a point some way off the start, shape (d,)."""
    return problem.start(0) + torch.from_numpy(np.random.default_rng(0).normal(0, 0.3, 160))


def data() -> tuple[Tensor, Tensor]:
    """Return images (1797, 64) of mean 0 and variance 1, and classes, by scikit-learn alone."""
    images, classes = load_digits(return_X_y=True)
    return torch.from_numpy((images - images.mean()) / images.std()), torch.from_numpy(classes)


def logits(x: Tensor, images: Tensor) -> Tensor:
    """Return the outputs of the network with two hidden units, (..., 10), from x (160,)."""
    W, b, V, c = x[:128].view(2, 64), x[128:130], x[130:150].view(10, 2), x[150:]
    return torch.tanh(images @ W.T + b) @ V.T + c


@pytest.fixture(scope="module")
def scores(x: Tensor) -> Tensor:
    """Return the gradient of -log p of every label of every image, (1797, 10, 160)."""

    def losses(z: Tensor, image: Tensor) -> Tensor:
        return -logits(z, image).log_softmax(-1)

    derivative: Tensor = vmap(jacrev(losses), in_dims=(None, 0))(x, data()[0])
    return derivative


def test_value_and_gradient_are_those_of_cross_entropy(
    problem: Problem, x: Tensor, scores: Tensor
) -> None:
    """The value is torch's cross entropy plus l2/2 |x|^2; the gradient the mean score and l2 x."""
    images, y = data()
    expected = torch.nn.functional.cross_entropy(logits(x, images), y) + L2 / 2 * x @ x

    f, g = problem.value_and_gradient(x[None])

    assert float(f) == pytest.approx(float(expected), rel=1e-13)
    slope = scores[torch.arange(1797), y].mean(0) + L2 * x
    torch.testing.assert_close(g[0], slope, rtol=0, atol=1e-13)


def test_fisher_matrix_is_the_second_moment_of_enumerated_scores(
    problem: Problem, x: Tensor, scores: Tensor
) -> None:
    """F = (1/n) sum_i sum_c p_ic s_ic s_ic' + l2 I, over all ten labels of all images."""
    p = logits(x, data()[0]).softmax(-1)
    expected = torch.einsum("nc,ncd,nce->de", p, scores, scores) / 1797
    axes = torch.eye(160, dtype=torch.float64)
    assert problem.fisher_vector is not None

    F = problem.fisher_vector(x.expand(160, -1), axes)

    torch.testing.assert_close(F, expected + L2 * axes, rtol=0, atol=1e-13)


def test_fisher_matrix_is_not_the_hessian(problem: Problem, x: Tensor) -> None:
    """The Hessian has curvature of the network itself: a negative eigenvalue, which F has not."""
    axes = torch.eye(160, dtype=torch.float64)
    assert problem.fisher_vector is not None
    assert problem.hessian_vector is not None

    H = problem.hessian_vector(x.expand(160, -1), axes)
    F = problem.fisher_vector(x.expand(160, -1), axes)

    assert float(torch.linalg.eigvalsh(H)[0]) < 0 < L2 * 0.99 < float(torch.linalg.eigvalsh(F)[0])


def test_each_label_is_drawn_in_its_interval(problem: Problem, x: Tensor, scores: Tensor) -> None:
    """With u in the middle of label c's probabilities the gradient is that of label c."""
    p = logits(x, data()[0]).softmax(-1)
    middles = p.cumsum(-1) - p / 2
    assert problem.sampled_gradient is not None

    for image in (0, 100, 1796):
        g = problem.sampled_gradient(
            x.expand(10, -1), torch.full((10, 1), image), middles[image][:, None]
        )
        torch.testing.assert_close(g, scores[image] + L2 * x, rtol=0, atol=1e-12)


def test_start_is_the_initialisation_of_torchs_linear_layers() -> None:
    """Weights and biases fill [-1/sqrt(fan in), 1/sqrt(fan in)], which torch's own do as well."""
    problem = mlp(hidden=100, layers=2)
    first, last = torch.nn.Linear(64, 100), torch.nn.Linear(100, 10)

    W, b, V, c, U, d = problem.layout.split(problem.start(3)[None])

    assert [part.shape[1:] for part in (W, b, V)] == [(100, 64), (100,), (100, 100)]
    for part, bound in ((W, 1 / 8), (b, 1 / 8), (V, 0.1), (c, 0.1), (U, 0.1), (d, 0.1)):
        assert 0.7 * bound < float(part.abs().max()) <= bound
        assert float(part.mean().abs()) < 3 * bound / (3 * part.numel()) ** 0.5
    for part, layer in ((W, first), (U, last)):
        drawn = layer.weight.detach()
        assert float(part.std() / drawn.std()) == pytest.approx(1, abs=0.1)
        assert float(part.abs().max() / drawn.abs().max()) == pytest.approx(1, abs=0.02)


def test_start_is_named_by_both_seeds_and_not_by_torchs_generator() -> None:
    """Problem seed and run seed both count; `torch.manual_seed` does not."""
    torch.manual_seed(1)
    first = mlp(hidden=2).start(0)
    torch.manual_seed(2)

    assert torch.equal(first, mlp(hidden=2).start(0))
    assert not torch.equal(first, mlp(hidden=2).start(1))
    assert not torch.equal(first, mlp(hidden=2, seed=1).start(0))


def test_fewer_examples_are_a_prefix_of_more() -> None:
    """The first images are the same however many there are, and all digits are among them."""
    few, more = mlp(hidden=2, examples=40), mlp(hidden=2, examples=90)
    x = few.start(0)[None]
    chosen = torch.arange(40)[None]
    assert few.minibatch is not None
    assert more.minibatch is not None

    assert torch.equal(few.minibatch(x, chosen), more.minibatch(x, chosen))
    assert torch.allclose(few.oracle(x)[1], more.minibatch(x, chosen), rtol=0, atol=1e-15)
    assert few.examples == 40
    # The gradient by the last bias is p - y: negative for the label, and every label occurs.
    labels = more.minibatch(x.expand(90, -1), torch.arange(90)[:, None])[:, -10:].argmin(-1)
    assert set(labels.tolist()) == set(range(10))


def test_all_images_in_any_order_have_the_same_loss() -> None:
    """`examples=1797` shuffles what `examples=0` takes as it is."""
    whole, shuffled = mlp(hidden=2), mlp(hidden=2, examples=1797)
    x = whole.start(0)[None]
    first = torch.zeros(1, 1, dtype=torch.int64)
    assert whole.minibatch is not None
    assert shuffled.minibatch is not None

    assert float(whole.oracle(x)[0]) == pytest.approx(float(shuffled.oracle(x)[0]), rel=1e-13)
    assert not torch.allclose(whole.minibatch(x, first), shuffled.minibatch(x, first))


def test_a_model_stands_at_the_start_and_apart_from_the_others() -> None:
    """Each call of `model` makes a module of its own, in whatever precision one turns it to."""
    problem = mlp(hidden=2, examples=30)
    assert problem.model is not None
    first, second = problem.model(), problem.model()
    with torch.no_grad():
        next(first.module.parameters()).zero_()
    second.module.to(torch.float32)

    f = second.loss(None)

    assert f.dtype == torch.float32
    expected = float(problem.oracle(problem.start(0)[None])[0])
    assert float(f.detach()) == pytest.approx(expected, rel=1e-6)


def test_more_images_than_there_are_is_a_mistake_with_a_message() -> None:
    """`examples=1798` and an unknown activation are refused in one line."""
    with pytest.raises(SpecError, match="examples"):
        complete_problem(parse_one("mlp:examples=1798"))
    with pytest.raises(SpecError, match="activation"):
        complete_problem(parse_one("mlp:activation=swish"))
