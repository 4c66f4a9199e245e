"""Commits without a run: what tests of readers need of a store."""

from collections.abc import Mapping
from datetime import date

from seg_spark.segments.model import Model, model_to_json
from seg_spark.storage.commits import (
    Commit,
    DateState,
    PublishedModel,
    TableVersion,
    create_commit,
    latest_commit,
)
from seg_spark.storage.layout import PORTABLE
from seg_spark.storage.store import Store


def commit(
    store: Store,
    run_date: date,
    model_id: str | None = None,
    tables: Mapping[str, TableVersion] | None = None,
    fingerprint: str | None = None,
) -> Commit:
    """Add a commit to the sequence; its files need not be there."""
    last = latest_commit(store)
    number = last.number + 1 if last else 1
    model = PublishedModel(model_id, f"models/{model_id}") if model_id else None
    dates = dict(last.dates if last else {}) | {run_date: DateState(number, model, number)}
    made = Commit(number, run_date, f"r{number}", model, tables or {}, dates, fingerprint)
    assert create_commit(store, made)
    return made


def commit_model(store: Store, run_date: date, model: Model) -> Commit:
    """Add a commit with a model, whose model.json is written."""
    store.write(f"models/{model.model_id}/{PORTABLE}", model_to_json(model).encode())
    return commit(store, run_date, model.model_id)
