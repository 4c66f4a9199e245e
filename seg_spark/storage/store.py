"""A store: the files of one output, wherever they are, by paths relative to output.path."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol


@dataclass(frozen=True)
class Entry:
    """A file or folder in a folder; `modified` in seconds since 1970 by the store's own clock."""

    name: str
    is_folder: bool
    size_bytes: int
    modified: float


class Files(Protocol):
    """The files of one output, as its readers need them. Paths are relative to its root, with `/` between the names.

    Operations raise OSError where the store refuses, FileNotFoundError where there is no such file.
    """

    @property
    def root(self) -> str:
        """output.path as it is shown to people."""
        ...

    def read(self, path: str) -> bytes:
        """The content of a file."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Write a small file; a reader sees the old content or the new, never a part."""
        ...

    def entries(self, folder: str) -> list[Entry]:
        """What lies directly in a folder, by name; nothing if there is no such folder."""
        ...

    def open_input(self, path: str) -> Any:
        """A file opened for pyarrow to read; close it."""
        ...


class Store(Files, Protocol):
    """The files of one output, with all that a run needs to publish there."""

    def url(self, path: str) -> str:
        """A path as Spark takes it."""
        ...

    def version_folder(self, table: str, run_date: date, run_id: str) -> str:
        """Where a run writes its version of a table; no other run ever writes there."""
        ...

    def model_folder(self, model_id: str, run_id: str) -> str:
        """Where a run writes a model; no other run ever writes there."""
        ...

    def create(self, path: str, content: bytes) -> bool:
        """Write a small file whole, only if there is none: of two writers at once exactly one is told True."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all it holds, if it is there."""
        ...

    def remove_run(self, run_date: date, run_id: str) -> None:
        """Remove all versions and models that a run has written."""
        ...

    def make_durable(self, folder: str) -> None:
        """Return once everything below a folder would survive a loss of power."""
        ...
