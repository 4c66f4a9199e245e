"""Which customers have more than one row: found from a hash of each id, before any row is moved.

Nearly every id occurs once, and its row needs no shuffle. Two ids with one hash count as one
repeated id here; `settle_duplicates`, which compares the ids themselves, separates them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.cleaning.rows import ID_HASH, SHARES_ID

MAX_ROWS_ON_DRIVER: Final = 30_000_000
"""Up to so many rows the hashes (8 bytes each) are sorted on the driver; above it Spark groups them."""
MAX_REPEATED: Final = 1_000_000
"""With more repeated ids than this every row is shuffled."""


_NAMED: Final = "_seg_spark_named"
_Hashes = NDArray[np.int64]


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
    """Clean customers with the hash of their ids, as `IdTotals` and `find_repeated_ids` take it."""
    return customers.withColumn(ID_HASH, F.xxhash64(c.CUSTOMER_ID))


NO_IDS: Final = IdTotals(0, 0, 0, 0)


@dataclass(frozen=True)
class RepeatedIds:
    """The totals of all rows, and the hashes that occur more than once; None where they are too many to name."""

    totals: IdTotals
    hashes: _Hashes | None


def find_repeated_ids(
    rows: DataFrame,
    count: int | None = None,
    *,
    max_rows_on_driver: int = MAX_ROWS_ON_DRIVER,
    max_repeated: int = MAX_REPEATED,
) -> RepeatedIds:
    """Scan the ids of rows, and nothing else of them, for hashes that occur more than once.

    `count` is how many rows there are, where that is known; else they are counted first.
    """
    hashes = rows.select(ID_HASH)
    if (hashes.count() if count is None else count) <= max_rows_on_driver:
        totals, repeated = _sort_on_driver(hashes.toArrow()[ID_HASH])
    else:
        totals, repeated = _group_by_spark(hashes, max_repeated)
    return RepeatedIds(totals, repeated if len(repeated) <= max_repeated else None)


def mark_shared_ids(rows: DataFrame, repeated: RepeatedIds) -> DataFrame:
    """The rows with a column that is true where another row has the same id, or an id of the same hash.

    Where there are too many repeated ids to name it is true for every row.
    """
    if repeated.hashes is None or not len(repeated.hashes):
        return rows.withColumn(SHARES_ID, F.lit(repeated.hashes is None))
    named = rows.sparkSession.createDataFrame(pa.table({ID_HASH: repeated.hashes})).withColumn(_NAMED, F.lit(True))
    marked = rows.join(F.broadcast(named), ID_HASH, how="left")
    # raw headers may hold dots, so that none is spelled here
    return marked.withColumn(SHARES_ID, F.coalesce(_NAMED, F.lit(False))).drop(_NAMED)


def _sort_on_driver(column: pa.ChunkedArray) -> tuple[IdTotals, _Hashes]:
    hashes: _Hashes = column.drop_null().to_numpy()
    totals = IdTotals(
        rows=len(column),
        with_id=len(hashes),
        hash_sum=int((hashes >> 32).sum()),
        hash_xor=int(np.bitwise_xor.reduce(hashes)),
    )
    ordered = np.sort(hashes)
    return totals, np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _group_by_spark(hashes: DataFrame, max_repeated: int) -> tuple[IdTotals, _Hashes]:
    totals = IdTotals.of(hashes.agg(*IdTotals.columns()).collect()[0].asDict())
    counts = hashes.where(F.col(ID_HASH).isNotNull()).groupBy(ID_HASH).agg(F.count(F.lit(1)).alias("rows"))
    repeated = counts.where(F.col("rows") > 1).select(ID_HASH).limit(max_repeated + 1).toArrow()
    return totals, repeated[ID_HASH].to_numpy()
