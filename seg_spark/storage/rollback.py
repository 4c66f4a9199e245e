"""Rollback: an earlier version of a date, which is still kept, becomes the one in force again."""

from dataclasses import replace
from datetime import date

from seg_spark.errors import InputError, PublishError
from seg_spark.storage.commits import Commit, named_dates, read_commit
from seg_spark.storage.publish import RunArea, commit_next
from seg_spark.storage.repair import is_intact
from seg_spark.storage.retention import Retention, replaced_commits
from seg_spark.storage.store import Store


def roll_back(store: Store, area: RunArea, retention: Retention, to_run: str | None = None) -> Commit:
    """Make the version before the one in force current again, or that of the run `to_run`, with its model and segments.

    The commit has the run_id of the run that made the version. Segment ids that were given since stay used.
    Raises InputError if no such version is kept, PublishError if its files are gone, and the errors of `publish`.
    """
    return commit_next(store, area, lambda last: _restoring(store, last, area.run_date, to_run), retention)


def _restoring(store: Store, last: Commit, run_date: date, to_run: str | None) -> Commit:
    if run_date not in last.dates:
        raise InputError(f"{store.root}: nothing is published for {run_date}; {named_dates(store)}")
    in_force = read_commit(store, last.dates[run_date].commit)
    kept = [commit for commit in replaced_commits(store) if commit.run_date == run_date and commit.made_labels]
    kept = [commit for commit in kept if commit.run_id != in_force.run_id]
    earlier = [commit for commit in kept if commit.origin < in_force.origin]
    chosen = next((one for one in (kept if to_run else earlier) if to_run in (None, one.run_id)), None)
    if chosen is None:
        runs = ", ".join(dict.fromkeys(commit.run_id for commit in kept)) or "none"
        what = f"version of run {to_run}" if to_run else "version before the current one"
        raise InputError(
            f"{store.root}: no {what} of {run_date} is kept (kept beside the current one of run {in_force.run_id}: "
            f"{runs}); publish.keep_versions says how many are"
        )
    if not is_intact(store, chosen):
        raise PublishError(
            f"{store.root}: files of run {chosen.run_id} are missing, so {run_date} cannot be rolled back to it; "
            "nothing has changed"
        )
    number = last.number + 1
    dates = dict(last.dates) | {run_date: replace(chosen.dates[run_date], commit=number)}
    return replace(chosen, number=number, dates=dates, issued=last.issued, ended=last.ended)
