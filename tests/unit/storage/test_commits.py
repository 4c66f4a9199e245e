"""The sequence of commits, and what readers learn from it."""

import json
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from stores import commit

from seg_spark.errors import PublishError
from seg_spark.storage.commits import (
    Commit,
    DataFile,
    TableVersion,
    active_model,
    commit_of,
    create_commit,
    last_date_with,
    latest_commit,
    published_dates,
)
from seg_spark.storage.local_store import LocalStore

RUN_DATE = date(2026, 11, 23)
TABLES = {"labels": TableVersion("r1", 3, (DataFile("labels/part-0.parquet", 12),))}


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def days_before(days: int) -> date:
    return RUN_DATE - timedelta(days=days)


def test_a_commit_is_read_back_as_it_was_written(store: LocalStore) -> None:
    commit(store, days_before(1), "older")
    made = commit(store, RUN_DATE, "abc", TABLES)
    assert made.number == 2
    assert latest_commit(store) == commit_of(store, RUN_DATE) == made
    assert commit_of(store, days_before(1)).model_id == "older"


def test_its_file_is_json_outside_the_tables_with_number_date_and_files(store: LocalStore) -> None:
    commit(store, RUN_DATE, "abc", TABLES)
    document = json.loads(store.read("_seg_spark/commits/00000001.json"))
    assert (document["version"], document["number"], document["run_date"]) == (4, 1, "2026-11-23")
    assert document["tables"]["labels"]["files"] == [{"path": "labels/part-0.parquet", "size_bytes": 12}]


def test_a_number_is_given_once(store: LocalStore) -> None:
    made = commit(store, RUN_DATE, "abc")
    assert not create_commit(store, replace(made, run_id="another"))
    assert latest_commit(store) == made


def test_a_date_without_a_commit_has_an_empty_one(store: LocalStore) -> None:
    assert commit_of(store, RUN_DATE) == Commit(0, RUN_DATE)
    assert latest_commit(store).number == 0
    commit(store, RUN_DATE)
    assert commit_of(store, days_before(1)) == Commit(0, days_before(1))


def test_the_last_commit_of_a_date_counts_whatever_came_after(store: LocalStore) -> None:
    for run_date, model_id in [(RUN_DATE, "old"), (days_before(1), "x"), (RUN_DATE, "new"), (days_before(2), "y")]:
        commit(store, run_date, model_id)
    assert commit_of(store, RUN_DATE).model_id == "new"
    assert published_dates(store) == [days_before(2), days_before(1), RUN_DATE]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"version": 4, "number": 1}', '{"version": 4, "number": 1, "run_date": "2026-11-23"}'],
)
def test_a_damaged_commit_is_named_with_what_to_do(store: LocalStore, text: str) -> None:
    commit(store, RUN_DATE)
    store.write("_seg_spark/commits/00000001.json", text.encode())
    with pytest.raises(
        PublishError, match=r"commits/00000001\.json: is missing or damaged; restore it .* or remove it"
    ):
        commit_of(store, RUN_DATE)


@pytest.mark.parametrize("value", ["absent", True, 1.5, [3]])
def test_a_commit_of_which_something_is_gone_or_of_another_kind_is_damaged(store: LocalStore, value: object) -> None:
    commit(store, RUN_DATE, "abc", TABLES)
    whole = json.loads(store.read("_seg_spark/commits/00000001.json"))
    for key in ("version", *(one.name for one in fields(Commit))):
        spoilt = {name: one for name, one in whole.items() if name != key} | ({} if value == "absent" else {key: value})
        store.write("_seg_spark/commits/00000001.json", json.dumps(spoilt).encode())
        with pytest.raises(PublishError, match="is missing or damaged"):
            latest_commit(store)


def test_a_commit_of_another_format_says_so(store: LocalStore) -> None:
    commit(store, RUN_DATE)
    older = json.loads(store.read("_seg_spark/commits/00000001.json")) | {"version": 3}
    store.write("_seg_spark/commits/00000001.json", json.dumps(older).encode())
    with pytest.raises(PublishError, match=r"another version of seg_spark \(commit format 3; this one reads 4\)"):
        latest_commit(store)


def test_other_files_among_the_commits_are_passed_over(store: LocalStore) -> None:
    made = commit(store, RUN_DATE)
    for name in (".00000002.json.77.tmp", "README", "2.json", "00000003.json.old", "00000000.json"):
        store.write(f"_seg_spark/commits/{name}", b"{")
    assert latest_commit(store) == made


@pytest.mark.parametrize(
    ("models", "active"),
    [((), None), (("a",), "a"), (("a", "b"), "a"), ((None, "b"), "b"), ((None, None, "c"), "c"), ((None,), None)],
)
def test_the_model_of_a_date_or_of_the_last_one_before_it_is_active(
    store: LocalStore, models: tuple[str | None, ...], active: str | None
) -> None:
    for age, model_id in enumerate(models):
        commit(store, days_before(age), model_id)
    found = active_model(store, RUN_DATE)
    assert (found.model_id if found else None) == active


def test_a_model_published_for_a_later_date_is_not_active(store: LocalStore) -> None:
    commit(store, RUN_DATE + timedelta(days=1), "tomorrow")
    assert active_model(store, RUN_DATE) is None


def test_the_last_date_with_a_table_is_found_behind_dates_without_it(store: LocalStore) -> None:
    commit(store, days_before(1), tables=TABLES)
    commit(store, RUN_DATE)
    assert last_date_with(store, "labels") == days_before(1)
    assert last_date_with(store, "profiles") is None
