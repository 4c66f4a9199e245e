"""An output on a local or mounted filesystem, and its lock: one run at a time, on one machine.

The kernel drops the lock with its holder.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, TextIO

from seg_spark.errors import LockedError, PlatformError
from seg_spark.settings.paths import local_path, spark_path
from seg_spark.storage.layout import LOCK, MODELS, VERSIONS
from seg_spark.storage.local_files import create_atomically, remove_tree, sync_tree, write_atomically
from seg_spark.storage.store import Entry, Store

_RETRY_SECONDS: Final = 0.05
"""Longer than `lock_holder` needs the lock to see whether it is free."""


@dataclass(frozen=True)
class LocalStore:
    """A store whose files the driver, and Spark's tasks, open by their paths."""

    folder: Path

    @classmethod
    def at(cls, output_path: str) -> "LocalStore":
        """The store at a setting output.path, made absolute."""
        return cls(Path(local_path(output_path)).absolute())

    @property
    def root(self) -> str:
        """output.path as it is shown to people."""
        return str(self.folder)

    def path(self, path: str) -> Path:
        """The absolute path of a relative one."""
        return self.folder / path

    def url(self, path: str) -> str:
        """A path as Spark takes it."""
        return spark_path(self.path(path))

    def version_folder(self, table: str, run_date: date, run_id: str) -> str:
        """Outside the table: the folder of a date gets links to its files."""
        return f"{VERSIONS}/{run_id}/{table}"

    def model_folder(self, model_id: str, run_id: str) -> str:
        """Outside the published models, which are links to its files."""
        return f"{VERSIONS}/{run_id}/{MODELS}"

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return self.path(path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Write a small file; a reader sees the old content or the new, never a part."""
        write_atomically(self.path(path), content)

    def create(self, path: str, content: bytes) -> bool:
        """Write a small file whole, only if there is none."""
        return create_atomically(self.path(path), content)

    def entries(self, folder: str) -> list[Entry]:
        """What lies directly in a folder, by name; nothing if there is no such folder."""
        found = []
        try:
            paths = sorted(self.path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        for path in paths:
            with suppress(FileNotFoundError):  # removed by somebody meanwhile
                state = path.stat()
                found.append(Entry(path.name, path.is_dir(), state.st_size, state.st_mtime))
        return found

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all it holds, if it is there."""
        target = self.path(path)
        if target.is_dir():
            remove_tree(target)
        else:
            target.unlink(missing_ok=True)
        if target.parent.parent == self.path(VERSIONS):
            with suppress(OSError):  # not empty: another table of that run is still in use
                target.parent.rmdir()

    def remove_run(self, run_date: date, run_id: str) -> None:
        """Remove all versions and models that a run has written."""
        self.remove(f"{VERSIONS}/{run_id}")

    def open_input(self, path: str) -> Any:
        """A file opened for pyarrow to read."""
        from pyarrow import OSFile  # what reads a model alone does without it

        return OSFile(str(self.path(path)))

    def make_durable(self, folder: str) -> None:
        """Return once everything below a folder would survive a loss of power."""
        sync_tree(self.path(folder))


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
