"""Random numbers of other people's code: seeded for a run, and as they were after it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of torch, numpy and Python inside the block.

    Args:
        seed: The run's seed.

    Yields:
        Nothing.
    """
    own, numpys = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            seed_all(seed)
            yield
        finally:
            random.setstate(own)
            np.random.set_state(numpys)


def seed_all(seed: int) -> None:
    """Seed the global generators of torch, on every device, of numpy and of Python."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
