"""From raw rows to rows with an outcome: accepted, merged duplicate or rejected with every reason."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StringType, StructType

from seg_spark import columns as c
from seg_spark.cleaning import values
from seg_spark.cleaning.declared import used_columns
from seg_spark.cleaning.exclusions import first_rule_met
from seg_spark.cleaning.raw_columns import column_names, find_column, quoted
from seg_spark.cleaning.reasons import Reason
from seg_spark.errors import InputError, did_you_mean
from seg_spark.settings.schema import Settings

MALFORMED_ROW: Final = "_seg_spark_malformed_row"
"""Column of a raw frame that holds the whole text of a row that does not fit the header; null for good rows."""
OUTCOME: Final = "_outcome"
EXCLUSION: Final = "_exclusion"
ORDER_VALUE: Final = "_order_value"
_MALFORMED: Final = "_malformed_text"
_ID: Final = "_clean_id"
_VALUE: Final = "_value_"


class Outcome(StrEnum):
    """What becomes of an input row; every row has exactly one."""

    ACCEPTED = "accepted"
    MERGED = "merged"
    REJECTED = "rejected"
    EXCLUDED = "excluded"


def clean(raw: DataFrame, settings: Settings) -> DataFrame:
    """Give every raw row its outcome; no row is added or lost.

    Returns customer_id, one column per feature (clean value or null), reject_reasons (null for a
    good row), raw_row (JSON of the raw values, for a rejected row), the outcome, and for a row left
    out by `cleaning.exclude` the position of the first rule it meets (`exclusion`). Rows that meet a
    rule are excluded, then rows with a fault are rejected; among the others of one customer equal
    rows are merged, the highest order value wins, and a tie between rows that differ rejects those
    rows. Where the highest order value of a customer belongs to an excluded row, the customer is
    gone: the older rows are excluded with it.

    Raises InputError if a declared column is absent, ambiguous or of an unusable type.
    """
    judged = _judge_rows(raw, settings)
    return _settle_duplicates(judged, list(settings.features.columns), has_rules=bool(settings.cleaning.exclude))


def _judge_rows(raw: DataFrame, settings: Settings) -> DataFrame:
    columns_of = _find_used_columns(raw.schema, settings)
    types = {header: type_ for header, (_, type_) in columns_of.items()}
    nulls = settings.input.null_values
    # names of our own from here on: a header may be called anything, also like one of our drafts
    raw_names = {header: f"_raw_{position}" for position, header in enumerate(types)}
    raw_of = {header: F.col(name) for header, name in raw_names.items()}
    id_ = values.customer_id(raw_of[settings.customer_id], types[settings.customer_id], nulls)
    parsed: dict[str, values.Parsed] = {}
    for name, feature in settings.features.columns.items():
        source = settings.features.source_of(name)
        parse = values.number if feature.kind == "number" else values.category
        parsed[name] = parse(raw_of[source], types[source], name, feature, nulls)
    order_by = settings.input.order_by
    order = values.Parsed({}, F.lit(0.0), ())
    if order_by is not None:
        order = values.order_value(raw_of[order_by], types[order_by], order_by, nulls)

    columns = (id_, *parsed.values(), order)
    drafts = {alias: draft for one in columns for alias, draft in one.drafts.items()}
    faults = {f"_fault_{i}": fault for i, fault in enumerate(fault for one in columns for fault in one.faults)}
    exclusion = first_rule_met(
        {header: (raw_of[header], type_) for header, type_ in types.items()}, settings.cleaning.exclude
    )
    malformed = F.col(MALFORMED_ROW) if MALFORMED_ROW in raw.columns else F.lit(None).cast("string")
    named = raw.select(
        *(_readable(*columns_of[header]).alias(name) for header, name in raw_names.items()),
        malformed.alias(_MALFORMED),
    )
    drafted = named.select("*", *(draft.alias(alias) for alias, draft in drafts.items()))
    judged = drafted.select(
        *raw_names.values(),
        _MALFORMED,
        id_.value.alias(_ID),
        *(one.value.alias(f"{_VALUE}{name}") for name, one in parsed.items()),
        order.value.alias(ORDER_VALUE),
        exclusion.alias(EXCLUSION),
        *(fault.alias(alias) for alias, fault in faults.items()),
    )
    is_malformed = F.col(_MALFORMED).isNotNull()
    # the fields of a malformed row stand in wrong columns, so nothing else is said about it
    is_excluded = ~is_malformed & F.col(EXCLUSION).isNotNull()
    is_faulty = ~is_excluded & F.coalesce(*faults).isNotNull()
    reasons = F.when(is_malformed, F.array(F.lit(Reason.MALFORMED_ROW.value))).when(
        is_faulty, F.array_compact(F.array(*faults))
    )
    raw_row = F.when(is_malformed, F.col(_MALFORMED)).when(
        is_faulty, F.to_json(F.struct(*(value.alias(header) for header, value in raw_of.items())))
    )
    return judged.select(
        F.when(~is_malformed, F.col(_ID)).alias(c.CUSTOMER_ID),
        *(quoted(f"{_VALUE}{name}").alias(name) for name in parsed),
        ORDER_VALUE,
        reasons.alias(c.REJECT_REASONS),
        raw_row.alias(c.RAW_ROW),
        F.when(is_excluded, F.col(EXCLUSION)).alias(EXCLUSION),
    )


def _settle_duplicates(judged: DataFrame, features: list[str], has_rules: bool) -> DataFrame:
    is_excluded = F.col(EXCLUSION).isNotNull() if has_rules else F.lit(False)
    good = F.col(c.REJECT_REASONS).isNull() & (~is_excluded | F.col(c.CUSTOMER_ID).isNotNull())
    # rejected rows take no part, and are spread out: blank ids would all meet in one task
    alone = F.xxhash64(F.monotonically_increasing_id())
    content = F.xxhash64(*(F.col(name).isNull() for name in features), *(F.col(name) for name in features))
    keyed = judged.select(
        "*",
        # sorting whole numbers is twice as fast as sorting texts, and a hash decides nearly always
        F.when(good, F.xxhash64(c.CUSTOMER_ID)).otherwise(alone).alias("_key"),
        F.when(good, F.col(c.CUSTOMER_ID)).alias("_owner"),
        content.alias("_content"),
    )

    # rows that take part stand before those that are excluded
    order = [is_excluded] * has_rules + [F.desc(ORDER_VALUE), F.col("_content")]
    ordered = Window.partitionBy("_key", "_owner").orderBy(*order)
    everyone = ordered.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    position = F.struct(ORDER_VALUE, "_content")
    ranked = keyed.select(
        *judged.columns,
        F.lag(position).over(ordered).eqNullSafe(position).alias("_is_copy"),
        F.max(F.when(~is_excluded, position)).over(everyone).alias("_last_of_top"),
        F.first("_content").over(everyone).alias("_first_of_top"),
        *([F.max(F.when(is_excluded, F.col(ORDER_VALUE))).over(everyone).alias("_gone_since")] if has_rules else []),
    )
    is_gone = F.col("_gone_since") > F.col("_last_of_top")[ORDER_VALUE] if has_rules else F.lit(False)
    superseded = F.col(ORDER_VALUE) < F.col("_last_of_top")[ORDER_VALUE]
    tied = F.col("_last_of_top")["_content"] != F.col("_first_of_top")
    outcome = (
        F.when(is_excluded, Outcome.EXCLUDED.value)
        .when(~good, Outcome.REJECTED.value)
        .when(is_gone, Outcome.EXCLUDED.value)
        .when(superseded | F.col("_is_copy"), Outcome.MERGED.value)
        .when(tied, Outcome.REJECTED.value)
        .otherwise(Outcome.ACCEPTED.value)
    )
    conflict = good & (F.col(OUTCOME) == Outcome.REJECTED.value)
    settled = (c.CUSTOMER_ID, *features, c.REJECT_REASONS, c.RAW_ROW, EXCLUSION)
    return ranked.select(*settled, outcome.alias(OUTCOME)).withColumns(
        {
            c.REJECT_REASONS: F.when(conflict, F.array(F.lit(Reason.CONFLICTING_DUPLICATE.value))).otherwise(
                F.col(c.REJECT_REASONS)
            ),
            c.RAW_ROW: F.when(conflict, F.to_json(F.struct(c.CUSTOMER_ID, *features))).otherwise(F.col(c.RAW_ROW)),
        }
    )


def _find_used_columns(schema: StructType, settings: Settings) -> Mapping[str, tuple[Column, DataType]]:
    found: dict[str, tuple[Column, DataType]] = {}
    absent: list[str] = []
    headers = [header for header in column_names(schema) if header != MALFORMED_ROW]
    for header, setting in used_columns(settings).items():
        column = find_column(schema, header)
        if column is not None:
            found[header] = column
        else:
            absent.append(f"{setting}: the input has no column {header!r}{did_you_mean(header, headers)}")
    if absent:
        absent.append(
            f"The input's columns are: {', '.join(map(repr, headers[:50]))}{' ...' if len(headers) > 50 else ''}"
        )
        raise InputError("\n".join(absent))
    return found


def _readable(column: Column, kind: DataType) -> Column:
    """Text as valid UTF-8: Parquet may hold other bytes, which become U+FFFD here and then a reject reason."""
    return F.make_valid_utf8(column.cast("string")) if isinstance(kind, StringType) else column
