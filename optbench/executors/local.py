"""Runs batches on this machine: in this process, or in worker processes.

Workers come from a fork server that has imported the engines once. A worker that dies takes only
its batch with it: the batch is tried once more, and then ends in status `error`.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing as mp
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess

from optbench.core.run import Status
from optbench.engines.execute import PLAIN, Finished, Setting, ended, run_batch
from optbench.engines.planner import Batch
from optbench.engines.threads import one_thread
from optbench.engines.training.interruption import interruptible
from optbench.executors.server import start_server

TRIES = 2
GRACE = 30.0
"""Seconds beyond its limit after which a worker that does not even react to the limit is killed."""

PATIENCE = 20.0
"""Seconds that a worker may take to save a long run when the command is interrupted."""


def execute(
    batches: Sequence[Batch], *, jobs: int = 1, setting: Setting = PLAIN
) -> Iterator[Finished]:
    """Run batches and yield each when it is done.

    Args:
        batches: What to run.
        jobs: Processes; 1 stays in this one.
        setting: In which circumstances; its progress is told in this process only.

    Yields:
        Finished batches, in the order in which they end.
    """
    if jobs == 1:
        yield from _here(batches, setting)
    else:
        elsewhere = replace(setting, progress=PLAIN.progress)
        with contextlib.closing(_Pool(min(jobs, len(batches)), elsewhere)) as pool:
            yield from pool.run(batches)


def _here(batches: Sequence[Batch], setting: Setting) -> Iterator[Finished]:
    for batch in batches:
        yield _run(batch, setting)


def _run(batch: Batch, setting: Setting, parent: int | None = None) -> Finished:
    """Run a batch on one thread; a long one saves itself before a signal is delivered.

    A worker's long run also ends when its parent does, and would not ask for the result.
    """
    with one_thread():
        if batch.engine != "training":
            return run_batch(batch, setting)
        with interruptible(parent) as interruption:
            return run_batch(batch, replace(setting, interruption=interruption))


def _work(connection: Connection, setting: Setting) -> None:
    """Serve batches until the other end closes; the terminal's Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()  # the fork server, which ends with the command
    # KeyboardInterrupt can only be what a user's code raises: it is no business of the others.
    lost = (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt)
    with contextlib.suppress(*lost):
        while True:
            batch = connection.recv()
            connection.send(_run(batch, setting, parent))


@dataclass(eq=False)
class _Worker:
    """A worker process and the batch, with the number of the try, that it works on."""

    process: ForkServerProcess
    connection: Connection
    job: tuple[Batch, int] | None = None
    since: float = 0.0

    def take(self, batch: Batch, tries: int) -> None:
        self.job, self.since = (batch, tries), time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # a dead worker is noticed when it should answer
            self.connection.send(batch)


class _Pool:
    """Worker processes, each with at most one batch."""

    def __init__(self, size: int, setting: Setting) -> None:
        self._setting, self._timeout = setting, setting.timeout
        self._workers: list[_Worker] = []
        start_server()
        for _ in range(size):
            self._start()

    def _start(self) -> None:
        context = mp.get_context("forkserver")
        mine, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._setting), daemon=True)
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, mine))

    def run(self, batches: Sequence[Batch]) -> Iterator[Finished]:
        """Yield finished batches; each worker is given the next one when it is free."""
        waiting = deque((batch, 1) for batch in batches)
        while waiting or any(worker.job for worker in self._workers):
            for worker in self._workers:
                if worker.job is None and waiting:
                    worker.take(*waiting.popleft())
            for worker in self._ready():
                assert worker.job is not None
                batch, tries = worker.job
                try:
                    finished = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    self._replace(worker)
                    finished = self._died(worker, batch)
                    if finished.runs[0].status is Status.ERROR and tries < TRIES:
                        waiting.appendleft((batch, tries + 1))
                        continue
                worker.job = None
                yield finished

    def _ready(self) -> list[_Worker]:
        """Wait for workers that have answered or died; kill those that are beyond any limit."""
        busy = {worker.connection: worker for worker in self._workers if worker.job}
        limit = None
        if not math.isinf(self._timeout):
            oldest = min(worker.since for worker in busy.values())
            limit = max(0.0, oldest + self._timeout + GRACE - time.monotonic())
        ready = wait(list(busy), timeout=limit)
        if not ready:
            for worker in busy.values():
                if time.monotonic() - worker.since >= self._timeout + GRACE:
                    worker.process.kill()
        return [busy[connection] for connection in ready if isinstance(connection, Connection)]

    def _replace(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        self._start()

    def _died(self, worker: _Worker, batch: Batch) -> Finished:
        if time.monotonic() - worker.since >= self._timeout + GRACE:
            return ended(batch, Status.TIMEOUT, f"killed after {self._timeout:g} s")
        code = worker.process.exitcode or 0
        cause = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return ended(batch, Status.ERROR, f"the worker process died ({cause})")

    def close(self) -> None:
        """End the workers, whatever they are doing; long runs may save themselves first."""
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        patience = time.monotonic() + PATIENCE
        for worker in self._workers:
            worker.process.join(max(0.0, patience - time.monotonic()))
            worker.process.kill()
            worker.process.join()
