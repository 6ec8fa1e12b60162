"""Small sets that are a fixed choice of a larger one's examples."""

from __future__ import annotations

import numpy as np

from optbench.core.randomness import stream
from optbench.data.sets import DataSet


def part(whole: dict[str, np.ndarray], dataset: DataSet) -> dict[str, np.ndarray]:
    """Choose the examples of a part.

    Args:
        whole: Arrays of the whole set, `train_...` and `test_...`, the examples on the first axis.
        dataset: The part: how many it has, whether the first ones will do.

    Returns:
        The same arrays of `dataset.train` and `dataset.test` examples: the first ones of a set that
        is shuffled already (without a copy), else those of the smallest of n random 64-bit numbers.
    """
    result: dict[str, np.ndarray] = {}
    for counter, (prefix, count) in enumerate(
        {"train_": dataset.train, "test_": dataset.test}.items()
    ):
        arrays = {name: array for name, array in whole.items() if name.startswith(prefix)}
        if dataset.shuffled:
            result |= {name: array[:count] for name, array in arrays.items()}
            continue
        # Raw bits, since numpy promises to keep these and not what `permutation` makes of them.
        bits = stream(0, 0, f"part of {dataset.part_of}", counter).bit_generator
        chosen = np.argsort(bits.random_raw(len(arrays[f"{prefix}labels"])), kind="stable")[:count]
        result |= {name: array[chosen] for name, array in arrays.items()}
    return result
