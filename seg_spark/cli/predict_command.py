"""Commands about one customer, answered from the published model without Spark."""

import logging
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from seg_spark.cli.options import (
    CONF_DIR,
    AsJson,
    Assignments,
    ConfDir,
    DateOption,
    Debug,
    Env,
    app,
    complete_feature,
    load,
    out,
    parse_run_date,
    print_json,
)
from seg_spark.errors import InputError, SettingsError, did_you_mean

log = logging.getLogger("seg_spark")


@app.command("predict")
def predict(
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FEATURE=VALUE",
            help="A feature's name, or the header of its column, and the value.",
            autocompletion=complete_feature,
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", help="A CSV file with a few customers, instead of FEATURE=VALUE.")
    ] = None,
    as_json: AsJson = False,
    run_date: DateOption = None,
    conf_dir: ConfDir = CONF_DIR,
    env: Env = None,
    assignments: Assignments = None,
    debug: Debug = False,
) -> None:
    """Show the segment of one customer, or of a few in a file, as a run would label them; without Spark.

    Example: seg-spark predict annual_income=70 spending_score=82

    Example: seg-spark predict --file customers.csv --json
    """
    from seg_spark.reporting.predictions import prediction_json, show_prediction
    from seg_spark.segments.prediction import answer, split_assignment
    from seg_spark.storage.commits import published_dates, published_model
    from seg_spark.storage.readers import files_at

    if bool(values) == (file is not None):
        raise SettingsError(
            "predict: expected either FEATURE=VALUE, as in annual_income=70 spending_score=82, or --file customers.csv"
        )
    settings = load(conf_dir, env, assignments).settings
    store = files_at(settings.output.path)
    model = published_model(store, parse_run_date(run_date) if run_date else date.max)
    if model is None and run_date and (dates := published_dates(store)):
        raise InputError(f"{store.root}: no model is published for {run_date} or before; the first date is {dates[0]}")
    if model is None:
        raise InputError(f"{store.root}: no model is published there yet; run seg-spark nightly --run-date YYYY-MM-DD")
    if file is not None:
        _predict_file(file, settings, model, as_json)
        return
    row: dict[str, str] = {}
    for text in values or ():
        header, value = split_assignment(model, text)
        if header in row:
            raise SettingsError(f"predict: {header} is given twice; keep one value")
        row[header] = value
    prediction = answer(model, row)
    if as_json:
        print_json(prediction_json(prediction, model))
    else:
        show_prediction(out(), prediction, model)


def _predict_file(file: Path, settings: Any, model: Any, as_json: bool) -> None:
    from seg_spark.cleaning.outcomes import Reason
    from seg_spark.input.customer_file import read_customer_file
    from seg_spark.reporting.predictions import prediction_json, show_predictions
    from seg_spark.segments.prediction import answer, no_label, raw_columns

    columns = raw_columns(model)
    answers = []
    rows = read_customer_file(file, settings.input.options, columns.__contains__)
    _warn_of_absent(
        rows[0].cells if rows else {}, columns, {feature.source: feature.name for feature in model.features}
    )
    for row in rows:
        named = {columns[name]: cell for name, cell in row.cells.items() if name in columns}
        cells = named | row.cells  # a column called like a feature stands back behind the feature's own
        who = row.cells.get(settings.customer_id, f"line {row.line}")
        answers.append((who, no_label(Reason.MALFORMED_ROW.value) if row.is_malformed else answer(model, cells)))
    if as_json:
        print_json([{"customer_id": who} | prediction_json(one, model) for who, one in answers])
    else:
        show_predictions(out(), answers, model, settings.customer_id)


def _warn_of_absent(cells: Mapping[str, str], columns: Mapping[str, str], features: Mapping[str, str]) -> None:
    """Warn of features (by column) that a file lacks: everybody has a missing value then, which is rarely meant."""
    found = {columns[header] for header in cells if header in columns}
    others = [header for header in cells if header not in columns]
    for source, name in features.items():
        if cells and source not in found:
            log.warning("the file has no column of %s, which is taken as missing%s", name, did_you_mean(name, others))
