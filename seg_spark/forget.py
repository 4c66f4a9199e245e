"""Removing customers: refused while an input names them; then from every table, report and trial; then read back."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Final

import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.cleaning.rows import MALFORMED_ROW, ids_and_texts
from seg_spark.errors import InputError, PublishError
from seg_spark.input.files import PLACEHOLDER, input_path, is_local
from seg_spark.input.spark_reader import read_raw
from seg_spark.report import make_report
from seg_spark.reporting.progress import StepProgress
from seg_spark.reporting.report_figures import without_customers
from seg_spark.run_record import RunStart
from seg_spark.settings.schema import Settings
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.context import retention_of
from seg_spark.storage import layout
from seg_spark.storage.commits import commit_of, published_dates
from seg_spark.storage.forgetting import Forgetting, forget_rows, paths_with
from seg_spark.storage.published_tables import read_profiles, read_table_of_date
from seg_spark.storage.records import read_figures, remove_page, remove_report, runs_with_figures, write_figures
from seg_spark.storage.store import Store

log = logging.getLogger("seg_spark")

FEWEST: Final = 5
"""The fewest customers whose means and medians do not tell much of one of them."""


@dataclass(frozen=True)
class SmallSegment:
    """A published segment of so few customers that its profile and its centre tell of each."""

    run_date: date
    segment_id: int
    customers: int


@dataclass(frozen=True)
class ForgettingResult:
    """What was removed: rows by table over all dates, and points and examples from so many reports."""

    customers: int
    rows: Mapping[str, int]
    reports: int
    small_segments: tuple[SmallSegment, ...]
    unchecked_inputs: tuple[date, ...]
    """Dates whose input is not there, or could not be read where it lies, so that it may still have the customers."""


def forget_customers(
    run: RunStart, store: Store, forgetting: Forgetting, spark: SparkSession, progress: StepProgress
) -> ForgettingResult:
    """Remove all rows of some customers from everything below the output, and read it back.

    Raises InputError while the input of a published date still has one of them, LockedError if another run publishes
    meanwhile, PublishError if a file still names one afterwards.
    """
    settings, dates = run.settings, published_dates(store)
    with progress.step("check the input"):
        with_input = dates if PLACEHOLDER in settings.input.path else dates[-1:]
        unchecked = tuple(day for day in with_input if not _is_free_of(spark, settings, day, forgetting))
    with progress.step("remove rows"):
        rows = forget_rows(store, forgetting, run.run_id, retention_of(settings), 60.0 * settings.run.max_minutes)
        store.remove(layout.TRIALS)
    with progress.step("reports"):
        reports = sum(_without_in_reports(store, run_date, forgetting) for run_date in _dates_with_runs(store))
    with progress.step("read back"):
        left = paths_with(store, forgetting)
    if left:
        raise PublishError(
            f"{store.root}: {len(left)} files still name a customer to be forgotten, the first is {left[0]}; "
            "run this again when no other run is active"
        )
    small = tuple(one for run_date in dates for one in _small_segments(store, run_date))
    return ForgettingResult(len({id_.strip() for id_ in forgetting.ids}), rows, reports, small, unchecked)


def _small_segments(store: Store, run_date: date) -> Iterator[SmallSegment]:
    """Segments of a date that few customers are left in, also none: their profiles are published all the same."""
    if c.CUSTOMER_SEGMENTS not in commit_of(store, run_date).tables:
        return
    labels = read_table_of_date(store, run_date, c.CUSTOMER_SEGMENTS, (c.SEGMENT_ID,))[c.SEGMENT_ID]
    left = {one["values"]: one["counts"] for one in pc.value_counts(labels).to_pylist()}
    for segment_id in sorted({profile.segment_id for profile in read_profiles(store, run_date)}):
        if left.get(segment_id, 0) < FEWEST:
            yield SmallSegment(run_date, segment_id, left.get(segment_id, 0))


def _is_free_of(spark: SparkSession, settings: Settings, run_date: date, forgetting: Forgetting) -> bool:
    """Whether the input of a date is there and has none of the customers. Raises InputError if it has one."""
    path = input_path(settings.input, run_date)
    if is_local(settings.input) and not Path(path).exists():
        return False
    try:
        with spark_errors_as(InputError, f"input.path: {path}"):
            # other columns may have had other names, or have them now
            raw = read_raw(spark, settings.input, run_date, MALFORMED_ROW, [settings.customer_id])
            rows = ids_and_texts(raw, settings)
            id_, text = F.col(c.CUSTOMER_ID), F.col(c.RAW_ROW)
            names_one = reduce(or_, (text.rlike(pattern) for pattern in forgetting.patterns))
            is_named = id_.isin(sorted(forgetting.ids)) | names_one
            found = rows.where(is_named).count()
    except InputError as error:
        if is_local(settings.input) or path == settings.input.path:
            raise
        log.warning("not checked, because it cannot be read: %s", error)  # elsewhere it is not known whether it is gone
        return False
    if found:
        raise InputError(
            f"input.path: {path}: {found:,} rows are of customers to be forgotten, and a run would publish them again; "
            "remove them there first; nothing was changed"
        )
    return True


def _dates_with_runs(store: Store) -> list[date]:
    found = (layout.date_of(entry.name) for entry in store.entries(layout.RUNS))
    return [run_date for run_date in found if run_date is not None]


def _without_in_reports(store: Store, run_date: date, forgetting: Forgetting) -> int:
    """Take the customers out of the figures of a date's runs; the page of what is published is made again."""
    labels = commit_of(store, run_date).tables.get(c.CUSTOMER_SEGMENTS)
    changed = 0
    for run_id in runs_with_figures(store, run_date):
        try:
            figures = read_figures(store, run_date, run_id)
        except InputError:  # damaged, so that nobody can tell whom it names
            remove_report(store, run_date, run_id)
            continue
        left = without_customers(figures, forgetting.ids)
        if left == figures:
            continue
        changed += 1
        write_figures(store, run_date, run_id, left)
        remove_page(store, run_date, run_id)
        if labels is not None and labels.run_id == run_id:
            try:
                make_report(store, run_date)
            except InputError as error:  # the page is gone, and with it the customer
                log.warning("the report of %s was removed and not made again: %s", run_date, error)
    return changed
