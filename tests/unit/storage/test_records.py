"""One record per run, whatever became of it."""

import json
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.records import read_records, remove_unfinished_records, write_record

RUN_DATE, NEXT_DATE = date(2026, 11, 23), date(2026, 11, 24)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def record(run_id: str, **values: Any) -> dict[str, Any]:
    ended = {"run_date": "2026-11-23", "status": "succeeded", "exit_code": 0, "seconds": {"total": 0.1}}
    return {"run_id": run_id, **ended, "segments": None, **values}


def run_ids(records: list[dict[str, Any]]) -> list[str]:
    return [one["run_id"] for one in records]


def test_a_record_is_read_back_as_it_was_written(store: LocalStore) -> None:
    written = record("20261123T010000-abc", scores=[{"k": 2, "silhouette": 0.1 + 0.2}], segments=["Größe „très“ 高"])
    path = write_record(store, RUN_DATE, "20261123T010000-abc", written)
    assert path == "runs/run_date=2026-11-23/20261123T010000-abc.json"
    assert json.loads(store.read(path)) == written
    assert "Größe „très“ 高".encode() in store.read(path)
    assert read_records(store) == [written]


def test_records_are_listed_by_date_and_then_by_start(store: LocalStore) -> None:
    for day, run_id in [(NEXT_DATE, "20261124T01"), (RUN_DATE, "20261125T09"), (RUN_DATE, "20261123T01")]:
        write_record(store, day, run_id, record(run_id))
    assert run_ids(read_records(store)) == ["20261123T01", "20261125T09", "20261124T01"]
    assert run_ids(read_records(store, RUN_DATE)) == ["20261123T01", "20261125T09"]


def test_without_a_run_there_is_no_record(store: LocalStore) -> None:
    assert read_records(store) == []
    write_record(store, RUN_DATE, "1", record("1"))
    assert read_records(store, NEXT_DATE) == []


def test_a_record_that_is_written_again_replaces_the_first(store: LocalStore) -> None:
    write_record(store, RUN_DATE, "1", record("1", status="running"))
    write_record(store, RUN_DATE, "1", record("1", status="succeeded"))
    assert [one["status"] for one in read_records(store)] == ["succeeded"]


@pytest.mark.parametrize("text", ['{"run_id": "2', "", "[]", "null", "not JSON", '{"note": "ran by hand"}'])
def test_a_record_that_cannot_be_read_does_not_hide_the_others(store: LocalStore, text: str) -> None:
    damaged = write_record(store, RUN_DATE, "2", record("2"))
    for run_id in ("1", "3"):
        write_record(store, RUN_DATE, run_id, record(run_id))
    store.write(damaged, text.encode())
    assert run_ids(read_records(store)) == ["1", "3"]


def test_what_a_killed_run_was_writing_is_removed_an_hour_later(store: LocalStore) -> None:
    folder = store.path(write_record(store, RUN_DATE, "1", record("1"))).parent
    for name, hours in ((".2.html.ab.tmp", 2), (".3.html.cd.tmp", 0)):
        (folder / name).write_text("<html", encoding="utf-8")
        os.utime(folder / name, (time.time() - 3600 * hours,) * 2)
    remove_unfinished_records(store, RUN_DATE)
    assert sorted(path.name for path in folder.iterdir()) == [".3.html.cd.tmp", "1.json"]


def test_reports_and_unfinished_files_beside_the_records_are_no_records(store: LocalStore) -> None:
    path = store.path(write_record(store, RUN_DATE, "1", record("1")))
    path.with_suffix(".html").write_text("<html>", encoding="utf-8")
    path.with_name(".2.json.77.tmp").write_text(json.dumps(record("2")), encoding="utf-8")
    assert run_ids(read_records(store)) == ["1"]
