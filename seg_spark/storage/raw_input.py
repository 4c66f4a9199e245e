"""Reading the raw customer table: every value as it stands, every column by its name."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StringType, StructType

from seg_spark.errors import InputError
from seg_spark.settings.schema import Input, local_path, path_scheme
from seg_spark.storage.spark_errors import input_errors

DELIMITERS: Final = (",", ";", "\t", "|")
_PARQUET_MAGIC: Final = b"PAR1"


@dataclass(frozen=True)
class InputFiles:
    """The files a night reads, as they were found: (path, bytes, modification time in ns) each.

    Empty for an input that is not on a local filesystem, where Spark does the looking.
    """

    files: tuple[tuple[str, int, int], ...]

    @property
    def total_bytes(self) -> int:
        """Size of all files together."""
        return sum(size for _, size, _ in self.files)


def input_path(settings: Input, run_date: date) -> str:
    """The path of a night's input: {run_date} filled in, local paths plain."""
    return local_path(settings.path.replace("{run_date}", run_date.isoformat()))


def find_input_files(settings: Input, run_date: date) -> InputFiles:
    """List the input. Raises InputError if it is absent, unreadable, empty, or plainly of another format."""
    path = input_path(settings, run_date)
    if path_scheme(path) != "file":
        return InputFiles(())
    root = Path(path)
    if not root.exists():
        raise InputError(f"input.path: {path} does not exist (looked in {Path.cwd()})" if not root.is_absolute() else
                         f"input.path: {path} does not exist")  # fmt: skip
    found = tuple(_state(file) for file in _data_files(root))
    if not found:
        raise InputError(f"input.path: {path} holds no files; expected {settings.format} files")
    if sum(size for _, size, _ in found) == 0:
        raise InputError(f"input.path: {path} is empty (0 bytes); expected a table with a header")
    for name, size, _ in found:
        _check_format(Path(name), size, settings.format)
    return InputFiles(found)


def check_unchanged(before: InputFiles, settings: Input, run_date: date) -> None:
    """Raise InputError if a file came, went or changed since `before`: what was read would be a mixture."""
    now = find_input_files(settings, run_date)
    if now != before:
        changed = sorted({name for name, _, _ in set(now.files) ^ set(before.files)})
        raise InputError(f"input.path: {changed[0]} changed while it was being read; run again when its writer is done")


def read_raw(spark: SparkSession, settings: Input, run_date: date, malformed: str) -> DataFrame:
    """The raw table as a lazy frame: CSV all as text, Parquet with the types of its files.

    Rows of a CSV file that do not fit the header carry their whole text in the column `malformed`.
    Raises InputError for headers that are ambiguous, or cut by a wrong delimiter.
    """
    path = input_path(settings, run_date)
    with input_errors(f"input.path: {path}"):
        if settings.format == "parquet":
            raw = spark.read.parquet(path)
            _check_headers(raw.columns, path)
            return raw
        reader = spark.read.options(
            header=True,
            sep=settings.options.delimiter,
            encoding=settings.options.encoding,
            quote=settings.options.quote,
            escape=settings.options.escape,
            multiLine=settings.options.multi_line,
            mode="PERMISSIVE",
            enforceSchema=False,  # Spark's default maps columns by position and swaps them silently
            columnNameOfCorruptRecord=malformed,
            nullValue="",
        )
        header_rows = reader.options(header=False).csv(path).head(1)
        if not header_rows:
            raise InputError(f"input.path: {path} is empty; expected a table with a header")
        header = [cell or "" for cell in header_rows[0]]
        _check_headers([name for name in header if name], path)
        _check_delimiter(header, settings.options.delimiter, path)
        named = [name.removeprefix("\ufeff") or f"_c{position}" for position, name in enumerate(header)]
        schema = StructType()
        for name in named:
            schema = schema.add(name, StringType())
        return reader.options(header=True).schema(schema.add(malformed, StringType())).csv(path)


def _check_headers(headers: list[str], path: str) -> None:
    seen: dict[str, str] = {}
    for header in headers:
        if header.lower() in seen:
            first = seen[header.lower()]
            twice = f"{header!r} twice" if first == header else f"{first!r} and {header!r}, which differ only in case"
            raise InputError(f"input.path: {path}: the header has {twice}; give every column a name of its own")
        seen[header.lower()] = header


def _check_delimiter(header: list[str], delimiter: str, path: str) -> None:
    if len(header) > 1:
        return
    better = max(DELIMITERS, key=header[0].count)
    if better != delimiter and better in header[0]:
        raise InputError(
            f"input.options.delimiter: only one column was found in {path} with {delimiter!r}; "
            f"its header looks cut by {better!r}"
        )


def _data_files(root: Path) -> list[Path]:
    """The files Spark would read: hidden ones (_ or . in front) are not data."""
    if root.is_file():
        return [root]
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        raise InputError(f"input.path: {error.filename} cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        found += [Path(parent) / name for name in sorted(names) if not name.startswith(("_", "."))]
    return found


def _state(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError as error:
        raise InputError(f"input.path: {file} cannot be read: {error.strerror}") from None
    return str(file), status.st_size, status.st_mtime_ns


def _check_format(file: Path, size: int, expected: str) -> None:
    try:
        with file.open("rb") as opened:
            start = opened.read(4)
            opened.seek(max(size - 4, 0))
            end = opened.read(4)
    except OSError as error:
        raise InputError(f"input.path: {file} cannot be read: {error.strerror}") from None
    if expected == "csv" and start == _PARQUET_MAGIC:
        raise InputError(f"input.format: {file} is a Parquet file; set input.format: parquet")
    if expected == "parquet" and (start, end) != (_PARQUET_MAGIC, _PARQUET_MAGIC):
        what = "a truncated or corrupt Parquet file" if start == _PARQUET_MAGIC else "not a Parquet file"
        raise InputError(f"input.path: {file} is {what}; expected whole Parquet files (or set input.format: csv)")
