"""Where a trial writes what it must: outside the tables and the staging of runs, and gone when it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from seg_spark.errors import PlatformError
from seg_spark.storage import layout
from seg_spark.storage.store import Store

_ABANDONED_SECONDS: Final = 24 * 3600.0


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
