"""Customers are removed from every version that is published or kept; nothing else changes."""

import gzip
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stores import FIRST_DATE, LABELS, labels, published

from seg_spark.errors import LockedError, PublishError
from seg_spark.storage import forgetting
from seg_spark.storage.commits import commit_of, latest_commit, published_dates, stale_dates
from seg_spark.storage.forgetting import Forgetting, forget_rows, paths_with
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.repair import RepairResult, repair
from seg_spark.storage.retention import Retention, version_states

DATES = [FIRST_DATE + timedelta(days=days) for days in range(4)]
KEEP = Retention(versions=5, grace_seconds=3600.0)
TABLES = ("clean_customers", LABELS)
GONE = Forgetting(frozenset({"cust-b", "cust-x"}))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "output")


def malformed(texts: Sequence[str | None]) -> pa.Table:
    """Rejected rows that could not be cut into columns."""
    none = pa.array([None] * len(texts), pa.string())
    of_spark = pa.list_(pa.field("element", pa.string(), nullable=False))
    reasons = pa.array([["malformed_row"]] * len(texts), of_spark)
    return pa.table({"customer_id": none, "raw_row": texts, "reject_reasons": reasons})


def forget(store: LocalStore, whom: Forgetting = GONE) -> dict[str, int]:
    return forget_rows(store, whom, "forget", KEEP, 60.0)


def test_a_customer_goes_from_every_date_and_every_version(store: LocalStore) -> None:
    published(store, "r0", "cust-a", "cust-b")
    published(store, "r1", "cust-a", "cust-b", "cust-c", tables=TABLES)
    published(store, "r2", "cust-a", run_date=DATES[1])
    published(store, "r3", "cust-b", run_date=DATES[2])
    before = {run_date: commit_of(store, run_date) for run_date in DATES[:3]}
    assert forget(store) == {"clean_customers": 1, LABELS: 2}
    assert [labels(store, run_date) for run_date in DATES[:3]] == [["cust-a", "cust-c"], ["cust-a"], []]
    assert paths_with(store, GONE) == []
    assert not [one for one in store.path("").rglob("*") if one.is_file() and b"cust-b" in one.read_bytes()]
    assert commit_of(store, DATES[1]) == before[DATES[1]]
    for run_date in (DATES[0], DATES[2]):
        now = commit_of(store, run_date)
        assert (now.model, now.segment_state, now.run_id) == (
            before[run_date].model,
            before[run_date].segment_state,
            before[run_date].run_id,
        )
    assert commit_of(store, DATES[0]).tables[LABELS].run_id == "r1"  # the run whose record and report are of it
    assert version_states(store) == {"r1": "current", "r2": "current", "r3": "current"}
    assert stale_dates(latest_commit(store)) == []
    assert repair(store) == RepairResult(0, 0)
    assert forget(store) == {}


def test_a_version_without_the_customer_can_still_be_restored(store: LocalStore) -> None:
    published(store, "r0", "cust-a")
    published(store, "r1", "cust-a", "cust-b")
    published(store, "r2", "cust-a", "cust-c")
    forget(store)
    assert version_states(store) == {"r0": "replaced", "r2": "current"}
    assert labels(store) == ["cust-a", "cust-c"]


def test_a_date_that_has_ended_goes_at_once(store: LocalStore) -> None:
    published(store, "first", "cust-b", retention=KEEP)
    for number in range(3):
        published(store, f"r{number}", "cust-a", run_date=DATES[number], retention=KEEP)
    published(store, "r3", "cust-a", run_date=DATES[3], retention=Retention(5, 3600.0, dates=3))
    assert published_dates(store) == DATES[1:]
    assert forget(store) == {}
    assert [one.name for one in store.entries(LABELS)] == [f"run_date={one}" for one in DATES[1:]]
    assert paths_with(store, GONE) == []
    assert {one.name for one in store.entries("_seg_spark/versions")} == {"r1", "r2", "r3"}


def test_types_files_and_all_other_rows_stay_as_they_are(store: LocalStore) -> None:
    commit = published(store, "r0", "cust-a", "cust-b", "cust-c")
    [file] = commit.tables[LABELS].files
    rich = pa.table(
        {
            "customer_id": ["cust-a", "cust-b", None, "cust-bb"],
            "since": pa.array([1, 2, 3, None], pa.date32()),
            "reasons": pa.array([["x"], [], None, ["y", "z"]], pa.list_(pa.field("element", pa.string()))),
        },
        metadata={"org.apache.spark.sql.parquet.row.metadata": "{}"},
    )
    pq.write_table(rich, store.path(file.path), compression="zstd", row_group_size=2)
    with pytest.raises(PublishError, match=r"3 rows were read and 1 removed, but 3 are left"):
        forget(store)  # the commit says 3 rows
    pq.write_table(rich.slice(0, 3), store.path(file.path), compression="zstd", row_group_size=2)
    forget(store)
    [new] = commit_of(store, FIRST_DATE).tables[LABELS].files
    left = pq.ParquetFile(store.path(new.path))
    assert left.read().equals(rich.take([0, 2]), check_metadata=True)
    assert left.metadata.row_group(0).column(0).compression == "ZSTD"


def test_tables_that_are_not_compressed_stay_so(store: LocalStore) -> None:
    [file] = published(store, "r0", "cust-a", "cust-b").tables[LABELS].files
    pq.write_table(pq.read_table(store.path(file.path), partitioning=None), store.path(file.path), compression="none")
    forget(store)
    [new] = commit_of(store, FIRST_DATE).tables[LABELS].files
    assert pq.ParquetFile(store.path(new.path)).metadata.row_group(0).column(0).compression == "UNCOMPRESSED"


def test_any_number_of_customers_can_be_forgotten_at_once() -> None:
    many = Forgetting(frozenset(f"customer-{number:012}" for number in range(40_000)))
    texts = ["1,customer-000000000007,x", "1,customer-000000039999,x", "1,customer-000000040000,x"]
    table = malformed(texts)
    assert many.rows_in(table).to_pylist() == [True, True, False]
    assert [many.is_in(text) for text in texts] == [True, True, False]


def test_malformed_rows_go_if_their_text_names_one() -> None:
    texts = {
        "1,cust-b,x": True, "cust-b": True, 'x "cust-b"': True, "cust-bb,1": False, "my-cust-b-2": False,
        "acust-b": False, "1,b,2": False, None: False, "-cust-b-,1": True, "cust-b.": True, "1;cust-b@x.de": False,
        "of cust-b, 1": True, "me+cust-b": False, "_cust-b": True,
    }  # fmt: skip
    assert GONE.rows_in(malformed(list(texts))).to_pylist() == list(texts.values())
    assert [GONE.is_in(text or "") for text in texts] == list(texts.values())
    known = pa.table(
        {
            "customer_id": ["cust-a", "cust-b", None],
            "raw_row": ['{"friend": "cust-b"}', "{}", '{"id": null, "friend": "cust-b"}'],
            "reject_reasons": [["missing:x"], ["too_long:y", "missing:x"], ["missing_id"]],
        }
    )
    assert GONE.rows_in(known).to_pylist() == [False, True, False]  # a row is of the customer whose id it has
    short = Forgetting(frozenset({"25", "88"}))
    no_id = pa.table(
        {
            "customer_id": pa.array([None], pa.string()),
            "raw_row": ['{"income": "25.5", "score": "88"}'],
            "reject_reasons": [["missing_id"]],
        }
    )
    assert short.rows_in(no_id).to_pylist() == [False]


@pytest.mark.parametrize("id_", ["a.b", "a+b", "50%", "(x)", "a|b", "ÄÖ", "a b", "\\d", "[a]", "^", "$5"])
def test_ids_are_no_patterns(id_: str) -> None:
    whom = Forgetting(frozenset({id_}))
    assert whom.rows_in(malformed([f"1,{id_},2", "1,aXb,5", ""])).to_pylist() == [True, False, False]
    assert re.search(*whom.patterns, f"1,{id_},2")


def test_what_was_interrupted_is_finished_by_the_next_call(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        published(store, f"r{number}", "cust-a", "cust-b", tables=TABLES, run_date=DATES[number])
    commit = forgetting.commit_next
    for allowed in (0, 1, 2, 3):
        made: list[int] = []

        def fail_after(*arguments: object, allowed: int = allowed, made: list[int] = made, **named: object) -> object:
            if len(made) == allowed:
                raise KeyboardInterrupt
            made.append(1)
            return commit(*arguments, **named)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(forgetting, "commit_next", fail_after)
            if allowed < 2:
                with pytest.raises(KeyboardInterrupt):
                    forget(store)
                assert len(paths_with(store, GONE)) > 0
        assert repair(store) == RepairResult(0, 0)
    forget(store)
    assert paths_with(store, GONE) == []
    assert [labels(store, run_date) for run_date in DATES[:3]] == [["cust-a"]] * 3


def test_a_date_that_another_run_publishes_meanwhile_is_not_overwritten(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(store, "r0", "cust-a", "cust-b")
    begin = forgetting.run_area

    def begin_late(store: LocalStore, *arguments: Any) -> Any:
        published(store, "r1", "cust-c", "cust-b")
        return begin(store, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(forgetting, "run_area", begin_late)
        with pytest.raises(LockedError, match="2026-11-23 has been published since"):
            forget(store)
    assert labels(store) == ["cust-c", "cust-b"]
    forget(store)
    assert labels(store) == ["cust-c"]


def test_a_damaged_file_is_named(store: LocalStore) -> None:
    store.write("customer_segments/copy.parquet", b"PAR1 and then nothing")
    with pytest.raises(PublishError, match=r"customer_segments/copy\.parquet: is damaged"):
        paths_with(store, GONE)


def test_other_files_are_searched_for_ids_that_are_long_enough(store: LocalStore) -> None:
    store.write("runs/run_date=2026-11-23/r.json", b'{"error": "cust-b is odd", "rows": 12}')
    store.write("notes.txt", b"cust-bb")
    assert paths_with(store, GONE) == ["runs/run_date=2026-11-23/r.json"]
    assert paths_with(store, Forgetting(frozenset({"12"}))) == []


def test_a_number_is_no_id_of_digits(store: LocalStore) -> None:
    whom = Forgetting(frozenset({"198747"}))
    store.write("runs/run_date=2026-11-23/r.json", b'{"bytes": 198747, "rows": [198747]}')
    store.write("runs/run_date=2026-11-23/r.html", b"<p>198747 customers</p>")
    store.write("runs/run_date=2026-11-23/r.figures.json.gz", gzip.compress(b'{"x": 198747}'))
    assert paths_with(store, whom) == []
    store.write("runs/run_date=2026-11-23/s.json", b'{"error": "of 198747"}')
    assert paths_with(store, whom) == ["runs/run_date=2026-11-23/s.json"]


def test_figures_that_were_being_written_are_searched_too(store: LocalStore) -> None:
    store.write("runs/run_date=2026-11-23/.r.figures.json.gz.ab.tmp", gzip.compress(b'{"x": "cust-b"}'))
    store.write("runs/run_date=2026-11-23/.s.figures.json.gz.ab.tmp", gzip.compress(b'{"x": "cust-b"}')[:9])
    assert paths_with(store, GONE) == ["runs/run_date=2026-11-23/.r.figures.json.gz.ab.tmp"]


def test_a_file_that_is_lost_holds_nobody_up(store: LocalStore) -> None:
    published(store, "r1", "cust-b")
    published(store, "r2", "cust-a")
    for file in store.path("_seg_spark/versions/r1").rglob("*.parquet"):
        file.unlink()
    assert forget(store) == {}
