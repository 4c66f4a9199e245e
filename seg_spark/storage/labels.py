"""Published labels, read without Spark."""

from collections.abc import Mapping
from contextlib import closing
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from seg_spark import columns as c
from seg_spark.errors import InputError
from seg_spark.segments.matching import CrossTable
from seg_spark.storage.commits import commit_of, published_dates
from seg_spark.storage.store import Files


def cross_labels_between(store: Files, before: date, now: date) -> CrossTable:
    """Customers by (segment id on one date, segment id on another); None where a date has no such customer.

    Raises InputError if a date has no labels, or they are damaged.
    """
    one, other = (_labels(store, run_date, name) for run_date, name in ((before, "before"), (now, "now")))
    both = one.join(other, keys=c.CUSTOMER_ID, join_type="full outer")
    counts = both.group_by(["before", "now"]).aggregate([([], "count_all")])
    return {(row["before"], row["now"]): row["count_all"] for row in counts.to_pylist()}


def segment_names(store: Files, run_date: date) -> Mapping[int, str]:
    """The names of the segments that customers have on a date, by id."""
    table = _read(store, run_date, [c.SEGMENT_ID, c.SEGMENT_NAME])
    rows = table.group_by([c.SEGMENT_ID, c.SEGMENT_NAME]).aggregate([]).to_pylist()
    return {row[c.SEGMENT_ID]: row[c.SEGMENT_NAME] for row in rows}


def _labels(store: Files, run_date: date, name: str) -> pa.Table:
    return _read(store, run_date, [c.CUSTOMER_ID, c.SEGMENT_ID]).rename_columns([c.CUSTOMER_ID, name])


def _read(store: Files, run_date: date, columns: list[str]) -> pa.Table:
    version = commit_of(store, run_date).tables.get(c.CUSTOMER_SEGMENTS)
    if version is None:
        dates = ", ".join(one.isoformat() for one in published_dates(store)[-5:]) or "none"
        raise InputError(f"{store.root}: no labels are published for {run_date}; the last published dates: {dates}")
    tables = []
    try:
        for one in version.files:
            with closing(store.open_input(one.path)) as file:
                tables.append(pq.ParquetFile(file).read(columns=columns))
        return pa.concat_tables(tables)
    except (pa.ArrowException, OSError):
        raise InputError(
            f"{store.root}: the published {c.CUSTOMER_SEGMENTS} of {run_date} are damaged; "
            f"run seg-spark label --run-date {run_date} again"
        ) from None
