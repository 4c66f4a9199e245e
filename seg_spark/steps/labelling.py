"""Labelling: clean customers and a model in, labels and profiles out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.repeated_ids import IdTotals, with_hash_of_id
from seg_spark.clustering.points import Labels, Matrix, SegmentIds
from seg_spark.clustering.scores import Scores
from seg_spark.clustering.training_set import training_frame
from seg_spark.errors import InputError, PublishError
from seg_spark.reporting.report_figures import report_figures
from seg_spark.segments.model import Model
from seg_spark.segments.profiles import Profile, SegmentTotals, profile_segments, sample_figures
from seg_spark.segments.scoring import CLUSTER_INDEX, axis_columns, score, segment_name_sql
from seg_spark.segments.totals import published_scores, total_segments
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.context import RunContext
from seg_spark.steps.movement import (
    EARLIER,
    RunMovement,
    counting_refit_moves,
    movement_of,
    with_earlier_segment,
    with_previous,
)
from seg_spark.steps.preceding import PrecedingRun
from seg_spark.storage.tables import StagedTable, frame_of, read_table


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
    with context.progress.step("label"), spark_errors_as(InputError, "reading the clean customers"):
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
        staged = context.stage(named, schemas.CUSTOMER_SEGMENTS_SCHEMA, c.CUSTOMER_SEGMENTS)
        _audit_labels(context, staged, model, accepted_ids)
    with context.progress.step("profile"), spark_errors_as(InputError, "reading the clean customers"):
        totals = total_segments(scored, model)
        points, clusters, segment_ids = _score_sample(context, sample, model)
        all_scores = published_scores(model, totals, points, clusters)
        profiles = profile_segments(model, totals, sample_figures(model, sample, points, segment_ids))
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


def _score_sample(context: RunContext, sample: pa.Table, model: Model) -> tuple[Matrix, Labels, SegmentIds]:
    """Coordinates (n x axes), index of the nearest centre and segment id of the sampled customers, row for row."""
    axes = axis_columns(model)
    scored = score(training_frame(context.spark, sample), model).select(*axes, CLUSTER_INDEX, c.SEGMENT_ID).toArrow()
    points = np.column_stack([scored[axis].to_numpy() for axis in axes])
    return points, scored[CLUSTER_INDEX].to_numpy(), scored[c.SEGMENT_ID].to_numpy()


def _stage_profiles(context: RunContext, profiles: Sequence[Profile], model: Model) -> StagedTable:
    schema = schemas.SEGMENT_PROFILES_SCHEMA
    values = [asdict(profile) | {c.MODEL_ID: model.model_id, c.RUN_ID: context.run_id} for profile in profiles]
    return context.stage(frame_of(context.spark, values, schema), schema, c.SEGMENT_PROFILES)
