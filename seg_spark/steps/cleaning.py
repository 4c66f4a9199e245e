"""Cleaning the night: the raw table in, accepted customers and rejected rows out."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.declared import used_columns
from seg_spark.cleaning.raw_columns import column_names
from seg_spark.cleaning.row_counts import RowCounts
from seg_spark.cleaning.rows import EXCLUSION, MALFORMED_ROW, OUTCOME, Outcome, clean
from seg_spark.errors import InputError, PublishError
from seg_spark.settings.schema import Settings
from seg_spark.steps.night import Night
from seg_spark.storage.input_files import check_unchanged, find_input_files
from seg_spark.storage.publish import StagedTable
from seg_spark.storage.raw_input import read_raw
from seg_spark.storage.spark_errors import spark_errors_as
from seg_spark.storage.tables import count_rows, read_table, stage_table

log = logging.getLogger("seg_spark")


@dataclass(frozen=True)
class Cleaned:
    """The staged tables of a cleaned night, its counts, and how many accepted values are missing by feature."""

    clean: StagedTable
    rejected: StagedTable
    rows: RowCounts
    missing: Mapping[str, int]
    input_files: int
    input_bytes: int


def clean_customers(night: Night) -> Cleaned:
    """Read the raw table once; stage accepted customers and rejected rows; check that no row was lost.

    Raises InputError for an input that cannot be used. Whether the rows are good enough is for
    `check_rows`.
    """
    settings = night.settings
    with night.progress.step("clean"):
        files = find_input_files(settings.input, night.run_date)
        raw = read_raw(night.spark, settings.input, night.run_date, MALFORMED_ROW, used_columns(settings))
        read, counted = Observation("read"), Observation("outcomes")
        outcomes = clean(raw.observe(read, F.count(F.lit(1)).alias("rows")), settings)
        _warn_of_extra_columns(raw, settings)
        outcomes = outcomes.withColumn(c.RUN_ID, F.lit(night.run_id)).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            with spark_errors_as(InputError, f"input.path: {settings.input.path}"):
                staged, rejected = _stage_outcomes(night, outcomes, counted)
                if staged.rows + rejected.rows == 0 and outcomes.isEmpty():  # and so nothing was observed either
                    raise InputError(f"input.path: {settings.input.path} has a header but no rows")
        finally:
            outcomes.unpersist()
        check_unchanged(files, settings.input, night.run_date)
    observed = {key: int(value or 0) for key, value in counted.get.items()}
    rows = RowCounts(
        input=int(read.get["rows"]),
        accepted=staged.rows,
        merged_duplicates=observed["merged"],
        rejected=rejected.rows,
        excluded=observed["excluded"],
        rejected_by_reason=_reasons(night, rejected),
        excluded_by_rule=_excluded_by_rule(settings, observed),
    )
    _check_sum(rows)
    log.info(
        "rows: %d input = %d accepted + %d merged duplicates + %d rejected + %d excluded",
        rows.input, rows.accepted, rows.merged_duplicates, rows.rejected, rows.excluded,
    )  # fmt: skip
    for position, rule in enumerate(settings.cleaning.exclude):
        if not observed[f"rule {position}"]:
            log.warning("cleaning.exclude: no row meets the rule on %r", rule.column)
    missing = {name: observed[f"missing {name}"] for name in settings.features.columns}
    return Cleaned(staged, rejected, rows, missing, len(files.files), files.total_bytes)


def _stage_outcomes(night: Night, outcomes: DataFrame, counted: Observation) -> tuple[StagedTable, StagedTable]:
    accepted = F.col(OUTCOME) == Outcome.ACCEPTED.value
    features = list(night.settings.features.columns)
    rules = len(night.settings.cleaning.exclude)
    watched = outcomes.observe(
        counted,
        F.count_if(F.col(OUTCOME) == Outcome.MERGED.value).alias("merged"),
        F.count_if(F.col(OUTCOME) == Outcome.EXCLUDED.value).alias("excluded"),
        *(F.count_if(F.col(EXCLUSION) == position).alias(f"rule {position}") for position in range(rules)),
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
    )


def _reasons(night: Night, rejected: StagedTable) -> dict[str, int]:
    if rejected.rows == 0:
        return {}
    frame = read_table(night.spark, rejected.folder, schemas.REJECTED_CUSTOMERS_SCHEMA)
    counts = frame.select(F.explode(c.REJECT_REASONS).alias("reason")).groupBy("reason").count().collect()
    return {row["reason"]: row["count"] for row in sorted(counts, key=lambda row: (-row["count"], row["reason"]))}


def _excluded_by_rule(settings: Settings, observed: Mapping[str, int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for position, rule in enumerate(settings.cleaning.exclude):
        counts[rule.column] = counts.get(rule.column, 0) + observed[f"rule {position}"]
    older = observed["excluded"] - sum(counts.values())
    return counts | ({"older rows of excluded customers": older} if older else {})


def _check_sum(rows: RowCounts) -> None:
    if rows.input != rows.accepted + rows.merged_duplicates + rows.rejected + rows.excluded:
        raise PublishError(f"rows were lost or doubled while cleaning: {rows}; nothing was published")


def _warn_of_extra_columns(raw: DataFrame, settings: Settings) -> None:
    used = used_columns(settings)
    extra = [name for name in column_names(raw.schema) if name not in used and not name.startswith("_seg_spark_")]
    if extra:
        log.info(
            "columns not used: %s%s", ", ".join(repr(name[:40]) for name in extra[:50]), " ..." * (len(extra) > 50)
        )
