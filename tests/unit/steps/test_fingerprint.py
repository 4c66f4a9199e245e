"""What makes a run worth repeating changes its fingerprint, and nothing else does."""

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builders import customer, grouped_customers, settings, write_csv
from stores import commit

from seg_spark.steps import fingerprint
from seg_spark.storage.commits import DataFile, TableVersion
from seg_spark.storage.local_store import LocalStore

RUN_DATE, DAY_BEFORE, DAY_AFTER = date(2026, 11, 23), date(2026, 11, 22), date(2026, 11, 24)


def of(root: Path, run_date: date = RUN_DATE, **changes: Any) -> str | None:
    return fingerprint.fingerprint_of(settings(root, **changes), LocalStore(root / "output"), run_date)


def test_the_same_run_has_the_same_fingerprint(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    assert of(tmp_path) == of(tmp_path)
    assert len(of(tmp_path) or "") == 64


def touched(root: Path) -> None:
    os.utime(root / "input/part-000.csv", ns=(1, 1))


CHANGES: dict[str, Callable[[Path], Any]] = {
    "another row": lambda root: write_csv(root, [*grouped_customers(), customer(99)]),
    "another file": lambda root: write_csv(root, grouped_customers(), files=2),
    "a touched file": touched,
    "a run of the date before": lambda root: commit(LocalStore(root / "output"), DAY_BEFORE),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_may_give_other_labels_changes_it(tmp_path: Path, change: Callable[[Path], Any]) -> None:
    write_csv(tmp_path, grouped_customers())
    before = of(tmp_path)
    change(tmp_path)
    assert of(tmp_path) != before


def test_a_remote_input_has_one_too_if_its_files_can_be_listed(tmp_path: Path) -> None:
    config = settings(tmp_path, input__path="s3a://bucket/input")
    store, remote = LocalStore(tmp_path / "output"), LocalStore(tmp_path / "remote")

    def found() -> str | None:
        return fingerprint.fingerprint_of(config, store, RUN_DATE, lambda: remote)

    assert fingerprint.fingerprint_of(config, store, RUN_DATE) is None
    remote.write("month=1/part-0.csv", b"id\n1\n")
    seen = [found()]
    assert len(seen[0] or "") == 64
    for hidden in ("month=1/_SUCCESS", "_temporary/part-1.csv", "month=1/.part.crc"):
        remote.write(hidden, b"x")
    assert found() == seen[0]
    remote.write("month=1/part-1.csv", b"id\n2\n")
    seen.append(found())
    os.utime(remote.path("month=1/part-0.csv"), (1, 1))
    seen.append(found())
    assert len(set(seen)) == 3
    table = settings(tmp_path, input__path="crm.customers", input__format="table")
    assert fingerprint.fingerprint_of(table, store, RUN_DATE, lambda: remote) is None


def test_settings_versions_date_and_code_change_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path, grouped_customers())
    found = [
        of(tmp_path),
        of(tmp_path, clustering__k__max=4),
        of(tmp_path, run_date=DAY_AFTER),
    ]
    monkeypatch.setattr(fingerprint, "package_versions", lambda: {"pyspark": "4.2.0"})
    found.append(of(tmp_path))
    monkeypatch.setattr(fingerprint, "_code_sha256", lambda: "another")
    assert len({*found, of(tmp_path)}) == 5


def test_runs_of_later_dates_do_not_change_it(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    before = of(tmp_path)
    commit(LocalStore(tmp_path / "output"), DAY_AFTER)
    commit(LocalStore(tmp_path / "output"), RUN_DATE)
    assert of(tmp_path) == before


def test_an_input_that_cannot_be_looked_at_has_none(tmp_path: Path) -> None:
    assert of(tmp_path, input__path="crm.customers", input__format="table") is None
    assert of(tmp_path) is None  # there is no input


def test_a_date_whose_files_model_or_record_are_gone_counts_as_not_published(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    version = TableVersion("r1", 1, (DataFile("versions/r1/part-0.parquet", 3),))
    files = ("versions/r1/part-0.parquet", "models/abc/model.json", "runs/run_date=2026-11-23/r1.json")
    commit(store, RUN_DATE, "abc", {"labels": version}, fingerprint="same")

    def write(path: str) -> None:
        record = {"run_id": "r1", "run_date": "2026-11-23", "status": "succeeded", "exit_code": 0, "seconds": {}}
        store.write(path, json.dumps(record).encode() if path.startswith("runs") else b"xyz")

    for path in files:
        write(path)
    published = fingerprint.published_with("same", store, RUN_DATE)
    assert published is not None
    assert published.run_id == "r1"
    assert fingerprint.published_with("other", store, RUN_DATE) is None
    assert fingerprint.published_with(None, store, RUN_DATE) is None
    for path in files:
        store.remove(path)
        assert fingerprint.published_with("same", store, RUN_DATE) is None, path
        write(path)
    store.write(files[0], b"xy")
    assert fingerprint.published_with("same", store, RUN_DATE) is None
