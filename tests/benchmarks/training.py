"""What the training engine costs beside a plain PyTorch loop, and what stacks of models gain.

    python tests/benchmarks/training.py [--only resnet8,resnet20,transformer] [--pairs 30]
        [--device cuda] [--precision bf16] [--compile]
        [--optimizer adamw --loop torch.AdamW:lr=.001]
    python tests/benchmarks/training.py --only mlp-stack,transformer-stack [--pairs 5]

Engine and loop train the same model on the same examples, in one process and in turn, a stretch of
steps each. The engine's stretch is one from log point to log point, with all that is recorded there
but the evaluation, which is outside the clock; the loop adds up its losses and reads their mean at
the end of a stretch. Stretches are much shorter than those of a run, so that log points count for
more than they do there. Time is that of the CPU in all threads, or on a GPU that between events.

For stacks, 16 learning rates are trained as one stack and one after another, by the same update
rule; the ratio is of the whole runs but for evaluation, and the largest relative difference of
their training losses is printed beside it.

The median of the ratios is printed with a 95% interval from their order statistics.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.stats
import torch
from torch import Tensor, nn

from optbench.core.run import Run
from optbench.core.schedule import Factors
from optbench.core.spec import RunSpec, parse_one
from optbench.core.task import Task
from optbench.core.training import Training
from optbench.engines.training.run import run_training
from optbench.families.find import build, complete_problem
from optbench.optimizers.find import find_optimizer
from optbench.request import Request, expand

SGD, ADAMW = "torch.SGD:lr=.05,momentum=.9", "torch.AdamW:lr=1e-3,clip_norm=1"
CHARACTERS = "char_transformer"
BESIDE_LOOP = {
    "resnet8": ("cifar_resnet:data=cifar10-jpeg,depth=8", SGD, 4),
    "resnet20": ("cifar_resnet:data=cifar10-jpeg,depth=20", SGD, 2),
    "resnet18": ("cifar_resnet:data=cifar10-jpeg,depth=18,width=64", SGD, 1),
    "transformer": (CHARACTERS, ADAMW, 20),
    "mlp": ("image_classifier", "torch.AdamW:lr=1e-3", 500),
}
"""Name to problem, optimizer and the steps of a stretch on a CPU; a GPU takes `GPU_STEPS`."""

GPU_STEPS = 100

STACKS = {
    "mlp-stack": ("image_classifier", 200),
    "small-stack": (f"{CHARACTERS}:layers=2,width=64,heads=2,context=32", 50),
    "tiny-stack": (f"{CHARACTERS}:layers=2,width=32,heads=2,context=32", 100),
    "transformer-stack": (CHARACTERS, 50),
}
"""Name to problem and steps."""

RATES = "1e-4..1e-2:16"


@dataclass
class Stopwatch:
    """Laps in seconds: CPU time of this process, or time between events on a GPU."""

    device: str
    _since: Any = None

    def lap(self) -> float:
        """Return the time since the lap before; NaN for the first."""
        before, self._since = self._since, self._now()
        if before is None:
            return float("nan")
        if self.device == "cpu":
            return float(self._since - before)
        self._since.synchronize()
        return float(before.elapsed_time(self._since)) / 1000

    def _now(self) -> Any:
        if self.device == "cpu":
            return time.process_time()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event


@dataclass
class Turns:
    """Called at the engine's log points: takes its time, and then that of a stretch of the loop."""

    loop: Callable[[], float]
    stopwatch: Stopwatch
    pairs: list[tuple[float, float]] = field(default_factory=list)

    def __call__(self, done: float, runs: int) -> None:
        """Write down a pair."""
        del done, runs
        engine = self.stopwatch.lap()
        self.loop()
        self.pairs.append((engine, self.stopwatch.lap()))


def batches(task: Task, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield training batches for ever, drawn and augmented on the device."""
    train, size, n = task.train.to(device, torch.float32), task.batch_size, len(task.train)
    while True:
        if task.replacement:
            yield train.batch(torch.randint(n, (size,), device=device))
            continue
        for chosen in torch.split(torch.randperm(n, device=device), size)[: n // size]:
            inputs, targets = train.batch(chosen)
            if task.augment is not None:
                corners = torch.randint(9, (size, 2), device=device)
                mirrored = torch.randint(2, (size, 1), device=device)
                inputs = task.augment.apply(inputs, torch.cat([corners, mirrored], 1))
            yield inputs, targets


def plain_loop(task: Task, spec: RunSpec, optimizer: str, steps: int) -> Callable[[], float]:
    """Return the training that a user would write; each call takes some steps, as one stretch."""
    parsed, device = parse_one(optimizer), torch.device(spec.device)
    hyper = dict(parsed.params)
    limit = float(hyper.pop("clip_norm", 0.0))
    torch.manual_seed(spec.seed)
    module = task.module().to(device)
    stepper = getattr(torch.optim, parsed.name.removeprefix("torch."))(module.parameters(), **hyper)
    forward = torch.compile(module) if spec.training.compile else module
    context: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if spec.training.precision == "bf16":
        context = torch.autocast(device.type, dtype=torch.bfloat16)
    source = batches(task, device)

    def stretch() -> float:
        total = torch.zeros((), device=device)
        for _ in range(steps):
            inputs, targets = next(source)
            stepper.zero_grad(set_to_none=True)
            with context:
                loss = task.loss(forward(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            if limit:
                nn.utils.clip_grad_norm_(module.parameters(), limit)
            stepper.step()
            total += loss.detach()
        return float(total) / steps

    return stretch


def specs_of(problem: str, optimizer: str, steps: int, arguments: argparse.Namespace) -> Any:
    """Return the runs that an optimizer's text stands for."""
    request = Request(
        problems=(problem,),
        optimizers=(optimizer,),
        budget=steps,
        targets=(),
        device=arguments.device,
    )
    return expand(request)


def train(task: Task, specs: Sequence[RunSpec], **options: Any) -> list[Run]:
    """Run the engine on some specs at once."""
    steps = int(specs[0].budget)
    runs, _ = run_training(
        task,
        find_optimizer(specs[0].optimizer.name),
        specs,
        [dict(spec.optimizer.params) for spec in specs],
        Factors(np.ones(steps + 1)),
        **options,
    )
    assert not any(run.message for run in runs), runs[0].message
    return runs


def task_of(problem: str) -> Task:
    """Build a task without data to evaluate on, so that training is all that is timed."""
    task = build(complete_problem(parse_one(problem)))
    assert isinstance(task, Task)
    return replace(task, validation=None, test=None)


def beside_loop(name: str, arguments: argparse.Namespace) -> None:
    """Print the ratio of the engine's time to the loop's."""
    problem, usual, steps = BESIDE_LOOP[name]
    steps = arguments.steps or (steps if arguments.device == "cpu" else GPU_STEPS)
    optimizer = arguments.optimizer or usual
    count = arguments.pairs + 1  # the first is for warming up
    (spec,) = specs_of(problem, optimizer, steps * count, arguments)
    training = Training(precision=arguments.precision, compile=arguments.compile, evaluations=count)
    spec, task = replace(spec, training=training), task_of(problem)
    loop = plain_loop(task, spec, arguments.loop or optimizer, steps)
    turns = Turns(loop, Stopwatch(arguments.device))
    train(task, [spec], progress=turns)
    engine, plain = np.array(turns.pairs[1:]).T
    each = 1000 * np.median(plain) / steps
    print(f"{name}, {optimizer}: engine / loop {interval(engine / plain)}, {each:.2f} ms a step")


def stacked(name: str, arguments: argparse.Namespace) -> None:
    """Print the ratio of a stack's time to that of its runs one after another."""
    problem, steps = STACKS[name]
    steps = arguments.steps or steps
    optimizer = f"{arguments.optimizer or 'adamw'}:lr={RATES}"
    specs, task = specs_of(problem, optimizer, steps, arguments), task_of(problem)
    stopwatch, ratios, worst = Stopwatch(arguments.device), [], 0.0
    train(task, specs[:1]), train(task, specs[:2])
    for _ in range(arguments.pairs):
        stopwatch.lap()
        together = train(task, specs)
        stack = stopwatch.lap()
        alone = [train(task, [spec])[0] for spec in specs]
        ratios.append(stack / stopwatch.lap())
        for a, b in zip(together, alone, strict=True):
            mine, theirs = a.trained["train_loss"][1:], b.trained["train_loss"][1:]
            worst = max(worst, float(np.max(np.abs(mine / theirs - 1))))
    print(
        f"{name}, {len(specs)} of {optimizer}: stack / one by one {interval(ratios)}, "
        f"losses differ by {worst:.1e}"
    )


def interval(values: Sequence[float] | np.ndarray) -> str:
    """Return a median with a 95% interval, from order statistics."""
    ordered, n = np.sort(values), len(values)
    low = max(int(scipy.stats.binom.ppf(0.025, n, 0.5)) - 1, 0)
    return f"{np.median(ordered):.3f} [{ordered[low]:.3f}, {ordered[n - 1 - low]:.3f}], {n} pairs"


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="resnet8,resnet20,transformer")
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--steps", type=int, default=0, help="of a stretch, or of a stacked run")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--precision", default="full", choices=("full", "bf16"))
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--optimizer", default="", help="of the engine")
    parser.add_argument("--loop", default="", help="torch's class in the loop, if another")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.only.split(","):
        (beside_loop if name in BESIDE_LOOP else stacked)(name, arguments)


if __name__ == "__main__":
    main()
