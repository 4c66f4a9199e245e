"""Rows of one customer: equal ones are merged, the newest wins, and a tie between rows that differ rejects them.

Which customers have more than one row is found from a hash of each id: nearly every id occurs once, and its row needs
no shuffle. Two ids with one hash count as one repeated id; `settle_duplicates`, which compares the ids themselves,
separates them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.cleaning.outcomes import Reason, RowOutcome
from seg_spark.cleaning.rows import EXCLUSION, ID_HASH, IS_FAULTY, ORDER_VALUE, SHARES_ID
from seg_spark.settings.schema import Settings

OUTCOME: Final = "_outcome"
MAX_ROWS_ON_DRIVER: Final = 30_000_000
"""Up to so many rows the hashes (8 bytes each) are sorted on the driver; above it Spark groups them."""
MAX_NAMED: Final = 1_000_000
"""Up to so many hashes are sent to every executor, to pick rows by them."""
_NAMED: Final = "_seg_spark_named"
_Hashes = NDArray[np.int64]


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


@dataclass(frozen=True)
class IdTotals:
    """What one scan saw of the ids: two scans of the same rows agree in all of it, in any order."""

    rows: int
    with_id: int
    hash_sum: int
    hash_xor: int

    @classmethod
    def columns(cls, among: Column | None = None) -> list[Column]:
        """The totals as aggregates, of all rows or of those `among` is true for.

        Only the upper halves of the hashes are summed, so that the sum fits a bigint.
        """
        counted = F.lit(True) if among is None else among
        hash_ = F.when(counted, F.col(ID_HASH))
        return [
            F.count_if(counted).alias("rows"),
            F.count(hash_).alias("with_id"),
            F.sum(F.shiftright(hash_, 32)).alias("hash_sum"),
            F.bit_xor(hash_).alias("hash_xor"),
        ]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "IdTotals":
        """The totals from what `columns` gave; sums over nothing are null."""
        return cls(**{name: int(values.get(name) or 0) for name in ("rows", "with_id", "hash_sum", "hash_xor")})

    def __add__(self, other: "IdTotals") -> "IdTotals":
        """The totals of two tables together."""
        return IdTotals(
            self.rows + other.rows,
            self.with_id + other.with_id,
            self.hash_sum + other.hash_sum,
            self.hash_xor ^ other.hash_xor,
        )


def with_hash_of_id(customers: DataFrame) -> DataFrame:
    """Clean customers with the hash of their ids, as `IdTotals` and `scan_ids` take it."""
    return customers.withColumn(ID_HASH, F.xxhash64(c.CUSTOMER_ID))


NO_IDS: Final = IdTotals(0, 0, 0, 0)


@dataclass(frozen=True)
class ScannedIds:
    """What one scan saw of the ids of rows.

    `repeated` are the hashes that occur more than once, or None where they are too many to name;
    `ordered` are all hashes in order, or None where they are too many for the driver.
    """

    totals: IdTotals
    repeated: _Hashes | None
    ordered: _Hashes | None

    @classmethod
    def of(cls, totals: IdTotals, ordered: _Hashes, max_named: int = MAX_NAMED) -> "ScannedIds":
        """The scan of a table whose hashes the driver holds, in order."""
        repeated = _distinct(ordered[1:][ordered[1:] == ordered[:-1]])
        return cls(totals, repeated if len(repeated) <= max_named else None, ordered)

    def beside(self, other: "ScannedIds") -> "ScannedIds":
        """The scan of two tables together, each of which the driver could hold."""
        assert self.ordered is not None
        assert other.ordered is not None
        both = np.sort(np.concatenate([self.ordered, other.ordered]), kind="stable")  # merges what is in order
        return ScannedIds.of(self.totals + other.totals, both)

    def missing_from(self, written: "ScannedIds", max_named: int = MAX_NAMED) -> _Hashes | None:
        """The hashes that `written` lacks; None where that is not known, or they are too many to name."""
        if self.ordered is None or written.ordered is None:
            return None
        missing = self.ordered
        if len(written.ordered):
            last_up_to = np.searchsorted(written.ordered, self.ordered, side="right") - 1
            missing = missing[written.ordered[last_up_to] != missing]
        missing = _distinct(missing)
        return missing if len(missing) <= max_named else None


def scan_ids(
    rows: DataFrame,
    count: int | None = None,
    *,
    max_rows_on_driver: int = MAX_ROWS_ON_DRIVER,
    max_named: int = MAX_NAMED,
) -> ScannedIds:
    """Scan the ids of rows, and nothing else of them.

    `count` is how many rows there are, where that is known; else they are counted first.
    """
    hashes = rows.select(ID_HASH)
    if (hashes.count() if count is None else count) > max_rows_on_driver:
        totals, repeated = _group_by_spark(hashes, max_named)
        return ScannedIds(totals, repeated if len(repeated) <= max_named else None, None)
    column = hashes.toArrow()[ID_HASH]
    found: _Hashes = column.drop_null().to_numpy()
    totals = IdTotals(
        rows=len(column),
        with_id=len(found),
        hash_sum=int((found >> 32).sum()),
        hash_xor=int(np.bitwise_xor.reduce(found)),
    )
    return ScannedIds.of(totals, np.sort(found), max_named)


def mark_shared_ids(rows: DataFrame, ids: ScannedIds) -> DataFrame:
    """The rows with a column that is true where another row has the same id, or an id of the same hash.

    Where there are too many repeated ids to name it is true for every row.
    """
    if ids.repeated is None or not len(ids.repeated):
        return rows.withColumn(SHARES_ID, F.lit(ids.repeated is None))
    # raw headers may hold dots, so that none is spelled here
    return _named(rows, ids.repeated).withColumn(SHARES_ID, F.coalesce(_NAMED, F.lit(False))).drop(_NAMED)


def rows_of_ids(rows: DataFrame, hashes: NDArray[np.int64]) -> DataFrame:
    """The rows whose id has one of the hashes, and those without an id."""
    return _named(rows, hashes).where(F.col(ID_HASH).isNull() | F.col(_NAMED)).drop(_NAMED)


def _named(rows: DataFrame, hashes: _Hashes) -> DataFrame:
    named = rows.sparkSession.createDataFrame(pa.table({ID_HASH: hashes})).withColumn(_NAMED, F.lit(True))
    return rows.join(F.broadcast(named), ID_HASH, how="left")


def _distinct(ordered: _Hashes) -> _Hashes:
    is_first: NDArray[np.bool_] = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    return ordered[is_first]


def _group_by_spark(hashes: DataFrame, max_named: int) -> tuple[IdTotals, _Hashes]:
    totals = IdTotals.of(hashes.agg(*IdTotals.columns()).collect()[0].asDict())
    counts = hashes.where(F.col(ID_HASH).isNotNull()).groupBy(ID_HASH).agg(F.count(F.lit(1)).alias("rows"))
    repeated = counts.where(F.col("rows") > 1).select(ID_HASH).limit(max_named + 1).toArrow()
    return totals, repeated[ID_HASH].to_numpy()
