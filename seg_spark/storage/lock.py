"""One run at a time per output, on one machine: the kernel drops the lock with its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seg_spark.errors import LockedError, PlatformError


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
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise LockedError(
                f"{path.parent.parent}: another run is at work there: {file.read().strip() or 'it has just started'}"
            ) from None
        except OSError as error:
            raise PlatformError(f"output.path: {path} cannot be locked: {error.strerror}") from None
        file.truncate(0)
        file.write(f"{holder}, process {os.getpid()}\n")
        file.flush()
        yield
