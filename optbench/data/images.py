"""What labelled images must be before they are kept, whatever they were read from."""

from __future__ import annotations

import numpy as np

from optbench.core.errors import OptbenchError

CLASSES = 10


def check(owner: str, part: str, images: np.ndarray, labels: np.ndarray, count: int) -> None:
    """Refuse images and labels that cannot be those of a set.

    Args:
        owner: The set, for the message.
        part: "train" or "test", for the message.
        images: Shape (n, C, H, W), uint8.
        labels: Shape (n,), int64.
        count: The n that is known.

    Raises:
        OptbenchError: When the numbers of images and labels differ from that, a label is not in
            0..9, or a class has no image.
    """
    what = f"{owner}, {part} part"
    if images.dtype != np.uint8 or images.ndim != 4:
        raise OptbenchError(f"{what}: images of dtype {images.dtype} and shape {images.shape}")
    if not len(images) == len(labels) == count:
        raise OptbenchError(
            f"{what}: {len(images)} images and {len(labels)} labels where {count} are known"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(wrong):
        raise OptbenchError(f"{what}: label {labels[wrong[0]]} of image {wrong[0]} is not in 0..9")
    empty = np.flatnonzero(np.bincount(labels, minlength=CLASSES) == 0)
    if len(empty):
        raise OptbenchError(f"{what}: class {empty[0]} has no image")


def parts(
    dataset_name: str,
    train: tuple[np.ndarray, np.ndarray, int],
    test: tuple[np.ndarray, np.ndarray, int],
) -> dict[str, np.ndarray]:
    """Check both parts of a set and name their arrays.

    Args:
        dataset_name: The set, for messages.
        train: Images (n, C, H, W), uint8, labels (n,), and the n that is known.
        test: The same of the test part.

    Returns:
        `train_images`, `train_labels` (int64), `test_images` and `test_labels`.

    Raises:
        OptbenchError: See `check`.
    """
    result: dict[str, np.ndarray] = {}
    for part, (images, labels, count) in {"train": train, "test": test}.items():
        whole = np.asarray(labels).astype(np.int64)
        check(dataset_name, part, images, whole, count)
        result |= {f"{part}_images": images, f"{part}_labels": whole}
    return result
