"""Reading and writing Parquet tables. A written folder holds Parquet files and nothing else."""

from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from seg_spark.errors import InputError, PublishError
from seg_spark.schemas import check_read, conform
from seg_spark.settings.paths import spark_path
from seg_spark.spark_errors import input_errors


def stage_table(frame: DataFrame, schema: StructType, folder: Path, table: str) -> None:
    """Write a frame, in exactly the columns of `schema`, into the folder `folder`, beside rows staged there before.

    What Spark raises while it reads its sources is passed on (see `spark_errors`), since only the
    caller knows what it was reading.
    """
    conform(frame, schema, table).write.mode("append").parquet(spark_path(folder))
    for file in folder.iterdir():
        if not _is_data(file):
            file.unlink()


def stage_frame(frame: DataFrame, folder: Path) -> DataFrame:
    """Write a frame as it is into the new folder `folder` and read it from there, so that it is computed only once."""
    frame.write.mode("error").parquet(spark_path(folder))
    return frame.sparkSession.read.schema(frame.schema).parquet(spark_path(folder))


def read_table(spark: SparkSession, folder: Path, schema: StructType) -> DataFrame:
    """A table folder as a frame with exactly the columns of `schema`. Raises InputError if it has others."""
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist; run the step before this one for the same date")
    with input_errors(str(folder)):
        frame = spark.read.parquet(spark_path(folder))
    check_read(frame.schema, schema, str(folder))
    return frame.select(*schema.fieldNames())


def data_files(folder: Path) -> list[Path]:
    """The Parquet files of a table folder, sorted by name."""
    return sorted(file for file in folder.iterdir() if _is_data(file))


def count_rows(folder: Path) -> int:
    """Rows of a table folder, from the footers of its files. Raises PublishError if one cannot be read."""
    try:
        return sum(pq.read_metadata(file).num_rows for file in data_files(folder))
    except (OSError, ValueError) as error:
        raise PublishError(f"{folder}: a written file cannot be read back: {type(error).__name__}") from None


def count_list_items(folder: Path, column: str) -> dict[str, int]:
    """How often each text occurs in a column of lists, the most frequent first; one row group at a time."""
    counts: Counter[str] = Counter()
    for file in data_files(folder):
        opened = pq.ParquetFile(file)
        for group in range(opened.num_row_groups):
            items = opened.read_row_group(group, columns=[column])[column].combine_chunks().flatten()
            counts.update({one["values"]: one["counts"] for one in pc.value_counts(items).to_pylist()})
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def count_nulls(folder: Path, column: str) -> int:
    """Nulls of a column, from the footers of the table's files; from the values where a footer does not count them."""
    nulls = 0
    for file in data_files(folder):
        opened = pq.ParquetFile(file)
        position = opened.schema_arrow.get_field_index(column)
        for group in range(opened.num_row_groups):
            statistics = opened.metadata.row_group(group).column(position).statistics
            if statistics is not None and statistics.has_null_count:
                nulls += statistics.null_count
            else:
                nulls += opened.read_row_group(group, columns=[column])[column].null_count
    return nulls


def _is_data(file: Path) -> bool:
    return file.suffix == ".parquet" and not file.name.startswith(("_", "."))
