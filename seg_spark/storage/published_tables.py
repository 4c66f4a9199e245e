"""Published tables, read without Spark."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from seg_spark import columns as c
from seg_spark.errors import InputError, SegSparkError
from seg_spark.segments.movement import CrossTable, SegmentSizes, Transition
from seg_spark.segments.profiles import Profile
from seg_spark.storage.commits import (
    Commit,
    TableVersion,
    commit_of,
    latest_commit,
    named_dates,
    read_commit,
)
from seg_spark.storage.store import Files

_WORDS: Final = {c.CUSTOMER_SEGMENTS: "labels", c.SEGMENT_PROFILES: "segments", c.CLEAN_CUSTOMERS: "clean customers"}
_READS_AT_ONCE: Final = 8


def read_table_of_date(store: Files, run_date: date, table: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A table published for a date, or some of its columns. Raises InputError if there is none, or it is damaged."""
    return _read(store, commit_of(store, run_date), table, columns)


def columns_of_date(store: Files, run_date: date, table: str) -> list[str]:
    """The columns of a table published for a date. Raises InputError as `read_table_of_date` does."""
    commit = commit_of(store, run_date)
    file, *_ = _version(store, commit, table).files
    try:
        with closing(store.open_input(file.path)) as opened:
            return list(pq.ParquetFile(opened).schema_arrow.names)
    except (pa.ArrowException, OSError):
        raise _damaged(store, commit, table) from None


def read_profiles(store: Files, run_date: date) -> tuple[Profile, ...]:
    """The profiles published for a date. Raises InputError as `read_table_of_date` does."""
    rows = read_table_of_date(store, run_date, c.SEGMENT_PROFILES, tuple(Profile.__dataclass_fields__)).to_pylist()
    return tuple(sorted((Profile(**row) for row in rows), key=lambda row: row.segment_id))


def read_transitions(store: Files, run_date: date) -> tuple[Transition, ...]:
    """The published movement into a date; none where no date is before it. Raises InputError if it is damaged."""
    if c.SEGMENT_TRANSITIONS not in commit_of(store, run_date).tables:
        return ()
    columns = (c.FROM_SEGMENT_ID, c.TO_SEGMENT_ID, c.CUSTOMERS)
    rows = read_table_of_date(store, run_date, c.SEGMENT_TRANSITIONS, columns).to_pylist()
    return tuple(Transition(**row) for row in rows)


def read_sizes(store: Files, until: date, most: int) -> tuple[SegmentSizes, ...]:
    """The sizes on the last `most` published dates up to `until`, by date; a date that cannot be read is left out."""
    last = latest_commit(store)
    dates = sorted(date_ for date_ in last.dates if date_ <= until)[-most:]
    numbers = [last.dates[date_].commit for date_ in dates]
    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:  # a store far away answers many at once
        return tuple(one for one in pool.map(lambda number: _sizes(store, number), numbers) if one is not None)


def cross_labels_between(store: Files, before: date, now: date) -> CrossTable:
    """Customers by (segment id on one date, segment id on another); None where a date has no such customer.

    Raises InputError as `read_table_of_date` does.
    """
    one, other = (
        read_table_of_date(store, run_date, c.CUSTOMER_SEGMENTS, (c.CUSTOMER_ID, c.SEGMENT_ID)).rename_columns(
            [c.CUSTOMER_ID, name]
        )
        for run_date, name in ((before, "before"), (now, "now"))
    )
    both = one.join(other, keys=c.CUSTOMER_ID, join_type="full outer")
    counts = both.group_by(["before", "now"]).aggregate([([], "count_all")])
    return {(row["before"], row["now"]): row["count_all"] for row in counts.to_pylist()}


def _version(store: Files, commit: Commit, table: str) -> TableVersion:
    version = commit.tables.get(table)
    if version is None:
        what = _WORDS.get(table, table)
        raise InputError(f"{store.root}: no {what} are published for {commit.run_date}; {named_dates(store)}")
    return version


def _read(store: Files, commit: Commit, table: str, columns: Sequence[str] | None) -> pa.Table:
    version = _version(store, commit, table)
    tables = []
    try:
        for one in version.files:
            with closing(store.open_input(one.path)) as file:
                tables.append(pq.ParquetFile(file).read(columns=columns))
        found = pa.concat_tables(tables)
        return found.select(columns) if columns else found
    except (pa.ArrowException, OSError, KeyError):
        raise _damaged(store, commit, table) from None


def _damaged(store: Files, commit: Commit, table: str) -> InputError:
    step = "clean" if table == c.CLEAN_CUSTOMERS else "label"
    return InputError(
        f"{store.root}: the published {table} of {commit.run_date} are damaged; "
        f"run seg-spark {step} --run-date {commit.run_date} again"
    )


def _sizes(store: Files, number: int) -> SegmentSizes | None:
    columns = (c.SEGMENT_ID, c.SEGMENT_NAME, c.CUSTOMERS)
    try:
        commit = read_commit(store, number)
        rows = _read(store, commit, c.SEGMENT_PROFILES, columns).to_pylist()
    except SegSparkError:
        return None
    sizes = {row[c.SEGMENT_ID]: row[c.CUSTOMERS] for row in rows}
    return SegmentSizes(commit.run_date, sizes, {row[c.SEGMENT_ID]: row[c.SEGMENT_NAME] for row in rows})
