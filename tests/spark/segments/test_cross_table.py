"""Label tables counted against each other, by Spark."""

from pyspark.sql import DataFrame, SparkSession

from seg_spark.trial import cross_labels


def labels(spark: SparkSession, segments: dict[str, int]) -> DataFrame:
    return spark.createDataFrame(list(segments.items()), "customer_id string, segment_id int")


def test_every_customer_is_counted_once_also_those_in_one_table_only(spark: SparkSession) -> None:
    one = labels(spark, {"a": 1, "b": 1, "c": 1, "d": 2, "only here": 2})
    other = labels(spark, {"d": 1, "c": 2, "b": 3, "a": 3, "only there": 3, "there too": 3})
    assert cross_labels(one, other) == {(1, 3): 2, (1, 2): 1, (2, 1): 1, (2, None): 1, (None, 3): 2}
