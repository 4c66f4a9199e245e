"""Commits without a run, and small published tables: what tests of a store need."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from seg_spark.segments.model import Model, SegmentEvent, SegmentState, model_to_json
from seg_spark.storage.commits import (
    Commit,
    DateState,
    PublishedModel,
    TableVersion,
    commit_of,
    create_commit,
    latest_commit,
    origin_before,
)
from seg_spark.storage.layout import PORTABLE
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.publish import RunArea, publish, run_area
from seg_spark.storage.retention import Retention
from seg_spark.storage.store import Store
from seg_spark.storage.tables import StagedTable, staged_table

FIRST_DATE: Final = date(2026, 11, 23)
LABELS: Final = "customer_segments"
KEEP_ALL: Final = Retention(versions=100, grace_seconds=0.0)


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
    dates = dict(last.dates if last else {}) | {
        run_date: DateState(number, model, number, origin_before(last, run_date))
    }
    made = Commit(number, run_date, f"r{number}", model, tables or {}, dates, fingerprint)
    assert create_commit(store, made)
    return made


def commit_model(store: Store, run_date: date, model: Model) -> Commit:
    """Add a commit with a model, whose model.json is written."""
    store.write(f"models/{model.model_id}/{PORTABLE}", model_to_json(model).encode())
    return commit(store, run_date, model.model_id)


def stage(store: LocalStore, area: RunArea, table: str, customers: list[str]) -> StagedTable:
    folder = store.version_folder(table, area.run_date, area.run_id)
    store.path(folder).mkdir(parents=True)
    pq.write_table(
        pa.table({"customer_id": pa.array(customers, pa.string())}), store.path(folder) / f"part-{area.run_id}.parquet"
    )
    return staged_table(store, table, folder)


def published(
    store: LocalStore,
    run_id: str,
    *customers: str,
    tables: tuple[str, ...] = (LABELS,),
    run_date: date = FIRST_DATE,
    retention: Retention = KEEP_ALL,
    model: PublishedModel | None = None,
) -> Commit:
    """A run that publishes customers; where it labels without a given model, one of its own and a segment."""
    with run_area(store, run_date, run_id) as area:
        staged = [stage(store, area, table, list(customers)) for table in tables]
        segments = None
        if LABELS in tables and (model is None or not store.entries(model.folder)):
            model = PublishedModel(f"model-{run_id}", f"_seg_spark/versions/{run_id}/models")
            store.write(f"{model.folder}/model.json", run_id.encode())
            last = latest_commit(store)
            born = 1 + sum(len(ids) for ids in last.issued.values()) if last else 1
            segments = SegmentState((SegmentEvent(run_date, born, "born", f"of {run_id}"),))
        return publish(store, area, staged, model, retention, segment_state=segments)


def labels(store: LocalStore, run_date: date = FIRST_DATE) -> list[str]:
    """The labels of a date: a plain glob finds the same as a reader of the commits."""
    listed = [store.path(one.path) for one in commit_of(store, run_date).tables[LABELS].files]
    shown = sorted(store.path(f"{LABELS}/run_date={run_date}").iterdir())
    assert [one.name for one in listed] == [one.name for one in shown]
    assert all(one.samefile(other) for one, other in zip(listed, shown, strict=True))
    return [value for one in shown for value in pq.ParquetFile(one).read()["customer_id"].to_pylist()]
