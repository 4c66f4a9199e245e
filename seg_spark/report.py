"""The report page of a date: made from what is published, without Spark."""

import json
from datetime import date
from pathlib import Path

from seg_spark import columns as c
from seg_spark.errors import InputError
from seg_spark.reporting.report_page import ReportData, render_report
from seg_spark.storage.layout import Layout
from seg_spark.storage.local_files import write_text_atomically
from seg_spark.storage.manifests import read_manifest
from seg_spark.storage.portable_models import read_model, read_scores, scores_path
from seg_spark.storage.profiles import read_profiles
from seg_spark.storage.records import read_figures, read_records


def make_report(layout: Layout, run_date: date) -> Path:
    """Write the report of the labels published for a date beside their run record, and return its path.

    Raises InputError if no labels are published for the date, or anything behind them is missing or damaged.
    """
    run_id = (read_manifest(layout, run_date).tables.get(c.CUSTOMER_SEGMENTS) or {}).get("run_id")
    record = next((one for one in read_records(layout, run_date) if one.get("run_id") == run_id), None)
    if run_id is None or record is None:
        raise InputError(
            f"{layout.root}: no labels are published for {run_date}; run seg-spark nightly --run-date {run_date} first"
        )
    model_id = str(record["model_id"])
    try:
        scores = json.loads(read_scores(layout, model_id))
    except ValueError:
        raise InputError(f"{scores_path(layout, model_id)}: is damaged; fit again") from None
    data = ReportData(
        record=record,
        model=read_model(layout, model_id),
        scores=scores,
        profiles=read_profiles(layout, run_date),
        figures=read_figures(layout, run_date, run_id),
    )
    path = layout.records(run_date) / f"{run_id}.html"
    write_text_atomically(path, render_report(data))
    return path
