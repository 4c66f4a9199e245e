"""What became of each version, which replaced ones are kept, and the removal of the others."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from seg_spark.errors import PublishError, SettingsError
from seg_spark.storage.commits import (
    Commit,
    DateState,
    EndedDate,
    PublishedModel,
    commit_entries,
    commit_path,
    in_force,
    latest_commit,
    read_commit,
    stale_dates,
)
from seg_spark.storage.date_folders import remove_date_folders, remove_model_folder
from seg_spark.storage.records import remove_reports
from seg_spark.storage.store import Files, Store

log = logging.getLogger("seg_spark")


VersionState = Literal["current", "stale", "replaced", "rolled back", "ended"]
"""`ended`: of a date that is published no more."""


@dataclass(frozen=True)
class Retention:
    """How many dates are kept, how many replaced versions of each, and how long at least, for readers still at them."""

    versions: int
    grace_seconds: float
    dates: int | None = None
    """None keeps all."""


def is_too_old(last: Commit, run_date: date, keep_dates: int | None) -> bool:
    """Whether so many later dates are published that a date would go at once."""
    return keep_dates is not None and sum(date_ > run_date for date_ in last.dates) >= keep_dates


def refuse_old_date(last: Commit, run_date: date, keep_dates: int | None) -> None:
    """Raise SettingsError if a date is older than the `keep_dates` that are kept, so that it would go at once."""
    if is_too_old(last, run_date, keep_dates):
        newer = sum(date_ > run_date for date_ in last.dates)
        raise SettingsError(
            f"publish.keep_dates: {keep_dates}: {newer} later dates are published, so {run_date} would not be kept; "
            "set it higher to publish this date"
        )


def end_dates(
    store: Files, last: Commit, dates: Mapping[date, DateState], keep_dates: int | None
) -> tuple[dict[date, DateState], dict[date, EndedDate]]:
    """The newest `keep_dates` of the dates that the commit after `last` publishes, and the dates that have ended."""
    entries = commit_entries(store) if last.ended else {}
    oldest = sorted(dates)[:-keep_dates] if keep_dates is not None else []
    ended = {day: one for day, one in last.ended.items() if day not in dates and one.commit in entries}
    ended |= {day: EndedDate(dates[day].commit, since=last.number + 1) for day in oldest}
    return {day: state for day, state in dates.items() if day not in oldest}, ended


def replaced_commits(store: Files) -> list[Commit]:
    """Commits that a later one of their date has replaced and that are still kept, newest first."""
    numbers = list(commit_entries(store))  # listed once: a date published meanwhile is not taken for a lost one
    current = {state.commit for state in read_commit(store, max(numbers, default=0)).dates.values()}
    return [read_commit(store, number) for number in reversed(numbers) if number not in current]


def version_states(store: Files) -> Mapping[str, VersionState]:
    """What became of each run that a kept commit names, by run_id. Raises PublishError if a commit is damaged."""
    commits = [read_commit(store, number) for number in commit_entries(store)]
    last = commits[-1] if commits else Commit(0, date.min)
    stale = set(stale_dates(last))
    of_date: dict[date, list[Commit]] = {}
    for commit in commits:
        of_date.setdefault(commit.run_date, []).append(commit)
    found: dict[str, VersionState] = {}
    for run_date, made in of_date.items():
        newest = made[-1]
        for commit, successor in zip(made, [*made[1:], newest], strict=True):
            if run_date not in last.dates:
                found[commit.run_id] = "ended"
            elif commit.tables.items() <= newest.tables.items():
                found[commit.run_id] = "stale" if run_date in stale else "current"
            else:
                is_rolled_back = successor.origin < commit.number
                found[commit.run_id] = "rolled back" if is_rolled_back else "replaced"
    return found


def remove_replaced(store: Store, retention: Retention, staging: str) -> None:
    """Remove versions that are neither among the last ones of their date nor within grace, and dates that have ended.

    What must be moved away before it is removed goes to the folder `staging`.
    Times are those of the store's own clock. A commit file goes last, so that what was left by a crash is found again.
    A failure is only logged: what was to be published is.
    """
    try:
        _remove_replaced(store, retention, staging)
    except (OSError, PublishError) as error:
        log.warning("not all replaced versions were removed: %s", error)


def remove_versions(store: Store, commits: Sequence[Commit], staging: str) -> None:
    """Remove versions that are not in force at once, whatever the rules say; of a date that has ended, all of them."""
    last, superseded = latest_commit(store), replaced_commits(store)
    numbers = {commit.number for commit in commits}
    ended = {commit.run_date for commit in commits if commit.run_date in last.ended}
    gone = [commit for commit in superseded if commit.number in numbers or commit.run_date in ended]
    _remove_all(store, last, superseded, gone, staging)


def _remove_replaced(store: Store, retention: Retention, staging: str) -> None:
    entries = commit_entries(store)
    last = read_commit(store, max(entries))
    superseded = replaced_commits(store)

    def is_within_grace(since: int) -> bool:
        return since in entries and entries[last.number].modified - entries[since].modified < retention.grace_seconds

    kept = {(day, made_labels): 1 for day in last.dates for made_labels in (False, True)}
    successor = {run_date: state.commit for run_date, state in last.dates.items()}
    gone = []
    for commit in superseded:
        day = commit.run_date
        if day in last.ended:
            stays = is_within_grace(last.ended[day].since)
        elif day not in last.dates:
            stays = False  # it has ended, and its last commit is lost
        else:
            # a step that ran alone takes no place of a version that can be rolled back to
            kind = day, commit.made_labels
            stays = kept[kind] <= retention.versions or is_within_grace(successor[day])
            kept[kind] += stays
            successor[day] = commit.number
        if not stays:
            gone.append(commit)
    _remove_all(store, last, superseded, gone, staging)


def _remove_all(store: Store, last: Commit, superseded: Sequence[Commit], gone: Sequence[Commit], staging: str) -> None:
    """Remove some of the versions that are not in force; the files of a version may be those of another too."""
    stays = [commit for commit in superseded if commit not in gone]
    models = [*(state.model for state in last.dates.values()), *(commit.model for commit in stays)]
    used = {model for model in models if model is not None}
    dates = {commit.run_date for commit in gone}
    for run_date in sorted(dates - set(last.dates)):
        remove_date_folders(store, run_date, staging)
        remove_reports(store, run_date)
    current = [in_force(store, last, day) for day in last.dates if day in dates]
    for commit in reversed(gone):  # the last commit of a date goes last: it tells that something is left
        kept = [one for one in (*current, *stays) if one.run_date == commit.run_date]
        _remove(store, commit, kept, used)


def _remove(store: Store, commit: Commit, kept: list[Commit], used: set[PublishedModel]) -> None:
    in_use = {folder for one in kept for folder in _folders(one)}
    for folder in _folders(commit):
        if folder not in in_use:
            store.remove(folder)
    if commit.model is not None and commit.model not in used:
        store.remove(commit.model.folder)
        if commit.model.model_id not in {one.model_id for one in used}:
            remove_model_folder(store, commit.model.model_id)
    store.remove(commit_path(commit.number))


def _folders(commit: Commit) -> list[str]:
    """Where the tables of a commit lie."""
    return sorted({file.path.rpartition("/")[0] for version in commit.tables.values() for file in version.files})
