"""Rollback of small Parquet tables: what readers and the next run find afterwards."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seg_spark.errors import InputError, LockedError, PublishError
from seg_spark.segments.history import SegmentEvent, SegmentState
from seg_spark.storage.commits import Commit, PublishedModel, active_model, commit_of, latest_commit, stale_dates
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.publish import RunArea, publish, run_area
from seg_spark.storage.repair import RepairResult, repair
from seg_spark.storage.retention import Retention, version_states
from seg_spark.storage.rollback import roll_back
from seg_spark.storage.tables import StagedTable, staged_table

DATES = [date(2026, 11, 23) + timedelta(days=days) for days in range(4)]
RUN_DATE = DATES[0]
KEEP_ALL = Retention(versions=100, grace_seconds=0.0)
LABELS = "customer_segments"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "output")


def stage(store: LocalStore, area: RunArea, table: str, customers: list[str]) -> StagedTable:
    folder = store.version_folder(table, area.run_date, area.run_id)
    store.path(folder).mkdir(parents=True)
    pq.write_table(
        pa.table({"customer_id": pa.array(customers, pa.string())}), store.path(folder) / f"part-{area.run_id}.parquet"
    )
    return staged_table(store, table, folder)


def run(
    store: LocalStore,
    run_id: str,
    *customers: str,
    tables: tuple[str, ...] = (LABELS,),
    run_date: date = RUN_DATE,
    retention: Retention = KEEP_ALL,
) -> Commit:
    """A run that publishes customers, and a model and a segment of its own where it labels."""
    with run_area(store, run_date, run_id) as area:
        staged = [stage(store, area, table, list(customers)) for table in tables]
        model, segments = None, None
        if LABELS in tables:
            model = PublishedModel(f"model-{run_id}", f"_seg_spark/versions/{run_id}/models")
            store.write(f"{model.folder}/model.json", run_id.encode())
            last = latest_commit(store)
            born = 1 + sum(len(ids) for ids in last.issued.values()) if last else 1
            segments = SegmentState((SegmentEvent(run_date, born, "born", f"of {run_id}"),))
        return publish(store, area, staged, model, retention, segments=segments)


def back(store: LocalStore, to_run: str | None = None, run_date: date = RUN_DATE) -> Commit:
    with run_area(store, run_date, "rollback") as area:
        return roll_back(store, area, KEEP_ALL, to_run)


def read(store: LocalStore, run_date: date = RUN_DATE) -> list[str]:
    """The labels of a date: a plain glob finds the same as a reader of the commits."""
    listed = [store.path(one.path) for one in commit_of(store, run_date).tables[LABELS].files]
    shown = sorted(store.path(f"{LABELS}/run_date={run_date}").iterdir())
    assert [one.name for one in listed] == [one.name for one in shown]
    assert all(one.samefile(other) for one, other in zip(listed, shown, strict=True))
    return [value for one in shown for value in pq.ParquetFile(one).read()["customer_id"].to_pylist()]


def test_the_version_before_is_current_again_with_its_model_and_its_segments(store: LocalStore) -> None:
    first, second = run(store, "r1", "a"), run(store, "r2", "b")
    restored = back(store)
    assert (restored.number, restored.run_id, read(store)) == (3, "r1", ["a"])
    assert (restored.tables, restored.model, restored.segments) == (first.tables, first.model, first.segments)
    assert store.read("models/model-r1/model.json") == b"r1"
    assert latest_commit(store) == commit_of(store, RUN_DATE) == restored
    assert restored.issued == second.issued == {RUN_DATE: (1, 2)}  # an id that was seen is not given again
    assert active_model(store, DATES[1]) == first.model  # the next date goes on from it
    assert repair(store) == RepairResult(0, 0)


def test_one_rollback_after_another_goes_further_back_until_nothing_is_kept(store: LocalStore) -> None:
    for number in range(1, 4):
        run(store, f"r{number}", f"c{number}")
    assert [read(store) for _ in range(2) if back(store)] == [["c2"], ["c1"]]
    with pytest.raises(
        InputError,
        match=r"no version before the current one of 2026-11-23 is kept \(kept .* of run r1: r2, r3\)",
    ):
        back(store)
    assert (read(store), latest_commit(store).number) == (["c1"], 5)  # type: ignore[union-attr]
    run(store, "r4", "c4")
    back(store)
    assert read(store) == ["c1"]  # what was current before r4


def test_a_rollback_is_undone_by_naming_the_run(store: LocalStore) -> None:
    run(store, "r1", "a")
    run(store, "r2", "b")
    back(store)
    back(store, "r2")
    assert read(store) == ["b"]
    for unknown in ("r2", "r3"):
        with pytest.raises(InputError, match=f"no version of run {unknown} of 2026-11-23 is kept"):
            back(store, unknown)


def test_a_step_alone_is_not_a_version(store: LocalStore) -> None:
    run(store, "r1", "a", tables=("clean_customers", LABELS))
    run(store, "r2", "b", tables=("clean_customers",))
    run(store, "r3", "b")
    restored = back(store)
    assert {version.run_id for version in restored.tables.values()} == {"r1"}
    assert read(store) == ["a"]


def test_other_dates_stay_and_what_was_never_published_is_named(store: LocalStore) -> None:
    run(store, "r1", "a")
    run(store, "r2", "b", run_date=DATES[1])
    with pytest.raises(InputError, match="no version before the current one of 2026-11-24 is kept"):
        back(store, run_date=DATES[1])
    with pytest.raises(InputError, match="nothing is published for 2026-11-26"):
        back(store, run_date=DATES[3])
    assert (read(store), read(store, DATES[1])) == (["a"], ["b"])


def test_a_version_whose_files_are_gone_is_not_restored(store: LocalStore) -> None:
    first = run(store, "r1", "a")
    run(store, "r2", "b")
    store.remove(first.tables[LABELS].files[0].path)
    with pytest.raises(PublishError, match="files of run r1 are missing"):
        back(store)
    assert read(store) == ["b"]


def test_a_rollback_that_another_run_overtook_changes_nothing(store: LocalStore) -> None:
    run(store, "r1", "a")
    run(store, "r2", "b")
    with (
        pytest.raises(LockedError, match="run r3 has published 2026-11-23 since"),
        run_area(store, RUN_DATE, "x") as area,
    ):
        run(store, "r3", "c")
        roll_back(store, area, KEEP_ALL)
    assert read(store) == ["c"]


def test_what_was_restored_outlives_the_removal_of_replaced_versions(store: LocalStore) -> None:
    run(store, "r1", "a")
    run(store, "r2", "b")
    back(store)
    run(store, "r3", "c", run_date=DATES[1], retention=Retention(versions=0, grace_seconds=0.0))
    assert read(store) == ["a"]
    assert store.read("models/model-r1/model.json") == b"r1"
    assert not store.path("_seg_spark/versions/r2").exists()


def test_later_dates_are_stale_until_they_are_run_again_in_order(store: LocalStore) -> None:
    for number, run_date in enumerate(DATES[:3], 1):
        run(store, f"r{number}", "a", run_date=run_date)
    assert stale_dates(latest_commit(store)) == []
    run(store, "r4", "b", run_date=DATES[1])
    assert stale_dates(latest_commit(store)) == [DATES[2]]
    back(store, run_date=DATES[1])
    assert stale_dates(latest_commit(store)) == [DATES[2]]
    run(store, "r5", "b")
    assert stale_dates(latest_commit(store)) == [DATES[1], DATES[2]]
    run(store, "r6", "b", run_date=DATES[1])
    assert stale_dates(latest_commit(store)) == [DATES[2]]
    run(store, "r7", "b", run_date=DATES[2])
    assert stale_dates(latest_commit(store)) == []
    back(store, run_date=DATES[2])  # made before both changed
    assert stale_dates(latest_commit(store)) == [DATES[2]]


def test_each_run_is_told_what_became_of_its_version(store: LocalStore) -> None:
    assert version_states(store) == {}
    run(store, "r1", "a", tables=("clean_customers",))
    run(store, "r2", "a")
    assert version_states(store) == {"r1": "current", "r2": "current"}  # the date is the work of both
    run(store, "r3", "b", tables=("clean_customers", LABELS))
    run(store, "r4", "c", run_date=DATES[1])
    assert version_states(store) == {"r1": "replaced", "r2": "replaced", "r3": "current", "r4": "current"}
    back(store)
    assert version_states(store) == {"r1": "current", "r2": "current", "r3": "rolled back", "r4": "stale"}


def test_readers_meanwhile_find_one_version_or_the_other(store: LocalStore) -> None:
    run(store, "r1", *(f"a{number}" for number in range(500)))
    run(store, "r2", *(f"b{number}" for number in range(700)))
    done = threading.Event()

    def seen() -> set[tuple[int, str]]:
        found = set()
        while not done.is_set():
            files = [store.path(one.path) for one in commit_of(store, RUN_DATE).tables[LABELS].files]
            values = [value for one in files for value in pq.ParquetFile(one).read()["customer_id"].to_pylist()]
            found.add((len(values), "".join(sorted({value[0] for value in values}))))
        return found

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(seen)
        try:
            for _ in range(20):
                back(store, "r1")
                back(store, "r2")
        finally:
            done.set()
        assert reader.result() == {(500, "a"), (700, "b")}
    assert read(store)[0] == "b0"
