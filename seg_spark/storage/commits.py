"""The sequence of commits: what is published for each date. One numbered file per commit, never changed.

A commit belongs to one run date and lists the files of all its tables. It also names the commit and the model in
force for every date, so that readers need the last commit and that of their date, and no other.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any, Final

from seg_spark.columns import CUSTOMER_SEGMENTS
from seg_spark.errors import PublishError
from seg_spark.segments.history import PendingK, SegmentEvent, SegmentState
from seg_spark.storage.layout import COMMITS
from seg_spark.storage.store import Entry, Files, Store

VERSION: Final = 3
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


def commit_path(number: int) -> str:
    """The file of a commit."""
    return f"{COMMITS}/{number:08}.json"


def commit_entries(store: Files) -> dict[int, Entry]:
    """The files of all commits that are kept, by their numbers in ascending order."""
    found = ((_NAME.fullmatch(entry.name), entry) for entry in store.entries(COMMITS))
    return dict(sorted((int(name[1]), one) for name, one in found if name))


def latest_commit(store: Files) -> Commit | None:
    """The last commit; None if nothing is published. Raises PublishError if it is damaged."""
    numbers = list(commit_entries(store))
    return read_commit(store, numbers[-1]) if numbers else None


def read_commit(store: Files, number: int) -> Commit:
    """A commit by its number. Raises PublishError if it is missing or damaged."""
    path = commit_path(number)
    try:
        document = json.loads(store.read(path).decode("utf-8"))
        if document["version"] != VERSION or document["number"] != number:
            raise ValueError("another version or number")
        return _commit(document)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PublishError(
            f"{store.root}/{path}: is missing or damaged; restore it from a backup, or remove it and run its date again"
        ) from None


def commit_of(store: Files, run_date: date) -> Commit:
    """What is published for a date; a commit of number 0 if nothing is."""
    last = latest_commit(store)
    if last is None or run_date not in last.dates:
        return Commit(0, run_date)
    number = last.dates[run_date].commit
    return last if number == last.number else read_commit(store, number)


def create_commit(store: Store, commit: Commit) -> bool:
    """Add a commit to the sequence; False if its number is taken."""
    document = {
        "version": VERSION,
        "number": commit.number,
        "run_date": commit.run_date.isoformat(),
        "run_id": commit.run_id,
        "fingerprint": commit.fingerprint,
        "segments": [asdict(one) | {"run_date": one.run_date.isoformat()} for one in commit.segment_state.history],
        "pending_k": asdict(commit.segment_state.pending) if commit.segment_state.pending else None,
        "issued": {run_date.isoformat(): list(ids) for run_date, ids in sorted(commit.issued.items())},
        "ended": {run_date.isoformat(): asdict(one) for run_date, one in sorted(commit.ended.items())},
        "model": _model_document(commit.model),
        "tables": {
            table: {
                "run_id": one.run_id,
                "rows": one.rows,
                "files": [{"path": file.path, "bytes": file.size_bytes} for file in one.files],
            }
            for table, one in commit.tables.items()
        },
        "dates": {
            run_date.isoformat(): {
                "commit": state.commit,
                "model": _model_document(state.model),
                "origin": state.origin,
                "after": state.after,
            }
            for run_date, state in sorted(commit.dates.items())
        },
    }
    return store.create(commit_path(commit.number), (json.dumps(document, indent=1) + "\n").encode())


def named_dates(store: Files) -> str:
    """The last published dates, for a message."""
    return f"the last published dates: {', '.join(day.isoformat() for day in published_dates(store)[-5:]) or 'none'}"


def published_dates(store: Files) -> list[date]:
    """Every date for which something is published, oldest first."""
    last = latest_commit(store)
    return sorted(last.dates) if last else []


def origin_before(last: Commit | None, run_date: date) -> int:
    """The origin of what is published for the date before another; 0 if there is none."""
    before = [one for one in (last.dates if last else ()) if one < run_date]
    return last.dates[max(before)].origin if last and before else 0


def stale_dates(last: Commit | None) -> list[date]:
    """Dates that were made after another version of the date before, or a stale one, oldest first."""
    found: list[date] = []
    dates = sorted(last.dates.items()) if last else []
    for (earlier, before), (run_date, state) in pairwise(dates):
        if state.after != before.origin or earlier in found:
            found.append(run_date)
    return found


def last_date_with(store: Files, table: str) -> date | None:
    """The last date for which a table is published."""
    last = latest_commit(store)
    if last is not None:
        for run_date, state in sorted(last.dates.items(), reverse=True):
            if table in (last if state.commit == last.number else read_commit(store, state.commit)).tables:
                return run_date
    return None


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


def _states_with_model(last: Commit | None, run_date: date, before: bool = False) -> list[DateState]:
    dates = sorted(last.dates.items()) if last else ()
    return [
        state
        for one, state in dates
        if (one < run_date or (one == run_date and not before)) and state.model is not None
    ]


def _commit(document: Mapping[str, Any]) -> Commit:
    return Commit(
        number=document["number"],
        run_date=date.fromisoformat(document["run_date"]),
        run_id=document["run_id"],
        model=_model(document["model"]),
        tables={
            table: TableVersion(
                one["run_id"], one["rows"], tuple(DataFile(file["path"], file["bytes"]) for file in one["files"])
            )
            for table, one in document["tables"].items()
        },
        dates={
            date.fromisoformat(text): DateState(
                state["commit"], _model(state["model"]), state["origin"], state["after"]
            )
            for text, state in document["dates"].items()
        },
        fingerprint=document["fingerprint"],
        segment_state=SegmentState(
            tuple(
                SegmentEvent(
                    date.fromisoformat(one["run_date"]),
                    one["segment_id"],
                    one["what"],
                    one["name"],
                    tuple(one["others"]),
                )
                for one in document["segments"]
            ),
            PendingK(**document["pending_k"]) if document["pending_k"] else None,
        ),
        issued={date.fromisoformat(text): tuple(ids) for text, ids in document["issued"].items()},
        ended={date.fromisoformat(text): EndedDate(**one) for text, one in document["ended"].items()},
    )


def _model(document: Mapping[str, Any] | None) -> PublishedModel | None:
    return PublishedModel(document["id"], document["folder"]) if document is not None else None


def _model_document(model: PublishedModel | None) -> dict[str, str] | None:
    return {"id": model.model_id, "folder": model.folder} if model else None
