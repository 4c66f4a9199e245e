"""The work of each command: raw customers -> clean -> training set -> fit every k, choose k -> label -> publish."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from pyspark.sql import DataFrame

from seg_spark import columns as c
from seg_spark.cleaning.outcomes import check_rows
from seg_spark.cleaning.repeated_ids import IdTotals, with_hash_of_id
from seg_spark.errors import DegenerateModelError, InputError
from seg_spark.run_record import RunOutcome
from seg_spark.segments.history import History
from seg_spark.segments.model import Model, model_to_json
from seg_spark.spark_errors import spark_errors_as
from seg_spark.steps.cleaning import clean_customers
from seg_spark.steps.context import RunContext
from seg_spark.steps.fitting import FittingResult, fit_segments, read_clean, scores_json, training_customers
from seg_spark.steps.labelling import label_customers
from seg_spark.steps.preceding import PrecedingRun, preceding_run
from seg_spark.storage.commits import PublishedModel, active_history, active_model, commit_of
from seg_spark.storage.portable_models import published_model, read_model
from seg_spark.storage.publish import ModelForms, publish, stage_model
from seg_spark.storage.retention import Retention
from seg_spark.storage.tables import StagedTable

log = logging.getLogger("seg_spark")

Report = Callable[[RunOutcome], None]
"""A step reports here what is known so far, so that a failing run still has it on record."""
Work = Callable[[RunContext, Report], RunOutcome]


def run_nightly(context: RunContext, report: Report) -> RunOutcome:
    """The whole run: everything is staged and audited before anything is published, labels last."""
    cleaned = clean_customers(context)
    report(RunOutcome(cleaned=cleaned))
    check_rows(cleaned.rows, context.settings)
    customers = read_clean(context, cleaned.clean.files)
    training = training_customers(context, customers)
    preceding = preceding_run(context.store, context.run_date)
    outcome = _fit_or_fall_back(context, training, preceding, RunOutcome(cleaned=cleaned))
    report(outcome)
    model = _chosen(outcome)
    labelled = label_customers(context, customers, model, training, accepted=cleaned.ids, preceding=preceding)
    with context.progress.step("publish"):
        published = _stage_fitted(context, outcome.fitted) if outcome.fitted else _active_model(context)
        _publish(
            context, [cleaned.clean, cleaned.rejected, *labelled.tables], published, _history(context, outcome.fitted)
        )
    return replace(outcome, labelled=labelled)


def run_clean(context: RunContext, report: Report) -> RunOutcome:
    """Clean the raw customers and publish clean_customers and rejected_customers."""
    cleaned = clean_customers(context)
    report(RunOutcome(cleaned=cleaned))
    check_rows(cleaned.rows, context.settings)
    with context.progress.step("publish"):
        _publish(context, [cleaned.clean, cleaned.rejected], None)
    return RunOutcome(cleaned=cleaned)


def run_fit(context: RunContext, report: Report) -> RunOutcome:
    """Fit a model on the clean customers published for the date, and publish it for the date."""
    customers = _published_customers(context)
    preceding = preceding_run(context.store, context.run_date)
    fitted = fit_segments(context, training_customers(context, customers), preceding)
    outcome = RunOutcome(fitted=fitted, model=fitted.model)
    report(outcome)
    with context.progress.step("publish"):
        _publish(context, [], _stage_fitted(context, fitted), fitted.history)
    return outcome


def run_label(context: RunContext, report: Report) -> RunOutcome:
    """Label the clean customers published for the date with its model, or else the last one before it."""
    customers = _published_customers(context)
    published = _active_model(context)
    if published is None:
        raise InputError(f"{context.store.root}: no model is published for {context.run_date} or before; run fit first")
    model = read_model(context.store, published)
    report(RunOutcome(model=model))
    sample = training_customers(context, customers)
    preceding = preceding_run(context.store, context.run_date)
    labelled = label_customers(context, customers, model, sample, accepted=_ids_of(customers), preceding=preceding)
    with context.progress.step("publish"):
        _publish(context, labelled.tables, published, _history(context, None))
    return RunOutcome(model=model, labelled=labelled)


WORK: Final[Mapping[str, Work]] = {"nightly": run_nightly, "clean": run_clean, "fit": run_fit, "label": run_label}


def _fit_or_fall_back(
    context: RunContext, training: Any, preceding: PrecedingRun | None, outcome: RunOutcome
) -> RunOutcome:
    """Fit; where no k is acceptable, the last published model stays active."""
    try:
        fitted = fit_segments(context, training, preceding)
    except DegenerateModelError as error:
        published = published_model(context.store, context.run_date)
        if published is None or [one.name for one in published.features if one.name not in training.column_names]:
            raise
        log.warning("%s; the published model %s stays active", error, published.model_id)
        return replace(outcome, model=published, refit_refused=str(error))
    return replace(outcome, fitted=fitted, model=fitted.model)


def _chosen(outcome: RunOutcome) -> Model:
    if outcome.model is None:
        raise DegenerateModelError("there is no model to label with")
    return outcome.model


def _published_customers(context: RunContext) -> DataFrame:
    table = commit_of(context.store, context.run_date).tables.get(c.CLEAN_CUSTOMERS)
    if table is None:
        raise InputError(
            f"{context.store.root}: no clean customers are published for {context.run_date}; run clean first"
        )
    return read_clean(context, table.files)


def _ids_of(customers: DataFrame) -> IdTotals:
    with spark_errors_as(InputError, "reading the clean customers"):
        [row] = with_hash_of_id(customers).agg(*IdTotals.columns()).collect()
        return IdTotals.of(row.asDict())


def _active_model(context: RunContext) -> PublishedModel | None:
    return active_model(context.store, context.run_date)


def _stage_fitted(context: RunContext, fitted: FittingResult) -> PublishedModel:
    model = fitted.model
    forms = ModelForms(model.model_id, fitted.pipeline, model_to_json(model), scores_json(fitted))
    return stage_model(context.store, context.run_id, forms)


def _history(context: RunContext, fitted: FittingResult | None) -> History:
    """What has happened to the segments that the run publishes."""
    return fitted.history if fitted else active_history(context.store, context.run_date)


def _publish(
    context: RunContext,
    staged: list[StagedTable],
    model: PublishedModel | None,
    history: History | None = None,
) -> None:
    rules = context.settings.publish
    retention = Retention(rules.keep_versions, rules.grace_minutes * 60.0)
    publish(context.store, context.area, staged, model, retention, history=history)
