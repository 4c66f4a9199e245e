"""Publishing: what was staged is made durable and committed; then the folders of a local disk are swapped.

The commit is one file, created only if absent: before it readers of the commits see the old date, after it the new
one. A run that was killed leaves a staging folder, by which the next one finds what to finish or to remove.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from seg_spark import columns as c
from seg_spark.errors import LockedError, PlatformError, PublishError
from seg_spark.segments.model import History, SegmentState, born_on
from seg_spark.spark_errors import spark_errors_as
from seg_spark.storage import layout
from seg_spark.storage.commits import (
    Commit,
    DateState,
    PublishedModel,
    TableVersion,
    commit_entries,
    create_commit,
    latest_commit,
    origin_before,
    read_commit,
)
from seg_spark.storage.date_folders import prepare_folders, shown_dates, swap_folders
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.records import remove_unfinished_records
from seg_spark.storage.repair import finish_dead_runs, note_start
from seg_spark.storage.retention import Retention, end_dates, refuse_old_date, remove_replaced
from seg_spark.storage.store import Store
from seg_spark.storage.tables import StagedTable

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel


log = logging.getLogger("seg_spark")


@dataclass(frozen=True)
class RunArea:
    """Where a run writes: `staging` until it ends, `base` the number of the commit that it began from.

    After `deadline` (of the monotonic clock) it may not commit: what it began from may be gone by then.
    """

    run_date: date
    run_id: str
    staging: str
    base: int
    deadline: float = math.inf
    fingerprint: str | None = None
    uncertain: set[int] = field(default_factory=set)
    """The number of a commit, while nobody knows whether the store has made it: until then its files stay."""


@contextmanager
def run_area(store: Store, run_date: date, run_id: str, max_seconds: float = math.inf) -> Iterator[RunArea]:
    """The area of one run. What it has not published by the end is removed, and before that what dead runs left.

    Call it within `only_run`. After `max_seconds` the run may not publish, and others may take it for dead.
    Raises PlatformError if the output cannot be written, PublishError if its commits are lost or damaged.
    """
    deadline = time.monotonic() + max_seconds
    try:
        last = finish_dead_runs(store, run_id)  # before anything is written: they may have filled the disk
        note_start(store, run_date, run_id, max_seconds)
        remove_unfinished_records(store, run_date)
    except OSError as error:
        raise PlatformError(f"output.path: {store.root} cannot be written: {error.strerror}") from error
    if last.number == 0 and (dates := shown_dates(store)):
        raise PublishError(
            f"{store.root}: {dates[0]} is there, but {layout.COMMITS}, which tells what is published, is not; restore "
            "it from a backup, or move the tables away to begin anew; nothing was changed"
        )
    area = RunArea(run_date, run_id, layout.staging(run_id), last.number, deadline)
    try:
        yield area
    finally:
        try:
            if not area.uncertain:
                finish_dead_runs(store, run_id, has_ended=True, begun_from=area.base)
        except (OSError, PublishError) as error:  # it must not hide what ended the run
            log.warning("not all that this run has left could be removed; the next run does it: %s", error)


def publish(
    store: Store,
    area: RunArea,
    staged: Sequence[StagedTable],
    model: PublishedModel | None,
    retention: Retention,
    *,
    segment_state: SegmentState | None = None,
) -> Commit:
    """Commit the staged tables for the run date, then swap its folders.

    Without a `model` the date's own stays, and without a `segment_state` what is known of its segments.

    Raises LockedError if another run has meanwhile published this date or an earlier one, PublishError if the
    filesystem refuses, or the run has taken longer than it may.
    """
    return commit_next(
        store,
        area,
        lambda last: _next_commit(
            store, area, last, staged, model=model, segment_state=segment_state, keep_dates=retention.dates
        ),
        retention,
        written=[table.folder for table in staged],
    )


def commit_next(
    store: Store,
    area: RunArea,
    make: Callable[[Commit], Commit],
    retention: Retention,
    *,
    written: Sequence[str] = (),
) -> Commit:
    """Make the folders `written` durable, commit what `make` makes of the last commit, and swap its date's folders.

    Raises the errors of `publish`.
    """
    if time.monotonic() > area.deadline:
        raise PublishError(
            f"{area.run_date}: the run took longer than run.max_minutes, so it may not publish; nothing has changed"
        )
    try:
        for folder in written:
            store.make_durable(folder)
        commit = make(_last_commit(store, area))
        prepare_folders(store, commit, area.staging)
        while not _create(store, commit, area):
            commit = make(_last_commit(store, area))
    except OSError as error:
        state = (
            "it is not known whether the date was published; run it again (this is safe)"
            if area.uncertain
            else "nothing has changed; correct the cause, for example free disk space, and run again"
        )
        raise PublishError(
            f"publishing {area.run_date} failed, {state}: {error.strerror} ({error.filename})"
        ) from error
    swap_committed(store, commit, area)
    remove_replaced(store, retention, area.staging)
    return commit


def swap_committed(store: Store, commit: Commit, area: RunArea) -> None:
    """Put the folders of a commit where readers look for them. Raises PublishError."""
    try:
        swap_folders(store, commit, area.staging)
    except OSError as error:
        raise PublishError(
            f"{area.run_date} is committed, but a folder could not be swapped: {error.strerror} ({error.filename}); "
            "correct that, then the next run or seg-spark doctor --repair swaps it"
        ) from error


@dataclass(frozen=True)
class ModelForms:
    """A model in the forms that are published: a Spark ML pipeline (or the folder in the store of a published one), and
    the texts of model.json, scores.json and reference.json."""

    model_id: str
    pipeline: "PipelineModel | str"
    portable: str
    scores: str
    reference: str


def stage_model(store: Store, run_id: str, model: ModelForms) -> PublishedModel:
    """Write a model in all its forms, and return where; one that is published already stays as it is."""
    published = _published_as(store, model)
    if published is not None:
        return published
    folder = store.model_folder(model.model_id, run_id)
    try:
        if isinstance(model.pipeline, str):
            _copy(store, model.pipeline, f"{folder}/{layout.PIPELINE}")
        else:
            with spark_errors_as(PublishError, "writing the model"):
                model.pipeline.write().save(store.url(f"{folder}/{layout.PIPELINE}"))
        store.write(f"{folder}/{layout.SCORES}", model.scores.encode())
        store.write(f"{folder}/{layout.REFERENCE}", model.reference.encode())
        store.write(f"{folder}/{layout.PORTABLE}", model.portable.encode())
        store.make_durable(folder)
    except OSError as error:
        raise PublishError(f"publishing model {model.model_id} failed: {error.strerror} ({error.filename})") from error
    return PublishedModel(model.model_id, folder)


def _copy(store: Store, source: str, target: str) -> None:
    """Copy a folder of small files within the store."""
    for entry in store.entries(source):
        if entry.is_folder:
            _copy(store, f"{source}/{entry.name}", f"{target}/{entry.name}")
        else:
            store.write(f"{target}/{entry.name}", store.read(f"{source}/{entry.name}"))


def _create(store: Store, commit: Commit, area: RunArea) -> bool:
    """Create the commit, if its number is free. Elsewhere than on a local disk an error may come after the deed."""
    if not isinstance(store, LocalStore):
        area.uncertain.add(commit.number)
    is_made = create_commit(store, commit)
    area.uncertain.clear()
    return is_made


def _published_as(store: Store, model: ModelForms) -> PublishedModel | None:
    """Where a model of this content, with what it was fitted on, is published already, undamaged."""
    last = latest_commit(store)
    for state in last.dates.values():
        if state.model is not None and state.model.model_id == model.model_id:
            try:
                portable = store.read(f"{state.model.folder}/{layout.PORTABLE}")
                reference = store.read(f"{state.model.folder}/{layout.REFERENCE}")
                scores = store.read(f"{state.model.folder}/{layout.SCORES}")
                pipeline = list(store.entries(f"{state.model.folder}/{layout.PIPELINE}"))
            except OSError:
                continue
            texts = (model.portable, model.reference, model.scores)
            if pipeline and (portable, reference, scores) == tuple(text.encode() for text in texts):
                return state.model
    return None


def _last_commit(store: Store, area: RunArea) -> Commit:
    """The last commit. Raises LockedError if a decision of this run may depend on what came since it began."""
    numbers = list(commit_entries(store))  # one listing: what comes after it takes the next number before this run does
    for number in numbers:
        if number > area.base and (other := read_commit(store, number)).run_date <= area.run_date:
            raise LockedError(
                f"{store.root}: run {other.run_id} has published {other.run_date} since this run began; "
                "nothing was changed; run again"
            )
    return read_commit(store, max(numbers, default=0))


def _next_commit(
    store: Store,
    area: RunArea,
    last: Commit,
    staged: Sequence[StagedTable],
    *,
    model: PublishedModel | None,
    segment_state: SegmentState | None,
    keep_dates: int | None,
) -> Commit:
    refuse_old_date(last, area.run_date, keep_dates)
    before = _own_commit(store, last, area.run_date)
    new = {table.table: TableVersion(area.run_id, table.rows, table.files) for table in staged}
    # moves belong to the labels they were counted with
    outlived = {c.SEGMENT_TRANSITIONS} if c.CUSTOMER_SEGMENTS in new else set()
    tables = {table: version for table, version in before.tables.items() if table not in outlived} | new
    number, model = last.number + 1, model or before.model
    # labels that stay are of the version of the date before that they were made with
    stay = c.CUSTOMER_SEGMENTS in before.tables and c.CUSTOMER_SEGMENTS not in new
    after = last.dates[area.run_date].after if stay else origin_before(last, area.run_date)
    state = DateState(number, model, origin=number, after=after)
    published = dict(last.dates) | {area.run_date: state}
    kept, ended = end_dates(store, last, published, keep_dates)
    segments = before.segment_state if segment_state is None else segment_state
    issued = _issued(last, area.run_date, segments.history, store.root)
    return Commit(number, area.run_date, area.run_id, model, tables, kept, area.fingerprint, segments, issued, ended)


def _own_commit(store: Store, last: Commit, run_date: date) -> Commit:
    """What is in force for the date; nothing where its commit is lost or damaged: then the date is made anew."""
    own = last.dates.get(run_date)
    try:
        return Commit(0, run_date) if own is None else read_commit(store, own.commit)
    except PublishError as error:
        log.warning("%s", error)
        return Commit(0, run_date)


def _issued(last: Commit, run_date: date, history: History, root: str) -> dict[date, tuple[int, ...]]:
    """The ids of all dates, with those given now. Raises LockedError if one was meanwhile given on another date."""
    new = born_on(history, run_date)
    for other, ids in last.issued.items():
        if other != run_date and set(ids) & set(new):
            raise LockedError(
                f"{root}: a run of {other} has meanwhile given a segment an id that this run gives; "
                "nothing was changed; run again"
            )
    before = last.issued.get(run_date, ())
    given = (*before, *(one for one in new if one not in before))
    return dict(last.issued) | ({run_date: given} if given else {})
