"""Two published dates side by side, without Spark."""

from datetime import date

import pyarrow as pa

from seg_spark import columns as c
from seg_spark.features.fitted import FittedFeature
from seg_spark.segments.drift import FeatureDrift, distribution_of, drift_of_feature
from seg_spark.segments.movement import DateComparison, transitions_of
from seg_spark.storage.commits import commit_of
from seg_spark.storage.portable_models import read_model
from seg_spark.storage.published_tables import columns_of_date, cross_labels_between, read_profiles, read_table_of_date
from seg_spark.storage.store import Files


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
