"""The sequence of commits: what is published for each date. One numbered file per commit, never changed.

A commit belongs to one run date and lists the files of all its tables. It also names the commit and the model in
force for every date, so that readers need the last commit and that of their date, and no other. The models that commits
name are read here in their portable form. No Spark here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from seg_spark.columns import CLEAN_CUSTOMERS, CUSTOMER_SEGMENTS
from seg_spark.errors import FIT_AGAIN, InputError, PublishError
from seg_spark.segments.model import Model, SegmentState, model_from_json
from seg_spark.storage.layout import COMMITS, PORTABLE, REFERENCE, SCORES
from seg_spark.storage.store import Entry, Files, Store

if TYPE_CHECKING:
    from seg_spark.segments.drift import FitReference

VERSION: Final = 4
_NAME: Final = re.compile(r"(\d{8})\.json")


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table, by its path in the store."""

    path: str
    size_bytes: int


@dataclass(frozen=True)
class TableVersion:
    """What one run wrote of one table for one date."""

    run_id: str
    rows: int
    files: tuple[DataFile, ...]


@dataclass(frozen=True)
class PublishedModel:
    """A model, and the folder in the store that holds it."""

    model_id: str
    folder: str


@dataclass(frozen=True)
class DateState:
    """What is in force for one date: the number of its last commit, its model if it has one, and two earlier commits.

    `origin` is the commit that first published what the date holds: another than the last one after a rollback, or
    where customers were removed. `after` is the origin that the date before had when this date was published; 0 if
    there was none.
    """

    commit: int
    model: PublishedModel | None
    origin: int
    after: int


@dataclass(frozen=True)
class EndedDate:
    """A date that is published no more, while its files may be there: its last commit, and the one that ended it."""

    commit: int
    since: int


@dataclass(frozen=True)
class Commit:
    """What is published for one date since commit `number`; number 0 stands for nothing at all."""

    number: int
    run_date: date
    run_id: str = ""
    model: PublishedModel | None = None
    tables: Mapping[str, TableVersion] = field(default_factory=dict)
    dates: Mapping[date, DateState] = field(default_factory=dict)
    fingerprint: str | None = None
    """What a whole run was made from; None where the date is the work of several runs."""
    segment_state: SegmentState = field(default_factory=SegmentState)
    """What has happened to segments up to the date."""
    issued: Mapping[date, tuple[int, ...]] = field(default_factory=dict)
    """The segment ids that were ever given on each date, also by runs that others have replaced."""
    ended: Mapping[date, EndedDate] = field(default_factory=dict)
    """Dates that publish.keep_dates has ended."""

    @property
    def model_id(self) -> str | None:
        """The model of the date, if it has one."""
        return self.model.model_id if self.model else None

    @property
    def made_labels(self) -> bool:
        """Whether its run made its labels: not so if it only cleaned or fitted after another had labelled."""
        labels = self.tables.get(CUSTOMER_SEGMENTS)
        return labels is not None and labels.run_id == self.run_id

    @property
    def origin(self) -> int:
        """The commit that first published what this one holds; another than this one after a rollback."""
        return self.dates[self.run_date].origin


_COMMIT: Final = TypeAdapter(Commit)
_KEYS: Final = {"version", *(one.name for one in fields(Commit))}


def commit_path(number: int) -> str:
    """The file of a commit."""
    return f"{COMMITS}/{number:08}.json"


def commit_entries(store: Files) -> dict[int, Entry]:
    """The files of all commits that are kept, by their numbers in ascending order."""
    found = ((_NAME.fullmatch(entry.name), entry) for entry in store.entries(COMMITS))
    return dict(sorted((int(name[1]), one) for name, one in found if name and int(name[1])))


def latest_commit(store: Files) -> Commit:
    """The last commit; one of number 0 if nothing is published. Raises PublishError if it is damaged."""
    return read_commit(store, max(commit_entries(store), default=0))


def read_commit(store: Files, number: int) -> Commit:
    """A commit by its number; 0 has nothing. Raises PublishError if it is missing, damaged or of another format."""
    if number == 0:
        return Commit(0, date.min)
    path = commit_path(number)
    try:
        content = store.read(path)
        document = json.loads(content)
        if type(version := document.get("version")) is int and version != VERSION:
            raise PublishError(
                f"{store.root}/{path}: was written by another version of seg_spark (commit format {version}; this one "
                f"reads {VERSION}); use that version, or another output.path"
            )
        if document.keys() != _KEYS or version != VERSION or document["number"] != number:
            raise ValueError("another number, or not the whole of a commit")
        return _COMMIT.validate_json(content, strict=True)
    except (FileNotFoundError, ValueError, AttributeError, RecursionError):
        raise PublishError(
            f"{store.root}/{path}: is missing or damaged; restore it from a backup, or remove it and run its date again"
        ) from None


def commit_of(store: Files, run_date: date) -> Commit:
    """What is published for a date; a commit of number 0 if nothing is."""
    last = latest_commit(store)
    return in_force(store, last, run_date) if run_date in last.dates else Commit(0, run_date)


def in_force(store: Files, last: Commit, run_date: date) -> Commit:
    """What is published for one of the dates that the last commit names."""
    number = last.dates[run_date].commit
    return last if number == last.number else read_commit(store, number)


def create_commit(store: Store, commit: Commit) -> bool:
    """Add a commit to the sequence; False if its number is taken."""
    document = {"version": VERSION, **_COMMIT.dump_python(commit, mode="json")}
    return store.create(commit_path(commit.number), (json.dumps(document, indent=1) + "\n").encode())


def named_dates(store: Files) -> str:
    """The last published dates, for a message."""
    return f"the last published dates: {', '.join(day.isoformat() for day in published_dates(store)[-5:]) or 'none'}"


def clean_table(store: Files, run_date: date) -> TableVersion:
    """The clean customers published for a date. Raises InputError if there are none."""
    table = commit_of(store, run_date).tables.get(CLEAN_CUSTOMERS)
    if table is None:
        raise InputError(
            f"{store.root}: no clean customers are published for {run_date}; "
            f"run seg-spark clean --run-date {run_date} first"
        )
    return table


def needed_model(store: Files, run_date: date) -> PublishedModel:
    """The model that labels a date (see `active_model`). Raises InputError if there is none."""
    model = active_model(store, run_date)
    if model is None:
        raise InputError(
            f"{store.root}: no model is published for {run_date} or before; run seg-spark fit --run-date {run_date} "
            "first"
        )
    return model


def published_dates(store: Files) -> list[date]:
    """Every date for which something is published, oldest first."""
    return sorted(latest_commit(store).dates)


def origin_before(last: Commit, run_date: date) -> int:
    """The origin of what is published for the date before another; 0 if there is none."""
    before = [one for one in last.dates if one < run_date]
    return last.dates[max(before)].origin if before else 0


def stale_dates(last: Commit) -> list[date]:
    """Dates that were made after another version of the date before, or a stale one, oldest first."""
    found: list[date] = []
    for (earlier, before), (run_date, state) in pairwise(sorted(last.dates.items())):
        if state.after != before.origin or earlier in found:
            found.append(run_date)
    return found


def last_date_with(store: Files, table: str) -> date | None:
    """The last date for which a table is published."""
    last = latest_commit(store)
    newest_first = sorted(last.dates, reverse=True)
    return next((day for day in newest_first if table in in_force(store, last, day).tables), None)


def active_model(store: Files, run_date: date) -> PublishedModel | None:
    """The model published for a date, or else for the last date before it; None if there is none."""
    states = _states_with_model(latest_commit(store), run_date)
    return states[-1].model if states else None


def active_segments(store: Files, run_date: date) -> SegmentState:
    """What has happened to the segments of the model that is active for a date (see `active_model`)."""
    states = _states_with_model(latest_commit(store), run_date)
    return read_commit(store, states[-1].commit).segment_state if states else SegmentState()


def last_labelled(store: Files, before: date) -> Commit | None:
    """What is published for the last date before another that has labels and a model."""
    for state in reversed(_states_with_model(latest_commit(store), before, before=True)):
        commit = read_commit(store, state.commit)
        if CUSTOMER_SEGMENTS in commit.tables:
            return commit
    return None


def _states_with_model(last: Commit, run_date: date, before: bool = False) -> list[DateState]:
    dates = sorted(last.dates.items())
    return [state for one, state in dates if state.model and (one < run_date or (one == run_date and not before))]


def published_model(store: Files, run_date: date) -> Model | None:
    """The model published for a date, or else for the last date before it; None if there is none.

    Raises InputError if its file is absent or damaged.
    """
    found = active_model(store, run_date)
    return read_model(store, found) if found is not None else None


def read_model(store: Files, published: PublishedModel) -> Model:
    """A published model. Raises InputError if it is not there, or damaged."""
    path = f"{published.folder}/{PORTABLE}"
    return model_from_json(_text(store, path, "the published model is"), f"{store.root}/{path}")


def scores_path(store: Files, published: PublishedModel) -> str:
    """Where the scores of a published model lie, as it is shown to people."""
    return f"{store.root}/{published.folder}/{SCORES}"


def read_scores(store: Files, published: PublishedModel) -> str:
    """The text of a published scores.json. Raises InputError if it is not there."""
    return _text(store, f"{published.folder}/{SCORES}", "the scores of the published model are")


def read_reference(store: Files, published: PublishedModel) -> "FitReference":
    """What a published model was fitted on. Raises InputError if it is not there, or damaged."""
    from seg_spark.segments.drift import reference_from_json  # slow, and of no use to `predict`

    path = f"{published.folder}/{REFERENCE}"
    return reference_from_json(_text(store, path, "what the published model was fitted on is"), f"{store.root}/{path}")


def _text(store: Files, path: str, what: str) -> str:
    try:
        return store.read(path).decode("utf-8", errors="replace")  # its reader finds the damage
    except OSError:
        raise InputError(f"{store.root}/{path}: {what} not there; {FIT_AGAIN}") from None
