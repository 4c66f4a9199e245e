"""Where a trial writes what it must: outside the tables and the staging of runs, and gone when it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seg_spark.errors import PlatformError
from seg_spark.storage.layout import Layout
from seg_spark.storage.local_files import remove_tree

_ABANDONED_SECONDS: Final = 24 * 3600.0
_SECONDS_BETWEEN_REMOVALS: Final = 0.2
_REMOVALS: Final = 25


@contextmanager
def trial_area(layout: Layout, trial_id: str) -> Iterator[Path]:
    """A folder for one trial, removed however it ends; folders that killed trials left a day ago go as well.

    Raises PlatformError if the output folder cannot be written.
    """
    remove_abandoned(layout)
    folder = layout.trials / trial_id
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise PlatformError(f"output.path: {layout.root} cannot be written: {error.strerror}") from None
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Tasks of a stopped trial may write for another moment, so check again."""
    for _ in range(_REMOVALS):
        remove_tree(folder)
        time.sleep(_SECONDS_BETWEEN_REMOVALS)
        if not folder.exists():
            return


def remove_abandoned(layout: Layout) -> None:
    """Remove the folders of trials that were killed a day ago or more."""
    if not layout.trials.is_dir():
        return
    for folder in layout.trials.iterdir():
        if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
            remove_tree(folder)
