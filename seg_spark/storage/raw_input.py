"""Reading the raw customer table: every value as it stands, every column by its name."""

import os
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.types import StringType, StructType

from seg_spark.errors import InputError
from seg_spark.settings.schema import Input, local_path, path_scheme
from seg_spark.storage.csv_header import check_delimiter, check_header, common_header
from seg_spark.storage.layout import spark_path
from seg_spark.storage.spark_errors import input_errors

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
            raw = spark.read.parquet(_spark_path(path))
            check_header(raw.columns, path)
            return raw
        header = _csv_header(spark, settings, path)
    check_header(header, path)
    check_delimiter(header, settings.options.delimiter, path)
    schema = StructType()
    for position, name in enumerate(header):
        schema = schema.add(name or f"_c{position}", StringType())
    # the headers of local files have been compared; elsewhere Spark does it, name by name
    reader = _csv_reader(spark, settings, malformed).option("enforceSchema", path_scheme(path) == "file")
    return reader.option("header", True).schema(schema.add(malformed, StringType())).csv(_spark_path(path))


def _csv_reader(spark: SparkSession, settings: Input, malformed: str) -> DataFrameReader:
    return spark.read.options(
        sep=settings.options.delimiter,
        encoding=settings.options.encoding,
        quote=settings.options.quote,
        escape=settings.options.escape,
        multiLine=settings.options.multi_line,
        mode="PERMISSIVE",
        columnNameOfCorruptRecord=malformed,
        nullValue="",
    )


def _csv_header(spark: SparkSession, settings: Input, path: str) -> list[str]:
    if path_scheme(path) == "file":
        return common_header(_data_files(Path(path)), settings.options)
    first = _csv_reader(spark, settings, "").option("header", False).csv(path).head(1)
    return [(cell or "").removeprefix("\ufeff") for cell in first[0]] if first else []


def _spark_path(path: str) -> str:
    """The path as Spark takes it: local ones are never the default filesystem's, and are no patterns."""
    if path_scheme(path) != "file":
        return path
    return spark_path(Path(re.sub(r"([\\{}\[\]*?])", r"\\\1", str(Path(path).absolute()))))


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
