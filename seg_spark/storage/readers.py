"""Readers, which need no Spark: the files of an output, and where those of a published table are.

Elsewhere than on a local disk S3 and others are read by pyarrow, HDFS by hdfs-native.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seg_spark.columns import TABLES
from seg_spark.errors import InputError, PlatformError, did_you_mean
from seg_spark.settings.paths import checked_path, path_scheme
from seg_spark.storage.commits import commit_of, last_date_with, named_dates
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.store import Entry, Files

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


def files_at(output_path: str) -> Files:
    """The files below a setting output.path."""
    if path_scheme(output_path) == "file":
        return LocalStore.at(output_path)
    return ArrowFiles(output_path.rstrip("/"))


def files_of(output: str, table: str, run_date: date | None) -> list[str]:
    """See `seg_spark.published_files`."""
    try:
        store = files_at(checked_path(output))
    except ValueError as error:
        raise InputError(f"output: {error}") from None
    if table not in TABLES:
        raise InputError(f"{table} is no published table{did_you_mean(table, TABLES)}; there are {', '.join(TABLES)}")
    found = run_date or last_date_with(store, table)
    commit = commit_of(store, found) if found else None
    version = commit.tables.get(table) if commit else None
    if commit is None or version is None:
        raise InputError(
            f"{store.root}: {table} is not published{f' for {run_date}' if run_date else ''}; {named_dates(store)}"
        )
    return [f"{store.root}/{file.path}" for file in version.files]


@dataclass(frozen=True)
class ArrowFiles:
    """The files of an output for its readers. Credentials, region and endpoint come from the platform (AWS_* and such).

    Where the store cannot be reached its operations raise PlatformError.
    """

    root: str

    def read(self, path: str) -> bytes:
        """The content of a file."""
        with self._errors(), self._filesystem.open_input_stream(self._path(path), compression=None) as stream:
            return bytes(stream.read())

    def write(self, path: str, content: bytes) -> None:
        """Write a small file."""
        with self._errors(), self._filesystem.open_output_stream(self._path(path), compression=None) as stream:
            stream.write(content)

    def entries(self, folder: str) -> list[Entry]:
        """What lies directly in a folder, by name; nothing if there is no such folder."""
        from pyarrow.fs import FileSelector, FileType

        with self._errors():
            found = self._filesystem.get_file_info(FileSelector(self._path(folder), allow_not_found=True))
            if not found and not self._has_bucket:
                raise OSError("there is no such bucket")
        made = [
            Entry(info.base_name, info.type == FileType.Directory, info.size or 0, (info.mtime_ns or 0) / 1e9)
            for info in found
        ]
        return sorted(made, key=lambda entry: entry.name)

    def open_input(self, path: str) -> Any:
        """A file opened for pyarrow to read; close it."""
        with self._errors():
            return self._filesystem.open_input_file(self._path(path))

    def _path(self, path: str) -> str:
        return f"{self._opened[1]}/{path}" if path else self._opened[1]

    @property
    def _is_s3(self) -> bool:
        return path_scheme(self.root) in ("s3", "s3a")

    @property
    def _filesystem(self) -> "FileSystem":
        return self._opened[0]

    @cached_property
    def _opened(self) -> "tuple[FileSystem, str]":
        """pyarrow's filesystem, and the path of the root in it."""
        rest = self.root.partition("://")[2]
        if path_scheme(self.root) == "hdfs":
            return _hdfs(self.root), f"/{rest.partition('/')[2]}"
        from pyarrow.fs import FileSystem, S3FileSystem

        if self._is_s3:
            return S3FileSystem(allow_delayed_open=True, **_s3_options(rest.partition("/")[0])), rest
        filesystem, path = FileSystem.from_uri(self.root)
        return filesystem, path

    @cached_property
    def _has_bucket(self) -> bool:
        """Whether the bucket of an S3 output exists: one that does not looks like an empty one."""
        from pyarrow.fs import FileType

        if not self._is_s3:
            return True
        bucket = self._opened[1].partition("/")[0]
        return bool(self._filesystem.get_file_info(bucket).type != FileType.NotFound)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            reason = str(error).splitlines()[0][:300]
            where = f"output.path: {self.root} cannot be reached"
            raise PlatformError(f"{where}: {reason}{self._at()}; docs/stores.md says what it needs") from None

    def _at(self) -> str:
        """Whether an S3 was looked for at Amazon's. The address is not told, since it may hold a password."""
        if not self._is_s3:
            return ""
        name = _endpoint_variable()
        return f" ({name} is set)" if name else " (at Amazon's, since AWS_ENDPOINT_URL is not set)"


def _s3_options(bucket: str) -> dict[str, str]:
    """Endpoint and region as the variables AWS_* name them; pyarrow itself heeds the region alone, and guesses none."""
    from pyarrow.fs import resolve_s3_region

    name = _endpoint_variable()
    endpoint = os.environ[name] if name else None
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not (endpoint or region or os.environ.get("AWS_PROFILE")):
        with suppress(OSError):
            region = resolve_s3_region(bucket)
    return {key: value for key, value in (("endpoint_override", endpoint), ("region", region)) if value}


def _endpoint_variable() -> str | None:
    """The variable that names the address of an S3 other than Amazon's, if one is set."""
    return next((name for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") if os.environ.get(name)), None)


def _hdfs(root: str) -> "FileSystem":
    try:
        from hdfs_native.fsspec import HdfsFileSystem  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise PlatformError(
            f"output.path: {root}: reading from HDFS without Spark needs the package hdfs-native; "
            "install it with .venv/bin/pip install -e '.[hdfs]'"
        ) from None
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    address = root.partition("://")[2].partition("/")[0]
    host, _, port = address.partition(":")
    return PyFileSystem(FSSpecHandler(HdfsFileSystem(host=host, port=int(port) if port else None)))
