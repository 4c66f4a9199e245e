"""A trial: the table of a published date fitted with changed settings, beside what is published. Publishes nothing.

It takes no run lock and leaves no record: many may be at work at once, beside a night.
"""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.sql import DataFrame

from seg_spark import schemas
from seg_spark.cleaning.row_counts import RowCounts, check_rows
from seg_spark.errors import InputError
from seg_spark.features.fitted import FittedNumber
from seg_spark.reporting.progress import StepProgress
from seg_spark.run_record import settings_digest
from seg_spark.segments.comparison import Comparison, Segmentation, compared_segments
from seg_spark.segments.cross_table import cross_labels
from seg_spark.segments.matching import CrossTable
from seg_spark.segments.model import Model
from seg_spark.segments.scoring import score
from seg_spark.settings.differences import changes_between, cleans_alike, measures_alike
from seg_spark.settings.schema import Settings
from seg_spark.steps.cleaning import clean_customers
from seg_spark.steps.fitting import Fitted, fit_segments, read_clean, training_customers
from seg_spark.steps.night import Night, refuse_own_output, start_spark
from seg_spark.steps.published import PublishedNight, outcomes_of, read_published
from seg_spark.steps.stopping import sigterm_raises
from seg_spark.storage.layout import Layout
from seg_spark.storage.manifests import last_date_with, read_manifest
from seg_spark.storage.spark_errors import spark_errors_as
from seg_spark.storage.tables import read_table
from seg_spark.storage.trials import trial_area

log = logging.getLogger("seg_spark")


def try_settings(
    usual: Settings, tried: Settings, run_date: date | None, conf_dir: Path, progress: StepProgress
) -> Comparison:
    """Fit the customers of a published date with the settings `tried`, and lay the result beside the published one.

    `usual` are the settings without the changes: where both clean alike, the published clean customers
    are fitted, else the raw input is read again. Without `run_date` it is the last date with labels.
    Raises InputError if nothing is published, and what a night with these settings would raise.
    """
    clock = time.monotonic()
    layout = Layout.of(tried.output.path)
    # where the published night lies is not what is tried
    usual = usual.model_copy(update={"output": tried.output})
    night_date = run_date or last_date_with(layout, schemas.CUSTOMER_SEGMENTS)
    if night_date is None:
        raise InputError(
            f"{layout.root}: nothing is published there yet; run seg-spark nightly --run-date YYYY-MM-DD first"
        )
    published = read_published(layout, night_date)
    clean_again = not cleans_alike(usual, tried)
    if clean_again:
        refuse_own_output(tried, night_date)
        log.info("the changed settings bear on cleaning: the input of %s is read and cleaned again", night_date)
    with sigterm_raises():
        spark = start_spark(f"seg_spark try {night_date}", tried, night_date, conf_dir, progress)
        trial_id = f"try-{secrets.token_hex(8)}"
        night = Night(spark, tried, night_date, trial_id, layout, layout.trials / trial_id, progress)
        with _customers(night, published, clean_again) as (customers, rows):
            check_rows(rows, tried)
            fitted = fit_segments(night, training_customers(night, customers))
            table = _cross_with_published(night, customers, fitted.model)
    _check_not_replaced(layout, published)
    tried_side = _segmentation(fitted, rows)
    published_segments, tried_segments, matching = compared_segments(
        published.segmentation.names, tried_side.names, table
    )
    return Comparison(
        run_date=night_date,
        changes=changes_between(usual, tried),
        cleaned_again=clean_again,
        comparable_scores=measures_alike(usual, tried) and _axes(published.model) == _axes(fitted.model),
        remarks=_remarks(usual, published),
        published=published.segmentation,
        tried=tried_side,
        published_segments=published_segments,
        tried_segments=tried_segments,
        matching=matching,
        seconds=progress.seconds | {"total": round(time.monotonic() - clock, 3)},
    )


@contextmanager
def _customers(night: Night, published: PublishedNight, clean_again: bool) -> Iterator[tuple[DataFrame, RowCounts]]:
    """The clean customers of the trial: those published, or others that are gone when the block ends."""
    if not clean_again:
        yield read_clean(night, night.layout.partition(schemas.CLEAN_CUSTOMERS, night.run_date)), published.rows
        return
    with trial_area(night.layout, night.run_id):
        try:
            cleaned = clean_customers(night)
            yield read_clean(night, cleaned.clean.folder), cleaned.rows
        except BaseException:
            # a task that goes on would write its files anew; a Spark that is gone runs none
            with suppress(Py4JError, OSError):
                night.spark.sparkContext.cancelAllJobs()
            raise


def _cross_with_published(night: Night, customers: DataFrame, model: Model) -> CrossTable:
    folder = night.layout.partition(schemas.CUSTOMER_SEGMENTS, night.run_date)
    with night.progress.step("compare"), spark_errors_as(InputError, f"comparing with {folder}"):
        labels = read_table(night.spark, folder, schemas.CUSTOMER_SEGMENTS_SCHEMA)
        return cross_labels(labels, score(customers, model))


def _check_not_replaced(layout: Layout, published: PublishedNight) -> None:
    """Without the lock a night may have published in the meantime; two halves of different runs say nothing."""
    run_date = published.manifest.run_date
    if read_manifest(layout, run_date) != published.manifest:
        raise InputError(f"{layout.root}: {run_date} was published again during the trial; try again")


def _segmentation(fitted: Fitted, rows: RowCounts) -> Segmentation:
    return Segmentation(
        model_id=fitted.model.model_id,
        chosen_because=fitted.choice.because,
        rows=outcomes_of(rows),
        scores=next(one for one in fitted.scores if one.k == fitted.choice.k),
        scores_by_k=fitted.scores,
        names={one.segment_id: one.name for one in fitted.model.segments},
    )


def _axes(model: Model) -> tuple[object, ...]:
    """What tells whether two models measure alike, as far as a model knows."""
    features = (
        (one.name, one.transform if isinstance(one, FittedNumber) else one.weight) for one in model.features
    )  # fmt: skip
    return model.scaling, *features


def _remarks(usual: Settings, published: PublishedNight) -> tuple[str, ...]:
    if settings_digest(usual) == published.settings_sha256:
        return ()
    return (
        "the published run had other settings than the conf without --set has now, "
        "so the changes listed may not be all that differs",
    )
