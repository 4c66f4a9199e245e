"""What a run leaves beside its tables: its record (one JSON file, also of a failed run), its report and figures.

And the folder of a trial, which leaves nothing.
"""

import gzip
import json
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

from seg_spark.errors import InputError, PlatformError
from seg_spark.storage import layout
from seg_spark.storage.layout import RUNS, partition_name, records
from seg_spark.storage.store import Files, Store

_UNFINISHED_SECONDS: Final = 3600.0
_FIGURES: Final = ".figures.json.gz"
_NEEDED: Final = frozenset({"run_id", "run_date", "status", "exit_code", "seconds"})
"""What every run record has; another JSON file in its folder is no run record."""
_ABANDONED_SECONDS: Final = 24 * 3600.0


def record_path(run_date: date, run_id: str) -> str:
    """Where the record of a run lies in the store."""
    return f"{records(run_date)}/{run_id}.json"


def write_record(store: Files, run_date: date, run_id: str, record: Mapping[str, Any]) -> str:
    """Write the record of a run and return its path in the store."""
    path = record_path(run_date, run_id)
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    store.write(path, text.encode())
    return path


def write_page(store: Files, run_date: date, run_id: str, page: str) -> str:
    """Write the report page of a run and return its path in the store."""
    path = f"{records(run_date)}/{run_id}.html"
    store.write(path, page.encode())
    return path


def write_figures(store: Files, run_date: date, run_id: str, figures: Mapping[str, Any]) -> None:
    """Write the figures of a run's report beside its record, so that the page can be made again."""
    text = json.dumps(figures, ensure_ascii=False, allow_nan=False)
    store.write(_figures(run_date, run_id), gzip.compress(text.encode(), mtime=0))


def read_figures(store: Files, run_date: date, run_id: str) -> dict[str, Any]:
    """The figures of a run's report. Raises InputError if they are not there, or damaged."""
    path = _figures(run_date, run_id)
    try:
        figures: dict[str, Any] = json.loads(gzip.decompress(store.read(path)))
    except (OSError, EOFError, ValueError, zlib.error):
        raise InputError(
            f"{store.root}/{path}: is missing or damaged; run seg-spark label --run-date {run_date} again, "
            "with report.enabled: true"
        ) from None
    return figures


def read_records(store: Files, run_date: date | None = None) -> list[dict[str, Any]]:
    """All run records (of one date), by date and then start; what cannot be read, or is none, is left out."""
    folders = [entry.name for entry in store.entries(RUNS)] if run_date is None else [partition_name(run_date)]
    paths = [
        f"{RUNS}/{folder}/{entry.name}" for folder in sorted(folders) for entry in store.entries(f"{RUNS}/{folder}")
    ]
    found: list[dict[str, Any]] = []
    for path in paths:
        if path.endswith(".json") and not path.rpartition("/")[2].startswith("."):
            try:
                record = json.loads(store.read(path))
            except (OSError, ValueError, RecursionError):
                continue
            if isinstance(record, dict) and record.keys() >= _NEEDED:
                found.append(record)
    return found


def runs_with_figures(store: Files, run_date: date) -> list[str]:
    """The runs of a date that have left figures of a report."""
    names = [entry.name for entry in store.entries(records(run_date)) if not entry.name.startswith(".")]
    return [name.removesuffix(_FIGURES) for name in names if name.endswith(_FIGURES)]


def remove_page(store: Store, run_date: date, run_id: str) -> None:
    """Remove the report page of a run, if it has one."""
    store.remove(f"{records(run_date)}/{run_id}.html")


def remove_report(store: Store, run_date: date, run_id: str) -> None:
    """Remove the report of a run, with its figures; its record stays."""
    remove_page(store, run_date, run_id)
    store.remove(_figures(run_date, run_id))


def remove_reports(store: Store, run_date: date) -> None:
    """Remove the reports of a date, with their figures; run records stay."""
    for entry in store.entries(records(run_date)):
        if entry.name.endswith((".html", _FIGURES)):
            store.remove(f"{records(run_date)}/{entry.name}")


def remove_unfinished_records(store: Store, run_date: date) -> None:
    """Remove files that were being written when a run was killed an hour ago or more."""
    folder = records(run_date)
    for entry in store.entries(folder):
        if entry.name.startswith(".") and time.time() - entry.modified > _UNFINISHED_SECONDS:
            store.remove(f"{folder}/{entry.name}")


def _figures(run_date: date, run_id: str) -> str:
    return f"{records(run_date)}/{run_id}{_FIGURES}"


@contextmanager
def trial_area(store: Store, trial_id: str) -> Iterator[None]:
    """A folder for one trial, removed however it ends; folders that killed trials left a day ago go as well.

    Raises PlatformError if the output folder cannot be written.
    """
    folder = layout.trial(trial_id)
    try:
        remove_abandoned(store)
        store.write(f"{folder}/{layout.STARTED}", b"{}\n")
    except OSError as error:
        raise PlatformError(f"output.path: {store.root} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        store.remove(folder)


def remove_abandoned(store: Store) -> None:
    """Remove the folders of trials that were killed a day ago or more."""
    for entry in store.entries(layout.TRIALS):
        folder = layout.trial(entry.name)
        started = next((entry for entry in store.entries(folder) if entry.name == layout.STARTED), entry)
        if time.time() - started.modified > _ABANDONED_SECONDS:
            store.remove(folder)
