"""The report page of a date: made from what is published, without Spark."""

import json
from datetime import date

from seg_spark import columns as c
from seg_spark.errors import FIT_AGAIN, InputError
from seg_spark.reporting.changes import MOST_DATES
from seg_spark.reporting.report_page import render_report
from seg_spark.reporting.report_sections import ReportData
from seg_spark.storage.commits import commit_of, named_dates
from seg_spark.storage.portable_models import read_model, read_scores, scores_path
from seg_spark.storage.published_tables import read_profiles, read_sizes, read_transitions
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
