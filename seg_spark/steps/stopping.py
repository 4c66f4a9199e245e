"""SIGTERM, and the end of the time that a run may take, as an error like others: it removes what it staged."""

import math
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from seg_spark.errors import TerminatedError

_MOMENT_SECONDS: Final = 0.05


class _Stop(KeyboardInterrupt):
    """What the signal raises: py4j takes every `Exception` it meets on the way for a broken connection, and gives up
    the connection only of a KeyboardInterrupt; after others it would take this call's answer for that of the next."""


@contextmanager
def sigterm_raises(max_seconds: float = math.inf) -> Iterator[None]:
    """Turn SIGTERM into TerminatedError while the block runs, so that it ends in order, with exit code 143.

    A block that takes longer than `max_seconds` is sent SIGTERM, wherever it waits.

    An exception that a signal raises while Python collects garbage is lost: it is raised again a moment later. One that
    it raises inside a library may come out as another: after the signal every error counts as its work.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    lost: list[BaseException] = []
    received: list[int] = []
    overdue = threading.Event()

    def expire() -> None:
        overdue.set()
        os.kill(os.getpid(), signal.SIGTERM)

    timer = threading.Timer(max_seconds, expire)
    timer.daemon = True

    def stop(signum: int, frame: FrameType | None) -> None:
        received.append(signum)
        raise _Stop

    def raise_again(signum: int, frame: FrameType | None) -> None:
        raise lost.pop()

    def keep(unraisable: "sys.UnraisableHookArgs") -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            lost[:] = [unraisable.exc_value]
            signal.setitimer(signal.ITIMER_REAL, _MOMENT_SECONDS)
        else:
            hook_before(unraisable)

    hook_before = sys.unraisablehook
    term_before, alarm_before = signal.signal(signal.SIGTERM, stop), signal.signal(signal.SIGALRM, raise_again)
    sys.unraisablehook = keep
    if max_seconds < math.inf:
        timer.start()
    try:
        yield
    except BaseException:
        if received:
            why = "ended after run.max_minutes" if overdue.is_set() else "terminated (SIGTERM)"
            raise TerminatedError(f"{why}; each published date is whole, the old one or the new one") from None
        raise
    finally:
        timer.cancel()
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        sys.unraisablehook = hook_before
        signal.signal(signal.SIGTERM, term_before)
        signal.signal(signal.SIGALRM, alarm_before)


@contextmanager
def stopping_waits() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C wait until the block is done; a second one counts at once.

    A Spark that is left while it starts would stay behind without anybody it belongs to.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)}

    def wait(signum: int, frame: FrameType | None) -> None:
        usual = before[signal.Signals(signum)]
        if waiting and callable(usual):
            usual(signum, frame)
        waiting.append(signum)

    for signum in before:
        signal.signal(signum, wait)
    try:
        yield
    finally:
        for signum, usual in before.items():
            signal.signal(signum, usual)
    if waiting:
        signal.raise_signal(waiting[0])
