"""Published segment profiles, read without Spark."""

from contextlib import closing
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from seg_spark import columns as c
from seg_spark.errors import InputError
from seg_spark.segments.profiles import Profile
from seg_spark.storage.commits import commit_of, last_date_with, published_dates
from seg_spark.storage.store import Files


def last_profiled_date(store: Files) -> date | None:
    """The last date with published profiles."""
    return last_date_with(store, c.SEGMENT_PROFILES)


def read_profiles(store: Files, run_date: date) -> tuple[Profile, ...]:
    """The profiles published for a date. Raises InputError if there are none."""
    version = commit_of(store, run_date).tables.get(c.SEGMENT_PROFILES)
    if version is None:
        dates = ", ".join(one.isoformat() for one in published_dates(store)[-5:]) or "none"
        raise InputError(f"{store.root}: no segments are published for {run_date}; the last published dates: {dates}")
    known = Profile.__dataclass_fields__
    rows = []
    try:
        for one in version.files:
            with closing(store.open_input(one.path)) as file:
                rows += pq.ParquetFile(file).read().to_pylist()
        profiles = [Profile(**{name: value for name, value in row.items() if name in known}) for row in rows]
    except (pa.ArrowException, OSError, TypeError):
        raise InputError(
            f"{store.root}: the published {c.SEGMENT_PROFILES} of {run_date} are damaged; "
            f"run seg-spark label --run-date {run_date} again"
        ) from None
    return tuple(sorted(profiles, key=lambda one: one.segment_id))
