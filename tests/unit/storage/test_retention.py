"""How many dates stay published, and when the files of the others go."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from stores import FIRST_DATE, LABELS, commit, labels, published

from seg_spark.errors import LockedError, SettingsError
from seg_spark.storage.commits import PublishedModel, latest_commit, published_dates
from seg_spark.storage.layout import COMMITS
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.publish import publish, run_area
from seg_spark.storage.records import write_page, write_record
from seg_spark.storage.repair import RepairResult, repair
from seg_spark.storage.retention import Retention, replaced_commits, version_states
from seg_spark.storage.rollback import roll_back
from seg_spark.storage.store import Entry

DATES = [FIRST_DATE + timedelta(days=days) for days in range(6)]
TWO_DATES = Retention(versions=1, grace_seconds=0.0, dates=2)
TWO_DATES_WITH_GRACE = Retention(versions=1, grace_seconds=3600.0, dates=2)
TABLES = ("clean_customers", LABELS)


class Racing(LocalStore):
    """A store in which another run does something between two listings of the commits."""

    meanwhile: Callable[[], object] | None = None

    def entries(self, folder: str) -> list[Entry]:
        found = super().entries(folder)
        if folder == COMMITS and type(self).meanwhile is not None:
            other, type(self).meanwhile = type(self).meanwhile, None
            assert other is not None
            other()
        return found


def test_a_date_that_is_published_while_versions_are_removed_stays(tmp_path: Path) -> None:
    plain, store = LocalStore(tmp_path / "output"), Racing(tmp_path / "output")
    published(plain, "r0", "cust-a")
    Racing.meanwhile = lambda: published(plain, "r1", "cust-b", run_date=DATES[1])
    assert replaced_commits(store) == []
    assert labels(plain, DATES[1]) == ["cust-b"]


def test_what_is_published_between_two_looks_is_not_built_upon(tmp_path: Path) -> None:
    plain, store = LocalStore(tmp_path / "output"), Racing(tmp_path / "output")
    published(plain, "r0", "cust-a")
    with run_area(store, FIRST_DATE, "r1") as area:
        Racing.meanwhile = lambda: commit(plain, FIRST_DATE, "other")
        with pytest.raises(LockedError, match="has published"):
            publish(store, area, [], None, TWO_DATES)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "output")


def shown(store: LocalStore) -> list[str]:
    """The dates that a plain glob finds."""
    return [one.name.removeprefix("run_date=") for one in store.entries(LABELS)]


def runs_with_files(store: LocalStore) -> list[str]:
    return [one.name for one in store.entries("_seg_spark/versions")]


def test_the_newest_dates_stay_and_nothing_of_the_others(store: LocalStore) -> None:
    for number, run_date in enumerate(DATES):
        write_record(store, run_date, f"r{number}", {"run_id": f"r{number}"})
        write_page(store, run_date, f"r{number}", "a report with customers")
        published(store, f"r{number}", "a", tables=TABLES, run_date=run_date, retention=TWO_DATES)
    assert published_dates(store) == DATES[-2:]
    assert shown(store) == [str(one) for one in DATES[-2:]]
    assert runs_with_files(store) == ["r4", "r5"]
    assert [one.name for one in store.entries("models")] == ["model-r4", "model-r5"]
    assert len(store.entries("_seg_spark/commits")) == 2
    records = [sorted(one.name for one in store.entries(f"runs/run_date={day}")) for day in DATES]
    assert records == [*([f"r{n}.json"] for n in range(4)), *([f"r{n}.html", f"r{n}.json"] for n in (4, 5))]
    last = latest_commit(store)
    assert sorted(last.issued) == DATES  # the ids of those dates stay used
    published(store, "r6", "a", run_date=DATES[-1], retention=TWO_DATES)
    last = latest_commit(store)
    assert last.ended == {}


def test_readers_within_grace_find_a_date_that_has_ended(store: LocalStore) -> None:
    for number, run_date in enumerate(DATES[:3]):
        published(store, f"r{number}", f"c{number}", run_date=run_date, retention=TWO_DATES_WITH_GRACE)
    assert published_dates(store) == DATES[1:3]
    assert shown(store) == [str(one) for one in DATES[:3]]
    assert version_states(store) == {"r0": "ended", "r1": "current", "r2": "current"}
    assert repair(store) == RepairResult(0, 0)
    _grow_older(store, "00000003", 3601)
    published(store, "r3", "c3", run_date=DATES[2], retention=TWO_DATES_WITH_GRACE)
    assert shown(store) == [str(one) for one in DATES[1:3]]
    assert runs_with_files(store) == ["r1", "r2", "r3"]


def test_every_version_of_a_date_that_has_ended_goes(store: LocalStore) -> None:
    published(store, "r0", "a")
    published(store, "r1", "b")
    with run_area(store, FIRST_DATE, "back") as area:
        roll_back(store, area, TWO_DATES)
    for number in (1, 2):
        published(store, f"later{number}", "c", run_date=DATES[number], retention=TWO_DATES)
    assert runs_with_files(store) == ["later1", "later2"]
    assert published_dates(store) == DATES[1:3]


def test_a_model_stays_as_long_as_a_date_has_it(store: LocalStore) -> None:
    model = published(store, "r0", "a", retention=TWO_DATES).model
    assert model is not None
    for number in (1, 2):
        published(store, f"r{number}", "a", run_date=DATES[number], retention=TWO_DATES, model=model)
    assert shown(store) == [str(one) for one in DATES[1:3]]
    assert store.read("models/model-r0/model.json") == store.read(f"{model.folder}/model.json") == b"r0"
    other = PublishedModel("model-r3", "_seg_spark/versions/r3/models")
    for number in (3, 4):
        published(store, f"r{number}", "a", run_date=DATES[number], retention=TWO_DATES, model=other)
    assert [one.name for one in store.entries("models")] == ["model-r3"]
    assert "r0" not in runs_with_files(store)


def test_a_kept_version_keeps_what_it_shares_with_a_removed_one(store: LocalStore) -> None:
    one = Retention(versions=1, grace_seconds=0.0)
    model = published(store, "r0", "a", tables=TABLES, retention=one).model
    published(store, "r1", "b", model=model, retention=one)
    published(store, "r2", "c", tables=TABLES, retention=one)
    assert [one.name for one in store.entries("_seg_spark/versions/r0")] == ["clean_customers", "models"]
    with run_area(store, FIRST_DATE, "back") as area:
        roll_back(store, area, one)
    assert labels(store) == ["b"]
    assert store.read("models/model-r0/model.json") == b"r0"


def test_a_date_that_would_go_at_once_is_not_published(store: LocalStore) -> None:
    for number in (1, 2):
        published(store, f"r{number}", "a", run_date=DATES[number], retention=TWO_DATES)
    with pytest.raises(SettingsError, match=r"publish.keep_dates: 2: 2 later dates are published, so 2026-11-23"):
        published(store, "r3", "a", retention=TWO_DATES)
    assert published_dates(store) == DATES[1:3]
    published(store, "r4", "b", retention=Retention(versions=1, grace_seconds=0.0, dates=3))
    assert labels(store) == ["b"]


def test_a_date_that_has_ended_can_be_published_again(store: LocalStore) -> None:
    for number in range(3):
        published(store, f"r{number}", f"c{number}", run_date=DATES[number], retention=TWO_DATES_WITH_GRACE)
    three = Retention(versions=1, grace_seconds=0.0, dates=3)
    published(store, "r3", "new", retention=three)
    published(store, "r4", "c4", run_date=DATES[2], retention=three)
    assert labels(store) == ["new"]
    assert version_states(store) == {
        "r0": "replaced",
        "r1": "stale",
        "r2": "replaced",
        "r3": "current",
        "r4": "stale",
    }


def test_what_could_not_be_removed_is_removed_later(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(store: LocalStore, path: str) -> None:
        if path.endswith("00000001.json"):
            raise PermissionError(13, "Permission denied", path)
        remove(store, path)

    remove = LocalStore.remove
    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "remove", refuse)
        published(store, "first", "a", retention=TWO_DATES)
        for number in range(3):
            published(store, f"r{number}", "a", run_date=DATES[number], retention=TWO_DATES)
    assert len(store.entries("_seg_spark/commits")) == 4
    published(store, "r3", "a", run_date=DATES[3], retention=TWO_DATES)
    assert len(store.entries("_seg_spark/commits")) == 2
    assert runs_with_files(store) == ["r2", "r3"]


def test_a_date_goes_also_where_the_commit_that_ended_it_is_gone(store: LocalStore) -> None:
    for number in (0, 1, 2, 2):
        published(store, f"r{number}-{len(shown(store))}", "a", run_date=DATES[number], retention=TWO_DATES_WITH_GRACE)
    store.remove("_seg_spark/commits/00000003.json")
    published(store, "r4", "a", run_date=DATES[2], retention=TWO_DATES_WITH_GRACE)
    assert shown(store) == [str(one) for one in DATES[1:3]]


def test_a_lost_commit_of_a_date_that_has_ended_stops_nothing(
    store: LocalStore, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (0, 0, 1, 2):
        published(store, f"r{number}-{len(store.entries('_seg_spark/commits'))}", "a", run_date=DATES[number],
                  retention=TWO_DATES_WITH_GRACE)  # fmt: skip
    store.remove("_seg_spark/commits/00000002.json")
    published(store, "r5", "a", run_date=DATES[3], retention=TWO_DATES_WITH_GRACE)
    assert shown(store) == [str(one) for one in DATES[1:4]]  # those within grace
    assert "was removed" not in caplog.text


def test_a_date_whose_commit_is_damaged_is_made_anew_and_holds_up_no_other(
    store: LocalStore, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (0, 1):
        published(store, f"r{number}", "a", run_date=DATES[number])
    store.path("_seg_spark/commits/00000001.json").write_text("{", encoding="utf-8")
    for number in (2, 3):
        with run_area(store, DATES[number], f"dead{number}"):
            pass
        published(store, f"r{number}", "a", run_date=DATES[number])
    published(store, "again", "b", run_date=DATES[0])
    assert labels(store, DATES[0]) == ["b"]
    assert "00000001.json: is missing or damaged" in caplog.text


def _grow_older(store: LocalStore, commit: str, seconds: float) -> None:
    path = store.path(f"_seg_spark/commits/{commit}.json")
    modified = path.stat().st_mtime - seconds
    os.utime(path, (modified, modified))
