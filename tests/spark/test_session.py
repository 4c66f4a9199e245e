import threading
import time
from pathlib import Path

import pytest
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from seg_spark.session import ending_work, is_working

PARTS = 200
"""Small tasks: one that is told to end may first finish a batch of 1,000 rows."""


def test_what_spark_writes_for_a_failed_block_is_over_when_the_block_is(spark: SparkSession, tmp_path: Path) -> None:
    slow = spark.range(0, PARTS * 1000, numPartitions=PARTS).select(
        F.expr("aggregate(sequence(0L, 2000L), id, (total, one) -> total + one)").alias("total")
    )
    failures: list[Py4JError] = []

    def write() -> None:
        try:
            slow.write.parquet(str(tmp_path / "table"))
        except Py4JError as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    with pytest.raises(KeyError), ending_work(spark):
        writer.start()
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.02)
        raise KeyError
    assert not is_working(spark)
    left = sorted(tmp_path.rglob("*.parquet"))
    writer.join()
    assert len(failures) == 1, "the write was to be cut short"
    assert sorted(tmp_path.rglob("*.parquet")) == left == []


def test_a_task_that_starts_right_after_another_is_seen(spark: SparkSession, tmp_path: Path) -> None:
    begun, over = tmp_path / "begun", tmp_path / "over"

    def wait(_: float) -> None:
        begun.touch()
        while not over.exists():
            time.sleep(0.05)

    waiting = spark.sparkContext.parallelize([1.0], 1).map(wait)
    waiter = threading.Thread(target=waiting.collect)
    for _ in range(5):
        spark.sparkContext.parallelize([0.0], 1).map(time.sleep).collect()
    waiter.start()
    deadline = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    seen = is_working(spark)
    over.touch()
    waiter.join()
    assert seen
    assert not is_working(spark)


def test_a_block_that_succeeds_ends_nothing(spark: SparkSession) -> None:
    with ending_work(spark):
        rows = spark.range(10).count()
    assert rows == 10


def test_a_small_run_has_room_for_the_code_of_many_dates(spark: SparkSession) -> None:
    pools = spark._jvm.java.lang.management.ManagementFactory.getMemoryPoolMXBeans()
    room = sum(pool.getUsage().getMax() for pool in pools if "Code" in pool.getName())
    assert room >= 128 * 2**20  # Java alone would give 48 MB, and compile nothing more once they are full
