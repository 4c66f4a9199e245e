"""Who moved between segments since the preceding date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.errors import PublishError
from seg_spark.segments.matching import CrossTable


@dataclass(frozen=True)
class Transition:
    """How many customers were in one segment on the preceding date and are in another now.

    `from_segment_id` is None for those who entered the table, `to_segment_id` for those who left it.
    """

    from_segment_id: int | None
    to_segment_id: int | None
    customers: int


def with_previous(labels: DataFrame, previous: DataFrame | None, run_date: date, *, is_small: bool) -> DataFrame:
    """Add previous_segment_id, the segment of the preceding date, and since, the date from which on the segment is the
    customer's own without a break.

    `previous` are the labels of the preceding date, one row per customer; where they are small they go to every task.
    """
    schema_of_id = labels.schema[c.SEGMENT_ID].dataType
    if previous is None:
        return labels.withColumns({c.PREVIOUS_SEGMENT_ID: F.lit(None).cast(schema_of_id), c.SINCE: F.lit(run_date)})
    known = previous.select(
        c.CUSTOMER_ID, F.col(c.SEGMENT_ID).alias(c.PREVIOUS_SEGMENT_ID), F.col(c.SINCE).alias("_since_before")
    )
    joined = labels.join(F.broadcast(known) if is_small else known, on=c.CUSTOMER_ID, how="left")
    stayed = F.col(c.PREVIOUS_SEGMENT_ID) == F.col(c.SEGMENT_ID)
    return joined.withColumn(c.SINCE, F.when(stayed, F.col("_since_before")).otherwise(F.lit(run_date)))


def transitions_of(counts: CrossTable, sizes_before: Mapping[int, int]) -> tuple[Transition, ...]:
    """Every transition, from the customers of today by (segment before, segment now) and the sizes before.

    The customers from a segment add up to its size before, those to a segment to its size now. Raises PublishError if
    more customers come from a segment than it had.
    """
    found = dict(counts)
    for segment_id, size in sizes_before.items():
        left = size - sum(count for (before, _), count in counts.items() if before == segment_id)
        if left < 0:
            raise PublishError(
                f"{-left:,} more customers come from segment {segment_id} than it had on the preceding date; "
                "nothing was published"
            )
        if left:
            found[segment_id, None] = left
    ordered = sorted(found.items(), key=lambda item: [(one is None, one or 0) for one in item[0]])
    return tuple(Transition(before, now, customers) for (before, now), customers in ordered)
