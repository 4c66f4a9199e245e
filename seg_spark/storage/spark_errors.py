"""Spark's errors in our words. Spark's own texts hold rows and values of customers, so they are not passed on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from seg_spark.errors import InputError, SegSparkError


@contextmanager
def spark_errors_as(kind: type[SegSparkError], doing: str) -> Iterator[None]:
    """Translate what Spark raises while the block runs into `kind`, saying what was being done."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise kind(f"{doing}: {_meaning(error)}") from error


@contextmanager
def input_errors(doing: str) -> Iterator[None]:
    """Translate Spark's errors while input is read."""
    with spark_errors_as(InputError, doing):
        yield


def _meaning(error: PySparkException | Py4JError) -> str:
    text = str(error)
    condition = _condition(error, text)
    file = _file(text)
    where = f" in {file}" if file else ""
    if condition.startswith("PATH_NOT_FOUND"):
        return "the path does not exist"
    if "CANNOT_READ_FILE_FOOTER" in condition or "is not a Parquet file" in text or "CANNOT_READ_FOOTER" in text:
        return f"a truncated or corrupt Parquet file{where}; expected whole Parquet files"
    if "SchemaColumnConvertNotSupported" in text or "PARQUET_COLUMN_DATA_TYPE_MISMATCH" in condition:
        return f"a column has another type in one of the files than in the others{where}"
    if "CSV header does not conform" in text or "Number of column in CSV header" in text:
        return f"the files do not have the same header{where}; give every file the same columns in the same order"
    if "FILE_NOT_EXIST" in condition or "FileNotFoundException" in text:
        return f"a file vanished while it was being read{where}"
    if "UNABLE_TO_INFER_SCHEMA" in condition:
        return "there are no readable files; expected files of input.format"
    if "AccessControlException" in text or "Permission denied" in text:
        return f"no permission to read{where}"
    if "OutOfMemoryError" in text:
        return "Spark ran out of memory; give the driver more (--driver-memory 8g)"
    if "No space left on device" in text:
        return "the disk is full"
    return f"Spark failed with {condition or 'an internal error'}{where}; --debug shows its own words"


def _condition(error: PySparkException | Py4JError, text: str) -> str:
    if isinstance(error, PySparkException) and error.getCondition():
        return str(error.getCondition())
    match = re.search(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]", text)
    return match[1] if match else ""


def _file(text: str) -> str | None:
    match = re.search(r"(?:file:|hdfs:|s3a:|gs:|abfss:)/[^\s,;'\"]+\.[A-Za-z0-9.]+", text)
    return match[0].rstrip(".") if match else None
