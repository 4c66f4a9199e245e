"""Published segment profiles, read without Spark."""

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from seg_spark import columns as c
from seg_spark.errors import InputError
from seg_spark.segments.profiles import Profile
from seg_spark.storage.layout import Layout
from seg_spark.storage.manifests import last_date_with, published_dates


def last_profiled_date(layout: Layout) -> date | None:
    """The last date with published profiles."""
    return last_date_with(layout, c.SEGMENT_PROFILES)


def read_profiles(layout: Layout, run_date: date) -> tuple[Profile, ...]:
    """The profiles published for a date. Raises InputError if there are none."""
    folder = layout.partition(c.SEGMENT_PROFILES, run_date)
    if not folder.is_dir():
        dates = ", ".join(one.isoformat() for one in published_dates(layout)[-5:]) or "none"
        raise InputError(f"{folder}: no segments are published for {run_date}; the last published dates: {dates}")
    known = Profile.__dataclass_fields__
    try:
        rows = [row for file in sorted(folder.glob("*.parquet")) for row in pq.ParquetFile(file).read().to_pylist()]
        profiles = [Profile(**{name: value for name, value in row.items() if name in known}) for row in rows]
    except (pa.ArrowException, OSError, TypeError):
        raise InputError(f"{folder}: the published profiles are damaged; run label again for {run_date}") from None
    return tuple(sorted(profiles, key=lambda one: one.segment_id))
