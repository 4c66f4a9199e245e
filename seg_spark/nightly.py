"""The work of each command: raw customers -> clean -> training set -> fit every k, choose k -> label -> publish."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from pyspark.sql import DataFrame

from seg_spark import schemas
from seg_spark.cleaning.row_counts import check_rows
from seg_spark.errors import DegenerateModelError, InputError
from seg_spark.run_record import Outcome
from seg_spark.segments.model import Model, model_to_json
from seg_spark.steps.cleaning import clean_customers
from seg_spark.steps.fitting import Fitted, fit_segments, read_clean, scores_json, training_customers
from seg_spark.steps.labelling import label_customers
from seg_spark.steps.night import Night
from seg_spark.storage.manifests import read_manifest
from seg_spark.storage.models import stage_model
from seg_spark.storage.portable_models import published_model
from seg_spark.storage.publish import StagedTable, publish_model, publish_tables

log = logging.getLogger("seg_spark")

_MODEL_FOLDER: Final = "model"


Report = Callable[[Outcome], None]
"""A step reports here what is known so far, so that a failing run still has it on record."""
Work = Callable[[Night, Report], Outcome]


def run_nightly(night: Night, report: Report) -> Outcome:
    """The whole night: everything is staged and audited before anything is published, labels last."""
    cleaned = clean_customers(night)
    report(Outcome(cleaned=cleaned))
    check_rows(cleaned.rows, night.settings)
    customers = read_clean(night, cleaned.clean.folder)
    training = training_customers(night, customers)
    outcome = _fit_or_fall_back(night, training, Outcome(cleaned=cleaned))
    report(outcome)
    model = _chosen(outcome)
    labelled = label_customers(night, customers, model, training, cleaned.rows.accepted)
    with night.progress.step("publish"):
        if outcome.fitted is not None:
            _publish_fitted(night, outcome.fitted)
        tables = [cleaned.clean, cleaned.rejected, labelled.profiles, labelled.segments]
        publish_tables(night.layout, night.run_date, night.run_id, tables, model.model_id)
    return replace(outcome, labelled=labelled)


def run_clean(night: Night, report: Report) -> Outcome:
    """Clean the night's customers and publish clean_customers and rejected_customers."""
    cleaned = clean_customers(night)
    report(Outcome(cleaned=cleaned))
    check_rows(cleaned.rows, night.settings)
    with night.progress.step("publish"):
        _publish(night, [cleaned.clean, cleaned.rejected], None)
    return Outcome(cleaned=cleaned)


def run_fit(night: Night, report: Report) -> Outcome:
    """Fit a model on the clean customers published for the date, and publish it for the date."""
    customers, _ = _published_customers(night)
    fitted = fit_segments(night, training_customers(night, customers))
    outcome = Outcome(fitted=fitted, model=fitted.model)
    report(outcome)
    with night.progress.step("publish"):
        _publish_fitted(night, fitted)
        _publish(night, [], fitted.model.model_id)
    return outcome


def run_label(night: Night, report: Report) -> Outcome:
    """Label the clean customers published for the date with its model, or else the last one before it."""
    customers, rows = _published_customers(night)
    model = published_model(night.layout, night.run_date)
    if model is None:
        raise InputError(f"{night.layout.root}: no model is published for {night.run_date} or before; run fit first")
    report(Outcome(model=model))
    sample = training_customers(night, customers)
    labelled = label_customers(night, customers, model, sample, rows)
    with night.progress.step("publish"):
        _publish(night, [labelled.profiles, labelled.segments], model.model_id)
    return Outcome(model=model, labelled=labelled)


WORK: Final[Mapping[str, Work]] = {"nightly": run_nightly, "clean": run_clean, "fit": run_fit, "label": run_label}


def _fit_or_fall_back(night: Night, training: Any, outcome: Outcome) -> Outcome:
    """A refit that gives no acceptable model leaves the last published one in charge."""
    try:
        fitted = fit_segments(night, training)
    except DegenerateModelError as error:
        published = published_model(night.layout, night.run_date)
        if published is None or [one.name for one in published.features if one.name not in training.column_names]:
            raise
        log.warning("%s; the published model %s stays in charge", error, published.model_id)
        return replace(outcome, model=published, refit_refused=str(error))
    return replace(outcome, fitted=fitted, model=fitted.model)


def _chosen(outcome: Outcome) -> Model:
    if outcome.model is None:
        raise DegenerateModelError("there is no model to label with")
    return outcome.model


def _published_customers(night: Night) -> tuple[DataFrame, int]:
    table = read_manifest(night.layout, night.run_date).tables.get(schemas.CLEAN_CUSTOMERS)
    if table is None:
        raise InputError(f"{night.layout.root}: no clean customers are published for {night.run_date}; run clean first")
    return read_clean(night, night.layout.partition(schemas.CLEAN_CUSTOMERS, night.run_date)), int(table["rows"])


def _publish_fitted(night: Night, fitted: Fitted) -> None:
    staged = night.staging / _MODEL_FOLDER
    stage_model(staged, fitted.pipeline, model_to_json(fitted.model), scores_json(fitted))
    publish_model(night.layout, staged, fitted.model.model_id)


def _publish(night: Night, staged: list[StagedTable], model_id: str | None) -> None:
    publish_tables(night.layout, night.run_date, night.run_id, staged, model_id)
