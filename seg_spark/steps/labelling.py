"""Labelling: clean customers and a model in, labels and profiles out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.repeated_ids import IdTotals, with_hash_of_id
from seg_spark.clustering.points import Labels, Matrix
from seg_spark.clustering.scores import Scores
from seg_spark.clustering.training_set import training_frame
from seg_spark.errors import InputError, PublishError
from seg_spark.reporting.report_figures import report_figures
from seg_spark.segments.model import Model
from seg_spark.segments.movement import Transition, transitions_of
from seg_spark.segments.profiles import Profile, SegmentTotals, profile_segments, sample_figures
from seg_spark.segments.scoring import CLUSTER_INDEX, axis_columns, score
from seg_spark.segments.totals import published_scores, total_segments
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.context import RunContext
from seg_spark.steps.preceding import PrecedingRun, published_labels
from seg_spark.storage.published_tables import read_profiles
from seg_spark.storage.tables import StagedTable, frame_of, read_table, stage_table, staged_table

_MOST_TO_EVERY_TASK: Final = 2_000_000
"""Labels of a preceding date up to so many are sent to every task; more are brought together by a shuffle."""


@dataclass(frozen=True)
class LabellingResult:
    """The staged labels and profiles, and the figures of each segment."""

    segments: StagedTable
    profiles: StagedTable
    transitions: StagedTable | None
    profile_rows: tuple[Profile, ...]
    totals: tuple[SegmentTotals, ...]
    scores: Scores | None
    figures: Mapping[str, Any] | None
    """What a report draws; None where none is made."""
    moves: tuple[Transition, ...] | None
    """The movement since the preceding date, if there is one."""
    preceding_date: date | None

    @property
    def tables(self) -> list[StagedTable]:
        """What is to be published, the labels last."""
        return [self.profiles, *([self.transitions] if self.transitions else []), self.segments]


def label_customers(
    context: RunContext,
    customers: DataFrame,
    model: Model,
    sample: pa.Table,
    *,
    accepted: IdTotals,
    preceding: PrecedingRun | None,
) -> LabellingResult:
    """Stage one label per clean customer, the profiles of the segments and who moved; audit what was written.

    `accepted` are the totals of the clean customers' ids, which are known to be unique.
    """
    with context.progress.step("label"), spark_errors_as(InputError, "reading the clean customers"):
        scored = score(customers, model)
        table = schemas.CUSTOMER_SEGMENTS_SCHEMA
        own = scored.select(
            c.CUSTOMER_ID, c.SEGMENT_ID, c.SEGMENT_NAME, c.DISTANCE, c.RUNNER_UP_SEGMENT_ID, c.MARGIN, c.IS_OUTLIER,
            F.lit(model.model_id).alias(c.MODEL_ID),
            F.lit(context.run_id).alias(c.RUN_ID),
        )  # fmt: skip
        previous = published_labels(context, preceding) if preceding else None
        is_small = preceding is None or preceding.customers <= _MOST_TO_EVERY_TASK
        labels = _with_previous(own, previous, context.run_date, is_small=is_small)
        staged = _stage(context, labels, table, c.CUSTOMER_SEGMENTS)
        _audit_labels(context, staged, model, accepted)
    with context.progress.step("profile"), spark_errors_as(InputError, "reading the clean customers"):
        totals = total_segments(scored, model)
        points, clusters, segment_ids = _score_sample(context, sample, model)
        all_scores = published_scores(model, totals, points, clusters)
        profiles = profile_segments(model, totals, sample_figures(model, sample, points, segment_ids))
        staged_profiles = _stage_profiles(context, profiles, model)
        figures = report_figures(model, sample, points, segment_ids) if context.settings.report.enabled else None
    moves = _moves(context, staged, preceding) if preceding else None
    staged_moves = _stage_moves(context, moves) if moves is not None else None
    return LabellingResult(
        segments=staged,
        profiles=staged_profiles,
        transitions=staged_moves,
        profile_rows=profiles,
        totals=totals,
        scores=all_scores,
        figures=figures,
        moves=moves,
        preceding_date=preceding.run_date if preceding else None,
    )


def _moves(context: RunContext, staged: StagedTable, preceding: PrecedingRun) -> tuple[Transition, ...]:
    """Who moved, from the labels as they were written."""
    with context.progress.step("movement"), spark_errors_as(PublishError, f"reading {staged.folder} back"):
        labels = read_table(context.spark, context.store, staged.files, schemas.CUSTOMER_SEGMENTS_SCHEMA)
        counts = labels.groupBy(c.PREVIOUS_SEGMENT_ID, c.SEGMENT_ID).agg(F.count(F.lit(1)).alias(c.CUSTOMERS)).collect()
    sizes = {one.segment_id: one.customers for one in read_profiles(context.store, preceding.run_date)}
    return transitions_of({(before, now): customers for before, now, customers in counts}, sizes)


def _stage_moves(context: RunContext, moves: Sequence[Transition]) -> StagedTable:
    schema = schemas.SEGMENT_TRANSITIONS_SCHEMA
    rows = [asdict(one) | {c.RUN_ID: context.run_id} for one in moves]
    return _stage(context, frame_of(context.spark, rows, schema), schema, c.SEGMENT_TRANSITIONS)


def _with_previous(labels: DataFrame, previous: DataFrame | None, run_date: date, *, is_small: bool) -> DataFrame:
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


def _stage(context: RunContext, frame: DataFrame, schema: StructType, table: str) -> StagedTable:
    folder = context.folder_of(table)
    stage_table(frame, schema, context.store, folder, table)
    return staged_table(context.store, table, folder)


def _audit_labels(context: RunContext, staged: StagedTable, model: Model, accepted: IdTotals) -> None:
    """Read back what was written, before anybody else can. Raises PublishError.

    As many rows as accepted customers, with ids of the same checksums: since those are unique, these are too.
    """
    known = [one.segment_id for one in model.segments]
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
    if written != accepted:
        raise PublishError(
            f"{written.rows:,} labels were written for {accepted.rows:,} accepted customers"
            f"{', for other ids' if written.rows == accepted.rows else ''}; nothing was published"
        )
    for column in (c.SEGMENT_ID, c.DISTANCE):
        if row[column]:
            raise PublishError(f"{row[column]:,} labels have no valid {column}; nothing was published")


def _score_sample(context: RunContext, sample: pa.Table, model: Model) -> tuple[Matrix, Labels, Labels]:
    """Coordinates (n x axes), index of the nearest centre and segment id of the sampled customers, row for row."""
    axes = axis_columns(model)
    scored = score(training_frame(context.spark, sample), model).select(*axes, CLUSTER_INDEX, c.SEGMENT_ID).toArrow()
    points = np.column_stack([scored[axis].to_numpy() for axis in axes])
    return points, scored[CLUSTER_INDEX].to_numpy(), scored[c.SEGMENT_ID].to_numpy()


def _stage_profiles(context: RunContext, profiles: Sequence[Profile], model: Model) -> StagedTable:
    schema = schemas.SEGMENT_PROFILES_SCHEMA
    values = [asdict(one) | {c.MODEL_ID: model.model_id, c.RUN_ID: context.run_id} for one in profiles]
    return _stage(context, frame_of(context.spark, values, schema), schema, c.SEGMENT_PROFILES)
