"""The run before a date: its model, its labels, and what both say of the customers of today."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.clustering.points import SegmentIds
from seg_spark.clustering.training_set import training_frame
from seg_spark.errors import InputError, PublishError
from seg_spark.features.fitted import FittedNumber
from seg_spark.segments.model import Model
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.context import RunContext
from seg_spark.storage.commits import Commit, last_labelled, latest_commit, read_commit
from seg_spark.storage.portable_models import read_model
from seg_spark.storage.repair import is_intact
from seg_spark.storage.store import Files
from seg_spark.storage.tables import read_table

log = logging.getLogger("seg_spark")

_POSITION: Final = "_position"


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


def customers_before(store: Files, run_date: date, dates: int) -> list[int]:
    """How many customers were labelled on each of so many published dates before a run date, oldest first.

    A damaged commit is passed over.
    """
    last = latest_commit(store)
    before = sorted(date_ for date_ in last.dates if date_ < run_date)[-dates:]
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
