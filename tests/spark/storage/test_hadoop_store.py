"""A store that Spark reaches, here on file:, which takes the same way as HDFS.

Not so for two writers at once: there Hadoop renames a file and its checksum one after the other (see tests/on_stores).
"""

import json
import os
import time
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from seg_spark.errors import LockedError, PlatformError, PublishError
from seg_spark.storage.commits import Commit, PublishedModel, commit_of, latest_commit
from seg_spark.storage.hadoop_store import HadoopStore, store_at
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.publish import RunArea, publish, run_area
from seg_spark.storage.readers import ArrowFiles
from seg_spark.storage.records import trial_area
from seg_spark.storage.repair import RepairResult, repair
from seg_spark.storage.retention import Retention
from seg_spark.storage.store import Store
from seg_spark.storage.tables import StagedTable, stage_table, staged_table

RUN_DATE = date(2026, 11, 23)
LABELS = "customer_segments"
KEEP_NONE = Retention(versions=0, grace_seconds=0.0)
HOUR = 3600.0


@pytest.fixture
def store(spark: SparkSession, tmp_path: Path) -> HadoopStore:
    return HadoopStore.of(f"file://{tmp_path}/output/", spark)


def folder_of(store: HadoopStore) -> Path:
    return Path(store.root.removeprefix("file://"))


def stage(store: HadoopStore, area: RunArea, *customers: str, table: str = LABELS) -> StagedTable:
    folder = store.version_folder(table, area.run_date, area.run_id)
    schema = StructType([StructField("customer_id", StringType())])
    frame = SparkSession.active().createDataFrame([(one,) for one in customers], schema).coalesce(1)
    stage_table(frame, schema, store, folder, table)
    return staged_table(store, table, folder)


def run(store: HadoopStore, run_id: str, *customers: str) -> Commit:
    with run_area(store, RUN_DATE, run_id) as area:
        return publish(store, area, [stage(store, area, *customers)], None, KEEP_NONE)


def published(store: HadoopStore) -> list[str]:
    """The customers of the date, as a reader without Spark finds them."""
    files = ArrowFiles(store.root)
    version = commit_of(files, RUN_DATE).tables[LABELS]
    return [
        value
        for one in version.files
        for value in pq.ParquetFile(files.open_input(one.path)).read()["customer_id"].to_pylist()
    ]


def files_below(store: HadoopStore) -> set[str]:
    """All files but Hadoop's checksums of its local filesystem."""
    root = folder_of(store)
    return {str(one.relative_to(root)) for one in root.rglob("*") if one.is_file() and one.suffix != ".crc"}


@pytest.mark.parametrize("kind", ["hadoop", "local"])
def test_what_a_store_promises(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    hadoop = HadoopStore.of(f"file://{tmp_path}", spark)
    made: Store = hadoop if kind == "hadoop" else LocalStore(tmp_path)
    assert made.entries("a") == []
    with pytest.raises(FileNotFoundError):
        made.read("a/one")
    made.write("a/one", b"first")
    made.write("a/one", b"\x00\xff second")
    assert made.read("a/one") == b"\x00\xff second"
    assert made.create("a/two", b"mine")
    assert not made.create("a/two", b"yours")
    assert made.read("a/two") == b"mine"
    made.write("a/below/three", b"")
    found = made.entries("a")
    assert [(one.name, one.is_folder) for one in found] == [("below", True), ("one", False), ("two", False)]
    assert [one.size_bytes for one in found[1:]] == [9, 4]
    assert abs(found[1].modified - time.time()) < HOUR
    with made.open_input("a/one") as file:
        assert (file.size(), file.read(3), file.seek(1), file.read()) == (9, b"\x00\xff ", 1, b"\xff second")
    made.remove("a/nothing")
    made.remove("a")
    assert made.entries("") == []


def test_a_date_published_again_is_the_new_one_and_leaves_no_debris(store: HadoopStore) -> None:
    run(store, "r1", "a", "b")
    assert published(store) == ["a", "b"]
    run(store, "r2", "c")
    assert published(store) == ["c"]
    [label] = commit_of(store, RUN_DATE).tables[LABELS].files
    assert label.path.startswith("customer_segments/run_date=2026-11-23/run_id=r2/part-")
    assert files_below(store) == {label.path, "_seg_spark/commits/00000002.json"}


def test_of_two_runs_of_a_date_at_once_the_second_changes_nothing(store: HadoopStore) -> None:
    with (
        pytest.raises(LockedError, match="run r2 has published 2026-11-23 since this run began"),
        run_area(store, RUN_DATE, "r1") as area,
    ):
        run(store, "r2", "b")
        publish(store, area, [stage(store, area, "a")], None, KEEP_NONE)
    assert published(store) == ["b"]
    assert not [path for path in files_below(store) if "r1" in path]


def test_what_a_dead_run_wrote_goes_once_it_must_have_ended(store: HadoopStore) -> None:
    model = store.model_folder("abc", "dead")
    for run_id, minutes in (("dead", 10), ("at work", 720)):
        with pytest.raises(GeneratorExit), run_area(store, RUN_DATE, run_id, minutes * 60.0) as area:
            stage(store, area, "a")
            area.uncertain.add(0)  # so that it leaves all behind, as if it had been killed
            raise GeneratorExit
    store.write(f"{model}/model.json", b"{}")
    store.write("models/abc/run_id=other/model.json", b"{}")
    run(store, "r3", "c")
    assert store.entries(model) != []  # it is within its time
    grow_old(store, "_seg_spark/staging/dead/started.json", 2 * HOUR)
    grow_old(store, "_seg_spark/staging/at work/started.json", 2 * HOUR)
    run(store, "r4", "d")
    assert store.entries(model) == store.entries(store.version_folder(LABELS, RUN_DATE, "dead")) == []
    assert store.entries("models/abc/run_id=other") != []
    assert store.entries(store.version_folder(LABELS, RUN_DATE, "at work")) != []
    assert [one.name for one in store.entries("_seg_spark/staging")] == ["at work"]
    grow_old(store, "_seg_spark/staging/at work/started.json", 14 * HOUR)
    assert repair(store) == RepairResult(0, 1)
    assert published(store) == ["d"]
    assert not [path for path in files_below(store) if "at work" in path or "repair" in path]


def grow_old(store: HadoopStore, path: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(folder_of(store) / path, (then, then))


def test_where_a_failure_may_have_come_after_the_commit_its_files_stay(
    store: HadoopStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_after(self: HadoopStore, path: str, content: bytes) -> bool:
        LocalStore(folder_of(self)).create(path, content)
        raise OSError(5, "the connection broke", path)

    monkeypatch.setattr(HadoopStore, "create", fail_after)
    with pytest.raises(
        PublishError,
        match=r"it is not known whether the date was published; run it again \(this is safe\): the connection broke",
    ):
        run(store, "r1", "a")
    monkeypatch.undo()
    assert published(store) == ["a"]
    run(store, "r2", "b")
    assert published(store) == ["b"]


def test_a_repeated_request_is_told_that_the_file_is_there_and_it_is_its_own(
    store: HadoopStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = HadoopStore._rename

    def sent_twice(self: HadoopStore, source: str, target: str, option: str) -> None:
        plain(self, source, target, option)
        if option == "NONE":
            raise OSError(5, "exists", target)

    monkeypatch.setattr(HadoopStore, "_rename", sent_twice)
    assert store.create("commits/1", b"mine")
    assert not store.create("commits/1", b"another's")


def test_a_run_that_took_too_long_publishes_nothing(store: HadoopStore) -> None:
    with (
        pytest.raises(PublishError, match=r"took longer than run\.max_minutes"),
        run_area(store, RUN_DATE, "r1", 0.0) as area,
    ):
        publish(store, area, [stage(store, area, "a")], None, KEEP_NONE)
    assert latest_commit(store).number == 0
    assert files_below(store) == set()


def test_a_model_folder_belongs_to_one_run(store: HadoopStore) -> None:
    folder = store.model_folder("abc", "r1")
    with run_area(store, RUN_DATE, "r1") as area:
        store.write(f"{folder}/model.json", json.dumps({}).encode())
        publish(store, area, [], PublishedModel("abc", folder), KEEP_NONE)
    run(store, "r2", "a")  # names the model of the date again
    assert files_below(store) >= {"models/abc/run_id=r1/model.json"}


def test_trials_leave_nothing(store: HadoopStore) -> None:
    with trial_area(store, "one"), trial_area(store, "two"):
        store.write("_seg_spark/trials/one/part-0.parquet", b"x")
        assert [one.name for one in store.entries("_seg_spark/trials")] == ["one", "two"]
    assert files_below(store) == set()


def test_a_store_that_cannot_be_reached_is_a_fault_of_the_platform(spark: SparkSession) -> None:
    with pytest.raises(PlatformError, match=r"output\.path: s3a://bucket/x cannot be reached: .*docs/stores\.md"):
        store_at("s3a://bucket/x/", lambda: spark, allow_single_writer=False)
