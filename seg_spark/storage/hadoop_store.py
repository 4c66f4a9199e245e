"""An output that Spark reaches through Hadoop's FileSystem, with the user's own credentials: HDFS, S3 and others."""

import errno
import io
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from seg_spark import columns as c
from seg_spark.errors import PlatformError
from seg_spark.settings.paths import hadoop_path, path_scheme
from seg_spark.storage import layout
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.store import Entry, Store

_CONDITIONAL: Final = "fs.option.create.conditional.overwrite"
_OBJECT_STORES: Final = ("s3", "s3a", "gs")
"""Here a file appears whole when its writer closes it; elsewhere it is written aside and renamed."""


@dataclass(frozen=True)
class HadoopStore:
    """A store behind the Java process and the Hadoop configuration of Spark's driver.

    Versions lie below the date of their table, models below their id: readers go through the commits.
    """

    root: str
    gateway: Any = field(repr=False)
    configuration: Any = field(repr=False)

    @classmethod
    def of(cls, output_path: str, spark: SparkSession) -> "HadoopStore":
        """The store at a setting output.path."""
        context = spark.sparkContext
        return cls(output_path.rstrip("/"), context._gateway, context._jsc.hadoopConfiguration())

    def url(self, path: str) -> str:
        """A path as Spark takes it."""
        return f"{self._base}/{path}" if path else self._base

    def version_folder(self, table: str, run_date: date, run_id: str) -> str:
        """Where a run writes its version of a table; no other run ever writes there."""
        return f"{layout.partition(table, run_date)}/{layout.run_folder(run_id)}"

    def model_folder(self, model_id: str, run_id: str) -> str:
        """Where a run writes a model; two runs may find the same model at once."""
        return f"{layout.model(model_id)}/{layout.run_folder(run_id)}"

    def read(self, path: str) -> bytes:
        """The content of a file."""
        with self._errors(path):
            stream = self._filesystem.open(self._path(path))
            try:
                return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
            finally:
                stream.close()

    def write(self, path: str, content: bytes) -> None:
        """Write a small file; a reader sees the old content or the new, never a part."""
        with self._errors(path):
            if self._is_object_store:
                self._write(self._filesystem.create(self._path(path), True), content)
            else:
                self._rename(self._written_aside(path, content), path, "OVERWRITE")

    def create(self, path: str, content: bytes) -> bool:
        """Write a small file whole, only if there is none: of two writers at once exactly one is told True."""
        try:
            with self._errors(path):
                if self._is_object_store:
                    self._write(self._created(path), content)
                else:
                    self._rename(self._written_aside(path, content), path, "NONE")
        except OSError:
            with suppress(FileNotFoundError):
                return self.read(path) == content  # a request sent twice is told of its own first try
            raise
        return True

    def entries(self, folder: str) -> list[Entry]:
        """What lies directly in a folder, by name; nothing if there is no such folder."""
        try:
            with self._errors(folder):
                found = self._filesystem.listStatus(self._path(folder))
        except FileNotFoundError:
            return []
        made = [
            Entry(
                status.getPath().getName(), status.isDirectory(), status.getLen(), status.getModificationTime() / 1000
            )
            for status in found
        ]
        return sorted(made, key=lambda entry: entry.name)

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all it holds, if it is there."""
        with self._errors(path):
            self._filesystem.delete(self._path(path), True)

    def remove_run(self, run_date: date, run_id: str) -> None:
        """Remove all versions and models that a run has written."""
        for table in c.TABLES:
            self.remove(self.version_folder(table, run_date, run_id))
        for model in self.entries(layout.MODELS):
            self.remove(self.model_folder(model.name, run_id))

    def open_input(self, path: str) -> Any:
        """A file opened for pyarrow to read; close it."""
        from pyarrow import PythonFile

        with self._errors(path):
            size = self._filesystem.getFileStatus(self._path(path)).getLen()
            return PythonFile(_Input(self._jvm, self._filesystem.open(self._path(path)), size), mode="r")

    def make_durable(self, folder: str) -> None:
        """Nothing to do: a file that its writer has closed is the store's to keep."""

    def check(self, *, allow_single_writer: bool) -> None:
        """Raise PlatformError if the store cannot be reached, or cannot create a file only if absent."""
        try:
            self.entries("")
        except OSError as error:
            raise PlatformError(
                f"output.path: {self.root} cannot be reached: {error.strerror}; docs/stores.md says what it needs"
            ) from None
        if allow_single_writer or path_scheme(self._base) != "s3a" or self._is_conditional:
            return
        version = self._jvm.org.apache.hadoop.util.VersionInfo.getVersion()
        raise PlatformError(
            f"output.path: {self.root}: Hadoop {version}, as it is set up, cannot create a file on S3 only if absent "
            "(3.4.2 and newer can, unless fs.s3a.create.conditional.enabled is false), so two runs at once could both "
            "publish; use a newer Spark, or, where never two runs write there at once, set "
            "publish.allow_single_writer: true"
        )

    @cached_property
    def _base(self) -> str:
        return hadoop_path(self.root, self.configuration.get("fs.s3.impl"))

    @property
    def _jvm(self) -> Any:
        return self.gateway.jvm

    @cached_property
    def _filesystem(self) -> Any:
        return self._path("").getFileSystem(self.configuration)

    @property
    def _is_object_store(self) -> bool:
        return path_scheme(self._base) in _OBJECT_STORES

    @cached_property
    def _is_conditional(self) -> bool:
        """Whether S3 can be asked to create a file only if there is none when its content is complete."""
        with self._errors(layout.COMMITS):
            return bool(self._filesystem.hasPathCapability(self._path(layout.COMMITS), _CONDITIONAL))

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(self.url(path))

    def _created(self, path: str) -> Any:
        """A stream to an object that appears when it is closed, if there is none by then."""
        if path_scheme(self._base) == "s3a" and self._is_conditional:
            builder = self._filesystem.createFile(self._path(path)).overwrite(False).recursive()
            return builder.must(_CONDITIONAL, "true").build()
        return self._filesystem.create(self._path(path), False)

    def _written_aside(self, path: str, content: bytes) -> str:
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/.{name}.{secrets.token_hex(4)}.tmp"
        self._write(self._filesystem.create(self._path(temporary), True), content)
        return temporary

    @staticmethod
    def _write(stream: Any, content: bytes) -> None:
        stream.write(bytearray(content))
        stream.close()

    def _rename(self, source: str, target: str, option: str) -> None:
        """Rename in one step; with the option NONE only if there is no target."""
        rename = self._jvm.org.apache.hadoop.fs.Options.Rename
        options = self.gateway.new_array(rename, 1)
        options[0] = getattr(rename, option)
        context = self._jvm.org.apache.hadoop.fs.FileContext.getFileContext(self._path("").toUri(), self.configuration)
        try:
            context.rename(self._path(source), self._path(target), options)
        finally:
            self._filesystem.delete(self._path(source), False)

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        """Turn what Java raises into OSError."""
        where = f"{self.root}/{path}"
        try:
            yield
        except Py4JJavaError as error:
            name = error.java_exception.getClass().getSimpleName()
            message = str(error.java_exception.getMessage() or name).splitlines()[0][:300]
            if name == "FileNotFoundException":
                raise FileNotFoundError(errno.ENOENT, message, where) from None
            raise OSError(errno.EIO, f"{name}: {message}", where) from None
        except Py4JError:
            raise OSError(errno.EIO, "Spark has ended", where) from None


def store_at(output_path: str, spark: Callable[[], SparkSession], *, allow_single_writer: bool) -> Store:
    """The store of a setting output.path, for a run; `spark` is asked for a session unless it is on a local disk.

    Raises PlatformError if the store cannot be reached, or cannot be published to.
    """
    if path_scheme(output_path) == "file":
        return LocalStore.at(output_path)
    store = HadoopStore.of(output_path, spark())
    store.check(allow_single_writer=allow_single_writer)
    return store


class _Input(io.RawIOBase):
    """Hadoop's input stream as a file of Python."""

    def __init__(self, jvm: Any, stream: Any, size: int) -> None:
        self._jvm, self._stream, self._size, self._position = jvm, stream, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self._position)
        count = left if size is None or size < 0 else min(size, left)
        if count == 0:
            return b""
        self._stream.seek(self._position)
        content = bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(self._stream, count))
        self._position += len(content)
        return content

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
