"""What is published for a date, read back: its segmentation with the scores and counts behind it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter

from seg_spark import columns as c
from seg_spark.cleaning.outcomes import RowCounts
from seg_spark.clustering.scores import Scores
from seg_spark.errors import FIT_AGAIN, InputError
from seg_spark.segments.matching import Segmentation
from seg_spark.segments.model import Model
from seg_spark.storage.commits import Commit, PublishedModel, commit_of, named_dates
from seg_spark.storage.layout import records
from seg_spark.storage.portable_models import read_model, read_scores, scores_path
from seg_spark.storage.published_tables import read_profiles
from seg_spark.storage.records import read_records
from seg_spark.storage.store import Files

_SCORES: Final = TypeAdapter(Scores)
_MAY_BE_NONE: Final = {"silhouette_euclidean", "prediction_strength", "mllib_within_ss"}


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
