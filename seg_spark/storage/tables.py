"""Reading and writing Parquet tables. A written folder holds Parquet files and nothing else."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from seg_spark.errors import InputError, PublishError
from seg_spark.schemas import check_read, conform
from seg_spark.spark_errors import spark_errors_as
from seg_spark.storage.commits import DataFile
from seg_spark.storage.store import Entry, Store


@dataclass(frozen=True)
class StagedTable:
    """A table of one run that is written and counted, and not yet published."""

    table: str
    folder: str
    files: tuple[DataFile, ...]
    rows: int


def stage_table(frame: DataFrame, schema: StructType, store: Store, folder: str, table: str) -> None:
    """Write a frame, in exactly the columns of `schema`, into a folder of the store, beside rows staged there before.

    What Spark raises while it reads its sources is passed on (see `spark_errors`), since only the
    caller knows what it was reading.
    """
    conform(frame, schema, table).write.mode("append").parquet(store.url(folder))
    for entry in store.entries(folder):
        if not _is_data(entry):
            store.remove(f"{folder}/{entry.name}")


def frame_of(spark: SparkSession, rows: Sequence[Mapping[str, Any]], schema: StructType) -> DataFrame:
    """A few rows of this process as a frame of one partition. Sent by Arrow: executors need no Python for it."""
    columns = pa.table({name: [row[name] for row in rows] for name in schema.fieldNames()})
    return spark.createDataFrame(columns, schema).coalesce(1)


def stage_frame(frame: DataFrame, store: Store, folder: str) -> DataFrame:
    """Write a frame as it is into a new folder and read it from there, so that it is computed only once."""
    frame.write.mode("error").parquet(store.url(folder))
    return frame.sparkSession.read.schema(frame.schema).parquet(store.url(folder))


def staged_table(store: Store, table: str, folder: str) -> StagedTable:
    """What lies in a staged folder, counted. Raises PublishError if a file cannot be read back."""
    files = table_files(store, folder)
    return StagedTable(table, folder, files, count_rows(store, files))


def read_table(spark: SparkSession, store: Store, files: Sequence[DataFile], schema: StructType) -> DataFrame:
    """The files of a table as a frame with exactly the columns of `schema`. Raises InputError if it has others."""
    where = f"{store.root}/{files[0].path.rpartition('/')[0]}"
    with spark_errors_as(InputError, where):
        frame = spark.read.parquet(*(store.url(file.path) for file in files))
    check_read(frame.schema, schema, where)
    return frame.select(*schema.fieldNames())


def table_files(store: Store, folder: str) -> tuple[DataFile, ...]:
    """The Parquet files of a table folder, sorted by name."""
    return tuple(
        DataFile(f"{folder}/{entry.name}", entry.size_bytes) for entry in store.entries(folder) if _is_data(entry)
    )


def count_rows(store: Store, files: Sequence[DataFile]) -> int:
    """Rows of a table, from the footers of its files. Raises PublishError if one cannot be read."""
    try:
        return sum(opened.metadata.num_rows for opened in _opened(store, files))
    except (OSError, ValueError) as error:
        where = f"{store.root}/{files[0].path.rpartition('/')[0]}"
        raise PublishError(f"{where}: a written file cannot be read back: {type(error).__name__}") from None


def count_list_items(store: Store, files: Sequence[DataFile], column: str) -> dict[str, int]:
    """How often each text occurs in a column of lists, the most frequent first; one row group at a time."""
    counts: Counter[str] = Counter()
    for opened in _opened(store, files):
        for group in range(opened.num_row_groups):
            items = opened.read_row_group(group, columns=[column])[column].combine_chunks().flatten()
            counts.update({one["values"]: one["counts"] for one in pc.value_counts(items).to_pylist()})
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def count_nulls(store: Store, files: Sequence[DataFile], column: str) -> int:
    """Nulls of a column, from the footers of the table's files; from the values where a footer does not count them."""
    nulls = 0
    for opened in _opened(store, files):
        position = opened.schema_arrow.get_field_index(column)
        for group in range(opened.num_row_groups):
            statistics = opened.metadata.row_group(group).column(position).statistics
            if statistics is not None and statistics.has_null_count:
                nulls += statistics.null_count
            else:
                nulls += opened.read_row_group(group, columns=[column])[column].null_count
    return nulls


def _opened(store: Store, files: Sequence[DataFile]) -> Iterator[pq.ParquetFile]:
    for one in files:
        with closing(store.open_input(one.path)) as file:
            yield pq.ParquetFile(file)


def _is_data(entry: Entry) -> bool:
    return entry.name.endswith(".parquet") and not entry.name.startswith(("_", "."))
