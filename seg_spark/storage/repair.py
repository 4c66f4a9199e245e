"""After a crash: dates are brought in line with the commits, and what no commit lists is removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from seg_spark.storage import layout
from seg_spark.storage.commits import Commit, commit_entries, latest_commit, read_commit
from seg_spark.storage.date_folders import swap_folders
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.lock import exclusive_lock
from seg_spark.storage.trials import remove_abandoned

_REPAIR: Final = f"{layout.STAGING}/repair"


@dataclass(frozen=True)
class RepairResult:
    """What was wrong: folders of dates that were not what their commit says, and versions that no commit lists."""

    folders: int
    versions: int


def finish_dead_runs(store: LocalStore) -> Commit | None:
    """Remove what dead runs have staged and finish what the last one has committed; returns the last commit.

    A staging folder names a run that may be dead; what it wrote goes only if no commit lists it. Only the last commit
    can be unfinished: every run begins here. Raises PublishError if a commit is damaged.
    """
    last = latest_commit(store)
    ended = [one.name for one in store.entries(layout.STAGING) if last is None or one.name != last.run_id]
    _remove_unlisted(store, ended)
    store.remove(_REPAIR)  # a repair that was killed may have left a folder with some of the links
    if last is not None:
        swap_folders(store, last, _REPAIR)
    store.remove(layout.STAGING)
    remove_abandoned(store)
    for entry in store.entries(layout.COMMITS):
        if entry.name.startswith("."):  # a commit that was being written
            store.remove(f"{layout.COMMITS}/{entry.name}")
    return last


def repair(store: LocalStore) -> RepairResult:
    """Put all dates of an output in order.

    Raises LockedError if a run is active, PublishError if a commit is damaged.
    """
    if not store.path(layout.INTERNAL).is_dir():
        return RepairResult(0, 0)
    with exclusive_lock(store.path(layout.LOCK), "doctor --repair"):
        last = latest_commit(store)
        store.remove(_REPAIR)
        folders = 0
        for state in last.dates.values() if last else ():
            folders += swap_folders(store, read_commit(store, state.commit), _REPAIR)
        versions = _remove_unlisted(store, [one.name for one in store.entries(layout.VERSIONS)])
        finish_dead_runs(store)
    return RepairResult(folders, versions)


def is_intact(store: LocalStore, commit: Commit) -> bool:
    """Whether every file that a commit lists is there in its full size, and its model."""
    listed = {(one.path, one.size_bytes) for table in commit.tables.values() for one in table.files}
    folders = {path.rpartition("/")[0] for path, _ in listed}
    there = {(f"{folder}/{one.name}", one.size_bytes) for folder in folders for one in store.entries(folder)}
    has_model = commit.model is None or store.path(f"{commit.model.folder}/{layout.PORTABLE}").is_file()
    return has_model and listed <= there


def _remove_unlisted(store: LocalStore, run_ids: Sequence[str]) -> int:
    """Remove what these runs have written, if no commit lists it; returns of how many runs."""
    listed = _listed_runs(store) if run_ids else set()
    unlisted = [run_id for run_id in run_ids if run_id not in listed]
    for run_id in unlisted:
        store.remove(f"{layout.VERSIONS}/{run_id}")
    return len(unlisted)


def _listed_runs(store: LocalStore) -> set[str]:
    """The runs whose versions some commit that is kept lists."""
    commits = [read_commit(store, number) for number in commit_entries(store)]
    tables = {version.run_id for one in commits for version in one.tables.values()}
    folders = [state.model.folder for one in commits for state in one.dates.values() if state.model is not None]
    return tables | {folder.removeprefix(f"{layout.VERSIONS}/").split("/")[0] for folder in folders}
