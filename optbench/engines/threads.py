"""One thread a process: the same bits in every process, and no threads that wait for each other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Pin torch, BLAS and OpenMP to one thread inside the block.

    Sums are rounded in an order that depends on the number of threads; and on shared cores many
    small operations on two threads were measured 30 to 100 times slower than on one.

    Yields:
        Nothing.
    """
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
