"""Where a trial writes what it must: outside the tables and the staging of runs, and gone when it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seg_spark.errors import PlatformError
from seg_spark.storage import layout
from seg_spark.storage.local_files import remove_tree
from seg_spark.storage.local_store import LocalStore

_ABANDONED_SECONDS: Final = 24 * 3600.0
_SECONDS_BETWEEN_REMOVALS: Final = 0.2
_REMOVALS: Final = 25


@contextmanager
def trial_area(store: LocalStore, trial_id: str) -> Iterator[str]:
    """A folder for one trial, removed however it ends; folders that killed trials left a day ago go as well.

    Raises PlatformError if the output folder cannot be written.
    """
    remove_abandoned(store)
    folder = store.path(layout.trial(trial_id))
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise PlatformError(f"output.path: {store.root} cannot be written: {error.strerror}") from None
    try:
        yield layout.trial(trial_id)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Tasks of a stopped trial may write for another moment, so check again."""
    for _ in range(_REMOVALS):
        remove_tree(folder)
        time.sleep(_SECONDS_BETWEEN_REMOVALS)
        if not folder.exists():
            return


def remove_abandoned(store: LocalStore) -> None:
    """Remove the folders of trials that were killed a day ago or more."""
    for entry in store.entries(layout.TRIALS):
        if time.time() - entry.modified > _ABANDONED_SECONDS:
            store.remove(f"{layout.TRIALS}/{entry.name}")
