"""What readers outside of this package ask for: where the files of a published table are."""

from datetime import date

from seg_spark.errors import InputError, did_you_mean
from seg_spark.storage.commits import commit_of, last_date_with, published_dates
from seg_spark.storage.local_store import LocalStore


def files_of(output: str, table: str, run_date: date | None) -> list[str]:
    """See `seg_spark.published_files`."""
    store = LocalStore.at(output)
    found = run_date or last_date_with(store, table)
    commit = commit_of(store, found) if found else None
    version = commit.tables.get(table) if commit else None
    if commit is None or version is None:
        known = commit.tables if commit and commit.tables else ()
        dates = ", ".join(one.isoformat() for one in published_dates(store)[-5:]) or "none"
        raise InputError(
            f"{store.root}: {table} is not published{f' for {run_date}' if run_date else ''}"
            f"{did_you_mean(table, known)}; the last published dates: {dates}"
        )
    return [f"{store.root}/{one.path}" for one in version.files]
