"""An output on a local or mounted filesystem."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from seg_spark.settings.paths import local_path, spark_path
from seg_spark.storage.layout import MODELS, VERSIONS
from seg_spark.storage.local_files import create_atomically, remove_tree, sync_tree, write_atomically
from seg_spark.storage.store import Entry


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
