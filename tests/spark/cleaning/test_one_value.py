"""Plain Python and Spark make the same of every text."""

from pathlib import Path
from typing import Any

import pytest
from builders import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, StringType, StructField, StructType
from whole_frame import clean

from seg_spark.cleaning.one_value import Value, category_value, is_excluded, is_order_text, number_value, parse_number
from seg_spark.features.sql_text import text
from seg_spark.settings.feature import Feature, TextForm
from seg_spark.settings.raw_table import DEFAULT_NULL_VALUES, Exclusion

GERMAN = TextForm(decimal=",", grouping=".", symbols=("€", "EUR"))
AMERICAN = TextForm(decimal=".", grouping=",", symbols=("$", "US$", "%"))
SWISS = TextForm(grouping="'", symbols=("CHF", "Fr."))
FRENCH = TextForm(decimal=",", grouping=" ")

NASTY = [
    "",
    " ",
    "\u00a0",
    "NULL",
    "null",
    " NA ",
    "N/A",
    "n/a",
    "0",
    "-0",
    "+5",
    "007",
    ".5",
    "5.",
    ".",
    "1e3",
    "1E-3",
    "1e",
    "1e400",
    "-1e400",
    "1e-400",
    "NaN",
    "nan",
    "-NaN",
    "Infinity",
    "-inf",
    "INF",
    "+infinity",
    "1d",
    "1f",
    "2D",
    "0x1p3",
    "0xA",
    "12,5",
    "1,234",
    "1,234.50",
    "1.234,50",
    "1.234",
    "1 234,5",
    "1\u202f234,5",
    "1'234.5",
    "12,34,567.8",
    "12,34",
    "€5",
    "5 €",
    "-5 €",
    "€-5",
    "-€-5",
    "€ 1.234,56",
    "1.234,56EUR",
    "EUR 7",
    "$1,200",
    "-$1,200.00",
    "$-3",
    "45%",
    "45 %",
    "CHF 1'200",
    "Fr. 3",
    "(5)",
    "\u22125",
    "\u22125 €",
    "--5",
    "+-5",
    "5-",
    "1_000",
    "\u0661\u0662",
    "\uff15",
    "1 2",
    "\t7\n",
    "\x017",
    "7\x0b",
    "abc",
    "#VALUE!",
    "true",
    "1e5€",
    "1.5e3",
    "1,5e3",
    "€",
    "9" * 400,
    "1" + "0" * 308,
    "1,23",
    "1,2345",
    "123,456,78",
    ",5",
    "5,",
    "0,5",
    "1.2.3",
    "US$ 5",
    "5 US$",
    "$$5",
]


def spark_outcomes(spark: SparkSession, root: Path, feature: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    schema = StructType([StructField(name, StringType()) for name in ("id", "income")])
    distinct = list(dict.fromkeys(texts))
    frame = spark.createDataFrame([(str(i), text) for i, text in enumerate(distinct)], schema)
    rows = clean(frame, settings(root, {"income": feature})).collect()
    return {
        distinct[int(row["customer_id"])]: Value(
            reason=row["reject_reasons"][0], others=tuple(row["reject_reasons"][1:])
        )
        if row["reject_reasons"]
        else Value(row["income"])
        for row in rows
    }


def python_outcome(feature: dict[str, Any], text: str) -> Value:
    one = Feature.model_validate(feature)
    reject = one.missing_rule == "reject"
    if one.kind == "category":
        return category_value(text, "income", DEFAULT_NULL_VALUES, reject_missing=reject)
    return number_value(text, "income", DEFAULT_NULL_VALUES, reject_missing=reject, valid=one.valid, form=one.text_form)


@pytest.mark.parametrize(
    "feature",
    [
        {},
        {"missing": "reject", "valid": [0.0, 100.0]},
        *({"text_form": form.model_dump(mode="json")} for form in (GERMAN, AMERICAN, SWISS, FRENCH)),
        {"kind": "category"},
        {"kind": "category", "missing": "reject"},
    ],
    ids=["plain", "valid", "german", "american", "swiss", "french", "category", "category reject"],
)
def test_spark_and_python_agree_on_every_text(spark: SparkSession, tmp_path: Path, feature: dict[str, Any]) -> None:
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in feature.items()}
    if "text_form" in tuples:
        tuples["text_form"] = TextForm(**{**feature["text_form"], "symbols": tuple(feature["text_form"]["symbols"])})
    texts = [
        *NASTY,
        "a\tb",
        "\x01" + 300 * "y",
        "\x01\ufffd",
        "\x01",
        "12\u2028",
        "12\u0085",
        "+nan",
        "x" * 256,
        "x" * 257,
        "caf\ufffd",
        " south ",
        "süd",
    ]
    found = spark_outcomes(spark, tmp_path, feature, texts)
    assert {text: python_outcome(tuples, text) for text in dict.fromkeys(texts)} == found


@examples(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(st.lists(st.text(st.sampled_from("0123456789.,-+eE €$' \u00a0dfNa"), max_size=9), min_size=200, max_size=300))
def test_spark_and_python_agree_on_texts_nobody_thought_of(
    spark: SparkSession, tmp_path: Path, texts: list[str]
) -> None:
    for form in (None, GERMAN):
        feature = {} if form is None else {"text_form": form.model_dump(mode="json")}
        found = spark_outcomes(spark, tmp_path, feature, texts)
        one = {} if form is None else {"text_form": form}
        assert {text: python_outcome(one, text) for text in dict.fromkeys(texts)} == found


@pytest.mark.parametrize(
    ("form", "text", "number"),
    [
        (GERMAN, "€ 1.234,56", 1234.56),
        (GERMAN, "-1.234 EUR", -1234.0),
        (GERMAN, "€-5", -5.0),
        (GERMAN, "12,5", 12.5),
        (GERMAN, "12.5", None),
        (GERMAN, "1.234.567", 1234567.0),
        (AMERICAN, "$1,234,567.89", 1234567.89),
        (AMERICAN, "12,34,567", 1234567.0),
        (AMERICAN, "1,23", None),
        (AMERICAN, "45 %", 45.0),
        (AMERICAN, "\u22123", -3.0),
        (AMERICAN, "(3)", None),
        (SWISS, "Fr. 1\u2019200.50", 1200.5),
        (FRENCH, "1\u202f234\u00a0567,5", 1234567.5),
        (None, "1,5", None),
        (None, "1.5", 1.5),
    ],
)
def test_a_number_as_people_write_it(form: TextForm | None, text: str, number: float | None) -> None:
    assert parse_number(text, form) == number


def test_a_number_that_is_no_text_is_judged_too() -> None:
    assert number_value(5, "x", ()) == Value(5.0)
    assert number_value(float("nan"), "x", ()) == Value(reason="not_finite:x")
    assert number_value(-1.0, "x", (), valid=(0.0, None)) == Value(reason="out_of_range:x")
    assert number_value(None, "x", (), reject_missing=True) == Value(reason="missing:x")
    assert number_value(1e150, "x", ()) == Value(reason="not_finite:x")  # no distance could be taken
    assert [number_value(value, "x", ("-1", "NaN", "no")) for value in (-1.0, float("nan"), 1.0)] == [
        Value(), Value(), Value(1.0)
    ]  # fmt: skip
    assert number_value(-1, "x", ("-1.0",), reject_missing=True) == Value(reason="missing:x")
    assert category_value(7, "x", ()) == Value("7")
    assert category_value(7.0, "x", ()) == Value("7")
    assert category_value(7.5, "x", ()) == Value("7.5")
    assert category_value(float("nan"), "x", ()) == Value()


def test_a_whole_number_is_not_taken_for_the_nearest_32_bit_float() -> None:
    assert number_value(100_000_000, "x", ["99999999"]).value == 100_000_000
    assert number_value(20_261_124, "x", [], valid=(None, 20_261_123)).reason == "out_of_range:x"
    assert number_value(0.10000000149011612, "x", [], valid=(None, 0.1)).reason is None
    assert number_value(-9.989999771118164, "x", ["-9.99"]) == Value()


def test_letters_that_fold_to_others_are_no_numbers() -> None:
    assert parse_number("\u0131nf") is parse_number("INF\u0130NITY") is None
    assert not is_excluded("9" * 5000, Exclusion(column="x", equals=7))


def test_a_category_is_the_same_whether_whole_numbers_come_as_floats(spark: SparkSession, tmp_path: Path) -> None:
    values = [0.0, 1.0, None, float("nan"), 2.5]
    schema = StructType([StructField("id", StringType()), StructField("flag", DoubleType())])
    frame = spark.createDataFrame([(str(i), value) for i, value in enumerate(values)], schema)
    rows = clean(frame, settings(tmp_path, {"flag": {"kind": "category"}})).collect()
    assert {row["customer_id"]: row["flag"] for row in rows} == {"0": "0", "1": "1", "2": None, "3": None, "4": "2.5"}


def test_a_text_that_looks_like_a_variable_of_spark_is_a_text(spark: SparkSession) -> None:
    quoted = text("${env:HOME} ${system:user.name} ${nothing}")
    assert spark.sql(f"SELECT {quoted} AS text").collect()[0]["text"] == "${env:HOME} ${system:user.name} ${nothing}"


MOMENTS = [
    "2026-01-31", "2026-1-3", "2026-02-30", "2026-13-01", "2026-01-31T10:00:00Z", "2026-01-31 10:00:00.123456",
    "2026-01-31 10:00", "2026-01-31 10", "2026-01-31 24:00", "2026-01-31 10:60", "2026-01-31T10:00:00+02:00",
    "31.01.2026", "01/31/2026", "20260131", "12", "-1.5e3", "1d", "nan", "1e999", "", "NULL", "soon", "2026", "2026-01",
    "10:00", " 2026-01-31 ", "2026-01-31 10:00:00 UTC",
    "2026-01-31 10:00:00+00", "2026-01-31 10:00:00-05", "2026-01-31 10:00:00 Europe/Berlin", "2026-01-31 10:00:00 GMT",
    "2026-01-31T10:00Z", "2026-01-31 10Z", "2026-01-31 10:00 UTC", "2026-01-31 10:00:00+18:00",
    "2026-01-31 10:00:00+18:01",
    "2026-01-31 10:00:00+19:00", "2026-01-31 10:00:00+0100", "2026-01-31 10:00:00 +1:00", "2026-01-31 10:00:00+1",
    "2026-01-31 10:00:00UTC+1", "2026-01-31 10:00:00.5Z", "2026-01-31 10:00:00+01:60", "2026-01-31 10:00:00z",
    "2026-01-31 10:00:00 GMT+2", "2026-01-31 10:00:00 EST", "2026-01-31 10:00:00 XYZ", "2026-01-31T", "2026-01-31TZ",
    "2026-01-31 10:", "2026-01-31 10:00:00+01:",
]  # fmt: skip


def test_spark_and_python_agree_on_what_can_decide_between_rows(spark: SparkSession, tmp_path: Path) -> None:
    schema = StructType([StructField(name, StringType()) for name in ("id", "income", "at")])
    frame = spark.createDataFrame([(str(i), "1", text) for i, text in enumerate(MOMENTS)], schema)
    rows = clean(frame, settings(tmp_path, {"income": {}}, input__order_by="at")).collect()
    by_spark = {MOMENTS[int(row["customer_id"])]: row["reject_reasons"] is None for row in rows}
    assert {text: is_order_text(text, DEFAULT_NULL_VALUES) for text in MOMENTS} == by_spark
