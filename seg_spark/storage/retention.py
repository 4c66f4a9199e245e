"""What became of each version, which replaced ones are kept, and the removal of the others."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from seg_spark.errors import PublishError
from seg_spark.storage.commits import (
    Commit,
    DateState,
    PublishedModel,
    commit_entries,
    commit_path,
    read_commit,
    stale_dates,
)
from seg_spark.storage.date_folders import remove_model_folder
from seg_spark.storage.store import Files, Store

log = logging.getLogger("seg_spark")


VersionState = Literal["current", "stale", "replaced", "rolled back"]


@dataclass(frozen=True)
class Retention:
    """How many replaced versions of a date are kept, and for how long at least, for readers still at them."""

    versions: int
    grace_seconds: float


def replaced_commits(store: Files) -> list[Commit]:
    """Commits that a later one of their date has replaced and that are still kept, newest first."""
    entries = commit_entries(store)
    if not entries:
        return []
    current = {state.commit for state in read_commit(store, max(entries)).dates.values()}
    return [read_commit(store, number) for number in sorted(entries, reverse=True) if number not in current]


def version_states(store: Files) -> Mapping[str, VersionState]:
    """What became of each run that a kept commit names, by run_id. Raises PublishError if a commit is damaged."""
    commits = [read_commit(store, number) for number in commit_entries(store)]
    last = commits[-1] if commits else None
    stale = set(stale_dates(last))
    of_date: dict[date, list[Commit]] = {}
    for commit in commits:
        of_date.setdefault(commit.run_date, []).append(commit)
    found: dict[str, VersionState] = {}
    for run_date, made in of_date.items():
        in_force = made[-1]
        for commit, successor in zip(made, [*made[1:], in_force], strict=True):
            if commit.tables.items() <= in_force.tables.items():
                found[commit.run_id] = "stale" if run_date in stale else "current"
            else:
                is_rolled_back = successor.origin < commit.number
                found[commit.run_id] = "rolled back" if is_rolled_back else "replaced"
    return found


def remove_replaced(store: Store, retention: Retention) -> None:
    """Remove the versions that are neither among the last ones of their date, nor within grace, nor in use.

    Times are those of the store's own clock. A commit file goes last, so that what was left by a crash is found again.
    A failure is only logged: what was to be published is.
    """
    try:
        _remove_replaced(store, retention)
    except (OSError, PublishError) as error:
        log.warning("not all replaced versions were removed: %s", error)


def _remove_replaced(store: Store, retention: Retention) -> None:
    entries = commit_entries(store)
    last = read_commit(store, max(entries))
    replaced = replaced_commits(store)
    kept = {day: [_commit_in_force(store, last, state)] for day, state in last.dates.items() if _has(replaced, day)}
    successor = {day: commits[0].number for day, commits in kept.items()}
    dropped = []
    for commit in replaced:
        age = entries[last.number].modified - entries[successor[commit.run_date]].modified
        if len(kept[commit.run_date]) <= retention.versions or age < retention.grace_seconds:
            kept[commit.run_date].append(commit)
        else:
            dropped.append(commit)
        successor[commit.run_date] = commit.number
    used = {state.model for state in last.dates.values() if state.model is not None}
    used |= {one.model for commits in kept.values() for one in commits if one.model is not None}
    for commit in dropped:
        _remove(store, commit, kept[commit.run_date], used)


def _has(commits: list[Commit], run_date: date) -> bool:
    return any(one.run_date == run_date for one in commits)


def _commit_in_force(store: Files, last: Commit, state: DateState) -> Commit:
    return last if state.commit == last.number else read_commit(store, state.commit)


def _remove(store: Store, commit: Commit, kept: list[Commit], used: set[PublishedModel]) -> None:
    in_use = {(table, version.run_id) for one in kept for table, version in one.tables.items()}
    for table, version in commit.tables.items():
        if (table, version.run_id) not in in_use:
            store.remove(store.version_folder(table, commit.run_date, version.run_id))
    if commit.model is not None and commit.model not in used:
        store.remove(commit.model.folder)
        if commit.model.model_id not in {one.model_id for one in used}:
            remove_model_folder(store, commit.model.model_id)
    store.remove(commit_path(commit.number))
