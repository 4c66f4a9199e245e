"""Rows of one customer: equal ones are merged, the newest wins, and a tie between rows that differ rejects them."""

from typing import Final

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.cleaning.outcomes import Reason, RowOutcome
from seg_spark.cleaning.rows import EXCLUSION, ID_HASH, IS_FAULTY, ORDER_VALUE
from seg_spark.settings.schema import Settings

OUTCOME: Final = "_outcome"


def settle_duplicates(validated: DataFrame, settings: Settings) -> DataFrame:
    """Give every validated row its outcome; rows of one customer are shuffled to one place.

    Rows that meet a rule are excluded, then faulty rows are rejected; among the others of one customer
    equal rows are merged, the highest order value wins, and a tie between rows that differ rejects those
    rows. Where the highest order value of a customer belongs to an excluded row, the customer is gone:
    the older rows are excluded with it.
    """
    features = list(settings.features.columns)
    has_rules = bool(settings.cleaning.exclude)
    is_excluded = F.col(EXCLUSION).isNotNull() if has_rules else F.lit(False)
    takes_part = F.col(ID_HASH).isNotNull() & ~F.col(IS_FAULTY)
    # the others are spread out: those without an id would all meet in one task
    alone = F.xxhash64(F.monotonically_increasing_id())
    content = F.xxhash64(*(F.col(name).isNull() for name in features), *(F.col(name) for name in features))
    keyed = validated.select(
        "*",
        # sorting whole numbers is twice as fast as sorting texts, and a hash decides nearly always
        F.when(takes_part, F.col(ID_HASH)).otherwise(alone).alias("_key"),
        F.when(takes_part, F.col(c.CUSTOMER_ID)).alias("_owner"),
        content.alias("_content"),
    )

    # rows that take part come before those that are excluded
    order = [is_excluded] * has_rules + [F.desc(ORDER_VALUE), F.col("_content")]
    ordered = Window.partitionBy("_key", "_owner").orderBy(*order)
    everyone = ordered.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    position = F.struct(ORDER_VALUE, "_content")
    ranked = keyed.select(
        *validated.columns,
        F.lag(position).over(ordered).eqNullSafe(position).alias("_is_copy"),
        F.max(F.when(~is_excluded, position)).over(everyone).alias("_last_of_top"),
        F.first("_content").over(everyone).alias("_first_of_top"),
        *([F.max(F.when(is_excluded, F.col(ORDER_VALUE))).over(everyone).alias("_gone_since")] if has_rules else []),
    )
    is_gone = F.col("_gone_since") > F.col("_last_of_top")[ORDER_VALUE] if has_rules else F.lit(False)
    superseded = F.col(ORDER_VALUE) < F.col("_last_of_top")[ORDER_VALUE]
    tied = F.col("_last_of_top")["_content"] != F.col("_first_of_top")
    outcome = (
        F.when(is_excluded, RowOutcome.EXCLUDED.value)
        .when(F.col(IS_FAULTY), RowOutcome.REJECTED.value)
        .when(is_gone, RowOutcome.EXCLUDED.value)
        .when(superseded | F.col("_is_copy"), RowOutcome.MERGED.value)
        .when(tied, RowOutcome.REJECTED.value)
        .otherwise(RowOutcome.ACCEPTED.value)
    )
    conflict = ~F.col(IS_FAULTY) & (F.col(OUTCOME) == RowOutcome.REJECTED.value)
    kept = (c.CUSTOMER_ID, *features, ID_HASH, IS_FAULTY, c.REJECT_REASONS, c.RAW_ROW, EXCLUSION)
    return ranked.select(*kept, outcome.alias(OUTCOME)).select(
        c.CUSTOMER_ID,
        *features,
        F.when(conflict, F.array(F.lit(Reason.CONFLICTING_DUPLICATE.value)))
        .otherwise(F.col(c.REJECT_REASONS))
        .alias(c.REJECT_REASONS),
        F.when(conflict, F.to_json(F.struct(c.CUSTOMER_ID, *features))).otherwise(F.col(c.RAW_ROW)).alias(c.RAW_ROW),
        ID_HASH,
        EXCLUSION,
        OUTCOME,
    )
