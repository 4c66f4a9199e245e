"""Declared exclusions: which rows they mean, and what becomes of the other rows of the customer."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from builders import conf_dir, customer
from pyspark.sql import SparkSession
from pyspark.sql.types import BooleanType, DoubleType, IntegerType, StringType, StructField, StructType
from whole_frame import clean

from seg_spark.cleaning.duplicates import OUTCOME
from seg_spark.cleaning.one_value import is_excluded
from seg_spark.cleaning.rows import EXCLUSION, MALFORMED_ROW
from seg_spark.errors import InputError
from seg_spark.settings.layers import load_settings
from seg_spark.settings.raw_table import Exclusion

TEXTS = [
    "1d",
    "0x1",
    "closed",
    " closed ",
    "Closed",
    "open",
    "",
    None,
    "1",
    "1.0",
    "01",
    "true",
    "YES",
    "t",
    "no",
    "0",
    "x",
]


def outcomes(
    spark: SparkSession, root: Path, rows: list[dict[str, Any]], *rules: dict[str, Any], order_by: str | None = None
) -> list[Any]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    schema = StructType([StructField(name, StringType()) for name in names])
    frame = spark.createDataFrame(
        [tuple(None if row.get(n) is None else str(row[n]) for n in names) for row in rows], schema
    )
    extra = {"path": str(root / "input")} | ({"order_by": order_by} if order_by else {})
    folder = conf_dir(root, cleaning={"exclude": list(rules)}, input=extra)
    return clean(frame, load_settings(folder, environment={}).settings).collect()


@pytest.mark.parametrize(
    ("rule", "excluded"),
    [
        ({"is_in": ["closed", "x"]}, {"closed", " closed ", "x"}),
        ({"equals": "closed"}, {"closed", " closed "}),
        ({"equals": 1}, {"1", "1.0", "01"}),
        ({"equals": "1"}, {"1"}),
        ({"is_in": [0, "open"]}, {"0", "open"}),
        ({"is_true": True}, {"1", "1.0", "01", "true", "YES", "t"}),
        ({"equals": False}, {"no", "0"}),
    ],
)
def test_a_rule_means_these_texts_and_no_others(
    spark: SparkSession, tmp_path: Path, rule: dict[str, Any], excluded: set[str]
) -> None:
    rows = [customer(i, id=repr(text), state=text) for i, text in enumerate(TEXTS)]
    found = outcomes(spark, tmp_path, rows, {"column": "state", **rule})
    assert {row["customer_id"] for row in found if row[OUTCOME] == "excluded"} == {repr(one) for one in excluded}
    assert len(found) == len(rows)
    plain = Exclusion.model_validate_json(json.dumps({"column": "state", **rule}))
    assert {text for text in TEXTS if is_excluded(text, plain)} == excluded


@pytest.mark.parametrize(
    ("type_", "values", "rule", "excluded"),
    [
        (IntegerType(), [0, 1, 2, None], {"is_true": True}, [1]),
        (IntegerType(), [0, 1, 2, None], {"is_in": [2, "0"]}, [0, 2]),
        (BooleanType(), [True, False, None], {"is_true": True}, [True]),
        (BooleanType(), [True, False, None], {"equals": False}, [False]),
        (DoubleType(), [1.5, 2.0, float("nan"), None], {"equals": 1.5}, [1.5]),
    ],
)
def test_a_rule_means_values_that_are_no_texts_too(
    spark: SparkSession, tmp_path: Path, type_: Any, values: list[Any], rule: dict[str, Any], excluded: list[Any]
) -> None:
    schema = StructType(
        [StructField("id", StringType()), StructField("flag", type_), StructField("income", DoubleType())]
    )
    frame = spark.createDataFrame([(repr(value), value, 1.0) for value in values], schema)
    folder = conf_dir(tmp_path, {"income": {}}, cleaning={"exclude": [{"column": "flag", **rule}]})
    found = clean(frame, load_settings(folder, environment={}).settings).collect()
    assert sorted(row["customer_id"] for row in found if row[OUTCOME] == "excluded") == sorted(map(repr, excluded))
    plain = Exclusion.model_validate_json(json.dumps({"column": "flag", **rule}))
    assert [value for value in values if is_excluded(value, plain)] == excluded


def test_whole_numbers_of_many_digits_are_told_apart(spark: SparkSession, tmp_path: Path) -> None:
    ids = [2**53 + i for i in range(4)]
    folder = conf_dir(tmp_path, {"income": {}}, cleaning={"exclude": [{"column": "id", "equals": 2**53 + 1}]})
    config = load_settings(folder, environment={}).settings
    for kind, values in (("bigint", ids), ("string", [f"{id_:020}" for id_ in ids])):
        frame = spark.createDataFrame([(value, 1.0) for value in values], f"id {kind}, income double")
        found = clean(frame, config).collect()
        assert [int(row["customer_id"]) for row in found if row[OUTCOME] == "excluded"] == [2**53 + 1]


def test_a_number_for_a_column_of_dates_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.sql("SELECT 'a' AS id, DATE '2026-01-01' AS day, 1.0 AS income")
    folder = conf_dir(tmp_path, {"income": {}}, cleaning={"exclude": [{"column": "day", "equals": 3}]})
    with pytest.raises(InputError, match=r"cleaning\.exclude: day is of type date, and 3 is a number"):
        clean(frame, load_settings(folder, environment={}).settings)


def test_an_excluded_row_is_not_judged_but_a_malformed_one_is(spark: SparkSession, tmp_path: Path) -> None:
    rows = [
        customer(1, income="?", state="closed"),
        customer(2, id="", state="closed"),
        customer(3, income="?", state="open"),
        {**customer(4, state="closed"), MALFORMED_ROW: "4,closed"},
    ]
    found = outcomes(spark, tmp_path, rows, {"column": "state", "equals": "closed"})
    assert Counter(row[OUTCOME] for row in found) == {"excluded": 2, "rejected": 2}
    assert all(row["reject_reasons"] is None and row["raw_row"] is None for row in found if row[OUTCOME] == "excluded")


def test_the_first_rule_that_is_met_is_told(spark: SparkSession, tmp_path: Path) -> None:
    rows = [customer(1, a="x", b="y"), customer(2, a="-", b="y"), customer(3, a="-", b="-")]
    found = outcomes(spark, tmp_path, rows, {"column": "a", "equals": "x"}, {"column": "b", "equals": "y"})
    assert {row["customer_id"]: row[EXCLUSION] for row in found} == {"C0001": 0, "C0002": 1, "C0003": None}


def test_without_an_order_each_row_is_excluded_on_its_own(spark: SparkSession, tmp_path: Path) -> None:
    rows = [customer(1, state="open"), customer(1, state="closed"), customer(1, state="closed", income=7)]
    found = outcomes(spark, tmp_path, rows, {"column": "state", "equals": "closed"})
    assert Counter(row[OUTCOME] for row in found) == {"accepted": 1, "excluded": 2}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["open", "open", "closed"], {"excluded": 3}),
        (["closed", "open", "open"], {"excluded": 1, "merged": 1, "accepted": 1}),
        (["open", "closed", "open"], {"merged": 1, "excluded": 1, "accepted": 1}),
    ],
)
def test_a_customer_whose_latest_row_is_excluded_is_gone(
    spark: SparkSession, tmp_path: Path, states: list[str], expected: dict[str, int]
) -> None:
    rows = [customer(1, state=state, day=f"2026-01-0{day}", income=day) for day, state in enumerate(states, 1)]
    found = outcomes(spark, tmp_path, rows, {"column": "state", "equals": "closed"}, order_by="day")
    assert Counter(row[OUTCOME] for row in found) == expected


def test_a_column_that_does_not_exist_is_named(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"cleaning.exclude: the input has no column 'stat' \(did you mean 'state'\?\)"
    ):
        outcomes(spark, tmp_path, [customer(1, state="open")], {"column": "stat", "equals": "closed"})
