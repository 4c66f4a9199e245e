"""Progress of long work: which step, how far, how long. A moving bar in a terminal, plain lines elsewhere."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

log = logging.getLogger("seg_spark")

SECONDS_BETWEEN_LINES: Final = 15.0
_SECONDS_BETWEEN_COUNTS: Final = 0.5
_TASKS: Final = "tasks"

Advance = Callable[[int, int, str], None]
"""Called with (done, planned, what is done now)."""


class StepProgress:
    """Shows the steps of one run and keeps their times in `seconds`.

    `count_tasks` returns how many of Spark's running tasks are done, as (done, planned), or None; it is
    called while a step runs that does not report on its own.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self.count_tasks: Callable[[], tuple[int, int] | None] = lambda: None
        self._console = console or Console(stderr=True)

    @contextmanager
    def step(self, name: str, counting: str = _TASKS) -> Iterator[Advance]:
        """One step. The block may report with the function it is given, in units of `counting`."""
        started = time.monotonic()
        display = _Bar(self._console, name, counting) if self._console.is_terminal else _Lines(name, counting)
        finished = threading.Event()

        def advance(done: int, planned: int, what: str) -> None:
            display.show(done, planned, what)

        def watch() -> None:
            while not finished.wait(_SECONDS_BETWEEN_COUNTS) and counting == _TASKS:
                counts = self.count_tasks()
                if counts is not None:
                    display.show(*counts, "")

        watcher = threading.Thread(target=watch, name="progress", daemon=True)
        with display.running():
            watcher.start()
            try:
                yield advance
            finally:
                finished.set()
                watcher.join()
                self.seconds[name] = self.seconds.get(name, 0.0) + round(time.monotonic() - started, 3)
        log.info("%s: done in %.1f s", name, self.seconds[name])


class _Bar:
    def __init__(self, console: Console, name: str, counting: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn(counting),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._name = name
        self._rate = _Rate()
        self._task: TaskID = self._progress.add_task(name, total=None, rate="")

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._progress:
            yield

    def show(self, done: int, planned: int, what: str) -> None:
        description, rate = f"{self._name} {what}", self._rate.text(done, planned)
        self._progress.update(self._task, completed=done, total=planned, description=description, rate=rate)


class _Lines:
    def __init__(self, name: str, counting: str) -> None:
        self._name = name
        self._counting = counting
        self._told = time.monotonic()
        self._rate = _Rate()

    @contextmanager
    def running(self) -> Iterator[None]:
        log.info("%s: started", self._name)
        yield

    def show(self, done: int, planned: int, what: str) -> None:
        rate = self._rate.text(done, planned)
        if time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            log.info(
                "%s: %s", self._name, ", ".join(filter(None, (f"{done} of {planned} {self._counting}", rate, what)))
            )


class _Rate:
    """How fast the work goes that is running now: a step of Spark's is many stages, each counted from 0."""

    def __init__(self) -> None:
        self._planned = self._first = self._done = 0
        self._since = time.monotonic()

    def text(self, done: int, planned: int) -> str:
        """What gets done in a second, or in a minute where it takes longer; empty before anything is."""
        now = time.monotonic()
        if planned != self._planned or done < self._done:
            self._planned, self._first, self._since = planned, done, now
        self._done = done
        if done == self._first or now == self._since:
            return ""
        per_second = (done - self._first) / (now - self._since)
        return f"{per_second:.1f} a second" if per_second >= 1 else f"{60 * per_second:.1f} a minute"
