"""Checkpoints: whole or not at all, nobody else's, without code; an interrupted run goes on."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from optbench.core.run import Status
from optbench.core.training import Training
from optbench.engines.execute import Setting, run_batch
from optbench.engines.training.checkpoint import LEFTOVER, Checkpoint
from optbench.engines.training.interruption import Interruption, interruptible
from optbench.executors.local import execute
from optbench.optimizers.foreign.holdings import Holdings, UnkeepableError
from tests.engines.training.problems import NET, batches_of, same, stopped, train

HARD = f"{NET}:norm=true,drop=0.3,noisy=true"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the path of a checkpoint that is not there yet."""
    return tmp_path / "checkpoints" / "batch-code.pt"


def _only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


@pytest.mark.parametrize("text", ["torch.AdamW:lr=0.01", "adamw:lr=0.01"])
def test_a_run_goes_on_from_every_step(text: str, tmp_path: Path) -> None:
    """Stopped after each of its steps in turn, log points among them, all columns agree."""
    (batch,) = batches_of(text, HARD, budget=7, training=Training(evaluations=3))
    (whole,) = run_batch(batch).runs
    for after in range(7):
        (run,) = stopped(batch, tmp_path, after)()
        assert same(run, whole), after


def test_a_run_may_be_stopped_at_every_step(tmp_path: Path) -> None:
    """A time limit that is over at once: each command goes one step on, to the same end."""
    (batch,) = batches_of("torch.AdamW:lr=0.01", HARD, budget=5, training=Training(evaluations=2))
    (whole,) = run_batch(batch).runs
    short = Setting(timeout=1e-9, checkpoints=tmp_path / "kept")
    ends = []
    for _ in range(5):
        (run,) = run_batch(batch, short).runs
        ends.append((run.status, len(run.curve["step"])))
    (run,) = run_batch(batch, Setting(checkpoints=tmp_path / "kept")).runs

    assert ends == [(Status.TIMEOUT, n) for n in (1, 2, 2, 2, 3)]
    assert same(run, whole)


def test_a_stack_goes_on_with_the_runs_that_diverged(tmp_path: Path) -> None:
    """Their ends are kept with the others' paths."""
    (batch,) = batches_of("gd:lr=0.1/1e20", NET, budget=9, training=Training(evaluations=3))
    whole = run_batch(batch).runs
    taken_up = stopped(batch, tmp_path, after=5)()

    assert {run.status for run in whole} == {Status.BUDGET, Status.DIVERGED}
    assert all(map(same, whole, taken_up))


def _ruin(kind: str, file: Path) -> None:
    data = file.read_bytes()
    if kind == "truncated":
        file.write_bytes(data[: len(data) // 2])
    elif kind == "empty":
        file.write_bytes(b"")
    elif kind == "flipped":
        middle = len(data) // 2
        damage = bytes(b ^ 255 for b in data[middle : middle + 64])
        file.write_bytes(data[:middle] + damage + data[middle + 64 :])
    elif kind == "text":
        file.write_text("no checkpoint at all")
    elif kind == "another's":
        torch.save({"of": "another.pt", "state": {}}, file)
    elif kind == "a model":
        torch.save(nn.Linear(2, 2).state_dict(), file)
    elif kind == "misfit":
        kept = torch.load(file, weights_only=True)
        kept["state"]["stepper"]["parameters"].pop()
        torch.save(kept, file)
    elif kind == "half":
        kept = torch.load(file, weights_only=True)
        del kept["state"]["random"]  # noticed after all the rest was taken
        torch.save(kept, file)


@pytest.mark.parametrize(
    "kind",
    ["truncated", "empty", "flipped", "text", "another's", "a model", "misfit", "half"],
)
def test_what_cannot_be_used_is_ignored(kind: str, tmp_path: Path) -> None:
    """The run starts anew, and ends like any other."""
    (batch,) = batches_of("torch.AdamW:lr=0.01", HARD, budget=6)
    (whole,) = run_batch(batch).runs
    go_on = stopped(batch, tmp_path, after=3)
    _ruin(kind, _only(tmp_path))

    (run,) = go_on()
    assert same(run, whole)


class _Payload:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["OPTBENCH_TEST_TRACE"],)


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_code_in_a_checkpoint_is_not_run(
    form: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in torch's format nor in plain pickle."""
    trace = tmp_path / "trace"
    monkeypatch.setenv("OPTBENCH_TEST_TRACE", str(trace))
    place.parent.mkdir()
    content = {"of": place.name, "state": _Payload()}
    torch.save(content, place) if form == "torch" else place.write_bytes(pickle.dumps(content))

    assert Checkpoint(place).load() is None
    assert not trace.exists()


def test_a_full_disk_does_not_end_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on without checkpoints, leaves no half of one, and says so."""
    (batch,) = batches_of("torch.SGD:lr=0.1", budget=5)
    (whole,) = run_batch(batch).runs

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(Checkpoint, "due", property(lambda self: True))
    folder = tmp_path / "checkpoints"
    (run,) = run_batch(batch, Setting(checkpoints=folder)).runs

    assert same(run, whole)
    assert "no checkpoint could be written: OSError: [Errno 28] No space left" in run.message
    assert not folder.exists()


def test_saving_replaces_in_one_move(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the new one is whole the old one is there; a failure leaves nothing else."""
    kept = Checkpoint(place)
    assert kept.save({"step": 1}) == ""

    def fails(state: Any, file: Any) -> None:
        file.write(b"half")
        assert Checkpoint(place).load() == {"step": 1}
        raise RuntimeError("write\nfailed")

    monkeypatch.setattr(torch, "save", fails)
    assert kept.save({"step": 2}) == "no checkpoint could be written: RuntimeError: write failed"
    assert Checkpoint(place).load() == {"step": 1}
    assert _only(place.parent) == place


def test_checkpoints_are_due_by_the_clock(place: Path) -> None:
    """When as many seconds have passed since the last one, or since the start."""
    kept = Checkpoint(place)
    assert not kept.due
    kept._saved -= kept.every
    assert kept.due
    kept.save({})
    assert not kept.due


def test_leftovers_do_not_pile_up(place: Path) -> None:
    """A finished run takes away its own of any code, what a kill left, and what is a month old."""
    kept = Checkpoint(place)
    kept.save({})
    names = ("batch-older.pt", "batch-code.4711", "other-code.pt", "ancient-code.pt")
    for name in names:
        place.with_name(name).touch()
    old = place.with_name("ancient-code.pt")
    os.utime(old, (0, old.stat().st_mtime - LEFTOVER - 60))
    kept.remove()

    assert _only(place.parent).name == "other-code.pt"


def test_other_runs_and_other_code_have_other_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the spec or of the code names another file."""
    import optbench.engines.execute as execution

    (batch,) = batches_of("torch.SGD:lr=0.1", budget=5)
    (longer,) = batches_of("torch.SGD:lr=0.1", budget=6)
    stopped(batch, tmp_path, after=2)
    stopped(longer, tmp_path, after=2)
    monkeypatch.setattr(execution, "code_of", lambda *names: "another code of the same")
    stopped(batch, tmp_path, after=2)

    assert len(list(tmp_path.iterdir())) == 3


class _Odd(torch.optim.SGD):
    """An optimizer that a step gives something of a class of nobody's."""

    def step(self, closure: Any = None) -> Any:
        self.seen = memoryview(b"")
        return super().step(closure)


def test_an_optimizer_that_cannot_be_kept_says_so(tmp_path: Path) -> None:
    """It trains as ever, and starts anew when it is interrupted."""
    text = "tests.engines.training.test_checkpoint:_Odd:lr=0.1"
    (batch,) = batches_of(text, budget=5)
    (whole,) = run_batch(batch).runs
    (run,) = stopped(batch, tmp_path / "kept", after=4)()

    assert same(run, whole)
    assert whole.message == ""
    assert "starts anew: it holds a memoryview" in run.message


class _Hoarder:
    """Whatever an optimizer may hold, in one."""

    def __init__(self, model: nn.Module) -> None:
        first = next(model.parameters())
        self.by_id = {id(first): 1.0, first.data_ptr(): 2.0}
        self.by_tensor = {first: {"average": torch.ones(2, dtype=torch.bfloat16)}}
        self.of_module: dict[nn.Module, list[Any]] = {
            model: [np.float32(1.5), np.arange(3), (1, 2), {3}, None]
        }
        self.twice = [torch.zeros(2)]
        self.again = self.twice
        self.generators: list[Any] = [torch.Generator(), np.random.default_rng(0)]
        self.function = itertools.count

    def change(self) -> None:
        self.by_tensor[next(iter(self.by_tensor))]["average"] += 1
        self.twice.append(torch.ones(2))
        self.later: dict[str, Any] = {"step": torch.tensor(3), "inner": _Inner(5)}
        self.generators[0].manual_seed(3)
        self.generators[1].random(5)


class _Inner:
    def __init__(self, number: int) -> None:
        self.number = number


def test_all_that_is_held_comes_back(place: Path) -> None:
    """Keys that are ids of parameters, shared lists, dtypes, generators, objects made by a step."""
    models = [nn.Linear(2, 1), nn.Linear(2, 1)]
    old, new = map(_Hoarder, models)
    holdings = [Holdings([o], m) for o, m in zip((old, new), models, strict=True)]
    old.change()
    Checkpoint(place).save({"held": holdings[0].take()})
    kept = Checkpoint(place).load()
    assert kept is not None
    holdings[1].put(kept["held"])

    first = next(models[1].parameters())
    assert new.by_id == {id(first): 1.0, first.data_ptr(): 2.0}
    average = new.by_tensor[first]["average"]
    assert average.dtype == torch.bfloat16
    assert average.tolist() == [2, 2]
    scalar, array, *rest = new.of_module[models[1]]
    assert type(scalar) is np.float32
    assert array.tolist() == [0, 1, 2]
    assert rest == [(1, 2), {3}, None]
    assert new.again is new.twice
    assert len(new.twice) == 2
    assert new.later["inner"].number == 5
    assert type(new.later["inner"]) is _Inner
    assert new.generators[1].random() == old.generators[1].random()
    assert new.generators[0].initial_seed() == 3
    assert new.function is itertools.count


def test_other_optimizers_take_nothing() -> None:
    """What was kept of one is refused by two, and an object of another package is not built."""
    model = nn.Linear(2, 1)
    holdings = Holdings([torch.optim.SGD(model.parameters(), lr=0.1)], model)
    kept = holdings.take()

    with pytest.raises(UnkeepableError, match="2 optimizers were kept, not 1"):
        holdings.put(kept * 2)
    with pytest.raises(UnkeepableError, match="is not the optimizer's"):
        holdings.put([["object", ["subprocess", "Popen"], ["made", "dict", []]]])


def _press(times: int, then: Callable[[], None]) -> None:
    for _ in range(times):
        signal.raise_signal(signal.SIGINT)
        then()


def test_signals_wait_until_the_block_ends() -> None:
    """The first one is noted and delivered at the end; handlers are put back."""
    before = signal.getsignal(signal.SIGINT)
    steps: list[bool] = []
    with pytest.raises(KeyboardInterrupt), interruptible() as came:
        _press(1, lambda: steps.append(bool(came)))
    assert steps == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_signal_does_not_wait() -> None:
    """Whoever presses Ctrl-C twice means it."""
    steps: list[bool] = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        _press(2, lambda: steps.append(True))
    assert steps == [True]


def test_other_threads_receive_no_signals() -> None:
    """Inside one the block is just a block."""
    entered = []

    def work() -> None:
        with interruptible() as came:
            entered.append(bool(came))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [False]


def test_an_orphan_stops() -> None:
    """A worker whose parent has ended has nobody to work for."""
    assert not Interruption(parent=os.getppid())
    assert Interruption(parent=os.getppid() + 1)


def test_ctrl_c_in_this_process_saves(tmp_path: Path) -> None:
    """The executor notes the signal, the run is saved, and only then is it delivered."""
    (batch,) = batches_of("torch.AdamW:lr=0.01", HARD, budget=6, training=Training(evaluations=6))
    (whole,) = run_batch(batch).runs

    def press(share: float, runs: int) -> None:
        if share == 0.5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        list(execute([batch], setting=Setting(checkpoints=tmp_path, progress=press)))
    kept = torch.load(_only(tmp_path), weights_only=True)
    (finished,) = execute([batch], setting=Setting(checkpoints=tmp_path))

    assert kept["state"]["step"] == 3
    assert same(finished.runs[0], whole)


def test_a_run_without_a_store_keeps_nothing(tmp_path: Path) -> None:
    """No folder, no message."""
    run = train("torch.SGD:lr=0.1", budget=3)

    assert run.message == ""
