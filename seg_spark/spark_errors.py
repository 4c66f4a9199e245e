"""Spark's errors in plain words. Spark's own texts hold rows and values of customers, so they are not passed on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from seg_spark.errors import PlatformError, SegSparkError

_MEANINGS: Final = (
    ("PATH_NOT_FOUND", "the path does not exist"),
    ("CANNOT_READ_FILE_FOOTER", "a truncated or corrupt Parquet file{where}; expected whole Parquet files"),
    ("CANNOT_READ_FOOTER", "a truncated or corrupt Parquet file{where}; expected whole Parquet files"),
    ("is not a Parquet file", "a truncated or corrupt Parquet file{where}; expected whole Parquet files"),
    ("SchemaColumnConvertNotSupported", "a column has another type in one of the files than in the others{where}"),
    ("PARQUET_COLUMN_DATA_TYPE_MISMATCH", "a column has another type in one of the files than in the others{where}"),
    *(
        (sign, "the files do not have the same header{where}; give every file the same columns")
        for sign in ("CSV header does not conform", "Number of column in CSV header")
    ),
    *((sign, "a file vanished while it was being read{where}") for sign in ("FILE_NOT_EXIST", "FileNotFoundException")),
    ("UNABLE_TO_INFER_SCHEMA", "there are no readable files; expected files of input.format"),
    ("COLUMN_ALREADY_EXISTS", "two columns have the same name, or differ only in case; give each a name of its own"),
    ("CONFLICTING_PARTITION_COLUMN_NAMES", "its folders name different partition columns; expected the same in all"),
    ("AccessControlException", "no permission to read{where}"),
    ("Permission denied", "no permission to read{where}"),
    ("FAILED_READ_FILE", "a damaged file{where}"),  # wraps many of those above
)
"""A sign in Spark's text, and what it means; the first that fits counts."""
_OF_THE_MACHINE: Final[tuple[tuple[str, str], ...]] = (
    ("OutOfMemoryError", "Spark ran out of memory; give the driver more (--driver-memory 8g)"),
    (
        "No space left on device",
        "a disk is full; free space where output.path and Spark's scratch files lie",
    ),
    ("Disk quota exceeded", "the disk quota is used up; free some space, or have it raised"),
    ("Read-only file system", "a disk is read-only; make it writable, or set output.path to another"),
    *(
        (sign, "the file store cannot be reached or answers with an error; correct that and run again (docs/stores.md)")
        for sign in ("hadoop.fs.s3a.AWS", "java.net.ConnectException", "UnknownHostException", "SafeModeException")
    ),
    ("Mkdirs failed to create", "a folder could not be created below output.path; fix its permissions"),
)
"""Signs that the machine is at fault, whatever was being done."""


@contextmanager
def spark_errors_as(kind: type[SegSparkError], doing: str) -> Iterator[None]:
    """Translate what Spark raises while the block runs into `kind`, saying what was being done.

    A full disk and the like become PlatformError.
    """
    try:
        yield
    except (PySparkException, Py4JError) as error:
        for sign, meaning in _OF_THE_MACHINE:
            if sign in str(error):
                raise PlatformError(f"{doing}: {meaning}") from error
        raise kind(f"{doing}: {_meaning(error)}") from error


def _meaning(error: PySparkException | Py4JError) -> str:
    text = str(error)
    file = _file(text)
    where = f" in {file}" if file else ""
    for sign, meaning in _MEANINGS:
        if sign in text:
            return meaning.format(where=where)
    return f"Spark failed with {_condition(error, text) or 'an internal error'}{where}; --debug shows its own words"


def _condition(error: PySparkException | Py4JError, text: str) -> str:
    if isinstance(error, PySparkException) and error.getCondition():
        return str(error.getCondition())
    match = re.search(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]", text)
    return match[1] if match else ""


def _file(text: str) -> str | None:
    match = re.search(r"(?:file:|hdfs:|s3a?:|gs:|abfss:)/[^\s,;'\"]+\.[A-Za-z0-9.]+", text)
    return match[0].rstrip(".") if match else None
