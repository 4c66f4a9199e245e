"""Nightly customer segmentation on Apache Spark."""

from datetime import date


def published_files(output: str, table: str, run_date: date | str | None = None) -> list[str]:
    """The Parquet files of a published table for a date (or the last date that has it), from the last commit.

    They are never changed and stay for `publish.grace_minutes` after a later run has replaced them, so reading
    them does not fail while a date is published again.

    Raises InputError if the table is not published for the date, or the path of the output has a password in it.
    """
    from seg_spark.storage.readers import files_of

    return files_of(output, table, date.fromisoformat(run_date) if isinstance(run_date, str) else run_date)
