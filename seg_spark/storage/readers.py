"""Readers, which need no Spark: the files of an output, and where those of a published table are."""

from datetime import date

from seg_spark.columns import TABLES
from seg_spark.errors import InputError, did_you_mean
from seg_spark.settings.paths import checked_path, path_scheme
from seg_spark.storage.commits import commit_of, last_date_with, named_dates
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.store import Files


def files_at(output_path: str) -> Files:
    """The files below a setting output.path."""
    if path_scheme(output_path) == "file":
        return LocalStore.at(output_path)
    from seg_spark.storage.arrow_files import ArrowFiles

    return ArrowFiles(output_path.rstrip("/"))


def files_of(output: str, table: str, run_date: date | None) -> list[str]:
    """See `seg_spark.published_files`."""
    try:
        store = files_at(checked_path(output))
    except ValueError as error:
        raise InputError(f"output: {error}") from None
    if table not in TABLES:
        raise InputError(f"{table} is no published table{did_you_mean(table, TABLES)}; there are {', '.join(TABLES)}")
    found = run_date or last_date_with(store, table)
    commit = commit_of(store, found) if found else None
    version = commit.tables.get(table) if commit else None
    if commit is None or version is None:
        raise InputError(
            f"{store.root}: {table} is not published{f' for {run_date}' if run_date else ''}; {named_dates(store)}"
        )
    return [f"{store.root}/{file.path}" for file in version.files]
