"""Labelling: clean customers and a model in, labels and profiles out, and who moved since the preceding date."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.duplicates import IdTotals, with_hash_of_id
from seg_spark.clustering.points import Labels, Matrix, SegmentIds
from seg_spark.clustering.scores import Scores
from seg_spark.clustering.sweep import training_frame
from seg_spark.errors import InputError, PublishError
from seg_spark.reporting.report_figures import report_figures
from seg_spark.segments.model import Model
from seg_spark.segments.movement import Movement, Transition, transitions_of
from seg_spark.segments.profiles import Profile, SampleFigures, SegmentTotals, profile_segments, sample_figures
from seg_spark.segments.scoring import (
    CLUSTER_INDEX,
    axis_columns,
    published_scores,
    score,
    segment_name_sql,
    total_segments,
)
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.context import RunContext
from seg_spark.steps.published import PrecedingRun, published_labels, unfit_features
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


@dataclass(frozen=True)
class LabellingResult:
    """The staged labels and profiles, and the figures of each segment."""

    labels: StagedTable
    profiles: StagedTable
    profile_rows: tuple[Profile, ...]
    totals: tuple[SegmentTotals, ...]
    scores: Scores | None
    figures: Callable[[], Mapping[str, Any]] | None
    """Computes what a report draws, once the labels are published; None where no report is made."""
    movement: RunMovement | None
    """Who moved since the preceding date, if there is one."""

    @property
    def tables(self) -> list[StagedTable]:
        """What is to be published, the labels last."""
        return [self.profiles, *([self.movement.table] if self.movement else []), self.labels]


def label_customers(
    context: RunContext,
    customers: DataFrame,
    model: Model,
    sample: pa.Table,
    *,
    accepted_ids: IdTotals,
    preceding: PrecedingRun | None,
) -> LabellingResult:
    """Stage one label per clean customer, the profiles of the segments and who moved; audit what was written.

    `accepted_ids` are the totals of the clean customers' ids, which are known to be unique.
    """
    reading = "reading the clean customers"
    with ThreadPoolExecutor(1, thread_name_prefix="sample") as pool:  # Spark's writing leaves a core idle at times
        sampled = pool.submit(_scored_sample, context, sample, model)
        with context.progress.step("label"), spark_errors_as(InputError, reading):
            scored, staged, counted = _stage_labels(context, customers, model, preceding)
            _audit_labels(context, staged, model, accepted_ids)
        with context.progress.step("profile"), spark_errors_as(InputError, reading):
            totals = total_segments(scored, model)
            points, clusters, segment_ids, of_sample = sampled.result()
            all_scores = published_scores(model, totals, points, clusters)
            profiles = profile_segments(model, totals, of_sample)
            staged_profiles = _stage_profiles(context, profiles, model)
    return LabellingResult(
        labels=staged,
        profiles=staged_profiles,
        profile_rows=profiles,
        totals=totals,
        scores=all_scores,
        figures=partial(report_figures, model, sample, points, segment_ids)
        if context.settings.report.enabled
        else None,
        movement=movement_of(context, staged, preceding, counted) if preceding else None,
    )


def _stage_labels(
    context: RunContext, customers: DataFrame, model: Model, preceding: PrecedingRun | None
) -> tuple[DataFrame, StagedTable, Observation | None]:
    """The scored customers, their labels as written, and what will be known of the moves by a refit."""
    earlier = preceding.model if preceding and preceding.model.model_id != model.model_id else None
    if earlier is not None:
        customers = with_earlier_segment(customers, earlier)
    scored = score(customers, model)
    own = scored.select(
        c.CUSTOMER_ID, CLUSTER_INDEX, c.SEGMENT_ID, c.DISTANCE, c.RUNNER_UP_SEGMENT_ID, c.MARGIN, c.IS_OUTLIER,
        *([EARLIER] if earlier else []),
    )  # fmt: skip
    labels, counted = with_previous(context, own, preceding), None
    if earlier is not None:
        labels, counted = counting_refit_moves(labels)
    named = labels.withColumns(  # after the join, which would have to carry them for every customer
        {
            c.SEGMENT_NAME: F.expr(segment_name_sql(model)),
            c.MODEL_ID: F.lit(model.model_id),
            c.RUN_ID: F.lit(context.run_id),
        }
    )
    return scored, context.stage(named, schemas.CUSTOMER_SEGMENTS_SCHEMA, c.CUSTOMER_SEGMENTS), counted


def _audit_labels(context: RunContext, staged: StagedTable, model: Model, accepted_ids: IdTotals) -> None:
    """Read back what was written, before anybody else can. Raises PublishError.

    As many rows as accepted customers, with ids of the same checksums: since those are unique, these are too.
    """
    known = [segment.segment_id for segment in model.segments]
    distance = F.col(c.DISTANCE)
    with spark_errors_as(PublishError, f"reading {staged.folder} back"):
        labels = read_table(context.spark, context.store, staged.files, schemas.CUSTOMER_SEGMENTS_SCHEMA)
        [row] = (
            with_hash_of_id(labels)
            .agg(
                F.struct(*IdTotals.columns()).alias("ids"),
                F.count_if(~F.coalesce(F.col(c.SEGMENT_ID).isin(known), F.lit(False))).alias(c.SEGMENT_ID),
                F.count_if(distance.isNull() | F.isnan(distance) | (distance == float("inf"))).alias(c.DISTANCE),
            )
            .collect()
        )
    written = IdTotals.of(row["ids"].asDict())
    if written != accepted_ids:
        raise PublishError(
            f"{c.CUSTOMER_SEGMENTS}: {written.rows:,} labels were written for {accepted_ids.rows:,} accepted customers"
            f"{', and their ids differ' if written.rows == accepted_ids.rows else ''}; nothing was published; run again"
        )
    for column in (c.SEGMENT_ID, c.DISTANCE):
        if row[column]:
            raise PublishError(
                f"{c.CUSTOMER_SEGMENTS}: {row[column]:,} labels have no valid {column}; nothing was published"
            )


def _scored_sample(
    context: RunContext, sample: pa.Table, model: Model
) -> tuple[Matrix, Labels, SegmentIds, SampleFigures]:
    """Coordinates (n x axes), index of the nearest centre and segment id of the sampled customers, row for row, and
    what profiles take from them."""
    axes = axis_columns(model)
    scored = score(training_frame(context.spark, sample), model).select(*axes, CLUSTER_INDEX, c.SEGMENT_ID).toArrow()
    points = np.column_stack([scored[axis].to_numpy() for axis in axes])
    segment_ids = scored[c.SEGMENT_ID].to_numpy()
    figures = sample_figures(model, sample, points, segment_ids)
    return points, scored[CLUSTER_INDEX].to_numpy(), segment_ids, figures


def _stage_profiles(context: RunContext, profiles: Sequence[Profile], model: Model) -> StagedTable:
    schema = schemas.SEGMENT_PROFILES_SCHEMA
    values = [asdict(profile) | {c.MODEL_ID: model.model_id, c.RUN_ID: context.run_id} for profile in profiles]
    return context.stage(frame_of(context.spark, values, schema), schema, c.SEGMENT_PROFILES)
