"""The cross table of two label tables, counted where the customers are."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.segments.matching import CrossTable


def cross_labels(one: DataFrame, other: DataFrame) -> CrossTable:
    """Customers by (segment_id in one, segment_id in the other); None where a customer is in one table only.

    Both tables have customer_id and segment_id, one row per customer.
    """
    left = one.select(c.CUSTOMER_ID, F.col(c.SEGMENT_ID).alias("one"))
    right = other.select(c.CUSTOMER_ID, F.col(c.SEGMENT_ID).alias("other"))
    counts = left.join(right, on=c.CUSTOMER_ID, how="full").groupBy("one", "other").agg(F.count(F.lit(1)).alias("n"))
    return {(row["one"], row["other"]): row["n"] for row in counts.collect()}  # at most (k + 1) squared rows
