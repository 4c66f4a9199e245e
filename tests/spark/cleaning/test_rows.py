import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import NUMBERS, customer, settings
from chispa import assert_df_equality
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType
from whole_frame import clean

from seg_spark.cleaning.duplicates import OUTCOME
from seg_spark.cleaning.rows import IS_FAULTY, MALFORMED_ROW, validate_rows, with_id_hash
from seg_spark.errors import InputError


def raw_frame(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    """Rows as a CSV reader gives them: all text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    schema = StructType([StructField(name, StringType()) for name in names])
    values = [tuple(None if row.get(name) is None else str(row[name]) for name in names) for row in rows]
    return spark.createDataFrame(values, schema)


def outcome_of(spark: SparkSession, root: Path, row: dict[str, Any], **options: Any) -> Any:
    """What becomes of a single row."""
    [cleaned] = clean(raw_frame(spark, [row]), settings(root, **options)).collect()
    return cleaned


def cleaned_by_id(spark: SparkSession, root: Path, rows: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    """What becomes of rows of different customers, in one job."""
    return {row["customer_id"]: row for row in clean(raw_frame(spark, rows), settings(root, **options)).collect()}


def test_text_that_is_a_number_or_missing_is_accepted(spark: SparkSession, tmp_path: Path) -> None:
    meaning: dict[str | None, float | None] = {
        "70": 70.0, " 70.5 ": 70.5, "+5": 5.0, "-5": -5.0, "1e3": 1000.0, ".5": 0.5, "007": 7.0,
        "5\u00a0": 5.0, "-0": 0.0, None: None, "": None, "   ": None, "NA": None, "null": None,
    }  # fmt: skip
    found = cleaned_by_id(spark, tmp_path, [customer(id=repr(text), income=text) for text in meaning])
    assert {id_: row["income"] for id_, row in found.items()} == {repr(text): value for text, value in meaning.items()}
    assert {row[OUTCOME] for row in found.values()} == {"accepted"}


def test_text_that_is_no_finite_number_is_rejected_with_the_reason(spark: SparkSession, tmp_path: Path) -> None:
    no_number = ["12,5", "#VALUE!", "abc", "1d", "2F", "0x1p3", "--", "1_000", "\u0661\u0662"]
    not_finite = ["NaN", "Infinity", "-inf", "1e400"]
    texts = no_number + not_finite
    found = cleaned_by_id(spark, tmp_path, [customer(id=repr(text), income=text) for text in texts])
    assert {id_: row["reject_reasons"] for id_, row in found.items()} == {
        **{repr(text): ["unparseable:income"] for text in no_number},
        **{repr(text): ["not_finite:income"] for text in not_finite},
    }
    assert [json.loads(found[repr(text)]["raw_row"])["income"] for text in texts] == texts


def test_an_unusable_id_is_rejected(spark: SparkSession, tmp_path: Path) -> None:
    blank = [None, "", "  ", "NULL"]
    reasons = {
        "a\tb": "control_characters:customer_id",
        "x" * 257: "too_long:customer_id",
        "caf\ufffd": "not_utf8:customer_id",
    }
    rows = raw_frame(spark, [customer(id=id_) for id_ in [*blank, *reasons]])
    found = Counter((row["customer_id"], *row["reject_reasons"]) for row in clean(rows, settings(tmp_path)).collect())
    assert found == Counter([(id_, "missing_id") for id_ in blank] + list(reasons.items()))


def test_an_id_is_kept_letter_for_letter(spark: SparkSession, tmp_path: Path) -> None:
    ids = {"007", "7", " A1 ", "A1", "aB-c", "ab-c", "客户-1", "\u0645\u0639", "x" * 256}
    found = cleaned_by_id(spark, tmp_path, [customer(id=id_) for id_ in ids])
    assert set(found) == ids
    assert {row[OUTCOME] for row in found.values()} == {"accepted"}


def test_every_reason_of_a_row_is_kept(spark: SparkSession, tmp_path: Path) -> None:
    features = {"income": {"valid": [0, 100]}, "score": {"missing": "reject"}, "region": {"kind": "category"}}
    row = customer(id="", income="-3", score="", region="n\x07")
    cleaned = outcome_of(spark, tmp_path, row, features=features)
    assert set(cleaned["reject_reasons"]) == {
        "missing_id", "out_of_range:income", "missing:score", "control_characters:region",
    }  # fmt: skip


def test_each_text_is_parsed_once_however_the_rows_are_picked(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = settings(tmp_path)
    validated = validate_rows(with_id_hash(raw_frame(spark, [customer()]), conf), conf)
    validated.where(~F.col(IS_FAULTY)).explain("extended")
    optimized = capsys.readouterr().out.split("== Optimized Logical Plan ==")[1].split("== Physical Plan ==")[0]
    assert optimized.count("try_cast(") == len(NUMBERS)


def test_the_valid_range_includes_its_ends(spark: SparkSession, tmp_path: Path) -> None:
    accepted = {"0": True, "100": True, "-0.001": False, "100.001": False}
    rows = [customer(id=value, income=value) for value in accepted]
    found = cleaned_by_id(spark, tmp_path, rows, features={"income": {"valid": [0, 100]}})
    assert {id_: row[OUTCOME] == "accepted" for id_, row in found.items()} == accepted


def test_a_malformed_row_gets_no_other_reason(spark: SparkSession, tmp_path: Path) -> None:
    row = customer(income="abc") | {MALFORMED_ROW: "C1,abc"}
    cleaned = outcome_of(spark, tmp_path, row)
    assert (cleaned["reject_reasons"], cleaned["raw_row"]) == (["malformed_row"], "C1,abc")


def test_duplicates_of_one_customer(spark: SparkSession, tmp_path: Path) -> None:
    """Each letter is a content, the digit behind it an order value; each case is a customer of its own."""
    cases = {
        "A,A": {"accepted": 1, "merged": 1},
        "A,B": {"rejected": 2},
        "A,A,B": {"merged": 1, "rejected": 2},
        "A,A,A": {"accepted": 1, "merged": 2},
        "A1,B2": {"accepted": 1, "merged": 1},
        "A2,B2": {"rejected": 2},
        "A2,A2,B1": {"accepted": 1, "merged": 2},
        "A1,B2,C2": {"merged": 1, "rejected": 2},
        "A,B1": {"accepted": 1, "merged": 1},
    }
    raw = [customer(id=case, income=ord(one[0]), version=one[1:] or None) for case in cases for one in case.split(",")]
    cleaned = clean(raw_frame(spark, raw), settings(tmp_path, input__order_by="version")).collect()
    found: dict[str, Counter[str]] = {case: Counter() for case in cases}
    for row in cleaned:
        found[row["customer_id"]][row[OUTCOME]] += 1
        assert row["reject_reasons"] == (["conflicting_duplicate"] if row[OUTCOME] == "rejected" else None)
    assert found == cases


def test_the_highest_order_value_wins(spark: SparkSession, tmp_path: Path) -> None:
    pairs = [("9", "10"), ("2026-01-31", "2026-02-01"), ("2026-02-01T08:00:00", "2026-02-01T09:30:00"), ("", "1")]
    raw = [customer(id=newer, income=2, seen=newer) for _, newer in pairs]
    raw += [customer(id=newer, income=1, seen=older) for older, newer in pairs]
    cleaned = clean(raw_frame(spark, raw), settings(tmp_path, input__order_by="seen")).where(
        F.col(OUTCOME) == "accepted"
    )
    expected = spark.createDataFrame([(newer, 2.0) for _, newer in pairs], "customer_id string, income double")
    assert_df_equality(cleaned.select("customer_id", "income"), expected, ignore_row_order=True)


@pytest.mark.parametrize("value", [float("inf"), "Infinity"])
def test_an_infinite_value_to_order_by_rejects_the_row_typed_and_as_text(
    spark: SparkSession, tmp_path: Path, value: float | str
) -> None:
    found = outcome_of(spark, tmp_path, customer(version=value), input__order_by="version")
    assert (found[OUTCOME], found["reject_reasons"]) == ("rejected", ["impossible_date:version"])


def test_an_impossible_date_to_order_by_rejects_the_row(spark: SparkSession, tmp_path: Path) -> None:
    cleaned = outcome_of(spark, tmp_path, customer(seen="2026-02-30"), input__order_by="seen")
    assert cleaned["reject_reasons"] == ["impossible_date:seen"]


def test_a_time_without_a_day_orders_nothing_since_it_would_mean_today(spark: SparkSession, tmp_path: Path) -> None:
    assert outcome_of(spark, tmp_path, customer(seen="12:30"), input__order_by="seen")[OUTCOME] == "rejected"


def test_bytes_that_are_no_text_are_rejected_in_typed_columns_too(spark: SparkSession, tmp_path: Path) -> None:
    raw = spark.sql("SELECT cast(unhex('5A37FF61') AS string) AS id, 1.0D AS income, 2.0D AS score")
    [row] = clean(raw, settings(tmp_path)).collect()
    assert row["reject_reasons"] == ["not_utf8:customer_id"]
    assert "\ufffd" in row["raw_row"]


def test_ids_stored_as_floats_lose_only_their_point(spark: SparkSession, tmp_path: Path) -> None:
    raw = spark.sql(
        "SELECT id, 1.0D AS income, id AS score FROM VALUES (7.0D), (1.5D), (1e300D), (double('inf')) AS t(id)"
    )
    found = {row["customer_id"]: row["reject_reasons"] for row in clean(raw, settings(tmp_path)).collect()}
    assert set(found) == {"7", "1.5", "1.0E300", None}
    assert "missing_id" in found[None]


def test_a_rejected_row_does_not_conflict_with_a_good_one(spark: SparkSession, tmp_path: Path) -> None:
    raw = raw_frame(spark, [customer(income="abc"), customer(income=5)])
    outcomes = {row[OUTCOME]: row["income"] for row in clean(raw, settings(tmp_path)).collect()}
    assert outcomes == {"rejected": None, "accepted": 5.0}


def test_typed_columns_are_read_by_their_types(spark: SparkSession, tmp_path: Path) -> None:
    raw = spark.createDataFrame(
        [(7, 1.5, True), (8, float("nan"), False), (9, None, None)], "id bigint, income double, score boolean"
    )
    cleaned = {row["customer_id"]: row for row in clean(raw, settings(tmp_path)).collect()}
    assert (cleaned["7"]["income"], cleaned["7"]["score"]) == (1.5, 1.0)
    assert cleaned["8"]["reject_reasons"] == ["not_finite:income"]
    assert (cleaned["9"][OUTCOME], cleaned["9"]["income"]) == ("accepted", None)


def test_a_number_that_means_missing_is_missing_typed_and_as_text(spark: SparkSession, tmp_path: Path) -> None:
    values = [-1.0, 999.0, float("nan"), 0.0, 998.5]
    typed = spark.createDataFrame(
        [(i, value, 1 if np.isnan(value) else int(value)) for i, value in enumerate(values)],
        "id int, income double, score int",
    )
    config = settings(tmp_path, input__null_values=["-1", "999", "NaN"])
    rows = {int(row["customer_id"]): row for row in clean(typed, config).collect()}
    assert [rows[i]["income"] for i in range(5)] == [None, None, None, 0.0, 998.5]
    assert [rows[i]["score"] for i in range(5)] == [None, None, 1.0, 0.0, 998.0]
    assert {row[OUTCOME] for row in rows.values()} == {"accepted"}
    texts = [customer(id=str(i), income=value) for i, value in enumerate(["-1", "999", "NaN", "0", "998.5"])]
    written = {int(row["customer_id"]): row["income"] for row in clean(raw_frame(spark, texts), config).collect()}
    assert written == {i: row["income"] for i, row in rows.items()}
    booleans = spark.createDataFrame([(1, 2.0, True)], "id int, income double, score boolean")
    [row] = clean(booleans, settings(tmp_path, input__null_values=["1"])).collect()
    assert row["score"] == 1.0


def test_an_order_value_that_means_missing_is_the_lowest(spark: SparkSession, tmp_path: Path) -> None:
    raw = spark.createDataFrame([(1, 1.0, 9999), (1, 2.0, 5)], "id int, income double, version int")
    config = settings(tmp_path, {"income": {}}, input__order_by="version", input__null_values=["9999"])
    assert [row["income"] for row in clean(raw, config).where(F.col(OUTCOME) == "accepted").collect()] == [2.0]


def test_an_absent_column_is_named_with_the_nearest_one(spark: SparkSession, tmp_path: Path) -> None:
    raw = raw_frame(spark, [{"id": 1, "Income": 1, "score": 2}])
    with pytest.raises(
        InputError, match=r"features.columns.income: the input has no column 'income' \(did you mean 'Income'"
    ):
        clean(raw, settings(tmp_path))


def test_a_nested_column_is_no_feature(spark: SparkSession, tmp_path: Path) -> None:
    raw = spark.createDataFrame([("a", [1.0], 2.0)], "id string, income array<double>, score double")
    with pytest.raises(InputError, match=r"features.columns.income: is of type array<double>; expected a number"):
        clean(raw, settings(tmp_path))


CELLS = st.one_of(st.sampled_from(["1", "2", "abc", "", "NaN", "-1", "1e999", "\x00", "٣"]), st.text(max_size=3))


@hypothesis_settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", "", "\ud83d\ude00"]), CELLS, CELLS), min_size=1, max_size=25
    ),
    shuffled=st.randoms(use_true_random=False),
)
def test_no_row_is_lost_and_their_order_does_not_matter(
    spark: SparkSession, tmp_path: Path, rows: list[tuple[str, str, str]], shuffled: Any
) -> None:
    def outcomes(ordered: list[tuple[str, str, str]], partitions: int) -> Counter[tuple[Any, ...]]:
        raw = raw_frame(spark, [{"id": a, "income": b, "score": c} for a, b, c in ordered]).repartition(partitions)
        columns = ["customer_id", *NUMBERS, "reject_reasons", OUTCOME]
        return Counter(
            tuple(map(str, row))
            for row in clean(raw, settings(tmp_path, input__null_values="[]")).select(*columns).collect()
        )

    usable = [tuple(part.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for part in row) for row in rows]
    found = outcomes(usable, 1)
    assert found.total() == len(rows)
    again = list(usable)
    shuffled.shuffle(again)
    assert outcomes(again, 3) == found
