"""After a crash: dates are brought in line with the commits, and what no commit lists is removed."""

import json
import logging
import math
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final

from seg_spark.errors import PublishError
from seg_spark.storage import layout
from seg_spark.storage.commits import Commit, commit_entries, commit_of, in_force, latest_commit, read_commit
from seg_spark.storage.date_folders import swap_folders
from seg_spark.storage.local_store import LocalStore, only_run
from seg_spark.storage.records import remove_abandoned
from seg_spark.storage.retention import replaced_commits
from seg_spark.storage.store import Entry, Files, Store

_REPAIR: Final = f"{layout.STAGING}/repair"
log = logging.getLogger("seg_spark")

_SAFETY_SECONDS: Final = 3600.0
"""How long after its limit a run elsewhere than on a local disk counts as dead: its last request may be on the way."""
_RUN_OF_FOLDER: Final = re.compile(rf"(?:{layout.VERSIONS}/|{layout.run_folder('')})([^/]+)")


@dataclass(frozen=True)
class RepairResult:
    """What was wrong: folders of dates that were not what their commit says, and versions that no commit lists."""

    folders: int
    versions: int


@dataclass(frozen=True)
class Leftover:
    """The leftovers of one kind: how many runs left something, and its size."""

    what: str
    folder: str
    runs: int
    size_bytes: int


@dataclass(frozen=True)
class StartedRun:
    """A run that has a staging folder: what it is at, and when it must have ended, by the clock of the store."""

    run_id: str
    run_date: date
    must_end: float


def note_start(store: Store, run_date: date, run_id: str, max_seconds: float) -> None:
    """Leave word of a run in its staging folder, by which others find what it writes, should it die."""
    limit = None if math.isinf(max_seconds) else max_seconds
    content = json.dumps({"run_date": run_date.isoformat(), "max_seconds": limit}) + "\n"
    store.write(f"{layout.staging(run_id)}/{layout.STARTED}", content.encode())


def finish_dead_runs(store: Store, own: str, *, has_ended: bool = False, begun_from: int = 0) -> Commit:
    """Remove what dead runs have staged and finish what the last one has committed; returns the last commit.

    What a dead run wrote goes only if no commit lists it. Every run begins here and, with `has_ended`, ends here.
    On a local disk the caller holds the lock, so all other runs are dead; elsewhere, when the own one ends, those that
    must have ended before it began. No commit up to `begun_from` lists anything of the own run.
    Raises PublishError if the last commit is damaged.
    """
    last = latest_commit(store)
    now = _now(store, own)
    dead = _dead_runs(store, own, now)
    ended = [run for run in _started_runs(store) if has_ended and run.run_id == own]
    try:
        _remove_unlisted(store, ended, begun_from)
        _remove_unlisted(store, dead)
    except PublishError as error:  # of a date that is kept: no reason to stop this one
        log.warning("what dead runs have written stays: %s", error)
        dead = []
    dead += ended
    store.remove(_REPAIR)  # a repair that was killed may have left a folder with some of the links
    if last.number:
        swap_folders(store, last, _REPAIR)
        store.remove(_REPAIR)
    for one in dead:
        store.remove(layout.staging(one.run_id))
    if not store.entries(layout.STAGING):
        store.remove(layout.STAGING)
    remove_abandoned(store)
    for entry in store.entries(layout.COMMITS):  # commits that were being written
        if entry.name.startswith(".") and (isinstance(store, LocalStore) or entry.modified < now - _SAFETY_SECONDS):
            store.remove(f"{layout.COMMITS}/{entry.name}")
    return last


def repair(store: Store) -> RepairResult:
    """Put all dates of an output in order.

    Raises LockedError if a run is active, PublishError if a commit is damaged.
    """
    if not store.entries(layout.INTERNAL):
        return RepairResult(0, 0)
    with only_run(store, "doctor --repair"):
        own = f"repair-{secrets.token_hex(3)}"
        if not isinstance(store, LocalStore):  # on a local disk that dead runs have filled nothing can be written
            note_start(store, date.min, own, 0.0)
        store.remove(_REPAIR)
        last = latest_commit(store)
        folders = sum(swap_folders(store, in_force(store, last, run_date), _REPAIR) for run_date in last.dates)
        written = [StartedRun(entry.name, date.min, 0.0) for entry in store.entries(layout.VERSIONS)]
        versions = _remove_unlisted(store, [*written, *_dead_runs(store, own, _now(store, own))])
        finish_dead_runs(store, own, has_ended=True)
    return RepairResult(folders, versions)


def is_intact(store: Files, commit: Commit) -> bool:
    """Whether every file that a commit lists is there in its full size, and its model."""
    listed = {(file.path, file.size_bytes) for table in commit.tables.values() for file in table.files}
    folders = {path.rpartition("/")[0] for path, _ in listed}
    there = {(f"{folder}/{entry.name}", entry.size_bytes) for folder in folders for entry in store.entries(folder)}
    model = store.entries(commit.model.folder) if commit.model else ()
    return listed <= there and (commit.model is None or layout.PORTABLE in {one.name for one in model})


def _now(store: Store, own: str) -> float:
    """The time by the clock of the store, or before; elsewhere than on a local disk that of the own `note_start`."""
    if isinstance(store, LocalStore):
        return time.time()
    folder = store.entries(layout.staging(own))
    return next((one.modified for one in folder if one.name == layout.STARTED), 0.0)


def _dead_runs(store: Store, own: str, now: float) -> list[StartedRun]:
    return [run for run in _started_runs(store) if run.run_id != own and run.must_end < now]


def _started_runs(store: Store) -> list[StartedRun]:
    """All runs that have a staging folder."""
    return [
        _started_run(store, entry)
        for entry in store.entries(layout.STAGING)
        if entry.name != _REPAIR.rpartition("/")[2]
    ]


def _started_run(store: Store, folder: Entry) -> StartedRun:
    """A run by its staging folder; one that died before it left word has written nothing."""
    path = layout.staging(folder.name)
    started = next((entry for entry in store.entries(path) if entry.name == layout.STARTED), None)
    run_date, seconds = date.min, 0.0
    if started is not None:
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # it has just ended, or is damaged
            content = json.loads(store.read(f"{path}/{layout.STARTED}"))
            run_date = date.fromisoformat(content["run_date"])
            seconds = math.inf if content["max_seconds"] is None else content["max_seconds"]
    if isinstance(store, LocalStore):
        return StartedRun(folder.name, run_date, -math.inf)
    return StartedRun(folder.name, run_date, (started or folder).modified + seconds + _SAFETY_SECONDS)


def _remove_unlisted(store: Store, runs: Sequence[StartedRun], after: int = 0) -> int:
    """Remove what these runs have written, if no commit (after a number) lists it; returns of how many runs.

    Raises PublishError while a commit is damaged: it may list any of it.
    """
    listed = _listed_runs(store, after) if runs else set()
    unlisted = {run.run_id: run for run in runs if run.run_id not in listed}
    for one in unlisted.values():
        store.remove_run(one.run_date, one.run_id)
    return len(unlisted)


def _listed_runs(store: Store, after: int) -> set[str]:
    """The runs whose files some commit that is kept, with a higher number, lists."""
    commits = [read_commit(store, number) for number in commit_entries(store) if number > after]
    paths = {file.path for commit in commits for version in commit.tables.values() for file in version.files}
    paths |= {state.model.folder for commit in commits for state in commit.dates.values() if state.model is not None}
    return {found[1] for path in paths if (found := _RUN_OF_FOLDER.search(path))}


def find_leftovers(store: Files) -> tuple[Leftover, ...]:
    """Files of runs and trials that have not ended; kinds without any are left out.

    Those of an active run are among them. The next run removes them all, trials once they are a day old.
    """
    staged = [f"{layout.VERSIONS}/{entry.name}" for entry in store.entries(layout.STAGING)]
    found = (
        _leftover(store, "staging", layout.STAGING, staged),
        _leftover(store, "trials", layout.TRIALS, [layout.trial(entry.name) for entry in store.entries(layout.TRIALS)]),
    )
    return tuple(one for one in found if one.runs)


def replaced_versions(store: Files) -> Leftover | None:
    """Versions that a later run has replaced, kept for readers and for rollback; None if there are none."""
    replaced = replaced_commits(store)
    if not replaced:
        return None
    in_use = {
        file.path
        for run_date in {commit.run_date for commit in replaced}
        for table in commit_of(store, run_date).tables.values()
        for file in table.files
    }
    files = {
        file.path: file.size_bytes for commit in replaced for table in commit.tables.values() for file in table.files
    }
    size = sum(size for path, size in files.items() if path not in in_use)
    return Leftover("replaced versions", f"{store.root}/{layout.VERSIONS}", len(replaced), size)


def _leftover(store: Files, what: str, folder: str, places: list[str]) -> Leftover:
    return Leftover(what, f"{store.root}/{folder}", len(places), sum(_size_of(store, place) for place in places))


def _size_of(store: Files, folder: str) -> int:
    """Bytes of all files below a folder; an active run may move some while they are counted."""
    return sum(
        _size_of(store, f"{folder}/{entry.name}") if entry.is_folder else entry.size_bytes
        for entry in store.entries(folder)
    )
