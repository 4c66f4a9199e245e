"""The work of each command: clean -> training set -> fit anew or keep the published model -> label -> publish."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import median_low
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import DoubleType

from seg_spark import columns as c
from seg_spark.cleaning.duplicates import IdTotals, with_hash_of_id
from seg_spark.cleaning.outcomes import check_rows
from seg_spark.errors import FIT_AGAIN, InputError, QualityGateError
from seg_spark.run_record import RunOutcome
from seg_spark.segments.model import SegmentState
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.champion import Champion, champion_of
from seg_spark.steps.choosing import ChosenModel, choose_model, stage_chosen
from seg_spark.steps.cleaning import CleaningResult, clean_customers
from seg_spark.steps.context import RunContext, retention_of
from seg_spark.steps.fitting import read_clean, training_customers
from seg_spark.steps.labelling import label_customers
from seg_spark.steps.published import PrecedingRun, customers_before, preceding_run, unfit_features
from seg_spark.storage.commits import (
    PublishedModel,
    active_segments,
    clean_table,
    commit_of,
    last_labelled,
    needed_model,
    read_model,
)
from seg_spark.storage.publish import publish
from seg_spark.storage.tables import StagedTable

log = logging.getLogger("seg_spark")

Remember = Callable[[RunOutcome], None]
"""A step reports here what is known so far, so that a failing run still has it on record."""
Work = Callable[[RunContext, Remember], RunOutcome]


def run_nightly(context: RunContext, remember: Remember) -> RunOutcome:
    """The whole run: everything is staged and audited before anything is published, labels last."""
    cleaned = _clean(context, remember)
    customers = read_clean(context, cleaned.clean.files)
    training = training_customers(context, customers, cleaned.rows.accepted)
    preceding, champion = _before(context, training)
    chosen = choose_model(context, training, champion, cleaned.rows.accepted, refit=context.refit)
    outcome = RunOutcome(
        cleaned=cleaned, fitted=chosen.fitted, model=chosen.model, refit=chosen.refit, earlier=chosen.earlier
    )
    remember(outcome)
    _warn_of_names(context.settings.segments.names, chosen)
    with ThreadPoolExecutor(1, thread_name_prefix="model") as pool:  # many small files, which leave Spark its cores
        model = pool.submit(stage_chosen, context, chosen)
        labelled = label_customers(
            context, customers, chosen.model, training, accepted_ids=cleaned.ids, preceding=preceding
        )
        with context.progress.step("publish"):
            tables = [cleaned.clean, cleaned.rejected, *labelled.tables]
            _publish(context, tables, model.result(), chosen.segment_state)
    return replace(outcome, labelled=labelled)


def run_clean(context: RunContext, remember: Remember) -> RunOutcome:
    """Clean the raw customers and publish clean_customers and rejected_customers."""
    cleaned = _clean(context, remember)
    with context.progress.step("publish"):
        _publish(context, [cleaned.clean, cleaned.rejected], None)
    if c.CUSTOMER_SEGMENTS in commit_of(context.store, context.run_date).tables:
        log.warning(
            "customer_segments of %s is of the customers before; run seg-spark label --run-date %s",
            context.run_date, context.run_date,
        )  # fmt: skip
    return RunOutcome(cleaned=cleaned)


def run_fit(context: RunContext, remember: Remember) -> RunOutcome:
    """Fit a model on the clean customers published for the date, and publish it for the date.

    Whatever the policy says; but where the fit is refused, the model of the date before becomes that of this date.
    """
    table = clean_table(context.store, context.run_date)
    training = training_customers(context, read_clean(context, table.files), table.rows)
    _, champion = _before(context, training)
    chosen = choose_model(context, training, champion, table.rows, refit=True)
    outcome = RunOutcome(fitted=chosen.fitted, model=chosen.model, refit=chosen.refit, earlier=chosen.earlier)
    remember(outcome)
    with context.progress.step("publish"):
        _publish(context, [], stage_chosen(context, chosen), chosen.segment_state)
    return outcome


def run_label(context: RunContext, remember: Remember) -> RunOutcome:
    """Label the clean customers published for the date with its model, or else the last one before it."""
    table = clean_table(context.store, context.run_date)
    customers = read_clean(context, table.files)
    published = needed_model(context.store, context.run_date)
    model = read_model(context.store, published)
    is_number = {field.name: isinstance(field.dataType, DoubleType) for field in customers.schema}
    if unfit := unfit_features(model, is_number):
        raise InputError(
            f"{context.store.root}: the model needs {', '.join(unfit[:10])}, which the clean customers of "
            f"{context.run_date} do not have, or not of that kind; run seg-spark fit --run-date {context.run_date}"
        )
    remember(RunOutcome(model=model))
    sample = training_customers(context, customers, table.rows)
    preceding = preceding_run(context.store, context.run_date)
    labelled = label_customers(context, customers, model, sample, accepted_ids=_ids_of(customers), preceding=preceding)
    with context.progress.step("publish"):
        _publish(context, labelled.tables, published, active_segments(context.store, context.run_date))
    return RunOutcome(model=model, labelled=labelled)


WORK: Final[Mapping[str, Work]] = {"nightly": run_nightly, "clean": run_clean, "fit": run_fit, "label": run_label}


def _clean(context: RunContext, remember: Remember) -> CleaningResult:
    """Clean the raw customers. Raises the errors of `check_rows`, QualityGateError for far fewer than usual."""
    cleaned, settings = clean_customers(context), context.settings
    remember(RunOutcome(cleaned=cleaned))
    check_rows(cleaned.rows, settings)
    ratio, accepted = settings.cleaning.min_customers_ratio, cleaned.rows.accepted
    if ratio is not None:
        before = customers_before(context.store, context.run_date, settings.refit.usual_dates)
        # neither one date of far too many nor a fall that was let through once blocks the dates after it
        usual = min(before[-1], median_low(before)) if before else 0
        if accepted < ratio * usual:
            raise QualityGateError(
                f"input.path: only {accepted:,} customers were accepted, {accepted / usual:.0%} of the {usual:,} "
                f"before (cleaning.min_customers_ratio {100 * ratio:g}%); is the table whole? If these are all, run "
                "this date once with --set cleaning.min_customers_ratio=null"
            )
    return cleaned


def _before(context: RunContext, training: pa.Table) -> tuple[PrecedingRun | None, Champion | None]:
    """The run of the preceding date, and its model beside today's training customers."""
    try:
        preceding = preceding_run(context.store, context.run_date)
        return preceding, champion_of(context, preceding, training) if preceding else None
    except InputError as error:
        commit = last_labelled(context.store, context.run_date)
        earlier = commit.run_date if commit else "the date before"
        reason = str(error).removesuffix(f"; {FIT_AGAIN}")
        raise InputError(
            f"what is published for {earlier} is needed and cannot be used: {reason}; "
            f"run seg-spark nightly --run-date {earlier} --force, then this date"
        ) from None


def _warn_of_names(names: Mapping[int, str], chosen: ChosenModel) -> None:
    present = [segment.segment_id for segment in chosen.model.segments]
    past = {event.segment_id for event in chosen.segment_state.history}
    if unknown := sorted(set(names) - set(present) - past):
        listed = [", ".join(map(str, ids)) for ids in (unknown, present)]
        log.warning("segments.names: there is no segment %s; there are %s", *listed)


def _ids_of(customers: DataFrame) -> IdTotals:
    with spark_errors_as(InputError, "reading the clean customers"):
        [row] = with_hash_of_id(customers).agg(*IdTotals.columns()).collect()
        return IdTotals.of(row.asDict())


def _publish(
    context: RunContext,
    staged: list[StagedTable],
    model: PublishedModel | None,
    segment_state: SegmentState | None = None,
) -> None:
    retention = retention_of(context.settings)
    publish(context.store, context.area, staged, model, retention, segment_state=segment_state)
