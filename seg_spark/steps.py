"""The steps of a night between storage and domain: each reads, computes and stages; none publishes."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.rows import MALFORMED_ROW, OUTCOME, Outcome, clean
from seg_spark.clustering.points import Matrix, distinct_points
from seg_spark.clustering.scores import Scores, euclidean_silhouettes, score_training_set
from seg_spark.clustering.selection import Choice, choose_k
from seg_spark.clustering.sweep import Fit, fit_every_k, published_form
from seg_spark.clustering.training_set import matrix_frame, to_matrix, training_frame, training_table
from seg_spark.errors import InputError, PublishError, QualityGateError
from seg_spark.features.fitted import FittedFeature
from seg_spark.features.learning import learn_features
from seg_spark.features.pipeline import fit_preparation
from seg_spark.reporting.progress import StepProgress
from seg_spark.segments.model import Model, number_segments
from seg_spark.segments.names import name_segments
from seg_spark.segments.profiles import Profile, profile_segments, sample_medians
from seg_spark.segments.scoring import score
from seg_spark.segments.totals import SegmentTotals, published_scores, total_segments
from seg_spark.settings.schema import Settings
from seg_spark.storage.layout import Layout
from seg_spark.storage.publish import StagedTable
from seg_spark.storage.raw_input import check_unchanged, find_input_files, read_raw
from seg_spark.storage.spark_errors import spark_errors_as
from seg_spark.storage.tables import count_nulls, count_rows, read_table, stage_table

log = logging.getLogger("seg_spark")


@dataclass(frozen=True)
class Night:
    """What every step of one run knows."""

    spark: SparkSession
    settings: Settings
    run_date: date
    run_id: str
    layout: Layout
    staging: Path
    progress: StepProgress


@dataclass(frozen=True)
class RowCounts:
    """What became of the input rows; they add up to `input`."""

    input: int
    accepted: int
    merged_duplicates: int
    rejected: int
    excluded: int
    rejected_by_reason: Mapping[str, int]


@dataclass(frozen=True)
class Cleaned:
    """The staged tables of a cleaned night, its counts, and how many accepted values are missing by feature."""

    clean: StagedTable
    rejected: StagedTable
    rows: RowCounts
    missing: Mapping[str, int]
    input_files: int
    input_bytes: int


@dataclass(frozen=True)
class Fitted:
    """A chosen model in both forms, the scores of every k, and why this k."""

    model: Model
    pipeline: PipelineModel
    scores: tuple[Scores, ...]
    choice: Choice


@dataclass(frozen=True)
class Labelled:
    """The staged tables of a labelled night and what they say of each segment."""

    segments: StagedTable
    profiles: StagedTable
    profile_rows: tuple[Profile, ...]
    totals: tuple[SegmentTotals, ...]
    scores: Scores | None


def clean_customers(night: Night) -> Cleaned:
    """Read the raw table once; stage accepted customers and rejected rows; check that no row was lost.

    Raises InputError for an input that cannot be used. Whether the rows are good enough is for
    `check_rows`.
    """
    settings = night.settings
    with night.progress.step("clean"):
        files = find_input_files(settings.input, night.run_date)
        raw = read_raw(night.spark, settings.input, night.run_date, MALFORMED_ROW)
        _warn_of_extra_columns(raw, settings)
        read = Observation("read")
        outcomes = clean(raw.observe(read, F.count(F.lit(1)).alias("rows")), settings)
        outcomes = outcomes.withColumn(c.RUN_ID, F.lit(night.run_id)).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            with spark_errors_as(InputError, f"input.path: {settings.input.path}"):
                staged, rejected, observed = _stage_outcomes(night, outcomes)
        finally:
            outcomes.unpersist()
        check_unchanged(files, settings.input, night.run_date)
    rows = RowCounts(
        input=int(read.get["rows"]),
        accepted=staged.rows,
        merged_duplicates=observed["merged"],
        rejected=rejected.rows,
        excluded=0,
        rejected_by_reason=_reasons(night, rejected),
    )
    _check_sum(rows)
    log.info(
        "rows: %d input = %d accepted + %d merged duplicates + %d rejected",
        rows.input, rows.accepted, rows.merged_duplicates, rows.rejected,
    )  # fmt: skip
    missing = {name: observed[f"missing {name}"] for name in settings.features.columns}
    return Cleaned(staged, rejected, rows, missing, len(files.files), files.total_bytes)


def check_rows(rows: RowCounts, settings: Settings) -> None:
    """Raise InputError if no row was accepted, QualityGateError if too many were rejected."""
    if rows.input == 0:
        raise InputError(f"input.path: {settings.input.path} has a header but no rows")
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in list(rows.rejected_by_reason.items())[:5])
    if rows.accepted == 0:
        raise InputError(f"every row was rejected ({reasons})")
    share = rows.rejected / rows.input
    limit = settings.cleaning.max_rejected_share
    if share > limit:
        raise QualityGateError(
            f"{share:.1%} of the rows were rejected, above cleaning.max_rejected_share ({limit:.1%}): {reasons}"
        )


def read_clean(night: Night, folder: Path) -> DataFrame:
    """The clean customers in a folder, staged or published."""
    return read_table(night.spark, folder, schemas.clean_customers_schema(night.settings.features))


def training_customers(night: Night, customers: DataFrame) -> pa.Table:
    """The training set of a night, on the driver. Raises InputError for fewer customers than the smallest k."""
    with night.progress.step("training set"), spark_errors_as(InputError, "reading the clean customers"):
        table = training_table(customers, list(night.settings.features.columns), night.settings.training)
    smallest = night.settings.clustering.k.min
    if len(table) < smallest:
        raise InputError(f"only {len(table)} customers were accepted, fewer than clustering.k.min ({smallest})")
    return table


def fit_segments(night: Night, training: pa.Table) -> Fitted:
    """Fit the preparation and every k on the training set, choose k, give the segments ids and names.

    Raises InputError if the customers do not differ enough for the smallest k, DegenerateModelError
    if no k is acceptable.
    """
    settings = night.settings
    with night.progress.step("prepare"):
        numbers, categories = learn_features(settings.features.columns, training)
        frame = training_frame(night.spark, training)
        preparation, features = fit_preparation(frame, settings.features, numbers, categories)
        matrix = to_matrix(preparation, frame)
    _warn_of_constants(features)
    distinct = distinct_points(matrix)
    k = settings.clustering.k
    if distinct < k.min:
        raise InputError(f"the customers form only {distinct} distinct points, fewer than clustering.k.min ({k.min})")
    with night.progress.step("fit", counting="fits") as advance:
        points = matrix_frame(night.spark, matrix)
        fits = fit_every_k(points, matrix, settings.clustering, settings.training.seed, advance)
    with night.progress.step("score"):
        faults = {k: fit.fault for k, fit in fits.items() if fit.fault is not None}
        scores = _score_fits([fit for k, fit in fits.items() if k not in faults], matrix)
        choice = choose_k(scores, faults, settings.selection)
        kmeans, chosen = published_form(night.spark, fits[choice.k], matrix)
    log.info("%s", choice.because)
    names = name_segments(features, matrix, chosen.labels, choice.k)
    model = Model(
        features=features,
        scaling=settings.features.scaling,
        segments=number_segments(chosen.centres, chosen.labels, chosen.squared_distances, names),
        training_customers=len(training),
    )
    pipeline = PipelineModel(stages=[*preparation.stages, kmeans])
    return Fitted(model, pipeline, scores, choice)


def label_customers(night: Night, customers: DataFrame, model: Model, sample: pa.Table, expected_rows: int) -> Labelled:
    """Stage one label per clean customer and the profiles of the segments; audit what was written."""
    with night.progress.step("label"), spark_errors_as(InputError, "reading the clean customers"):
        scored = score(customers, model)
        table = schemas.CUSTOMER_SEGMENTS_SCHEMA
        labels = scored.select(
            c.CUSTOMER_ID, c.SEGMENT_ID, c.SEGMENT_NAME, c.DISTANCE, c.RUNNER_UP_SEGMENT_ID, c.MARGIN, c.IS_OUTLIER,
            schemas.null_column(table, c.PREVIOUS_SEGMENT_ID),
            schemas.null_column(table, c.SINCE),
            F.lit(model.model_id).alias(c.MODEL_ID),
            F.lit(night.run_id).alias(c.RUN_ID),
        )  # fmt: skip
        folder = night.staging / schemas.CUSTOMER_SEGMENTS
        stage_table(labels, table, folder, schemas.CUSTOMER_SEGMENTS)
        staged = _audit_labels(folder, expected_rows)
    with night.progress.step("profile"), spark_errors_as(InputError, "reading the clean customers"):
        totals = total_segments(scored, model)
        all_scores = published_scores(scored, model, totals)
        profiles = profile_segments(model, totals, sample_medians(model, sample, _label_sample(night, sample, model)))
        staged_profiles = _stage_profiles(night, profiles, model)
    return Labelled(staged, staged_profiles, profiles, totals, all_scores)


def scores_json(fitted: Fitted) -> str:
    """scores.json: the scores of every k and the choice among them."""
    return json.dumps(
        {
            "chosen_k": fitted.choice.k,
            "chosen_because": fitted.choice.because,
            "excluded": {str(k): reason for k, reason in fitted.choice.excluded.items()},
            "scores": [asdict(one) for one in fitted.scores],
        },
        indent=2,
    )


def _stage_outcomes(night: Night, outcomes: DataFrame) -> tuple[StagedTable, StagedTable, dict[str, int]]:
    accepted = F.col(OUTCOME) == Outcome.ACCEPTED.value
    features = list(night.settings.features.columns)
    counted = Observation("outcomes")
    watched = outcomes.observe(
        counted,
        F.count_if(F.col(OUTCOME) == Outcome.MERGED.value).alias("merged"),
        *(F.count_if(accepted & F.col(name).isNull()).alias(f"missing {name}") for name in features),
    )
    clean_folder = night.staging / schemas.CLEAN_CUSTOMERS
    schema = schemas.clean_customers_schema(night.settings.features)
    stage_table(watched.where(accepted), schema, clean_folder, schemas.CLEAN_CUSTOMERS)
    rejected_folder = night.staging / schemas.REJECTED_CUSTOMERS
    rejected = outcomes.where(F.col(OUTCOME) == Outcome.REJECTED.value)
    stage_table(rejected, schemas.REJECTED_CUSTOMERS_SCHEMA, rejected_folder, schemas.REJECTED_CUSTOMERS)
    return (
        StagedTable(schemas.CLEAN_CUSTOMERS, clean_folder, count_rows(clean_folder)),
        StagedTable(schemas.REJECTED_CUSTOMERS, rejected_folder, count_rows(rejected_folder)),
        {key: int(value or 0) for key, value in counted.get.items()},
    )


def _reasons(night: Night, rejected: StagedTable) -> dict[str, int]:
    if rejected.rows == 0:
        return {}
    frame = read_table(night.spark, rejected.folder, schemas.REJECTED_CUSTOMERS_SCHEMA)
    counts = frame.select(F.explode(c.REJECT_REASONS).alias("reason")).groupBy("reason").count().collect()
    return {row["reason"]: row["count"] for row in sorted(counts, key=lambda row: (-row["count"], row["reason"]))}


def _check_sum(rows: RowCounts) -> None:
    if rows.input != rows.accepted + rows.merged_duplicates + rows.rejected + rows.excluded:
        raise PublishError(f"rows were lost or doubled while cleaning: {rows}; nothing was published")


def _warn_of_extra_columns(raw: DataFrame, settings: Settings) -> None:
    used = {settings.customer_id, settings.input.order_by, MALFORMED_ROW}
    used |= {settings.features.source_of(name) for name in settings.features.columns}
    extra = [name for name in raw.columns if name not in used]
    if extra:
        log.info("columns not used: %s", ", ".join(extra[:50]))


def _warn_of_constants(features: Sequence[FittedFeature]) -> None:
    constant = [one.name for one in features if one.kind == "number" and one.scale == 0.0]
    if constant:
        log.warning("constant in the training set, so it weighs nothing: %s", ", ".join(constant))


def _score_fits(fits: Sequence[Fit], matrix: Matrix) -> tuple[Scores, ...]:
    euclidean = euclidean_silhouettes(matrix, {fit.k: fit.labels for fit in fits})
    return tuple(score_training_set(matrix, fit.labels, fit.k, euclidean[fit.k]) for fit in fits)


def _audit_labels(folder: Path, expected_rows: int) -> StagedTable:
    """Read back what was written, before anybody else can."""
    rows = count_rows(folder)
    if rows != expected_rows:
        raise PublishError(
            f"{rows:,} labels were written for {expected_rows:,} accepted customers; nothing was published"
        )
    for column in (c.CUSTOMER_ID, c.SEGMENT_ID, c.DISTANCE):
        nulls = count_nulls(folder, column)
        if nulls:
            raise PublishError(f"{nulls:,} labels have no {column}; nothing was published")
    return StagedTable(schemas.CUSTOMER_SEGMENTS, folder, rows)


def _label_sample(night: Night, sample: pa.Table, model: Model) -> list[int]:
    labelled = score(training_frame(night.spark, sample), model).select(c.SEGMENT_ID).toArrow()
    return [int(value) for value in labelled[c.SEGMENT_ID].to_pylist()]


def _stage_profiles(night: Night, profiles: Sequence[Profile], model: Model) -> StagedTable:
    schema = schemas.SEGMENT_PROFILES_SCHEMA
    values = [asdict(one) | {c.MODEL_ID: model.model_id, c.RUN_ID: night.run_id} for one in profiles]
    frame = night.spark.createDataFrame([tuple(row[name] for name in schema.fieldNames()) for row in values], schema)
    folder = night.staging / schemas.SEGMENT_PROFILES
    stage_table(frame.coalesce(1), schema, folder, schemas.SEGMENT_PROFILES)
    return StagedTable(schemas.SEGMENT_PROFILES, folder, count_rows(folder))
