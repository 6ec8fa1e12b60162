"""Grey images as tasks against scikit-learn: its digits, its classifiers, its components."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import Tensor, nn

from optbench.core.errors import OptbenchError, SpecError
from optbench.core.spec import Spec
from optbench.core.task import Task
from optbench.data import arrays, place
from optbench.families.autoencoder import autoencoder
from optbench.families.find import complete_problem
from optbench.families.image_classifier import image_classifier
from optbench.families.images import Part, parts_of


@pytest.fixture
def clothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[np.ndarray]:
    """Put 120 images under Fashion-MNIST's name, each of one grey level that tells it apart."""
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path))
    levels = np.arange(120, dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (120, 1, 28, 28))
    labels = levels.astype(np.int64) % 10
    arrays.write(
        place.file_of("fashion-mnist"),
        {
            "train_images": images, "train_labels": labels,
            "test_images": images[:20] + np.uint8(120), "test_labels": labels[:20],
        },
    )  # fmt: skip
    parts_of.cache_clear()
    yield levels
    parts_of.cache_clear()


def rows(part: Part) -> set[bytes]:
    """Return images with their class, to be compared."""
    return {
        image.tobytes() + bytes([label])
        for image, label in zip(part.images.numpy(), part.labels.tolist(), strict=True)
    }


def trained(task: Task, lr: float, steps: int) -> nn.Module:
    """Return a model after some steps of Adam with a cosine, on batches drawn with replacement."""
    torch.manual_seed(0)
    model = task.module()
    method = torch.optim.Adam(model.parameters())
    generator = torch.Generator().manual_seed(0)
    for t in range(steps):
        method.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * t / steps)) / 2
        chosen = torch.randint(len(task.train), (task.batch_size,), generator=generator)
        a, y = task.train.batch(chosen)
        method.zero_grad()
        torch.autograd.backward(task.loss(model(a), y))
        method.step()
    return model


def validation(task: Task) -> tuple[Tensor, Tensor]:
    """Return all inputs and targets of the validation data."""
    assert task.validation is not None
    return task.validation.batch(torch.arange(len(task.validation)))


def test_parts_of_the_digits_are_all_of_them_once() -> None:
    """1197, 300 and 300 images, together scikit-learn's, every digit at least 20 times in each."""
    parts = parts_of("digits")
    images, labels = load_digits(return_X_y=True)

    assert [len(part.labels) for part in parts] == [1197, 300, 300]
    together = torch.cat([part.images for part in parts]).numpy()
    classes = torch.cat([part.labels for part in parts]).numpy()
    # Standardised together, so that a shift and a scale lead back to the grey levels 0 to 16.
    mean, deviation = together.min(), (together.max() - together.min()) / 16
    levels = np.rint((together - mean) / deviation)
    assert sorted(map(bytes, np.column_stack([levels, classes]).astype(np.uint8))) == sorted(
        map(bytes, np.column_stack([images, labels]).astype(np.uint8))
    )
    assert all(int(part.labels.bincount().min()) >= 20 for part in parts)


def test_training_images_have_mean_0_and_variance_1() -> None:
    """Shift and scale are those of the training part, one pair for all pixels and parts."""
    parts = parts_of("digits")

    assert float(parts.train.images.mean()) == pytest.approx(0, abs=1e-6)
    assert float(parts.train.images.square().mean()) == pytest.approx(1, abs=1e-6)
    assert float(parts.test.images.min()) == float(parts.train.images.min())
    assert parts.train.images.dtype == torch.float32
    assert parts.train.labels.dtype == torch.int64


def test_a_twelfth_of_the_clothing_is_held_out(clothing: np.ndarray) -> None:
    """Training and validation share no image and are all; the test images are the set's own."""
    train, validation, test = parts_of("fashion-mnist")

    assert (len(train.labels), len(validation.labels), len(test.labels)) == (110, 10, 20)
    values = torch.cat([train.images, validation.images])[:, 0]
    place_of = values.argsort()
    assert len(set(values.tolist())) == 120
    labels = torch.cat([train.labels, validation.labels])[place_of]
    assert torch.equal(labels, torch.from_numpy(clothing.astype(np.int64) % 10))
    assert float(test.images.min()) > float(values.max())
    assert torch.equal(test.labels, torch.arange(20) % 10)
    held_out = sorted(np.rint(np.interp(validation.images[:, 0], values[place_of], clothing)))
    assert held_out != list(range(10))
    assert held_out != list(range(110, 120))
    assert train.images.shape == (110, 784)


def test_missing_clothing_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to get it."""
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path))
    parts_of.cache_clear()

    with pytest.raises(OptbenchError, match="optbench data fetch fashion-mnist"):
        image_classifier(data="fashion-mnist")


@pytest.mark.parametrize(
    ("layers", "hidden", "shapes"),
    [
        (0, 64, {"0.weight": (10, 64), "0.bias": (10,)}),
        (
            2, 5,
            {
                "0.weight": (5, 64), "0.bias": (5,), "2.weight": (5, 5), "2.bias": (5,),
                "4.weight": (10, 5), "4.bias": (10,),
            },
        ),
    ],
)  # fmt: skip
def test_layers_are_those_asked_for(
    layers: int, hidden: int, shapes: dict[str, tuple[int, ...]]
) -> None:
    """No hidden layer is softmax regression; names are those of torch's Sequential."""
    model = image_classifier(layers=layers, hidden=hidden).module()

    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == shapes


def test_the_network_is_its_formula() -> None:
    """Scores are W_2 relu(W_1 a + b_1) + b_2, and the loss -log of the softmax's share."""
    task = image_classifier(hidden=7)
    model = task.module().double()
    W, b, V, c = (p.detach() for p in model.parameters())
    a, y = validation(task)
    a = a.double()

    z = (a @ W.T + b).clamp(min=0) @ V.T + c
    shares = z.exp()[torch.arange(len(y)), y] / z.exp().sum(1)

    with torch.no_grad():
        torch.testing.assert_close(model(a), z, rtol=0, atol=1e-13)
    assert float(task.loss(z, y)) == pytest.approx(float(-shares.log().mean()), rel=1e-12)
    assert task.accuracy is not None
    right = float((z.argmax(1) == y).double().mean())
    assert float(task.accuracy(z, y)) == pytest.approx(right, rel=1e-6)


def test_some_steps_of_softmax_regression_tell_the_digits_apart() -> None:
    """300 steps leave at most 6% of wrong answers, where scikit-learn's regression leaves 2.3%."""
    task = image_classifier(layers=0)
    a, y = validation(task)

    model = trained(task, 0.03, 300)

    assert task.accuracy is not None
    with torch.no_grad():
        assert 0.94 <= float(task.accuracy(model(a), y)) < 1


def test_a_linear_autoencoder_is_no_better_than_principal_components() -> None:
    """With one linear map each way, training comes within 1% of PCA's error and not below it."""
    task = autoencoder(widths="3")
    a, _ = task.train.batch(torch.arange(len(task.train)))
    components = PCA(3).fit(a.numpy())
    least = float(
        np.square(components.inverse_transform(components.transform(a)) - a.numpy()).mean()
    )

    model = trained(task, 0.02, 800)

    with torch.no_grad():
        f = float(task.loss(model(a), a))
    assert least * (1 - 1e-5) <= f <= least * 1.01


def test_the_autoencoder_is_its_mirror_image_with_a_linear_code() -> None:
    """There are 32, 16, 8, 16, 32 numbers between, and the code takes negative values."""
    task = autoencoder()
    torch.manual_seed(0)
    model = task.module()
    assert isinstance(model, nn.Sequential)
    weights = [tuple(p.shape) for p in model.parameters() if p.dim() == 2]

    assert weights == [(32, 64), (16, 32), (8, 16), (16, 8), (32, 16), (64, 32)]
    inputs, targets = validation(task)
    with torch.no_grad():
        code = model[0](inputs)
    assert code.shape == (300, 8)
    assert float(code.min()) < 0 < float(code.max())
    assert torch.equal(inputs, targets)
    assert task.accuracy is None


def test_parameters_reach_the_tasks() -> None:
    """Batch, steps and target do, and wide networks are not stacked on a CPU."""
    classifier = image_classifier(batch_size=3, steps=5, target=0.25)
    coder = autoencoder(batch_size=3, steps=5, target=0.25)

    assert (classifier.batch_size, classifier.budget) == (coder.batch_size, coder.budget) == (3, 5)
    assert (classifier.targets, coder.targets) == (("error=0.25",), ("value=0.25",))
    assert image_classifier().targets == autoencoder().targets == ()
    assert image_classifier(layers=0).stacks == autoencoder().stacks == ("cpu", "cuda")
    assert image_classifier(hidden=512).stacks == ("cuda",)


@pytest.mark.parametrize("widths", ["8/2.5", "0", "8/-1"])
def test_widths_are_whole_numbers(widths: str) -> None:
    """Others are refused in one line that shows how to write them."""
    with pytest.raises(SpecError, match="widths must be whole numbers"):
        autoencoder(widths=widths)


def test_unknown_data_is_a_mistake_with_a_suggestion() -> None:
    """A slip of the finger is named."""
    with pytest.raises(SpecError, match="digits"):
        complete_problem(Spec.of("image_classifier", {"data": "digit"}))
