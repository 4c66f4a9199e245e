"""Reading the raw customer table with Spark: every value as it is written, every column by its name."""

import codecs
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, NullType, NumericType, StringType, StructType, TimestampNTZType, TimestampType

from seg_spark.cleaning.rows import find_column, quoted
from seg_spark.cleaning.values import number_as_text
from seg_spark.errors import InputError, did_you_mean
from seg_spark.input.columnar_files import Types, empty_columns, group_by_types
from seg_spark.input.files import data_files, input_path, is_local
from seg_spark.input.json_records import check_one_value_per_line
from seg_spark.input.text_files import check_declared, check_delimiter, check_header, check_same_columns, headers_of
from seg_spark.session import start_session
from seg_spark.settings.paths import hadoop_path, path_scheme, spark_path
from seg_spark.settings.raw_table import Input
from seg_spark.spark_errors import spark_errors_as

_Key = TypeVar("_Key", bound=Types | tuple[str, ...])

MAX_GROUPS: Final = 50
"""Differing headers or column types that one input may have; each is a scan of its own."""


def read_raw(
    spark: SparkSession, settings: Input, run_date: date, malformed: str, declared: Collection[str]
) -> DataFrame:
    """The raw table as a lazy frame: CSV and JSON all as text, other forms with the types of their columns.

    Rows of text files that cannot be cut into the columns carry their whole text in the column
    `malformed`. Files may have their columns in different orders, and `declared` columns in types that
    mean the same kind of value; then the frame holds the declared columns alone.
    Raises InputError for headers that are ambiguous or cut by a wrong delimiter, for files that do not
    agree on a declared column, and for a catalog table that does not exist.
    """
    s3_class = spark.sparkContext._jsc.hadoopConfiguration().get("fs.s3.impl")
    path = hadoop_path(input_path(settings, run_date), s3_class)
    with spark_errors_as(InputError, f"input.path: {path}"):
        match settings.format:
            case "csv":
                return _read_csv(spark, settings, path, malformed, declared)
            case "json":
                raw = _with_objects(_read_json(spark, settings, path, malformed), declared)
            case "table":
                raw = read_catalog(spark, path)
            case _:
                raw = _read_columnar(spark, settings, path, declared)
        check_header([name for name in raw.columns if name != malformed], path)
        return raw


def _read_csv(spark: SparkSession, settings: Input, path: str, malformed: str, declared: Collection[str]) -> DataFrame:
    if is_local(settings):
        groups = headers_of(data_files(Path(path)), settings.options)
    else:
        groups = {tuple(_remote_header(spark, settings, path)): []}
    if not any(groups):
        raise InputError(f"input.path: {path} is empty; expected a table with a header")
    for header, files in groups.items():
        check_delimiter(header, settings.options.delimiter, path if len(groups) == 1 else str(files[0]))
    check_declared(next(iter(groups)), declared, path)
    for header in groups:
        check_header(header, path)
    check_same_columns(groups, declared)
    # the headers of local files have been compared; elsewhere Spark does it, name by name
    reader = _text_reader(spark, settings, malformed).option("enforceSchema", is_local(settings)).option("header", True)
    if len(groups) > 1 and Path(path).is_dir():
        reader = reader.option("basePath", _spark_path(path))  # the folders' columns (column=value) stay
    frames = [
        reader.schema(_text_schema(header, malformed, named=is_local(settings))).csv(
            _paths(path, files if len(groups) > 1 else [])
        )
        for header, files in _limited(groups).items()
    ]
    if len(frames) == 1:
        return frames[0]
    return _union([_declared_alone(frame, [*declared, malformed], {}) for frame in frames])


def _text_schema(header: Sequence[str], malformed: str, *, named: bool) -> StructType:
    """Texts by the header; columns without a name are `named`, unless Spark compares the names with every file's."""
    schema = StructType()
    for position, name in enumerate(header):
        schema = schema.add(name or (f"_seg_spark_unnamed_{position}" if named else ""), StringType())
    return schema.add(malformed, StringType())


def _read_json(spark: SparkSession, settings: Input, path: str, malformed: str) -> DataFrame:
    if is_local(settings) and not settings.options.is_read_whole:
        check_one_value_per_line(data_files(Path(path)))
    reader = _text_reader(spark, settings, malformed).option("primitivesAsString", True)
    # one pass finds every field, also those that few customers have; a sample would lose them
    fields = [field for field in reader.json(_spark_path(path)).schema if field.name != malformed]
    if not fields:
        raise InputError(f"input.path: {path} holds no JSON objects; expected one per customer")
    return reader.schema(StructType(fields).add(malformed, StringType())).json(_spark_path(path))


def _with_objects(raw: DataFrame, declared: Collection[str]) -> DataFrame:
    """The frame with the declared fields of objects, also where some rows have no object there (PHP writes [] for {}).

    Spark takes such a column for text. The fields are missing in rows that have something else in its place.
    """
    inner: dict[str, list[str]] = {}
    for header in declared:
        if find_column(raw.schema, header) is None:
            for field in raw.schema:
                if header.startswith(f"{field.name}.") and isinstance(field.dataType, StringType):
                    inner.setdefault(field.name, []).append(header.removeprefix(f"{field.name}."))
    for name, fields in inner.items():
        if not raw.where(quoted(name).startswith("{")).isEmpty():
            raw = raw.withColumn(name, F.from_json(quoted(name), _object_type(fields)))
    return raw


def _object_type(fields: Iterable[str]) -> StructType:
    """The type of an object with these fields, all of them texts; `a.b` is the field b of an object a."""
    schema = StructType()
    for name, group in groupby(sorted(fields), key=lambda field: field.partition(".")[0]):
        rest = [field.partition(".")[2] for field in group]
        schema = schema.add(name, _object_type(rest) if all(rest) else StringType())
    return schema


def _read_columnar(spark: SparkSession, settings: Input, path: str, declared: Collection[str]) -> DataFrame:
    groups = group_by_types(data_files(Path(path)), settings.format, declared) if is_local(settings) else {}
    if len(groups) <= 1:
        return spark.read.format(settings.format).load(_spark_path(path))
    reader = spark.read.format(settings.format)
    if Path(path).is_dir():
        reader = reader.option("basePath", _spark_path(path))  # the folders' columns (column=value) stay
    return _union(
        [
            _declared_alone(reader.load(_paths(path, files)), declared, empty_columns(types))
            for types, files in _limited(groups).items()
        ]
    )


def read_catalog(spark: SparkSession, name: str) -> DataFrame:
    """A table of the catalog as a lazy frame. Raises InputError if there is none, with the nearest."""
    if not spark.catalog.tableExists(name):
        database, _, table = name.rpartition(".")
        known: list[str] = []
        if not database or spark.catalog.databaseExists(database):
            known = [one.name for one in spark.catalog.listTables(database or None)]
        found = f"; there is {', '.join(sorted(known)[:20])}" if known else ""
        raise InputError(f"input.path: the catalog has no table {name!r}{did_you_mean(table, known)}{found}")
    return spark.table(name)


def read_catalog_table(name: str, most_rows: int) -> tuple[pa.Table, bool]:
    """The first rows of a catalog table in Arrow form, and whether that is all of it; starts Spark.

    Raises InputError if the table does not exist, with the nearest name.
    """
    spark = start_session("seg_spark init", with_catalog=True)
    with spark_errors_as(InputError, f"input.path: {name}"):
        table = read_catalog(spark, name).limit(most_rows + 1).toArrow()
    return table.slice(0, most_rows), table.num_rows <= most_rows


def _declared_alone(frame: DataFrame, declared: Collection[str], empty: Mapping[str, bool]) -> DataFrame:
    """The declared columns by name, in types that a union can widen; columns in no file are left to cleaning."""
    selected: list[Column] = []
    for name in sorted(declared):
        found = find_column(frame.schema, name)
        if found is None:
            continue
        column, type_ = found
        if empty.get(name):
            column = F.lit(None)
        elif isinstance(type_, TimestampNTZType):
            column = column.cast(TimestampType())
        selected.append(column.alias(name))
    return frame.select(*selected)


def _union(frames: Sequence[DataFrame]) -> DataFrame:
    for name in frames[0].columns:
        kinds = {frame.schema[name].dataType for frame in frames}
        if len(kinds - {NullType()}) > 1 and all(isinstance(kind, NumericType | NullType) for kind in kinds):
            # as text, each file's numbers stay what they are: widened, an id of 18 digits would change
            frames = [
                frame.withColumn(name, number_as_text(quoted(name), frame.schema[name].dataType)) for frame in frames
            ]
        # timestamps in nanoseconds come as whole numbers; beside real ones they are brought to the same
        if any(isinstance(frame.schema[name].dataType, TimestampType) for frame in frames):
            frames = [
                frame.withColumn(name, F.timestamp_micros(F.floor(quoted(name) / 1000)))
                if isinstance(frame.schema[name].dataType, LongType)
                else frame
                for frame in frames
            ]
    return reduce(lambda one, other: one.unionByName(other), frames)


def _limited(groups: Mapping[_Key, list[Path]]) -> Mapping[_Key, list[Path]]:
    if len(groups) > MAX_GROUPS:
        raise InputError(
            f"input.path: the files have {len(groups)} different headers or sets of column types; "
            f"expected at most {MAX_GROUPS}"
        )
    return groups


def _text_reader(spark: SparkSession, settings: Input, malformed: str) -> DataFrameReader:
    options = settings.options
    common: dict[str, Any] = {
        "multiLine": options.is_read_whole,
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": malformed,
    }
    if settings.format == "json":
        if codecs.lookup(options.encoding).name != "utf-8":  # which Spark would take for a line of its own kind
            common["encoding"] = options.java_encoding
        return spark.read.options(**common)
    return spark.read.options(
        sep=options.delimiter,
        encoding=options.java_encoding,
        quote=options.quote,
        escape=options.escape,
        nullValue="",
        maxColumns=100_000,  # a longer row is malformed, and no reason to stop
        **common,
    )


def _remote_header(spark: SparkSession, settings: Input, path: str) -> list[str]:
    first = _text_reader(spark, settings, "").option("header", False).csv(path).head(1)
    return [(cell or "").removeprefix("\ufeff") for cell in first[0]] if first else []


def _paths(path: str, files: Sequence[Path]) -> list[str]:
    return [_spark_path(str(file)) for file in files] or [_spark_path(path)]


def _spark_path(path: str) -> str:
    """The path as Spark takes it: local ones are never the default filesystem's, and never patterns."""
    if path_scheme(path) != "file":
        return path
    return spark_path(Path(re.sub(r"([\\{}\[\]*?])", r"\\\1", str(Path(path).absolute()))))
