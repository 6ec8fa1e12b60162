"""Killed writers, several writers at once, readers beside a writer."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from optbench.store import Record, check, open_store

SIZE = 5
"""Runs a batch."""


def start(folder: Path, first: int, batches: int) -> subprocess.Popen[str]:
    """Start a process that adds batches of numbered runs."""
    script = Path(__file__).with_name("write_runs.py")
    command = [sys.executable, str(script), str(folder), str(first), str(batches), str(SIZE)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str]) -> IO[str]:
    """Return what the process prints, as it prints it."""
    assert process.stdout is not None
    return process.stdout


def test_killed_at_any_moment(
    tmp_path: Path, record: Callable[..., Record], same: Callable[[Record, Record], None]
) -> None:
    """After each kill -9 the file is whole, and each batch is there entirely or not at all."""
    moments = random.Random(0)
    added: set[int] = set()
    begun: set[int] = set()
    for attempt in range(20):
        with start(tmp_path, 1000 * attempt, 100) as process:
            for _ in range(moments.randint(0, 25)):
                word, number = lines(process).readline().split()
                begun.add(int(number))
                if word == "added":
                    added.add(int(number))
            process.kill()
            rest = lines(process).read().split()
            begun |= {int(n) for n in rest[1::2]}
            added |= {int(n) for w, n in zip(rest[::2], rest[1::2], strict=True) if w == "added"}
        if not (tmp_path / "results.db").exists():
            continue  # killed before it made the file

        with open_store(tmp_path) as store:
            found = {r.run.spec.seed: r for r in store.read()}
        starts = {number - number % SIZE for number in found}
        assert set(found) == {number + i for number in starts for i in range(SIZE)}
        assert added <= starts <= begun
        assert check(tmp_path) == []
    for seed in random.Random(1).sample(sorted(found), 20):
        same(record(seed), found[seed])


def test_writers_at_once(tmp_path: Path) -> None:
    """Four processes that create and fill one file together, half of it twice, lose nothing."""
    firsts = (0, 0, 50, 100)
    processes = [start(tmp_path, first, 20) for first in firsts]
    outputs = [process.communicate()[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * 4
    assert [output.count("added") for output in outputs] == [20] * 4
    with open_store(tmp_path, create=False) as store:
        assert sorted(r.run.spec.seed for r in store.read()) == list(range(200))
    assert check(tmp_path) == []


def test_reader_beside_a_writer(tmp_path: Path) -> None:
    """A reader sees whole batches only, never fewer than before, while another process adds."""
    open_store(tmp_path).close()
    seen = [0]
    with start(tmp_path, 0, 20) as process:
        for _ in lines(process):
            with open_store(tmp_path, create=False) as store:
                seen.append(len(list(store.read())))

    assert process.returncode == 0
    assert seen == sorted(seen)
    assert {count % SIZE for count in seen} == {0}
    assert seen[-1] == 20 * SIZE


def test_creating_at_once(tmp_path: Path) -> None:
    """Processes that create the file at the same moment all find all tables."""
    program = (
        "import sys; from pathlib import Path; from optbench.store import open_store\n"
        "for name in sys.stdin:\n"
        "    with open_store(Path(name.strip())) as store:\n"
        "        print(len(store.final_keys()), store.connection.execute("
        "'PRAGMA journal_mode').fetchone()[0], flush=True)\n"
    )
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True)
        for _ in range(4)
    ]
    for number in range(40):
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{tmp_path / str(number)}\n")
            process.stdin.flush()
        assert [lines(process).readline() for process in processes] == ["0 wal\n"] * 4
    assert [(process.communicate(), process.returncode)[1] for process in processes] == [0] * 4
