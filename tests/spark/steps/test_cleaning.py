"""The step that cleans: its passes give every row the outcome that settling all rows together gives it."""

import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import conf_dir, customer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark import schemas
from seg_spark.cleaning.duplicates import NO_IDS, OUTCOME, ScannedIds, scan_ids, settle_duplicates
from seg_spark.cleaning.rows import EXCLUSION, ID_HASH, MALFORMED_ROW, validate_rows, with_id_hash
from seg_spark.errors import InputError, PublishError
from seg_spark.input.spark_reader import read_raw
from seg_spark.reporting.progress import StepProgress
from seg_spark.settings.layers import load_settings
from seg_spark.settings.schema import Settings
from seg_spark.steps import cleaning
from seg_spark.steps.cleaning import clean_customers
from seg_spark.steps.context import RunContext
from seg_spark.storage.local_store import LocalStore
from seg_spark.storage.publish import RunArea
from seg_spark.storage.tables import read_table, stage_table, staged_table

SAME_HASH = ("CUSTOMER00000001", "I5dS6WpqwTLufNvc")
"""Two ids that Spark's xxhash64 cannot tell apart."""
RUN_DATE = date(2026, 11, 23)
Find = Callable[[DataFrame], ScannedIds]


@pytest.fixture(autouse=True)
def _small_tables_go_the_way_of_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "SMALL_INPUT_BYTES", 0)


def run_context(spark: SparkSession, settings: Settings, root: Path) -> RunContext:
    area = RunArea(RUN_DATE, "run", "staging", 0)
    progress = StepProgress()
    return RunContext(spark, settings, LocalStore(root), area, progress, is_trial=True)


def hostile_rows(ids: list[Any]) -> list[dict[str, Any]]:
    """Rows of few customers, with every kind of duplicate, fault and exclusion."""
    rng = random.Random(7)
    return [
        {
            "id": rng.choice(ids),
            "income": rng.choice([1.0, 2.0, 2.0, None, -1.0]),
            "score": rng.choice([5.0, 5.0, 6.0]),
            "version": rng.choice([1, 1, 2, 3, None]),
            "state": rng.choice(["open", "open", "open", "closed"]),
        }
        for _ in range(300)
    ]


TEXT_IDS = [*(f"c{i}" for i in range(60)), *(f"often{i}" for i in range(4)), *SAME_HASH, "", "  ", "NA", None, "a\tb"]
FLOAT_IDS = [0.0, -0.0, float("nan"), None, 1.5, *(float(i) for i in range(40))]
EVERY_ID_REPEATED = [{**row, "id": f"c{number % 50}"} for number, row in enumerate(hostile_rows(["x"]))]
NO_ID_REPEATED = [{**row, "id": f"c{number}"} for number, row in enumerate(hostile_rows(["x"]))]
ALL_GOOD = [customer(number, version=1, state="open", income=1.0, score=2.0) for number in range(20)]

TABLES = {
    "text ids": hostile_rows(TEXT_IDS),
    "ids as floats": hostile_rows(FLOAT_IDS),
    "every id repeated": EVERY_ID_REPEATED,
    "no id repeated": NO_ID_REPEATED,
    "nothing wrong": ALL_GOOD,
}


def write_parquet(root: Path, rows: list[dict[str, Any]]) -> None:
    folder = root / "input"
    folder.mkdir()
    for number in range(3):
        types = [("id", pa.float64() if any(isinstance(row["id"], float) for row in rows) else pa.string())]
        types += [("income", pa.float64()), ("score", pa.float64()), ("version", pa.int64()), ("state", pa.string())]
        pq.write_table(pa.Table.from_pylist(rows[number::3], pa.schema(types)), folder / f"part-{number}.parquet")


def write_csv(root: Path, rows: list[dict[str, Any]]) -> None:
    folder = root / "input"
    folder.mkdir()
    names = ("id", "income", "score", "version", "state")
    lines = [",".join("" if row[name] is None else str(row[name]) for name in names) for row in rows]
    lines[7:7] = ["c1,1,2", "often1,1,2,3,open,more", "often1"]
    (folder / "part-0.csv").write_text("\n".join([",".join(names), *lines, ""]), encoding="utf-8")


def hostile_settings(root: Path, form: str, *, ordered: bool = True, exclude: bool = True) -> Settings:
    table = {"path": str(root / "input"), "format": form} | ({"order_by": "version"} if ordered else {})
    rules = [{"column": "state", "equals": "closed"}] if exclude else []
    features = {"income": {"valid": [0, None]}, "score": {}}
    folder = conf_dir(root, features, input=table, cleaning={"exclude": rules, "max_rejected_share": 1.0})
    return load_settings(folder, environment={}).settings


def settled_together(spark: SparkSession, settings: Settings) -> list[dict[str, Any]]:
    """What becomes of every row where all rows are shuffled."""
    raw = read_raw(spark, settings.input, RUN_DATE, MALFORMED_ROW, settings.used_columns())
    rows = settle_duplicates(validate_rows(with_id_hash(raw, settings), settings), settings).collect()
    return [row.asDict() for row in rows]


def text_of(row: dict[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in names)


@pytest.mark.parametrize(
    ("name", "form", "exclude"),
    [
        *((name, "parquet", True) for name in TABLES),
        ("text ids", "parquet", False),
        ("text ids", "csv", True),
        ("no id repeated", "csv", True),
    ],
)
def test_every_row_has_the_outcome_that_settling_all_rows_together_gives_it(
    spark: SparkSession, tmp_path: Path, name: str, form: str, exclude: bool
) -> None:
    (write_csv if form == "csv" else write_parquet)(tmp_path, TABLES[name])
    check_against_all_together(spark, tmp_path, hostile_settings(tmp_path, form, exclude=exclude))


@pytest.mark.parametrize(
    "find",
    [partial(scan_ids, max_rows_on_driver=0), partial(scan_ids, max_named=3)],
    ids=["too many rows for the driver", "too many repeated ids to name"],
)
def test_large_tables_take_other_ways_to_the_same_outcomes(
    spark: SparkSession, tmp_path: Path, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet(tmp_path, TABLES["text ids"])
    monkeypatch.setattr(cleaning, "scan_ids", find)
    check_against_all_together(spark, tmp_path, hostile_settings(tmp_path, "parquet", ordered=False))


def test_rows_left_by_the_first_pass_may_be_too_many_to_name(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet(tmp_path, TABLES["text ids"])
    monkeypatch.setattr(ScannedIds, "missing_from", partialmethod(ScannedIds.missing_from, max_named=1))
    check_against_all_together(spark, tmp_path, hostile_settings(tmp_path, "parquet"))


def scanned(*hashes: int) -> ScannedIds:
    return ScannedIds.of(NO_IDS, np.array(sorted(hashes), dtype=np.int64))


@pytest.mark.parametrize(
    ("read", "written", "missing"),
    [
        ((1, 2, 2, 5, 9, 9), (1, 5), [2, 9]),
        ((-7, 0, 3), (-7, 0, 3), []),
        ((4, 4, 6), (), [4, 6]),
        ((), (), []),
        ((-3, 8), (0, 1), [-3, 8]),
    ],
)
def test_ids_that_are_not_written_yet(read: tuple[int, ...], written: tuple[int, ...], missing: list[int]) -> None:
    found = scanned(*read).missing_from(scanned(*written))
    assert found is not None
    assert found.tolist() == missing


def test_two_scans_together_repeat_what_both_have() -> None:
    both = scanned(1, 4, 4).beside(scanned(1, 7))
    assert both.repeated is not None
    assert both.ordered is not None
    assert (both.repeated.tolist(), both.ordered.tolist()) == ([1, 4], [1, 1, 4, 4, 7])


def test_headers_may_be_called_anything(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "input"
    folder.mkdir()
    rows = [{**customer(n % 3, income=1.0, score=float(n % 2)), "a.b": n, "c`d": n, "_clean_id": "x"} for n in range(6)]
    pq.write_table(
        pa.Table.from_pylist([{**row, "_seg_spark_id": 1, "_named": 1} for row in rows]), folder / "a.parquet"
    )
    features = {"income": {"source": "a.b"}, "score": {}}
    settings = load_settings(
        conf_dir(tmp_path, features, input={"path": str(folder), "format": "parquet"}), environment={}
    )
    cleaned = clean_customers(run_context(spark, settings.settings, tmp_path))
    assert (cleaned.rows.input, cleaned.rows.rejected) == (6, 6)


def test_a_small_table_is_settled_in_one_go(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet(tmp_path, TABLES["text ids"])
    monkeypatch.setattr(cleaning, "SMALL_INPUT_BYTES", 2**20)
    check_against_all_together(spark, tmp_path, hostile_settings(tmp_path, "parquet"))


def check_against_all_together(spark: SparkSession, root: Path, settings: Settings) -> None:
    expected = settled_together(spark, settings)
    cleaned = clean_customers(run_context(spark, settings, root))
    outcomes = Counter(row[OUTCOME] for row in expected)
    rows = cleaned.rows
    assert rows.input == len(expected)
    assert (rows.accepted, rows.merged_duplicates) == (outcomes["accepted"], outcomes["merged"])
    assert (rows.rejected, rows.excluded) == (outcomes["rejected"], outcomes["excluded"])
    by_rule = Counter(row[EXCLUSION] for row in expected if row[OUTCOME] == "excluded")
    older = {"older rows of excluded customers": by_rule[None]} if by_rule[None] else {}
    assert rows.excluded_by_rule == ({"state": by_rule[0]} if settings.cleaning.exclude else {}) | older
    accepted = [row for row in expected if row[OUTCOME] == "accepted"]
    assert cleaned.missing == {name: sum(row[name] is None for row in accepted) for name in ("income", "score")}
    reasons = Counter(reason for row in expected for reason in row["reject_reasons"] or [])
    assert rows.rejected_by_reason == dict(reasons)
    compared = {
        c.CLEAN_CUSTOMERS: ("accepted", ("customer_id", "income", "score")),
        c.REJECTED_CUSTOMERS: ("rejected", ("customer_id", "reject_reasons", "raw_row")),
    }
    for table, (outcome, names) in compared.items():
        found = spark.read.parquet(str(root / "staging" / table)).collect()
        assert Counter(text_of(row.asDict(), names) for row in found) == Counter(
            text_of(row, names) for row in expected if row[OUTCOME] == outcome
        )


def test_the_hostile_table_has_every_outcome_and_two_ids_of_one_hash(spark: SparkSession, tmp_path: Path) -> None:
    hashes = spark.createDataFrame([(one,) for one in SAME_HASH], "id string").select(F.xxhash64("id")).distinct()
    assert hashes.count() == 1
    write_parquet(tmp_path, TABLES["text ids"])
    expected = settled_together(spark, hostile_settings(tmp_path, "parquet"))
    assert {row[OUTCOME] for row in expected} == {"accepted", "merged", "rejected", "excluded"}
    assert {row["customer_id"] for row in expected} >= set(SAME_HASH)


def test_rows_without_an_id_are_not_shuffled_as_one_customer(spark: SparkSession, tmp_path: Path) -> None:
    write_parquet(tmp_path, [customer(id=id_, version=1, state="open") for id_ in (None, None, "", "", "NA", "NA")])
    settings = hostile_settings(tmp_path, "parquet")
    raw = with_id_hash(spark.read.parquet(settings.input.path), settings)
    repeated = scan_ids(raw)
    assert (repeated.totals.rows, repeated.totals.with_id) == (6, 0)
    assert repeated.repeated is not None
    assert not len(repeated.repeated)


@pytest.mark.parametrize("before", ["mark_shared_ids", "rows_of_ids"])
def test_an_input_that_changes_between_two_scans_is_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """Another id of the same length, in a file of the same size and time: what a look at the files cannot see."""
    file = tmp_path / "input" / "part-0.parquet"
    file.parent.mkdir()

    def write(first: str) -> None:
        rows = [customer(id=one, income=1.0, score=2.0) for one in (first, first, "b", "c")]
        pq.write_table(pa.Table.from_pylist(rows), file, compression="none")

    pick_rows = getattr(cleaning, before)

    def rewrite_then_pick(*args: Any) -> DataFrame:
        old = file.stat()
        write("z")
        os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
        assert file.stat().st_size == old.st_size
        picked: DataFrame = pick_rows(*args)
        return picked

    write("a")
    folder = conf_dir(tmp_path, input={"path": str(file.parent), "format": "parquet"})
    settings = load_settings(folder, environment={}).settings
    monkeypatch.setattr(cleaning, before, rewrite_then_pick)
    with pytest.raises(InputError, match="changed while they were being read") as refused:
        clean_customers(run_context(spark, settings, tmp_path))
    assert refused.value.exit_code == 3


def test_the_audit_finds_a_customer_that_was_accepted_twice(spark: SparkSession, tmp_path: Path) -> None:
    settings = load_settings(conf_dir(tmp_path), environment={}).settings
    context = run_context(spark, settings, tmp_path)
    schema = schemas.clean_customers_schema(settings.features)

    def audit(*ids: str, read_before: int) -> None:
        folder, rows = f"{len(ids)}-{read_before}", [(one, 1.0, 2.0, "run") for one in ids]
        stage_table(spark.createDataFrame(rows, schema).repartition(2), schema, context.store, folder, "clean")
        staged = staged_table(context.store, c.CLEAN_CUSTOMERS, folder)
        table = read_table(spark, context.store, staged.files, schema)
        hashed = table.withColumn(ID_HASH, F.xxhash64("customer_id"))
        before = cleaning._read_back(context, staged.files[:read_before]) if read_before else None
        cleaning._audit_ids(context, staged, cleaning._Settled(scan_ids(hashed).totals, accepted=before))

    for read_before in range(3):
        audit("a", "b", *SAME_HASH, read_before=read_before)
        with pytest.raises(PublishError, match="clean_customers: 1 customers have more than one row"):
            audit("a", "b", "a", *SAME_HASH, read_before=read_before)
