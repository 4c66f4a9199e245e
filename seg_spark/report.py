"""What is made from published dates without Spark: the report page, and two dates side by side."""

import json
from datetime import date

import pyarrow as pa

from seg_spark import columns as c
from seg_spark.errors import FIT_AGAIN, InputError
from seg_spark.features.fitted import FittedFeature
from seg_spark.reporting.changes import MOST_DATES
from seg_spark.reporting.report_page import render_report
from seg_spark.reporting.report_sections import ReportData
from seg_spark.segments.drift import FeatureDrift, distribution_of, drift_of_feature
from seg_spark.segments.movement import DateComparison, transitions_of
from seg_spark.storage.commits import commit_of, named_dates, read_model, read_scores, scores_path
from seg_spark.storage.published_tables import (
    columns_of_date,
    cross_labels_between,
    read_profiles,
    read_sizes,
    read_table_of_date,
    read_transitions,
)
from seg_spark.storage.records import read_figures, read_records, write_page
from seg_spark.storage.store import Files


def make_report(store: Files, run_date: date) -> str:
    """Write the report of the labels published for a date beside their run record, and return its path in the store.

    Raises InputError if no labels are published for the date, or anything behind them is missing or damaged.
    """
    commit = commit_of(store, run_date)
    labels = commit.tables.get(c.CUSTOMER_SEGMENTS)
    run_id = labels.run_id if labels else ""
    record = next((record for record in read_records(store, run_date) if record.get("run_id") == run_id), None)
    if record is None or commit.model is None:
        raise InputError(f"{store.root}: no labels are published for {run_date}; {named_dates(store)}")
    if record.get("model_id") != commit.model.model_id:
        raise InputError(
            f"{store.root}: the labels of {run_date} are of another model than the one published since; "
            f"run seg-spark label --run-date {run_date} first"
        )
    try:
        scores = json.loads(read_scores(store, commit.model))
        if not isinstance(scores, dict) or "scores" not in scores:
            raise ValueError("no scores")
    except ValueError:
        raise InputError(f"{scores_path(store, commit.model)}: is damaged; {FIT_AGAIN}") from None
    data = ReportData(
        record=record,
        model=read_model(store, commit.model),
        scores=scores,
        profiles=read_profiles(store, run_date),
        figures=read_figures(store, run_date, run_id),
        transitions=read_transitions(store, run_date),
        sizes=read_sizes(store, run_date, MOST_DATES),
    )
    return write_page(store, run_date, run_id, render_report(data))


def compare_dates(store: Files, before: date, now: date) -> DateComparison:
    """Who moved from one date to a later one, and how far each feature that both models use has drifted.

    Raises InputError if a date is not published, or a table of it is damaged.
    """
    transitions = transitions_of(cross_labels_between(store, before, now), {})
    names = [
        {profile.segment_id: profile.segment_name for profile in read_profiles(store, day)} for day in (before, now)
    ]
    names_now = {feature.name for feature in _features(store, now)}
    of_both = [feature for feature in _features(store, before) if feature.name in names_now]
    drift = [_drift(store, before, now, feature) for feature in of_both]
    return DateComparison(
        before, now, names[0], names[1], transitions, tuple(feature for feature in drift if feature is not None)
    )


def _features(store: Files, run_date: date) -> tuple[FittedFeature, ...]:
    model = commit_of(store, run_date).model
    return read_model(store, model).features if model else ()


def _drift(store: Files, before: date, now: date, feature: FittedFeature) -> FeatureDrift | None:
    """One feature at a time: at ten million customers a column takes 80 MB. None if it has changed its kind, or was
    left out when the customers were cleaned again."""
    if any(feature.name not in columns_of_date(store, day, c.CLEAN_CUSTOMERS) for day in (before, now)):
        return None
    old, new = (_column(store, day, feature.name) for day in (before, now))
    return drift_of_feature(distribution_of(feature, old), new) if old.type == new.type else None


def _column(store: Files, run_date: date, name: str) -> pa.ChunkedArray:
    return read_table_of_date(store, run_date, c.CLEAN_CUSTOMERS, (name,))[name]
