"""Files that only Spark can see: their headers are read and compared by Spark."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from seg_spark.cleaning.rows import MALFORMED_ROW
from seg_spark.errors import InputError
from seg_spark.input import spark_reader
from seg_spark.settings.raw_table import Input, TextOptions
from seg_spark.spark_errors import spark_errors_as


@pytest.fixture(autouse=True)
def _only_spark_sees_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_reader, "is_local", lambda settings: False)


def read(spark: SparkSession, folder: Path, **options: str) -> DataFrame:
    settings = Input(path=str(folder), options=TextOptions(**options))
    return spark_reader.read_raw(spark, settings, date(2026, 11, 23), MALFORMED_ROW, ["id", "age"])


def test_columns_go_by_the_header_that_spark_reads(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "part.csv").write_bytes("\ufeffid;age;\n1;30;x\n2;40\n".encode())
    rows = read(spark, tmp_path, delimiter=";").collect()
    assert [(row["id"], row["age"], row[MALFORMED_ROW]) for row in rows] == [("1", "30", None), ("2", "40", "2;40")]
    assert rows[0][2] == "x"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; expected a table with a header"),
        ("id;age\n1;30\n", "set input.options.delimiter"),
        ("7,30\n8,40\n", r"none of the declared columns \('id', 'age'\) is in the first line"),
        ("id,age,ID\n1,30,2\n", "the header has 'id' and 'ID', which differ only in case"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(
    spark: SparkSession, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "part.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read(spark, tmp_path)


def test_a_file_with_its_columns_in_another_order_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,age\n1,30\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("age,id\n40,2\n", encoding="utf-8")
    with (
        pytest.raises(InputError, match="the files do not have the same header"),
        spark_errors_as(InputError, "input.path"),
    ):
        read(spark, tmp_path).collect()
