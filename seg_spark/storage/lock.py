"""One run at a time per output, on one machine: the kernel drops the lock with its holder."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from seg_spark.errors import LockedError, PlatformError
from seg_spark.storage.layout import LOCK
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.store import Store

_RETRY_SECONDS: Final = 0.05
"""Longer than `lock_holder` needs the lock to see whether it is free."""


@contextmanager
def exclusive_lock(path: Path, holder: str) -> Iterator[None]:
    """Hold the lock file while the block runs.

    Raises LockedError at once, naming the holder, if another run has it; PlatformError if the
    output folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise PlatformError(f"output.path: {path.parent.parent} cannot be written: {error.strerror}") from None
    with file:
        try:
            _take(file)
        except BlockingIOError:
            raise LockedError(f"{path.parent.parent}: locked by {_named_in(file)}; wait until it has ended") from None
        except OSError as error:
            raise PlatformError(f"output.path: {path} cannot be locked: {error.strerror}") from None
        with suppress(OSError):  # on a full disk the lock holds too, only nobody is named
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), f"{holder}, process {os.getpid()}\n".encode())
        yield


@contextmanager
def only_run(store: Store, holder: str) -> Iterator[None]:
    """On a local disk, hold the lock of the output; elsewhere runs at once are told apart by their commits."""
    if isinstance(store, LocalStore):
        with exclusive_lock(store.path(LOCK), holder):
            yield
    else:
        yield


def lock_holder(path: Path) -> str | None:
    """The holder of the lock file, or None if it is free; the lock is not kept, and nothing is created.

    Raises PlatformError if the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _named_in(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PlatformError(f"{path}: cannot be read: {error.strerror}") from None
    return None


def _take(file: TextIO) -> None:
    """Lock the file, or raise BlockingIOError; tried twice, in case the holder only checked the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_RETRY_SECONDS)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _named_in(file: TextIO) -> str:
    file.seek(0)
    return file.read().strip() or "a run that has just started"
