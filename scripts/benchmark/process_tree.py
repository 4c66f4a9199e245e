"""One process with all its descendants: how long it takes, how much processor and memory it needs."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LINUX: Final = sys.platform == "linux"
_BECOME_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER
_SECONDS_BETWEEN_LOOKS: Final = 0.25
_SECONDS_FOR_ORPHANS: Final = 30
_PAGE: Final = resource.getpagesize()
MEMORY_MEASURE: Final = "PSS" if _LINUX else "RSS"
"""PSS shares a page among the processes that map it; RSS counts it for each."""


@dataclass(frozen=True)
class Measured:
    """What one process and its descendants took. `wall_seconds` ends when the process itself ends."""

    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(
    command: Sequence[str], log: Path, environment: Mapping[str, str], cwd: Path, on_look: Callable[[float, int], None]
) -> Measured:
    """Run a command to its end; its output goes to `log`. `on_look(seconds, bytes)` is called while it runs.

    An interruption ends the command and all it has started.
    """
    _adopt_orphans()
    before = _children_cpu()
    with log.open("wb") as out:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=cwd, start_new_session=True
        )
        watch = _Watch(process.pid, begin, on_look)
        watch.start()
        try:
            exit_code = process.wait()
            wall = time.perf_counter() - begin
        except BaseException:
            _end(process.pid)
            process.wait()
            raise
        finally:
            watch.stop()
            _reap_orphans()  # a JVM may outlive its Python for a moment; its seconds count
    return Measured(exit_code, round(wall, 3), round(_children_cpu() - before, 2), watch.peak_bytes)


class _Watch(threading.Thread):
    """Looks at the memory of a process tree a few times a second."""

    def __init__(self, root: int, begin: float, on_look: Callable[[float, int], None]) -> None:
        super().__init__(daemon=True)
        self._root, self._begin, self._on_look = root, begin, on_look
        self._over = threading.Event()
        self._highest_rss = 0
        self.peak_bytes = 0

    def run(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            pids = tree_of(self._root)
            rss = sum(map(_rss, pids))
            if rss > self._highest_rss * 1.01:  # adding up PSS walks every page: only where it can be a new peak
                self._highest_rss = rss
                self.peak_bytes = max(self.peak_bytes, sum(map(_pss, pids)) if _LINUX else rss)
            self._on_look(time.perf_counter() - self._begin, rss)

    def stop(self) -> None:
        self._over.set()
        self.join()


def tree_of(root: int) -> list[int]:
    """A process and all its descendants; on Linux also those whose parent has ended, which we have adopted."""
    parents = dict(_parents())
    inside = {root}
    while True:
        more = {pid for pid, parent in parents.items() if pid not in inside and parent in inside}
        if not more:
            break
        inside |= more
    return sorted(pid for pid in inside if pid in parents)


def _parents() -> Iterator[tuple[int, int]]:
    if not _LINUX:
        listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
        yield from ((int(line.split()[0]), int(line.split()[1])) for line in listed.splitlines())
        return
    for entry in os.listdir("/proc"):  # noqa: PTH208  # hundreds, four times a second
        if entry.isdigit():
            stat = _text(f"/proc/{entry}/stat")
            if stat:
                yield int(entry), int(stat.rpartition(")")[2].split()[1])


def _rss(pid: int) -> int:
    if _LINUX:
        words = _text(f"/proc/{pid}/statm").split()
        return int(words[1]) * _PAGE if words else 0
    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return int(answer.strip() or 0) * 1024


def _pss(pid: int) -> int:
    for line in _text(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _rss(pid)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  # hundreds a second
            return file.read()
    except OSError:
        return ""  # it has just ended, or is not ours to read


def _adopt_orphans() -> None:
    """Let orphaned descendants become our children, so that their processor time is counted."""
    if _LINUX:
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)


def _reap_orphans() -> None:
    if not _LINUX:
        return
    give_up = time.monotonic() + _SECONDS_FOR_ORPHANS
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.monotonic() > give_up:
                for child in tree_of(os.getpid())[1:]:
                    _signal(child, signal.SIGKILL)
                give_up = float("inf")
            time.sleep(0.05)


def _end(root: int) -> None:
    for pid in reversed(tree_of(root)):
        _signal(pid, signal.SIGTERM)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
