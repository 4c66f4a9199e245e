"""Reading the raw customer table: every value as it stands, every column by its name."""

import re
from collections.abc import Collection
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.types import StringType, StructType

from seg_spark.errors import InputError
from seg_spark.settings.paths import path_scheme
from seg_spark.settings.raw_table import Input
from seg_spark.storage.csv_header import check_declared, check_delimiter, check_header, common_header
from seg_spark.storage.input_files import data_files, input_path
from seg_spark.storage.layout import spark_path
from seg_spark.storage.parquet_columns import check_same_columns
from seg_spark.storage.spark_errors import input_errors


def read_raw(
    spark: SparkSession, settings: Input, run_date: date, malformed: str, declared: Collection[str]
) -> DataFrame:
    """The raw table as a lazy frame: CSV all as text, Parquet with the types of its files.

    Rows of a CSV file that do not fit the header carry their whole text in the column `malformed`.
    Raises InputError for headers that are ambiguous, or cut by a wrong delimiter, and for Parquet files
    that do not agree on a `declared` column.
    """
    path = input_path(settings, run_date)
    with input_errors(f"input.path: {path}"):
        if settings.format == "parquet":
            if path_scheme(path) == "file":
                check_same_columns(data_files(Path(path)), declared)
            raw = spark.read.parquet(_spark_path(path))
            check_header(raw.columns, path)
            return raw
        header = _csv_header(spark, settings, path)
    if not header:
        raise InputError(f"input.path: {path} is empty; expected a table with a header")
    check_delimiter(header, settings.options.delimiter, path)
    check_declared(header, declared, path)
    check_header(header, path)
    schema = StructType()
    for position, name in enumerate(header):
        schema = schema.add(name or f"_seg_spark_unnamed_{position}", StringType())
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
        maxColumns=100_000,  # a longer row is malformed, and no reason to stop
    )


def _csv_header(spark: SparkSession, settings: Input, path: str) -> list[str]:
    if path_scheme(path) == "file":
        return common_header(data_files(Path(path)), settings.options)
    first = _csv_reader(spark, settings, "").option("header", False).csv(path).head(1)
    return [(cell or "").removeprefix("\ufeff") for cell in first[0]] if first else []


def _spark_path(path: str) -> str:
    """The path as Spark takes it: local ones are never the default filesystem's, and are no patterns."""
    if path_scheme(path) != "file":
        return path
    return spark_path(Path(re.sub(r"([\\{}\[\]*?])", r"\\\1", str(Path(path).absolute()))))
