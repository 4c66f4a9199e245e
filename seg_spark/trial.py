"""A trial: the table of a published date fitted with changed settings, beside what is published. Publishes nothing.

It takes no run lock and leaves no record: several may run at once, and beside a run.
"""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.outcomes import RowCounts, check_rows
from seg_spark.errors import InputError
from seg_spark.features.fitted import FittedNumber
from seg_spark.reporting.progress import StepProgress
from seg_spark.segments.matching import Comparison, Segmentation, compared_segments
from seg_spark.segments.model import Model
from seg_spark.segments.movement import CrossTable
from seg_spark.segments.scoring import score
from seg_spark.session import ending_work
from seg_spark.settings.differences import changes_between, cleans_alike, measures_alike
from seg_spark.settings.schema import Settings
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.cleaning import clean_customers
from seg_spark.steps.context import RunContext, refuse_own_output, start_spark, store_of
from seg_spark.steps.fitting import FittingResult, fit_segments, read_clean, training_customers
from seg_spark.steps.published import PublishedDate, read_published
from seg_spark.steps.stopping import sigterm_raises
from seg_spark.storage import layout
from seg_spark.storage.commits import TableVersion, commit_of, last_date_with, read_reference
from seg_spark.storage.publish import RunArea
from seg_spark.storage.readers import files_at
from seg_spark.storage.records import trial_area
from seg_spark.storage.store import Files
from seg_spark.storage.tables import read_table

log = logging.getLogger("seg_spark")


def try_settings(
    usual: Settings, tried: Settings, run_date: date | None, conf_dir: Path, progress: StepProgress
) -> Comparison:
    """Fit the customers of a published date with the settings `tried`, and lay the result beside the published one.

    `usual` are the settings without the changes: where both clean alike, the published clean customers
    are fitted, else the raw input is read again. Without `run_date` it is the last date with labels.
    Raises InputError if nothing is published, and what a run with these settings would raise.
    """
    clock = time.monotonic()
    store = files_at(tried.output.path)
    # the place of the published tables is not what is tried
    usual = usual.model_copy(update={"output": tried.output})
    date_ = run_date or last_date_with(store, c.CUSTOMER_SEGMENTS)
    if date_ is None:
        raise InputError(
            f"{store.root}: nothing is published there yet; run seg-spark nightly --run-date YYYY-MM-DD first"
        )
    published = read_published(store, date_)
    fitted_on = _fitted_on(store, published)
    clean_again = not cleans_alike(usual, tried)
    if clean_again:
        refuse_own_output(tried, date_)
        log.info("the changed settings affect cleaning: the input of %s is read and cleaned again", date_)
    with sigterm_raises():
        spark = start_spark(f"seg_spark try {date_}", tried, date_, conf_dir, progress)
        trial_id = f"try-{secrets.token_hex(8)}"
        area = RunArea(date_, trial_id, layout.trial(trial_id), 0)
        context = RunContext(spark, tried, store_of(tried, lambda: spark), area, progress, is_trial=True)
        with _customers(context, published, clean_again) as (customers, rows):
            check_rows(rows, tried)
            fitted = fit_segments(context, training_customers(context, customers, rows.accepted))
            labels = published.commit.tables[c.CUSTOMER_SEGMENTS]
            table = _cross_with_published(context, labels, customers, fitted.model)
    _check_not_replaced(store, published)
    tried_side = _segmentation(fitted, rows)
    published_segments, tried_segments, matching = compared_segments(
        published.segmentation.names, tried_side.names, table
    )
    return Comparison(
        run_date=date_,
        changes=changes_between(usual, tried),
        cleaned_again=clean_again,
        comparable_scores=measures_alike(usual, tried) and _axes(published.model) == _axes(fitted.model),
        remarks=tuple(_remarks(usual, published, fitted_on)),
        published=published.segmentation,
        tried=tried_side,
        published_segments=published_segments,
        tried_segments=tried_segments,
        matching=matching,
        seconds=progress.seconds | {"total": round(time.monotonic() - clock, 3)},
    )


@contextmanager
def _customers(
    context: RunContext, published: PublishedDate, clean_again: bool
) -> Iterator[tuple[DataFrame, RowCounts]]:
    """The clean customers of the trial: those published, or others that are gone when the block ends."""
    if not clean_again:
        files = published.commit.tables[c.CLEAN_CUSTOMERS].files
        yield read_clean(context, files), published.segmentation.rows
        return
    with trial_area(context.store, context.run_id), ending_work(context.spark):
        cleaned = clean_customers(context)
        yield read_clean(context, cleaned.clean.files), cleaned.rows


def _cross_with_published(
    context: RunContext, published: TableVersion, customers: DataFrame, model: Model
) -> CrossTable:
    where = f"comparing with {c.CUSTOMER_SEGMENTS} of {context.run_date}"
    with context.progress.step("compare"), spark_errors_as(InputError, where):
        labels = read_table(context.spark, context.store, published.files, schemas.CUSTOMER_SEGMENTS_SCHEMA)
        return cross_labels(labels, score(customers, model))


def cross_labels(one: DataFrame, other: DataFrame) -> CrossTable:
    """Customers by (segment_id in one, segment_id in the other); None where a customer is in one table only.

    Both tables have customer_id and segment_id, one row per customer.
    """
    left = one.select(c.CUSTOMER_ID, F.col(c.SEGMENT_ID).alias("one"))
    right = other.select(c.CUSTOMER_ID, F.col(c.SEGMENT_ID).alias("other"))
    counts = left.join(right, on=c.CUSTOMER_ID, how="full").groupBy("one", "other").agg(F.count(F.lit(1)).alias("n"))
    return {(row["one"], row["other"]): row["n"] for row in counts.collect()}  # at most (k + 1) squared rows


def _check_not_replaced(store: Files, published: PublishedDate) -> None:
    """Raise InputError if a run has published the date in the meantime: then the two sides do not belong together."""
    run_date = published.commit.run_date
    if commit_of(store, run_date).number != published.commit.number:
        raise InputError(f"{store.root}: {run_date} was published again during the trial; try again")


def _segmentation(fitted: FittingResult, rows: RowCounts) -> Segmentation:
    return Segmentation(
        model_id=fitted.model.model_id,
        chosen_because=fitted.choice.because,
        rows=rows,
        scores=next(fit for fit in fitted.scores if fit.k == fitted.choice.k),
        scores_by_k=fitted.scores,
        names={segment.segment_id: segment.name for segment in fitted.model.segments},
    )


def _axes(model: Model) -> tuple[object, ...]:
    """What two models must share for their scores to be comparable."""
    features = (
        (feature.name, feature.transform if isinstance(feature, FittedNumber) else feature.weight)
        for feature in model.features
    )
    return model.scaling, *features


def _fitted_on(store: Files, published: PublishedDate) -> date:
    assert published.commit.model is not None  # else it would not have been read
    return read_reference(store, published.commit.model).fitted_on


def _remarks(usual: Settings, published: PublishedDate, fitted_on: date) -> Iterator[str]:
    if usual.sha256 != published.settings_sha256:
        yield (
            "the published run had other settings than the conf without --set has now, "
            "so the changes listed may not be all that differs"
        )
    if fitted_on != published.commit.run_date:
        yield (
            f"the published scores are those of the fit on {fitted_on}; a new fit on the customers of "
            f"{published.commit.run_date} may have others, and move customers, without any changed setting"
        )
