"""What a process and all that it starts take: wall time, processor time, memory."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_SECONDS_BETWEEN_LOOKS: Final = 0.25
_SECONDS_FOR_THE_REST: Final = 30


@dataclass(frozen=True)
class Measured:
    """What a process and its descendants took; `wall_seconds` ends when the process itself ends.

    `cpu_seconds` and `peak_bytes` are looked at four times a second. Memory is PSS where the system knows it
    (Linux: a page that several processes share counts once), else RSS.
    """

    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(
    command: Sequence[str], log: Path, environment: Mapping[str, str], cwd: Path, on_look: Callable[[float, int], None]
) -> Measured:
    """Run a command to its end, its output in `log`. `on_look(seconds, bytes)` is called while it runs.

    An interruption ends the command and all it has started.
    """
    tree = _Tree()
    with log.open("wb") as out:
        begin = time.perf_counter()
        process = psutil.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=dict(environment), cwd=cwd)
        try:
            while True:
                tree.look(process)
                try:
                    exit_code = process.wait(_SECONDS_BETWEEN_LOOKS)
                    break
                except psutil.TimeoutExpired:
                    on_look(time.perf_counter() - begin, tree.rss_bytes)
            wall = time.perf_counter() - begin
            while tree.is_running() and time.perf_counter() - begin < wall + _SECONDS_FOR_THE_REST:
                tree.look(process)  # a Java may outlive its Python for a moment
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        finally:
            tree.end(process)
    return Measured(exit_code, round(wall, 3), round(tree.cpu_seconds, 2), tree.peak_bytes)


class _Tree:
    """A process and its descendants, those that have ended included."""

    def __init__(self) -> None:
        self._seconds: dict[psutil.Process, float] = {}
        self._highest_rss = 0
        self.rss_bytes = 0
        self.peak_bytes = 0

    @property
    def cpu_seconds(self) -> float:
        return sum(self._seconds.values())

    def look(self, root: psutil.Process) -> None:
        members = {*self._seconds, root}
        for member in list(members):  # what has lost its parent still has its children
            with contextlib.suppress(psutil.NoSuchProcess):
                members |= set(member.children(recursive=True))
        self.rss_bytes = 0
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = member.cpu_times()
                self._seconds[member] = times.user + times.system
                self.rss_bytes += member.memory_info().rss
        if self.rss_bytes > self._highest_rss * 1.01:  # adding up PSS walks every page: only for a new peak
            self._highest_rss = self.rss_bytes
            self.peak_bytes = max(self.peak_bytes, sum(map(_memory_bytes, members)))

    def is_running(self) -> bool:
        return any(process.is_running() for process in self._seconds)

    def end(self, root: psutil.Process) -> None:
        self.look(root)
        for process in self._seconds:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        psutil.wait_procs(list(self._seconds), timeout=_SECONDS_FOR_THE_REST)


def _memory_bytes(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(full, "pss", full.rss))
