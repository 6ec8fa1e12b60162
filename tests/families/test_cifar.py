"""The tasks on CIFAR-10: data, splits, losses, recipes, and that a few steps teach something."""

from __future__ import annotations

import math
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from optbench.cards import Card, cards
from optbench.core.errors import OptbenchError
from optbench.core.groups import overrides, own_values
from optbench.core.spec import parse_one
from optbench.core.task import Task
from optbench.data import library
from optbench.data.tabular import digits
from optbench.families import cifar
from optbench.families.cifar import cifar_fast, cifar_resnet
from optbench.families.pixels import Images
from optbench.families.rehearsal import layout_of, make_module
from optbench.request import Request, named_runs
from optbench.schedules.find import factors_of

TRAIN, TEST = 1400, 397


def _coloured_digits(name: str) -> dict[str, np.ndarray]:
    """Return scikit-learn's digits as images of 32 x 32 pixels in three colours."""
    del name
    levels, labels = digits()
    grey = np.kron(levels.reshape(-1, 1, 8, 8) * 15, np.ones((4, 4)))
    colours = np.array([1.0, 0.8, 0.6])[:, None, None]
    images = (grey * colours).astype(np.uint8)
    return {
        "train_images": images[:TRAIN],
        "train_labels": labels[:TRAIN].copy(),
        "test_images": images[TRAIN:],
        "test_labels": labels[TRAIN:].copy(),
    }


@pytest.fixture
def _digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "load", _coloured_digits)


def _train(task: Task, steps: int, lr: float) -> list[float]:
    """Take plain steps with momentum and return the loss of each."""
    torch.manual_seed(0)
    module = task.module()
    optimizer = torch.optim.SGD(module.parameters(), lr=lr, momentum=0.9)
    rng, losses = np.random.default_rng(0), []
    train = task.train.to(torch.device("cpu"), torch.float32)
    for step in range(steps):
        indices = rng.integers(0, len(train), task.batch_size)
        inputs, targets = train.batch(torch.from_numpy(indices))
        assert task.augment is not None
        draws = task.augment.draw(rng, indices, np.full(len(indices), step))
        loss = task.loss(module(task.augment.apply(inputs, torch.from_numpy(draws))), targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.usefixtures("_digits")
def test_parts_are_disjoint_and_complete() -> None:
    """The validation images are the last of the training set, and no other is held out."""
    given = _coloured_digits("")
    task = cifar_resnet(holdout=300)
    assert isinstance(task.train, Images)
    assert isinstance(task.validation, Images)
    assert isinstance(task.test, Images)

    pixels = torch.cat([task.train.pixels, task.validation.pixels])
    labels = torch.cat([task.train.labels, task.validation.labels])

    assert np.array_equal(pixels.numpy(), given["train_images"])
    assert np.array_equal(labels.numpy(), given["train_labels"])
    assert len(task.validation) == 300
    assert np.array_equal(task.test.pixels.numpy(), given["test_images"])


@pytest.mark.usefixtures("_digits")
@pytest.mark.parametrize("family", [cifar_resnet, cifar_fast])
def test_examples_and_holdout_do_what_they_say(family: Any) -> None:
    """A part of the training images, with the same validation images; or none of these."""
    whole, part = family(holdout=200), family(holdout=200, examples=500)

    assert (len(whole.train), len(part.train)) == (TRAIN - 200, 500)
    assert torch.equal(part.train.pixels, whole.train.pixels[:500])
    assert torch.equal(part.validation.pixels, whole.validation.pixels)
    assert family(holdout=0).validation is None
    with pytest.raises(OptbenchError, match=r"1400 training images, too few for holdout=1000"):
        family(holdout=1000, examples=401)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_are_standardised_channel_by_channel(dtype: torch.dtype) -> None:
    """Values are (p/255 - mean)/deviation, and padding by 0 is the mean colour."""
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(2, 3, -1, -1)
    images = Images.of(pixels, torch.tensor([3, 4]), cifar.MEAN, cifar.DEVIATION)

    inputs, targets = images.to(torch.device("cpu"), dtype).batch(torch.tensor([1, 0, 1]))

    mean, deviation = (torch.tensor(v)[:, None, None] for v in (cifar.MEAN, cifar.DEVIATION))
    torch.testing.assert_close(
        inputs.float(), ((pixels / 255 - mean) / deviation)[[1, 0, 1]], rtol=1e-5, atol=1e-6
    )
    assert inputs.dtype == dtype
    assert targets.tolist() == [4, 3, 4]


@pytest.mark.usefixtures("_digits")
def test_label_smoothing_is_for_training_only() -> None:
    """The training loss mixes in the mean over all classes, the judging loss does not."""
    task = cifar_resnet(holdout=0, label_smoothing=0.2)
    z, y = torch.randn(5, 10, generator=torch.Generator().manual_seed(0)), torch.arange(5)

    logs = z.log_softmax(1)
    plain = -logs[torch.arange(5), y].mean()
    assert task.judged_by is not None
    torch.testing.assert_close(task.judged_by(z, y), plain)
    torch.testing.assert_close(task.loss(z, y), 0.8 * plain - 0.2 * logs.mean())
    torch.testing.assert_close(cifar_resnet(holdout=0).loss(z, y), plain)


@pytest.mark.usefixtures("_digits")
def test_settings_are_the_published_ones() -> None:
    """Batches, steps and targets; a target is only for what was published."""
    residual = [cifar_resnet(holdout=100, depth=d, width=w) for d, w in ((20, 16), (18, 64))]
    fast = cifar_fast()

    assert [task.batch_size for task in (*residual, fast)] == [128, 128, 1000]
    assert [task.budget for task in residual] == [64_000, 200 * np.ceil(50_000 / 128)]
    assert fast.budget * fast.batch_size == 10 * 50_000
    assert [task.targets for task in residual] == [("error=0.0875",), ("error=0.06",)]
    for other in (
        cifar_resnet(holdout=0),
        cifar_resnet(holdout=100, width=8),
        cifar_resnet(holdout=100, examples=200),
        cifar_resnet(holdout=100, data="cifar10-jpeg"),
    ):
        assert other.targets == ()


CARDS = [card for name, card in cards().items() if name.startswith("cifar-")]
EMPTY = {
    name: np.zeros((count, *shape), dtype)
    for part, count in (("train", 50_000), ("test", 10_000))
    for name, shape, dtype in (
        (f"{part}_images", (3, 32, 32), np.uint8),
        (f"{part}_labels", (), np.int64),
    )
}
"""As many images as CIFAR-10 has, all black; they take no memory before they are written to."""


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_cards_say_what_the_tasks_do(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch, budget, targets, counts and the published training are those of the task."""
    monkeypatch.setattr(cifar, "load", lambda name: EMPTY)
    params: dict[str, Any] = dict(card.problem.params)
    task = {"cifar_resnet": cifar_resnet, "cifar_fast": cifar_fast}[card.problem.name](**params)
    assert card.learning is not None

    assert (card.learning.batch_size, card.learning.budget) == (task.batch_size, task.budget)
    assert card.learning.targets == task.targets
    assert card.learning.data.startswith(f"{params['data']}:")
    module = make_module(task, 0)
    assert f"{sum(p.numel() for p in module.parameters()):,} parameters" in card.learning.model
    assert (task.validation is None) == ("none for validation" in card.learning.split)
    assert f"{len(task.train):,}" in card.learning.split


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_the_published_training_is_a_command_line(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optimizer and schedule exist, fit the budget, and find the parameters that they name."""
    monkeypatch.setattr(cifar, "load", lambda name: EMPTY)
    assert card.learning is not None
    words = shlex.split(card.learning.recipe)
    options = dict(zip(words[::2], words[1::2], strict=True))
    request = Request(
        problems=(str(card.problem),),
        optimizers=(options.pop("-o"),),
        schedules=(options.pop("-s"),),
    )
    (run,) = named_runs(request)
    params: dict[str, Any] = dict(card.problem.params)
    task = {"cifar_resnet": cifar_resnet, "cifar_fast": cifar_fast}[card.problem.name](**params)

    factors = factors_of(run.schedule, int(card.learning.budget)).lr
    own = own_values(layout_of(make_module(task, 0)), overrides(dict(run.optimizer.params)))

    assert options.keys() <= {"--device", "--precision"}
    assert max(factors) == 1
    assert factors[-1] < 0.02
    assert sum(map(bool, own)) == (6 if card.problem.name == "cifar_fast" else 0)


def test_the_fast_recipe_is_the_published_one() -> None:
    """Its decoupled numbers, converted: lr 10 and decay .015 in 1024 examples, momentum .85."""
    card = cards()["cifar-fast"]
    assert card.learning is not None
    given = dict(parse_one(shlex.split(card.learning.recipe)[1]).params)
    steps_of_a_gradient = 1024 * (1 + 1 / (1 - 0.85))  # in examples, with Nesterov momentum

    expected = {
        "lr": 10 / steps_of_a_gradient * 1000,  # of a mean over 1000, not of a sum
        "weight_decay": 0.015 / 10,
        "weight_decay@norm": 0.015 / 10 / 64,  # the same decay at a learning rate 64 times as high
        "lr_scale@norm": 64,
        "momentum": 0.85,
        "nesterov": True,
    }

    assert given == pytest.approx(expected, rel=2e-3)


@pytest.mark.usefixtures("_digits")
def test_the_filters_come_from_the_training_images() -> None:
    """They whiten the first training images, and every seed has the same."""
    task = cifar_fast(width=4)
    first, second = task.module(), task.module()
    inputs, _ = task.train.to(torch.device("cpu"), torch.float64).batch(torch.arange(TRAIN))

    y = functional.conv2d(inputs, first.whitening.filters[:12].double())  # type: ignore[union-attr,index]
    moments = y.transpose(0, 1).flatten(1).square().mean(1)

    assert torch.equal(*(m.state_dict()["whitening.filters"] for m in (first, second)))
    # One colour: of 12 directions 4 vary, the patch's mean most, and are far above the floor.
    torch.testing.assert_close(moments[:3], torch.ones_like(moments[:3]), rtol=1e-2, atol=0)
    assert not torch.equal(first.state_dict()["head.weight"], second.state_dict()["head.weight"])


@pytest.mark.usefixtures("_digits")
@pytest.mark.parametrize(
    ("task", "lr"),
    [
        (lambda: cifar_resnet(holdout=100, depth=8, width=4), 0.1),
        (lambda: cifar_fast(width=8), 0.5),
    ],
    ids=["resnet", "fast"],
)
def test_a_few_steps_lower_the_loss(task: Any, lr: float) -> None:
    """Training teaches something that guessing does not know: its loss is ln 10."""
    losses = _train(replace(task(), batch_size=64), 30, lr)

    assert np.mean(losses[-5:]) < math.log(10) - 0.2


def test_missing_data_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is replaced by something else."""
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path))

    with pytest.raises(library.DataMissingError, match=r"cifar10 is not here.*data fetch cifar10"):
        cifar_resnet()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with 5,000 images of the JPEG copy."""
    packs = os.environ.get("OPTBENCH_TEST_DATA", "")
    if not packs:
        pytest.skip("OPTBENCH_TEST_DATA names no folder with cifar10_jpeg_train.npz")
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTBENCH_DATA", str(folder))
        library.add("cifar10-jpeg-5k", Path(packs))
    return folder


def test_real_images_are_standardised_and_learned(
    real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channels have mean 0 and variance 1, and thirty steps teach something."""
    monkeypatch.setenv("OPTBENCH_DATA", str(real))
    task = cifar_resnet(data="cifar10-jpeg-5k", holdout=1000, depth=8, width=8)
    inputs, labels = task.train.to(torch.device("cpu"), torch.float32).batch(torch.arange(2000))

    # 2000 images of 32 x 32 pixels that are alike within an image: sqrt(1/2000) of 1, five times.
    assert float(inputs.mean((0, 2, 3)).abs().max()) < 0.1
    assert float((inputs.std((0, 2, 3)) - 1).abs().max()) < 0.1
    assert set(labels.tolist()) == set(range(10))
    assert np.mean(_train(replace(task, batch_size=64), 30, 0.1)[-5:]) < math.log(10) - 0.2
