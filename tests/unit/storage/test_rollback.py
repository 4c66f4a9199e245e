"""Rollback of small Parquet tables: what readers and the next run find afterwards."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from stores import FIRST_DATE, KEEP_ALL, LABELS, labels, published

from seg_spark.errors import InputError, LockedError, PublishError
from seg_spark.storage.commits import Commit, active_model, commit_of, latest_commit, stale_dates
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.publish import run_area
from seg_spark.storage.repair import RepairResult, repair
from seg_spark.storage.retention import Retention, version_states
from seg_spark.storage.rollback import roll_back

DATES = [FIRST_DATE + timedelta(days=days) for days in range(4)]
RUN_DATE = DATES[0]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "output")


def back(
    store: LocalStore, to_run: str | None = None, run_date: date = RUN_DATE, retention: Retention = KEEP_ALL
) -> Commit:
    with run_area(store, run_date, "rollback") as area:
        return roll_back(store, area, retention, to_run)


def test_the_version_before_is_current_again_with_its_model_and_its_segments(store: LocalStore) -> None:
    first, second = published(store, "r1", "a"), published(store, "r2", "b")
    restored = back(store)
    assert (restored.number, restored.run_id, labels(store)) == (3, "r1", ["a"])
    assert (restored.tables, restored.model, restored.segment_state) == (first.tables, first.model, first.segment_state)
    assert store.read("models/model-r1/model.json") == b"r1"
    assert latest_commit(store) == commit_of(store, RUN_DATE) == restored
    assert restored.issued == second.issued == {RUN_DATE: (1, 2)}  # an id that was seen is not given again
    assert active_model(store, DATES[1]) == first.model  # the next date goes on from it
    assert repair(store) == RepairResult(0, 0)


def test_one_rollback_after_another_goes_further_back_until_nothing_is_kept(store: LocalStore) -> None:
    for number in range(1, 4):
        published(store, f"r{number}", f"c{number}")
    assert [labels(store) for _ in range(2) if back(store)] == [["c2"], ["c1"]]
    with pytest.raises(
        InputError,
        match=r"no version before the current one of 2026-11-23 is kept \(kept .* of run r1: r2, r3\)",
    ):
        back(store)
    assert (labels(store), latest_commit(store).number) == (["c1"], 5)  # type: ignore[union-attr]
    published(store, "r4", "c4")
    back(store)
    assert labels(store) == ["c1"]  # what was current before r4


def test_a_rollback_is_undone_by_naming_the_run(store: LocalStore) -> None:
    published(store, "r1", "a")
    published(store, "r2", "b")
    back(store)
    back(store, "r2")
    assert labels(store) == ["b"]
    for unknown in ("r2", "r3"):
        with pytest.raises(InputError, match=f"no version of run {unknown} of 2026-11-23 is kept"):
            back(store, unknown)


def test_a_rollback_that_was_undone_can_be_made_again_with_few_versions_kept(store: LocalStore) -> None:
    for number in (1, 2):
        published(store, f"r{number}", f"c{number}")
    for to_run, expected in ((None, "c1"), ("r2", "c2"), (None, "c1"), ("r2", "c2")):
        back(store, to_run, retention=Retention(versions=1, grace_seconds=0.0))
        assert labels(store) == [expected]


def test_a_step_alone_is_not_a_version(store: LocalStore) -> None:
    published(store, "r1", "a", tables=("clean_customers", LABELS))
    published(store, "r2", "b", tables=("clean_customers",))
    published(store, "r3", "b")
    restored = back(store)
    assert {version.run_id for version in restored.tables.values()} == {"r1"}
    assert labels(store) == ["a"]


def test_steps_alone_take_no_place_of_a_version_that_is_kept(store: LocalStore) -> None:
    keep_one = Retention(versions=1, grace_seconds=0.0)
    published(store, "r1", "a", tables=("clean_customers", LABELS), retention=keep_one)
    for number in (2, 3, 4):
        published(store, f"r{number}", "b", tables=("clean_customers",), retention=keep_one)
    published(store, "r5", "b", retention=keep_one)
    assert len(store.entries("_seg_spark/commits")) == 3  # the labels before, and one step alone
    back(store)
    assert labels(store) == ["a"]


def test_other_dates_stay_and_what_was_never_published_is_named(store: LocalStore) -> None:
    published(store, "r1", "a")
    published(store, "r2", "b", run_date=DATES[1])
    with pytest.raises(InputError, match="no version before the current one of 2026-11-24 is kept"):
        back(store, run_date=DATES[1])
    with pytest.raises(InputError, match="nothing is published for 2026-11-26"):
        back(store, run_date=DATES[3])
    assert (labels(store), labels(store, DATES[1])) == (["a"], ["b"])


def test_a_version_whose_files_are_gone_is_not_restored(store: LocalStore) -> None:
    first = published(store, "r1", "a")
    published(store, "r2", "b")
    store.remove(first.tables[LABELS].files[0].path)
    with pytest.raises(PublishError, match="files of run r1 are missing"):
        back(store)
    assert labels(store) == ["b"]


def test_a_rollback_that_another_run_overtook_changes_nothing(store: LocalStore) -> None:
    published(store, "r1", "a")
    published(store, "r2", "b")
    with (
        pytest.raises(LockedError, match="run r3 has published 2026-11-23 since"),
        run_area(store, RUN_DATE, "x") as area,
    ):
        published(store, "r3", "c")
        roll_back(store, area, KEEP_ALL)
    assert labels(store) == ["c"]


def test_what_was_restored_outlives_the_removal_of_replaced_versions(store: LocalStore) -> None:
    published(store, "r1", "a")
    published(store, "r2", "b")
    back(store)
    published(store, "r3", "c", run_date=DATES[1], retention=Retention(versions=0, grace_seconds=0.0))
    assert labels(store) == ["a"]
    assert store.read("models/model-r1/model.json") == b"r1"
    assert not store.path("_seg_spark/versions/r2").exists()


def test_later_dates_are_stale_until_they_are_run_again_in_order(store: LocalStore) -> None:
    for number, run_date in enumerate(DATES[:3], 1):
        published(store, f"r{number}", "a", run_date=run_date)
    assert stale_dates(latest_commit(store)) == []
    published(store, "r4", "b", run_date=DATES[1])
    assert stale_dates(latest_commit(store)) == [DATES[2]]
    back(store, run_date=DATES[1])
    assert stale_dates(latest_commit(store)) == []  # it was made after this version
    published(store, "r5", "b")
    assert stale_dates(latest_commit(store)) == [DATES[1], DATES[2]]
    published(store, "r6", "b", run_date=DATES[1])
    assert stale_dates(latest_commit(store)) == [DATES[2]]
    published(store, "r7", "b", run_date=DATES[2])
    assert stale_dates(latest_commit(store)) == []
    back(store, run_date=DATES[2])
    assert stale_dates(latest_commit(store)) == [DATES[2]]


def test_a_date_stays_stale_where_only_its_clean_customers_are_published_again(store: LocalStore) -> None:
    published(store, "r1", "a")
    published(store, "r2", "a", run_date=DATES[1])
    published(store, "r3", "b")
    published(store, "r4", "c", run_date=DATES[1], tables=("clean_customers",))
    assert stale_dates(latest_commit(store)) == [DATES[1]]
    published(store, "r5", "b", run_date=DATES[1])
    assert stale_dates(latest_commit(store)) == []


def test_a_date_published_before_others_makes_the_next_one_stale(store: LocalStore) -> None:
    published(store, "r1", "a", run_date=DATES[1])
    published(store, "r2", "a", run_date=DATES[2])
    published(store, "r3", "a", run_date=DATES[0])
    assert stale_dates(latest_commit(store)) == [DATES[1], DATES[2]]
    ends_two = Retention(versions=1, grace_seconds=0.0, dates=2)
    published(store, "r4", "a", run_date=DATES[1], retention=ends_two)
    published(store, "r5", "a", run_date=DATES[2], retention=ends_two)
    assert stale_dates(latest_commit(store)) == []  # the date before the first one has ended


def test_each_run_is_told_what_became_of_its_version(store: LocalStore) -> None:
    assert version_states(store) == {}
    published(store, "r1", "a", tables=("clean_customers",))
    published(store, "r2", "a")
    assert version_states(store) == {"r1": "current", "r2": "current"}  # the date is the work of both
    published(store, "r3", "b", tables=("clean_customers", LABELS))
    published(store, "r4", "c", run_date=DATES[1])
    assert version_states(store) == {"r1": "replaced", "r2": "replaced", "r3": "current", "r4": "current"}
    back(store)
    assert version_states(store) == {"r1": "current", "r2": "current", "r3": "rolled back", "r4": "stale"}
    back(store, "r3")
    assert version_states(store)["r4"] == "current"


def test_readers_meanwhile_find_one_version_or_the_other(store: LocalStore) -> None:
    published(store, "r1", *(f"a{number}" for number in range(500)))
    published(store, "r2", *(f"b{number}" for number in range(700)))
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
    assert labels(store)[0] == "b0"
