"""Two real processes and one output: one works, the other is told who does."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from processes import PROJECT

from seg_spark.errors import LockedError, PlatformError
from seg_spark.storage.layout import LOCK
from seg_spark.storage.local_store import exclusive_lock

# Takes the lock, says so, and holds it until its input ends. Prints what came in the way instead.
HOLDER = """
import sys
from pathlib import Path
from seg_spark.errors import SegSparkError
from seg_spark.storage.local_store import exclusive_lock
try:
    with exclusive_lock(Path(sys.argv[1]), sys.argv[2]):
        print("holds", flush=True)
        sys.stdin.read()
except SegSparkError as error:
    print(type(error).__name__, error, flush=True)
    sys.exit(error.exit_code)
"""
Process = subprocess.Popen[str]
Start = Callable[[str], Process]


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "output" / LOCK


@pytest.fixture
def start(lock: Path) -> Iterator[Start]:
    """Start another process that takes the lock; what is left of them at the end is killed."""
    started: list[Process] = []

    def run(name: str) -> Process:
        command = [sys.executable, "-c", HOLDER, str(lock), name]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def first_line(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: Process) -> int:
    process.communicate(timeout=20)
    return process.returncode


@contextmanager
def held_by_another(start: Start, name: str = "run 20261123T010000-abc") -> Iterator[Process]:
    holder = start(name)
    assert first_line(holder) == "holds"
    yield holder
    finish(holder)


def take(lock: Path) -> None:
    with exclusive_lock(lock, "me"):
        pass


def test_the_second_of_two_processes_is_refused_and_told_who_works(start: Start) -> None:
    with held_by_another(start) as holder:
        second = start("run 2")
        line = first_line(second)
        assert finish(second) == LockedError.exit_code == 75
    assert line.startswith("LockedError")
    assert f"run 20261123T010000-abc, process {holder.pid}" in line


def test_a_refused_process_leaves_the_holder_named(start: Start, lock: Path) -> None:
    with held_by_another(start) as holder:
        for _ in range(2):
            with pytest.raises(LockedError, match=f"{lock.parent.parent}: .*abc, process {holder.pid}"):
                take(lock)
        assert holder.poll() is None


def test_the_lock_is_free_when_its_holder_ends(start: Start, lock: Path) -> None:
    with held_by_another(start), pytest.raises(LockedError):
        take(lock)
    take(lock)


def test_the_lock_is_free_when_its_holder_is_killed(start: Start, lock: Path) -> None:
    with held_by_another(start) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        assert finish(holder) == -signal.SIGKILL
        take(lock)


def test_the_lock_is_free_when_the_work_fails(lock: Path, start: Start) -> None:
    with pytest.raises(ZeroDivisionError), exclusive_lock(lock, "me"):
        _ = 1 / 0
    with held_by_another(start):
        assert lock.read_text(encoding="utf-8").startswith("run 20261123T010000-abc")


def test_another_output_is_another_lock(start: Start, tmp_path: Path) -> None:
    entered: list[Any] = []
    with held_by_another(start), exclusive_lock(tmp_path / "elsewhere" / LOCK, "me"):
        entered.append(True)
    assert entered == [True]


def test_a_long_name_of_an_earlier_holder_does_not_shine_through(start: Start, lock: Path) -> None:
    with exclusive_lock(lock, "a run with a long name " + 100 * "x"):
        pass
    with held_by_another(start, "run 2") as holder:
        assert lock.read_text(encoding="utf-8") == f"run 2, process {holder.pid}\n"


def test_an_output_that_is_no_folder_is_refused_as_a_fault_of_the_machine(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.write_text("a file", encoding="utf-8")
    with pytest.raises(PlatformError, match=f"output.path: {output} cannot be written: Not a directory"):
        take(output / LOCK)
