"""Cleaning: the raw table in, accepted customers and rejected rows out."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.duplicates import (
    NO_IDS,
    OUTCOME,
    IdTotals,
    ScannedIds,
    mark_shared_ids,
    rows_of_ids,
    scan_ids,
    settle_duplicates,
    with_hash_of_id,
)
from seg_spark.cleaning.outcomes import RowCounts, RowOutcome
from seg_spark.cleaning.rows import (
    EXCLUSION,
    IS_FAULTY,
    MALFORMED_ROW,
    SHARES_ID,
    column_names,
    validate_rows,
    with_id_hash,
)
from seg_spark.errors import InputError, PublishError
from seg_spark.input.files import check_unchanged, find_input_files
from seg_spark.input.spark_reader import read_raw
from seg_spark.settings.schema import Settings
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.context import RunContext
from seg_spark.storage.commits import DataFile
from seg_spark.storage.tables import (
    StagedTable,
    count_list_items,
    count_nulls,
    count_rows,
    frame_of,
    read_table,
    stage_frame,
    stage_table,
    staged_table,
    table_files,
)

log = logging.getLogger("seg_spark")

SMALL_INPUT_BYTES: Final = 4 * 2**20
"""Up to this size all rows are settled together: for few rows, further passes cost more than they save."""
_CHEAP_TO_READ: Final = ("parquet", "orc")
"""Formats that give the column of the ids without reading the others."""
_VALIDATED: Final = "validated_rows"
_TABLE_OF: Final = {RowOutcome.ACCEPTED: c.CLEAN_CUSTOMERS, RowOutcome.REJECTED: c.REJECTED_CUSTOMERS}


@dataclass(frozen=True)
class CleaningResult:
    """The staged tables, the row counts, what was read back of the accepted ids, and missing values by feature."""

    clean: StagedTable
    rejected: StagedTable
    rows: RowCounts
    ids: IdTotals
    missing: Mapping[str, int]
    input_files: int
    input_bytes: int


def clean_customers(context: RunContext) -> CleaningResult:
    """Read the raw table; stage accepted customers and rejected rows; check that no row was lost.

    Raises InputError for an input that cannot be used, or that changed meanwhile. Whether the rows are
    good enough is for `check_rows`.
    """
    settings = context.settings
    with context.progress.step("clean"):
        files = find_input_files(settings.input, context.run_date)
        raw = read_raw(context.spark, settings.input, context.run_date, MALFORMED_ROW, settings.used_columns())
        rows = with_id_hash(raw, settings)
        _warn_of_extra_columns(raw, settings)
        with spark_errors_as(InputError, f"input.path: {settings.input.path}"):
            if 0 < files.total_bytes <= SMALL_INPUT_BYTES:
                settled = _settle(context, validate_rows(rows, settings))
            else:
                settled = _stage_large(context, rows)
        if settled.read.rows == 0:
            raise InputError(f"input.path: {settings.input.path} has a header but no rows")
        check_unchanged(files, settings.input, context.run_date)
        context.store.remove(_validated_folder(context))
        staged, rejected = _staged(context, RowOutcome.ACCEPTED), _staged(context, RowOutcome.REJECTED)
        ids = _audit_ids(context, staged, settled)
    counts = settled.counts
    outcomes = RowCounts(
        input=settled.read.rows,
        accepted=staged.rows,
        merged_duplicates=counts[RowOutcome.MERGED],
        rejected=rejected.rows,
        excluded=counts[RowOutcome.EXCLUDED],
        rejected_by_reason=count_list_items(context.store, rejected.files, c.REJECT_REASONS),
        excluded_by_rule=_excluded_by_rule(settings, counts),
    )
    _check_sum(outcomes)
    log.info(
        "rows: %d input = %d accepted + %d merged duplicates + %d rejected + %d excluded",
        outcomes.input, outcomes.accepted, outcomes.merged_duplicates, outcomes.rejected, outcomes.excluded,
    )  # fmt: skip
    for position, rule in enumerate(settings.cleaning.exclude):
        if not counts[f"rule {position}"]:
            log.warning("cleaning.exclude: no row meets the rule on %r that meets no rule before it", rule.column)
    missing = {name: count_nulls(context.store, staged.files, name) for name in settings.features.columns}
    return CleaningResult(staged, rejected, outcomes, ids, missing, len(files.files), files.total_bytes)


@dataclass(frozen=True)
class _AcceptedIds:
    """The ids of accepted customers, read back from staged files."""

    files: Sequence[DataFile]
    ids: ScannedIds


@dataclass(frozen=True)
class _Settled:
    """The ids that were read, those that were not accepted, how many of the rows that were shuffled had which
    outcome, and the accepted ids that were read back meanwhile."""

    read: IdTotals
    not_accepted: IdTotals = NO_IDS
    counts: Mapping[str, int] = field(default_factory=Counter)
    accepted: _AcceptedIds | None = None


def _stage_large(context: RunContext, rows: DataFrame) -> _Settled:
    """Stage the outcomes of a table in which nearly every row can be judged by itself.

    The ids are scanned first. Rows that share theirs with no other are then validated, and those to
    accept written, in one narrow pass. The ids that are read back from it tell which are left. Only
    their rows are shuffled: rows that share an id, and with them those that are faulty or excluded. CSV
    and JSON, which are dear to parse, and tables of a catalog, which may be views, are validated once
    into a staged copy that the passes read.
    """
    validate: Callable[[DataFrame], DataFrame] = partial(validate_rows, settings=context.settings)
    count = None
    if context.settings.input.format not in _CHEAP_TO_READ:
        folder = _validated_folder(context)
        rows, validate = stage_frame(validate(rows), context.store, folder), _as_it_is
        count = count_rows(context.store, table_files(context.store, folder))
    read = scan_ids(rows, count)
    if read.repeated is None:
        return _settle(context, validate(rows))
    marked = mark_shared_ids(rows, read)
    good = ~F.col(IS_FAULTY) & F.col(EXCLUSION).isNull()
    _stage(context, validate(marked.where(~F.col(SHARES_ID))).where(good), RowOutcome.ACCEPTED)
    staged = _staged(context, RowOutcome.ACCEPTED)
    if staged.rows == read.totals.rows:
        return _Settled(read.totals)
    accepted = _read_back(context, staged.files) if read.ordered is not None else None
    left = read.missing_from(accepted.ids) if accepted else None
    others = validate(marked).where(F.col(SHARES_ID) | ~good) if left is None else validate(rows_of_ids(rows, left))
    return replace(_settle(context, others), read=read.totals, accepted=accepted)


def _settle(context: RunContext, validated: DataFrame) -> _Settled:
    """Bring the rows of each customer together, and stage the outcomes."""
    settled = settle_duplicates(validated, context.settings).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        outcome = F.col(OUTCOME)
        rules = range(len(context.settings.cleaning.exclude))
        [row] = settled.agg(
            F.struct(*IdTotals.columns()).alias("totals"),
            F.struct(*IdTotals.columns(among=outcome != RowOutcome.ACCEPTED.value)).alias("not_accepted"),
            *(F.count_if(outcome == one.value).alias(one) for one in RowOutcome),
            *(F.count_if(F.col(EXCLUSION) == position).alias(f"rule {position}") for position in rules),
        ).collect()
        totals, not_accepted, *_ = row
        counts = Counter({name: int(value) for name, value in row.asDict().items() if isinstance(value, int)})
        for kept in (RowOutcome.ACCEPTED, RowOutcome.REJECTED):
            if counts[kept]:
                _stage(context, settled.where(outcome == kept.value), kept)
    finally:
        settled.unpersist()
    return _Settled(IdTotals.of(totals.asDict()), IdTotals.of(not_accepted.asDict()), counts)


def _stage(context: RunContext, rows: DataFrame, outcome: RowOutcome) -> None:
    table = _TABLE_OF[outcome]
    with_run = rows.withColumn(c.RUN_ID, F.lit(context.run_id))
    stage_table(with_run, _schema(context, table), context.store, context.folder_of(table), table)


def _schema(context: RunContext, table: str) -> StructType:
    is_clean = table == c.CLEAN_CUSTOMERS
    return schemas.clean_customers_schema(context.settings.features) if is_clean else schemas.REJECTED_CUSTOMERS_SCHEMA


def _staged(context: RunContext, outcome: RowOutcome) -> StagedTable:
    table = _TABLE_OF[outcome]
    folder = context.folder_of(table)
    if not table_files(context.store, folder):
        schema = _schema(context, table)
        stage_table(frame_of(context.spark, [], schema), schema, context.store, folder, table)
    return staged_table(context.store, table, folder)


def _validated_folder(context: RunContext) -> str:
    return f"{context.area.staging}/{_VALIDATED}"


def _read_back(context: RunContext, files: Sequence[DataFile]) -> _AcceptedIds:
    with spark_errors_as(PublishError, f"reading {c.CLEAN_CUSTOMERS} back"):
        return _AcceptedIds(files, scan_ids(_hashed_ids(context, files), count_rows(context.store, files)))


def _hashed_ids(context: RunContext, files: Sequence[DataFile]) -> DataFrame:
    schema = _schema(context, c.CLEAN_CUSTOMERS)
    return with_hash_of_id(read_table(context.spark, context.store, files, schema).select(c.CUSTOMER_ID))


def _audit_ids(context: RunContext, clean: StagedTable, settled: _Settled) -> IdTotals:
    """Read back what was written: every accepted customer has one row, and every scan saw the same ids.

    Returns the totals of the accepted ids.
    """
    before, at_first = settled.accepted, settled.read
    unread = [file for file in clean.files if before is None or file not in before.files]
    if before is None:
        written = _read_back(context, unread).ids
    else:
        written = before.ids.beside(_read_back(context, unread).ids) if unread else before.ids
    in_the_end = written.totals + settled.not_accepted
    if in_the_end != at_first:
        raise InputError(
            f"input.path: the rows changed while they were being read ({at_first.rows:,} at first, then "
            f"{in_the_end.rows:,}, or other ids); run again when its writer is done"
        )
    if written.repeated is None or len(written.repeated):  # repeated ids, or different ones of the same hash
        hashed = _hashed_ids(context, clean.files)
        shared = mark_shared_ids(hashed, written).where(SHARES_ID).groupBy(c.CUSTOMER_ID)
        repeated = shared.agg(F.count(F.lit(1)).alias("rows")).where(F.col("rows") > 1).count()
        if repeated:
            raise PublishError(
                f"{c.CLEAN_CUSTOMERS}: {repeated:,} customers have more than one row; nothing was published. "
                "This is a fault of seg_spark: please report it with the run record"
            )
    return written.totals


def _as_it_is(rows: DataFrame) -> DataFrame:
    return rows


def _excluded_by_rule(settings: Settings, observed: Mapping[str, int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for position, rule in enumerate(settings.cleaning.exclude):
        counts[rule.column] = counts.get(rule.column, 0) + observed[f"rule {position}"]
    older = observed["excluded"] - sum(counts.values())
    return counts | ({"older rows of excluded customers": older} if older else {})


def _check_sum(rows: RowCounts) -> None:
    if rows.input != rows.accepted + rows.merged_duplicates + rows.rejected + rows.excluded:
        raise PublishError(
            f"row counts do not add up: {rows.input:,} read, {rows.accepted:,} accepted + "
            f"{rows.merged_duplicates:,} merged + {rows.rejected:,} rejected + {rows.excluded:,} excluded; "
            "nothing was published"
        )


def _warn_of_extra_columns(raw: DataFrame, settings: Settings) -> None:
    used = settings.used_columns()
    extra = [
        name for name in column_names(raw.schema) if name and name not in used and not name.startswith("_seg_spark_")
    ]
    if extra:
        log.info(
            "columns not used: %s%s", ", ".join(repr(name[:40]) for name in extra[:50]), " ..." * (len(extra) > 50)
        )
