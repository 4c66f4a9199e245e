"""Who moved since the preceding date: its labels beside those of a run."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.errors import PublishError
from seg_spark.segments.model import Model
from seg_spark.segments.movement import Movement, Transition, transitions_of
from seg_spark.segments.scoring import score
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.context import RunContext
from seg_spark.steps.preceding import PrecedingRun, published_labels, unfit_features
from seg_spark.storage.published_tables import read_profiles
from seg_spark.storage.tables import StagedTable, frame_of, read_table

EARLIER: Final = "_earlier_segment_id"
_SINCE_BEFORE: Final = "_since_before"
_BY_REFIT: Final = "by_refit"


@dataclass(frozen=True)
class RunMovement:
    """The staged transitions since the preceding date.

    `moved_by_refit` are those of the customers who moved whom the model of that date would have left where they were;
    None if it cannot label the customers of today.
    """

    since: date
    transitions: tuple[Transition, ...]
    moved_by_refit: int | None
    table: StagedTable

    @property
    def sums(self) -> Movement:
        """The sums of all transitions."""
        return Movement.of(self.transitions)


def with_earlier_segment(customers: DataFrame, earlier: Model) -> DataFrame:
    """Add the segment that an earlier model gives to today's values of a customer; null where it cannot label them."""
    if unfit_features(earlier, {field.name: isinstance(field.dataType, DoubleType) for field in customers.schema}):
        return customers.withColumn(EARLIER, F.lit(None).cast("int"))
    return score(customers, earlier).select(*customers.columns, F.col(c.SEGMENT_ID).alias(EARLIER))


def with_previous(context: RunContext, labels: DataFrame, preceding: PrecedingRun | None) -> DataFrame:
    """Add previous_segment_id, the segment of the preceding date, and since, the date from which on the segment is the
    customer's own without a break."""
    run_date = F.lit(context.run_date)
    if preceding is None:
        none = F.lit(None).cast(labels.schema[c.SEGMENT_ID].dataType)
        return labels.withColumns({c.PREVIOUS_SEGMENT_ID: none, c.SINCE: run_date})
    known = published_labels(context, preceding).select(
        c.CUSTOMER_ID, F.col(c.SEGMENT_ID).alias(c.PREVIOUS_SEGMENT_ID), F.col(c.SINCE).alias(_SINCE_BEFORE)
    )
    joined = labels.join(known, on=c.CUSTOMER_ID, how="left")
    return joined.withColumn(c.SINCE, F.when(_stayed(), F.col(_SINCE_BEFORE)).otherwise(run_date))


def counting_refit_moves(labels: DataFrame) -> tuple[DataFrame, Observation]:
    """The same labels, and what will be known of the moves by a refit once they are written.

    Spark may count the rows of a task that it repeats twice, so that this only tells and decides nothing.
    """
    counted = Observation()
    by_refit = ~_stayed() & (F.col(EARLIER) == F.col(c.PREVIOUS_SEGMENT_ID))
    return labels.observe(counted, F.count_if(by_refit).alias(_BY_REFIT), F.count(EARLIER).alias(EARLIER)), counted


def movement_of(
    context: RunContext, staged: StagedTable, preceding: PrecedingRun, counted: Observation | None
) -> RunMovement:
    """Who moved, from the labels as they were written, and (where a refit may have moved some) as `counted` then."""
    with context.progress.step("movement"), spark_errors_as(PublishError, f"reading {staged.folder} back"):
        labels = read_table(context.spark, context.store, staged.files, schemas.CUSTOMER_SEGMENTS_SCHEMA)
        counts = labels.groupBy(c.PREVIOUS_SEGMENT_ID, c.SEGMENT_ID).agg(F.count(F.lit(1)).alias(c.CUSTOMERS)).collect()
        sizes = _sizes(context, preceding)
        found = transitions_of({(before, now): customers for before, now, customers in counts}, sizes)
        rows = [asdict(one) | {c.RUN_ID: context.run_id} for one in found]
        schema = schemas.SEGMENT_TRANSITIONS_SCHEMA
        table = context.stage(frame_of(context.spark, rows, schema), schema, c.SEGMENT_TRANSITIONS)
    by_refit: int | None = 0
    if counted is not None:
        by_refit = min(int(counted.get[_BY_REFIT]), Movement.of(found).moved) if counted.get[EARLIER] else None
    return RunMovement(preceding.run_date, found, by_refit, table)


def _sizes(context: RunContext, preceding: PrecedingRun) -> dict[int, int]:
    """Customers by segment on the preceding date: as profiled, or as they are left where some were forgotten since."""
    sizes = {profile.segment_id: profile.customers for profile in read_profiles(context.store, preceding.run_date)}
    if sum(sizes.values()) == preceding.commit.tables[c.CUSTOMER_SEGMENTS].rows:
        return sizes
    counted = published_labels(context, preceding).groupBy(c.SEGMENT_ID).agg(F.count(F.lit(1)).alias(c.CUSTOMERS))
    return {int(row[c.SEGMENT_ID]): int(row[c.CUSTOMERS]) for row in counted.collect()}


def _stayed() -> Column:
    return F.col(c.PREVIOUS_SEGMENT_ID) == F.col(c.SEGMENT_ID)
