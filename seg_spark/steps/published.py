"""What is published, read back: the segmentation of a date, and what the run before left to this one."""

import json
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.outcomes import RowCounts
from seg_spark.clustering.points import SegmentIds
from seg_spark.clustering.scores import Scores
from seg_spark.clustering.sweep import training_frame
from seg_spark.errors import FIT_AGAIN, InputError, PublishError
from seg_spark.features.fitted import FittedNumber
from seg_spark.segments.matching import Segmentation
from seg_spark.segments.model import Model
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.context import RunContext
from seg_spark.storage.commits import (
    Commit,
    PublishedModel,
    commit_of,
    last_labelled,
    latest_commit,
    named_dates,
    read_commit,
    read_model,
    read_scores,
    scores_path,
)
from seg_spark.storage.layout import records
from seg_spark.storage.published_tables import read_profiles
from seg_spark.storage.records import read_records
from seg_spark.storage.repair import is_intact
from seg_spark.storage.store import Files
from seg_spark.storage.tables import read_table

log = logging.getLogger("seg_spark")

_SCORES: Final = TypeAdapter(Scores)
_MAY_BE_NONE: Final = {"silhouette_euclidean", "prediction_strength", "mllib_within_ss"}
_POSITION: Final = "_position"


@dataclass(frozen=True)
class PublishedDate:
    """The published segmentation of a date, with its commit, its model, and the digest of its run's settings."""

    commit: Commit
    model: Model
    segmentation: Segmentation
    settings_sha256: str


def read_published(store: Files, run_date: date) -> PublishedDate:
    """What the labels published for a date were made from. No Spark is started.

    Raises InputError if no labels are published for the date, or anything behind them is absent or damaged.
    """
    commit = commit_of(store, run_date)
    if c.CUSTOMER_SEGMENTS not in commit.tables or commit.model is None:
        raise InputError(f"{store.root}: no labels are published for {run_date}; {named_dates(store)}")
    labelling = _record(store, commit, c.CUSTOMER_SEGMENTS)
    rows = _rows(_record(store, commit, c.CLEAN_CUSTOMERS))
    try:
        digest = str(labelling["settings_sha256"])
    except KeyError:
        raise _damaged_record(labelling) from None
    model = read_model(store, commit.model)
    because, scores = published_choice(store, commit.model, len(model.segments))
    segmentation = Segmentation(
        model_id=commit.model.model_id,
        chosen_because=because,
        rows=rows,
        scores=next(fit for fit in scores if fit.k == len(model.segments)),
        scores_by_k=scores,
        names={segment.segment_id: segment.name for segment in model.segments}
        | {profile.segment_id: profile.segment_name for profile in read_profiles(store, run_date)},
    )
    return PublishedDate(commit, model, segmentation, digest)


def _record(store: Files, commit: Commit, table: str) -> Mapping[str, Any]:
    """The record of the run that published a table."""
    run_id = commit.tables[table].run_id if table in commit.tables else None
    found = [record for record in read_records(store, commit.run_date) if record.get("run_id") == run_id]
    if run_id is None or not found:
        path = f"{store.root}/{records(commit.run_date)}/{run_id}.json"
        raise InputError(
            f"{path}: the record of the run that published {table} is missing or damaged; "
            f"run seg-spark nightly --run-date {commit.run_date} again"
        )
    return found[0]


def _rows(record: Mapping[str, Any]) -> RowCounts:
    known = {field.name for field in fields(RowCounts)}
    try:
        return RowCounts(**{name: value for name, value in record["rows"].items() if name in known})
    except (KeyError, TypeError, AttributeError):
        raise _damaged_record(record) from None


def published_choice(store: Files, published: PublishedModel, k: int) -> tuple[str, tuple[Scores, ...]]:
    """Why this k was chosen, and the scores of every k. What has no JSON (infinity, nan) comes back as nan."""
    text = read_scores(store, published)
    try:
        document = json.loads(text)
        scores = tuple(_SCORES.validate_python(_with_nan(one)) for one in document["scores"])
        because = document["chosen_because"]
        if k not in {fit.k for fit in scores} or not isinstance(because, str):
            raise ValueError("not the scores of this model")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{scores_path(store, published)}: is damaged; {FIT_AGAIN}") from None
    return because, scores


def _with_nan(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: math.nan if value is None and name not in _MAY_BE_NONE else value for name, value in scores.items()
    }  # fmt: skip


def _damaged_record(record: Mapping[str, Any]) -> InputError:
    return InputError(
        f"the record of run {record.get('run_id')} is not complete; "
        f"run seg-spark nightly --run-date {record.get('run_date')} again"
    )


@dataclass(frozen=True)
class PrecedingRun:
    """What is published for the last labelled date before a run date."""

    commit: Commit
    model: Model

    @property
    def run_date(self) -> date:
        """The date."""
        return self.commit.run_date


def preceding_run(store: Files, run_date: date) -> PrecedingRun | None:
    """The last date with labels before another. Raises InputError if its model is damaged, or a file absent."""
    commit = last_labelled(store, run_date)
    if commit is None or commit.model is None:
        last = latest_commit(store)
        if run_date in last.dates and last.dates[run_date].after:
            log.warning(
                "%s: the date before it is no longer published (publish.keep_dates), so its segments are made anew, "
                "with new ids", run_date,
            )  # fmt: skip
        return None
    model = read_model(store, commit.model)
    if not is_intact(store, commit):
        raise InputError(f"{store.root}: files of run {commit.run_id} are missing")
    return PrecedingRun(commit, model)


def customers_before(store: Files, run_date: date, dates: int, since: date = date.min) -> list[int]:
    """How many customers were labelled on each of so many published dates before a run date, oldest first, from the
    date `since` on.

    A damaged commit is passed over.
    """
    last = latest_commit(store)
    before = sorted(date_ for date_ in last.dates if since <= date_ < run_date)[-dates:]
    counts = []
    for state in (last.dates[one] for one in before):
        with suppress(PublishError):
            labels = read_commit(store, state.commit).tables.get(c.CUSTOMER_SEGMENTS)
            counts += [labels.rows] if labels else []
    return counts


def unfit_features(model: Model, is_number: Mapping[str, bool]) -> list[str]:
    """The features of a model that it does not find, or not as the same kind, among columns of each of which it is told
    whether it holds numbers. Without any the model can label them."""
    return [
        feature.name
        for feature in model.features
        if is_number.get(feature.name) is not isinstance(feature, FittedNumber)
    ]


def published_labels(context: RunContext, preceding: PrecedingRun) -> DataFrame:
    """The table customer_segments of the preceding date. Raises InputError if it has other columns."""
    files = preceding.commit.tables[c.CUSTOMER_SEGMENTS].files
    return read_table(context.spark, context.store, files, schemas.CUSTOMER_SEGMENTS_SCHEMA)


def labels_of(context: RunContext, preceding: PrecedingRun, training: pa.Table) -> SegmentIds:
    """The segment ids published for the training customers on the preceding date; 0 for those who had none."""
    ids = training.select([c.CUSTOMER_ID]).append_column(_POSITION, pa.array(range(len(training)), pa.int32()))
    with spark_errors_as(InputError, f"reading the labels of {preceding.run_date}"):
        labels = published_labels(context, preceding)
        named = F.broadcast(training_frame(context.spark, ids))
        found = labels.select(c.CUSTOMER_ID, c.SEGMENT_ID).join(named, on=c.CUSTOMER_ID, how="inner").toArrow()
    known = np.zeros(len(training), dtype=np.int64)
    known[found[_POSITION].to_numpy()] = found[c.SEGMENT_ID].to_numpy()
    return known
