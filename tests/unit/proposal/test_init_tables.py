"""A proposed conf says of each table what a person would have said after an hour with it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import raw_tables as tables

from seg_spark.cli.main import main
from seg_spark.proposal.init import Request, init
from seg_spark.settings.layers import load_settings
from seg_spark.settings.raw_table import TextOptions
from seg_spark.settings.schema import Settings

TODAY = date(2026, 11, 24)


@dataclass(frozen=True)
class Case:
    """A table and what its conf must hold: every feature, some reasons, some words."""

    make: Callable[[Path], Path]
    id: str
    features: Mapping[str, Mapping[str, Any]]
    omitted: Mapping[str, str] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    format: str = "csv"
    null_values: tuple[str, ...] = ()


CATEGORY = {"kind": "category"}


def category(source: str) -> dict[str, str]:
    return {"source": source, "kind": "category"}


ARROW = Case(
    tables.parquet,
    "client",
    {
        "balance": {},
        "vip": CATEGORY,
        "home_region": category("home.region"),
        "home_rooms": {"source": "home.rooms"},
    },
    {"since": "a date", "seen": "a timestamp", "orders": "holds list<"},
    ("2 levels: false 75.0%, true 25.0%",),
    format="parquet",
)
CASES = (
    Case(
        tables.mall,
        "CustomerID",
        {
            "genre": category("Genre"),
            "age": {"source": "Age"},
            "annual_income": {"source": "Annual Income (k$)", "unit": "k$"},
            "spending_score": {"source": "Spending Score (1-100)"},
        },
        says=("all 60 rows", "# 60 customers, none blank, none twice", "# 2 levels: Female 60.0%, Male 40.0%"),
    ),
    Case(
        tables.telco,
        "customerID",
        {
            "senior_citizen": category("SeniorCitizen"),
            "tenure": {},
            "contract": category("Contract"),
            "monthly_charges": {"source": "MonthlyCharges"},
            "total_charges": {"source": "TotalCharges"},
            "churn": category("Churn"),
        },
        says=("5.0% missing (3 rows)", "# 2 levels: 0 ", "# ! an outcome, judging by its name"),
    ),
    Case(
        tables.german,
        "Kundennummer",
        {
            "groesse": {"source": "Größe (cm)", "unit": "cm", "text_form": {"decimal": ","}},
            "umsatz": {
                "source": "Umsatz",
                "unit": "€",
                "text_form": {"decimal": ",", "grouping": ".", "symbols": ("€",)},
            },
            "bestellwert": {"source": "Bestellwert", "text_form": {"decimal": ","}},
            "strasse": category("Straße"),
        },
        says=("! 1,234 might be read in two ways; other columns say that ',' is the decimal sign",),
        options={"delimiter": ";"},
    ),
    Case(
        tables.marketing,
        "ID",
        {
            "year_birth": {"source": "Year_Birth", "unit": "calendar year"},
            "education": category("Education"),
            "marital_status": category("Marital_Status"),
            "income": {"source": "Income"},
            "kidhome": {"source": "Kidhome"},
            "recency": {"source": "Recency"},
            **{
                f"mnt_{name}": {"source": f"Mnt{name.title()}", "label": f"amount of {name}"}
                for name in ("wines", "fruits", "meat", "gold")
            },
            "num_deals": {"source": "NumDeals", "label": "deals"},
            **{
                f"num_{name}": {"source": f"Num{name.title()}", "label": f"number of {name}"}
                for name in ("web", "catalog", "store")
            },
            **{
                f"accepted_cmp{n}": category(f"AcceptedCmp{n}") | {"label": f"accepted campaign {n}"}
                for n in range(1, 11)
            },
            "response": category("Response"),
        },
        {
            "Z_CostContact": "the same value in every row",
            "Z_Revenue": "the same value in every row",
            "Dt_Customer": "dates written DD-MM-YYYY",
        },
        (
            "! 1893 in 1 row: implausible birth year; if it means unknown, '1893' in input.null_values makes it",
            "! 666666 in 1 row: far from the next value",
            "2.0% missing (6 rows)",
            "# z_cost_contact: {source: Z_CostContact}",
        ),
        {"delimiter": "\t"},
    ),
    Case(
        tables.skewed,
        "CUST_ID",
        {f"amount_{n}": {"source": f"AMOUNT_{n}"} for n in range(17)},
        says=(
            "strongly skewed, so a few customers",
            "! strongly skewed (",
            "transform: log1p with valid: [0, null]",
            "2.5% missing (10 rows)",
        ),
    ),
    Case(
        tables.wholesale,
        "Buyer",
        {name.lower(): {"source": name} for name in ("Channel", "Region", "Depots", "Fresh", "Milk")},
        says=("1 to 3, median 2; only 3 values",),
    ),
    Case(
        tables.profiles,
        "id",
        {
            "age": {},
            "address_city": category("address.city"),
            "address_geo_altitude": {"source": "address.geo.altitude"},
            "active": CATEGORY,
        },
        {"became_member_on": "dates written YYYYMMDD", "tags": "holds a list"},
        ("! 118 in 25 rows: implausible age", "# - {column: active, equals: false}  # 33.5% of the rows"),
        format="json",
    ),
    Case(
        tables.russian,
        "Код",
        {"город": category("Город"), "возраст": {"source": "Возраст"}},
        options={"delimiter": ";", "encoding": "windows-1251"},
    ),
    Case(
        tables.japanese,
        "顧客番号",
        {"性別": CATEGORY, "年齢": {}},
        says=("2 levels: 女性 50.0%, 男性 50.0%",),
        options={"encoding": "Shift_JIS"},
    ),
    ARROW,
    Case(tables.orc_file, ARROW.id, ARROW.features, ARROW.omitted, ARROW.says, format="orc"),
    Case(
        tables.packed,
        "CustomerID",
        {
            "genre": category("Genre"),
            "age": {"source": "Age"},
            "annual_income": {"source": "Annual Income (k$)", "unit": "k$"},
            "spending_score": {"source": "Spending Score (1-100)"},
        },
    ),
    Case(
        tables.parts_by_country,
        "id",
        {"age": {}, "country": CATEGORY},
        says=("(2 files)", "2 levels: at 50.0%, de 50.0%"),
    ),
    Case(
        tables.census,
        "person",
        {"age": {}, "hours": {}, "workclass": CATEGORY},
        says=("Found: '?' in age, workclass", "'n/a' in hours", "33.3% missing (20 rows)"),
        null_values=("?", "n/a"),
    ),
    Case(
        tables.dollars,
        "id",
        {
            "revenue": {"source": "Revenue", "unit": "$", "text_form": {"grouping": ",", "symbols": ("$",)}},
            "discount": {"source": "Discount", "unit": "%", "text_form": {"symbols": ("%",)}},
            "points": {"source": "Points", "text_form": {"grouping": ","}},
            "paid": {
                "source": "Paid",
                "unit": "€",
                "text_form": {"decimal": ",", "grouping": " ", "symbols": ("€",)},
            },
        },
        says=("! 1,234 might be read in two ways; other columns do not settle it, so it is assumed that ',' groups",),
    ),
    Case(
        tables.reviews,
        "id",
        {"stars": {}},
        {"review": "control characters (such as line breaks and tabs)"},
        options={"multi_line": True},
    ),
    Case(tables.escaped, "id", {"kind": CATEGORY, "size": {}}, options={"escape": "\\"}, says=('the "big", one',)),
    Case(
        tables.accounts,
        "id",
        {
            "account_state": CATEGORY,
            "is_staff": CATEGORY,
            "visits": {},
            "clsss": CATEGORY,
            "rank": {},
            "score": {},
            "delta": {},
        },
        {
            "PLZ": "codes, not amounts (telephone or postal, by its name)",
            "branch": "codes, not amounts: they have leading zeros",
            "account_number": "an identifier: nearly all values differ, and its name suggests it",
            "updated": "dates written YYYY-MM-DD",
            "nothing": "every value is missing",
            "row": "row numbers",
            "remark": "free text",
            "city": "25 levels, more than 20",
        },
        (
            "5 customer ids occur in more than one row (10 rows in all)",
            "  # order_by: updated",
            "#     - {column: account_state, equals: closed}  # 33.3% of the rows",
            "#     - {column: is_staff, is_true: true}  # 10.0% of the rows",
            "# city: {kind: category}",
            "999 in 6 rows: far from the next value, 37; if it means unknown, '999' in input.null_values makes it",
            "makes it missing (in every column), or valid: [0, null] rejects it",
        ),
        {"delimiter": "|"},
    ),
    Case(
        tables.array,
        "id",
        {"age": {}, "note": CATEGORY},
        format="json",
        options={"multi_line": True},
        says=("50.0% missing",),
    ),
    Case(
        tables.wide_characters,
        "id",
        {"age": {}},
        options={"delimiter": "\t", "encoding": "UTF-16", "multi_line": True},
    ),
)


def proposed(folder: Path, path: Path, customer_id: str, *features: str) -> tuple[str, Settings]:
    """The text of the conf for a table, and the settings it makes."""
    conf = folder / "conf"
    init(Request(str(path), conf, str(folder / "out"), customer_id, features), TODAY)
    return (conf / "base.yml").read_text(encoding="utf-8"), load_settings(conf, environment={}).settings


def flattened(text: str) -> str:
    """A conf with its comment lines joined, so that words may be looked for across them."""
    return " ".join(line.strip().removeprefix("#").strip() for line in text.splitlines())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.make.__name__)
def test_a_conf_says_what_a_table_is(case: Case, tmp_path: Path) -> None:
    path = case.make(tmp_path)
    text, settings = proposed(tmp_path, path, case.id)
    features = {name: one.model_dump(exclude_unset=True) for name, one in settings.features.columns.items()}
    assert features == case.features
    assert settings.input.path == str(path)
    assert settings.input.format == case.format
    assert settings.input.options == TextOptions(**case.options)
    assert settings.input.null_values == ("NULL", "null", "NA", "N/A", *case.null_values)
    assert settings.customer_id == case.id
    flat = flattened(text)
    for words in case.says:
        assert words.strip(" #") in flat
    for header, reason in case.omitted.items():
        line = next(line for line in text.splitlines() if header in line and reason in line)
        assert line.strip().startswith("#")
    assert max(map(len, text.splitlines())) <= 140


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path) -> None:
    text, _ = proposed(tmp_path, tables.mall(tmp_path), "CustomerID")
    settings = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert settings == [
        "input:",
        f"  path: {tmp_path / 'Mall.csv'}",
        "customer_id: CustomerID  # 60 customers, none blank, none twice",
        "output:",
        f"  path: {tmp_path / 'out'}",
        "features:",
        "  columns:",
        "    genre: {source: Genre, kind: category}",
        "    age: {source: Age}",
        "    annual_income: {source: Annual Income (k$), unit: k$}",
        "    spending_score: {source: Spending Score (1-100)}",
    ]


def test_what_was_left_out_comes_back_without_the_comment_sign(tmp_path: Path) -> None:
    text, before = proposed(tmp_path, tables.accounts(tmp_path), "id")
    asked = (
        "# order_by",
        "# city:",
        "# PLZ",
        "# plz:",
        "# row:",
        "# remark:",
        "# cleaning:",
        "#   exclude:",
        "#     - {",
    )
    lines = [
        line.replace("# ", "", 1) if line.strip().startswith(asked) else line
        for line in text.splitlines()
    ]  # fmt: skip
    (tmp_path / "conf/base.yml").write_text("\n".join(lines), encoding="utf-8")
    after = load_settings(tmp_path / "conf", environment={}).settings
    assert after.input.order_by == "updated"
    assert set(after.features.columns) - set(before.features.columns) == {"city", "plz", "row", "remark"}
    assert [one.column for one in after.cleaning.exclude] == ["account_state", "is_staff"]


def test_a_column_of_ones_and_noughts_is_a_yes_or_no_and_any_other_pair_a_number(tmp_path: Path) -> None:
    rows = [f"{n},{n % 2},{n % 2}.0,{1 + n % 2},{n % 2},{n % 3}" for n in range(30)]
    rows[7] = "7,,1.0,2, 1,1"
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["id,opened,paid,grade,spaced,visits", *rows]), encoding="utf-8")
    _, settings = proposed(tmp_path, table, "id")
    kinds = {name: one.kind for name, one in settings.features.columns.items()}
    assert kinds == {
        "opened": "category", "paid": "number", "grade": "number", "spaced": "number", "visits": "number"
    }  # fmt: skip


def test_whole_numbers_that_name_groups_by_the_name_of_their_column_are_worth_a_word(tmp_path: Path) -> None:
    groups = {"Channel", "region_id", "Marital Status", "SEX", "Geschlecht", "Country code"}
    headers = [*groups, "orders per region", "regions", "gender pay gap", "visits", "Region"]
    rows = [
        {"id": f"x{i}"}
        | dict.fromkeys(headers, 1 + i % 3)
        | {"regions": i % 25, "Region": (i % 3) + 0.5}
        for i in range(60)
    ]  # fmt: skip
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    text, settings = proposed(tmp_path, path, "id")
    assert {one.kind for one in settings.features.columns.values()} == {"number"}  # you decide
    said = [line for line in text.splitlines() if "codes of groups" in line and not line.startswith("# -")]
    assert len(said) == len(groups)
    assert "only 3 values" in text


def test_an_amount_whose_logarithms_are_as_skewed_is_better_clipped(tmp_path: Path) -> None:
    rows = [
        {"id": f"x{i}", "spend": 1.5 ** (i % 20), "change": (i % 20 - 3) ** 7, "rate": (i % 20 == 7) * 0.3 + i / 1e4}
        for i in range(100)
    ]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    _, spend, change, rate = re.split(r"strongly skewed \(", flattened(proposed(tmp_path, path, "id")[0]))
    assert "log1p" in spend
    assert all("clip: [0.01, 0.99]" in one and "log1p" not in one for one in (change, rate))


def test_ordinary_ends_of_a_scale_are_not_suspicious(tmp_path: Path) -> None:
    text, _ = proposed(tmp_path, tables.accounts(tmp_path), "id")
    assert "100 in" not in text
    assert "\n    # ! 0 in" not in text
    assert "skewed" not in text


def test_rows_are_taken_from_all_files_and_the_conf_says_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seg_spark.input.sample.MAX_ROWS", 5_000)
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(2):
        rows = [{"id": f"{n}-{i}", "group": f"g{n}", "size": tables.spread(i, 1, 90)} for i in range(4_000)]
        tables.written(folder / f"{n}.csv", tables.csv_text(rows).encode())
    text, _ = proposed(tmp_path, folder, "id")
    assert f"5,000 rows of {folder} (2 files, there are more)" in flattened(text)
    assert "2 levels: g0 60.0%, g1 40.0%" in text
    assert "The rest of the table may hold what those rows do not" in text


def test_the_latest_date_is_looked_at_and_the_pattern_stays(tmp_path: Path) -> None:
    for day, top in (("2026-11-22", 40), ("2026-11-23", 60), ("draft", 90)):
        (tmp_path / f"raw_{day}").mkdir()
        rows = [{"id": f"x{i}", "age": tables.spread(i, 20, top)} for i in range(tables.ROWS)]
        tables.written(tmp_path / f"raw_{day}/all.csv", tables.csv_text(rows).encode())
    text, settings = proposed(tmp_path, tmp_path / "raw_{run_date}/all.csv", "id")
    assert settings.input.path == str(tmp_path / "raw_{run_date}/all.csv")
    assert "of 2026-11-23" in text
    assert "20 to 58" in text


def test_wished_features_are_used_even_if_they_would_be_left_out(tmp_path: Path) -> None:
    _, settings = proposed(tmp_path, tables.accounts(tmp_path), "id", "city, row", "visits")
    assert list(settings.features.columns) == ["city", "row", "visits"]
    assert settings.features.columns["city"].kind == "category"


def test_a_wished_header_may_hold_commas(tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "Age, in years": tables.spread(i, 20, 60), "b": i % 7} for i in range(tables.ROWS)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    _, settings = proposed(tmp_path, path, "id", "b,Age, in years")
    assert list(settings.features.columns) == ["b", "age_in_years"]
    assert settings.features.columns["age_in_years"].source == "Age, in years"


def test_headers_that_look_like_other_yaml_stay_texts(tmp_path: Path) -> None:
    headers = ("null", "08", "1e5", "yes", "a: b", "#x", "{y}", "it's", '"q"', "tab\there", "run_date", "class")
    rows = [{"id": f"x{i}"} | {header: tables.spread(i, 1, 50) for header in headers} for i in range(tables.ROWS)]
    rows = [row | {"odd\x07\u2028\nhead": "2026-01-02"} for row in rows]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    text, settings = proposed(tmp_path, path, "id")
    assert "    # - odd head: dates written YYYY-MM-DD" in text.splitlines()
    assert [settings.features.source_of(name) for name in settings.features.columns] == list(headers)
    assert "run_date" not in settings.features.columns


def test_values_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "size": "abc" if i == 1 else tables.spread(i, 1, 50)} for i in range(tables.ROWS)]
    text, _ = proposed(tmp_path, tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode()), "id")
    assert "neither a number nor missing in 1 row, which will be rejected" in text


def test_blank_ids_and_broken_rows_are_counted(tmp_path: Path) -> None:
    lines = ["id,size", *(f"{'' if i < 3 else f'x{i}'},{tables.spread(i, 1, 50)}" for i in range(60)), "x99,1,2,3"]
    text, _ = proposed(tmp_path, tables.written(tmp_path / "t.csv", "\n".join(lines).encode()), "id")
    assert "3 rows without a customer id will be rejected" in text
    assert "1 row with more or fewer fields than the header will be rejected" in text


def test_a_table_of_orders_is_told(tmp_path: Path) -> None:
    rows = [{"customer": f"x{i % 9}", "amount": tables.spread(i, 1, 50)} for i in range(tables.ROWS)]
    text, _ = proposed(tmp_path, tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode()), "customer")
    assert "this looks like a table of orders or visits" in text
    assert "above cleaning.max_rejected_share (20.0%) a run stops" in flattened(text)


def test_numbers_stored_as_text_are_told_in_typed_tables(tmp_path: Path) -> None:
    ages = [str(tables.spread(i, 18, 70)) for i in range(tables.ROWS)]
    pq.write_table(pa.table({"id": [f"x{i}" for i in range(tables.ROWS)], "age": ages}), tmp_path / "t.parquet")
    text, settings = proposed(tmp_path, tmp_path / "t.parquet", "id")
    assert "numbers stored as text" in text
    assert settings.features.columns["age"].kind == "number"


@pytest.mark.parametrize(
    ("delimiter", "other", "expected"),
    [(";", "3.25", {"grouping": ","}), (",", "3,25", {"decimal": ","}), (";", "x", {"decimal": ","})],
)
def test_columns_without_doubt_settle_the_others(
    delimiter: str, other: str, expected: dict[str, str], tmp_path: Path
) -> None:
    rows = [{"id": f"x{i}", "a": f"{1 + i % 8},{tables.spread(i, 100, 999)}", "b": other} for i in range(60)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows, delimiter).encode())
    _, settings = proposed(tmp_path, path, "id")
    form = settings.features.columns["a"].text_form
    assert form is not None
    assert form.model_dump(exclude_unset=True) == expected


def test_a_column_of_only_some_files_is_missing_in_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    for n, key in enumerate(("old", "new")):
        rows = [{"id": f"{n}-{i}", key: tables.spread(i, 1, 50)} for i in range(30)]
        tables.written(folder / f"{n}.json", "\n".join(map(json.dumps, rows)).encode())
    text, settings = proposed(tmp_path, folder, "id")
    assert list(settings.features.columns) == ["old", "new"]
    assert text.count("50.0% missing (30 rows)") == 2


def test_levels_that_differ_only_in_case_are_told(tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "sex": ("male", "Male ", "female")[i % 3]} for i in range(tables.ROWS)]
    text, _ = proposed(tmp_path, tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode()), "id")
    assert "'Male ' and 'male' differ only in case or spaces, and are two levels" in text


@pytest.mark.parametrize(
    ("header", "levels", "rule"),
    [
        ("status", ["Closed", "closed", "open"], "{column: status, is_in: [Closed, closed]}"),
        ("status", ["open", "closed"], "{column: status, equals: closed}"),
        ("active", ["no", "n", "yes"], "{column: active, is_in: [n, 'no']}"),
        ("aktiv", ["ja", "nein"], "{column: aktiv, equals: nein}"),
        ("is_aktiv", ["0", "1"], "{column: is_aktiv, equals: '0'}"),
        ("account", ["yes", "no"], None),
    ],
)
def test_rows_that_look_gone_are_proposed_to_be_left_out_however_that_is_written(
    header: str, levels: list[str], rule: str | None, tmp_path: Path
) -> None:
    rows = [{"id": f"x{i}", header: levels[i % len(levels)]} for i in range(tables.ROWS)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    text, _ = proposed(tmp_path, path, "id", header)
    found = [line.lstrip("# -") for line in text.splitlines() if line.startswith(f"#     - {{column: {header}, ")]
    assert [line.split("}")[0] + "}" for line in found] == ([] if rule is None else [rule])


@pytest.mark.parametrize("form", ["({}.50)", "{}.3K", "-{},000 Tsd.", "1.{:03},50-", "\u0e3f{}.50"])
def test_amounts_in_a_form_that_is_not_read_are_called_so(form: str, tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "age": 20 + i % 50, "amount": form.format(1 + i)} for i in range(tables.ROWS)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    text, settings = proposed(tmp_path, path, "id")
    assert list(settings.features.columns) == ["age"]
    assert f"numbers in a form that is not read, as {form.format(1)!r}" in flattened(text)


def test_numbers_with_commas_and_with_points_in_one_column_are_called_so(tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "age": 20 + i % 50, "amount": f"{i}{',.'[i % 2]}5"} for i in range(tables.ROWS)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    text, _ = proposed(tmp_path, path, "id")
    assert "numbers in a form that is not read, as '1.5' and '0,5'" in flattened(text)


def test_the_errors_of_spreadsheets_mean_missing_among_numbers(tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "ratio": "#DIV/0!" if i % 9 == 0 else i / 4} for i in range(tables.ROWS)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    _, settings = proposed(tmp_path, path, "id")
    assert settings.features.columns["ratio"].kind == "number"
    assert "#DIV/0!" in settings.input.null_values


def test_nan_among_the_floats_of_a_file_means_missing(tmp_path: Path) -> None:
    rates = [float("nan") if i % 9 == 0 else i / 4 for i in range(tables.ROWS)]
    ids = [f"x{i}" for i in range(tables.ROWS)]
    pq.write_table(pa.table({"id": ids, "rate": rates}), tmp_path / "t.parquet")
    text, settings = proposed(tmp_path, tmp_path / "t.parquet", "id")
    assert "NaN" in settings.input.null_values
    assert "missing (7 rows)" in text
    assert "will be rejected" not in text


@pytest.mark.parametrize(
    ("header", "value", "is_feature"),
    [
        ("Phone spend", lambda i: f"{i}.25", True),
        ("Mobile data MB", lambda i: 1_000 + i * i, True),
        ("Account balance", lambda i: 7 * i, True),
        ("Customer lifetime value", lambda i: 7 * i, True),
        ("Number of page views", lambda i: 7 * i, True),
        ("num_orders", lambda i: 7 * i, True),
        ("Payment no", lambda i: 7 * i, False),
        ("Loan number", lambda i: 7 * i, False),
        ("Account", lambda i: 7 * i, False),
        ("Mobile", lambda i: 491_700_000 + i * i, False),
    ],
)
def test_what_is_measured_is_no_identifier_and_no_code(
    header: str, value: Callable[[int], Any], is_feature: bool, tmp_path: Path
) -> None:
    rows = [{"id": f"x{i}", "age": 20 + i % 50, header: value(i)} for i in range(tables.ROWS)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    _, settings = proposed(tmp_path, path, "id")
    found = {settings.features.source_of(name): one.kind for name, one in settings.features.columns.items()}
    assert found == {"age": "number"} | ({header: "number"} if is_feature else {})


def test_a_form_that_only_the_delimiter_suggests_is_not_said_to_be_in_other_columns(tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "spend": f"{1 + i % 8}.{tables.spread(i, 100, 999)}"} for i in range(60)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows, ";").encode())
    text, _ = proposed(tmp_path, path, "id")
    assert "1.234 might be read in two ways; only the ';' between fields says that '.' groups" in flattened(text)
    path.write_bytes(path.read_bytes().replace(b".", b",").replace(b";", b"\t"))
    text, _ = proposed(tmp_path / "other", path, "id")
    assert "other columns do not settle it, so it is assumed that ',' groups" in flattened(text)


def test_texts_that_a_run_rejects_are_told_and_where_they_are_many_the_column_is_left_out(tmp_path: Path) -> None:
    rows = [
        {"id": f"x{i}", "tier": "Gold\t" if i % 10 == 0 else "Silver", "note": f"line\n{i % 3}", "age": 20 + i % 50}
        for i in range(tables.ROWS)
    ]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    text, settings = proposed(tmp_path, path, "id")
    assert list(settings.features.columns) == ["tier", "age"]
    fault = "control characters (such as line breaks and tabs) or damaged letters in"
    assert f"tier: {fault} 6 rows, which will be rejected" in flattened(text)
    assert f"{fault} 60 rows, which would be rejected" in flattened(text)


def test_a_column_that_some_files_lack_is_left_out_and_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    for n, more in enumerate(({"channel": 3}, {})):
        rows = [{"id": f"{n}-{i}", "age": tables.spread(i, 1, 50)} | more for i in range(30)]
        tables.written(folder / f"{n}.csv", tables.csv_text(rows).encode())
    text, settings = proposed(tmp_path, folder, "id")
    assert list(settings.features.columns) == ["age"]
    assert f"channel: not in every file: {folder / '1.csv'} lacks it" in flattened(text)
    assert "without a name" not in text
    words = ["--input", str(folder), "--conf-dir", str(tmp_path / "c"), "--output-path", str(tmp_path / "out")]
    for option in (["--id", "id", "--features", "age,channel"], ["--id", "channel"]):
        assert main(["init", *words, *option]) == 2
        assert f"not in every file: {folder / '1.csv'} lacks it" in capsys.readouterr().err
    extra = "features.columns.channel={kind: category}"
    assert main(["validate", "--conf-dir", str(tmp_path / "conf"), "--set", extra]) == 3
    assert f"input.path: {folder / '1.csv'} lacks 'channel', which other files have" in capsys.readouterr().err


def test_an_object_that_some_rows_lack_is_no_empty_column(tmp_path: Path) -> None:
    rows = [{"id": i, "home": None if i % 3 else {"rooms": 1 + i % 5}} for i in range(tables.ROWS)]
    text, settings = proposed(
        tmp_path, tables.written(tmp_path / "t.json", "\n".join(map(json.dumps, rows)).encode()), "id"
    )
    assert list(settings.features.columns) == ["home_rooms"]
    assert "every value is missing" not in text


def test_lines_that_are_no_json_are_counted_as_such(tmp_path: Path) -> None:
    lines = [*(json.dumps({"id": i, "age": 20 + i % 40}) for i in range(60)), '{"id": 61, "ag']
    text, _ = proposed(tmp_path, tables.written(tmp_path / "t.json", "\n".join(lines).encode()), "id")
    assert "1 row with something else than a JSON object will be rejected" in text


def test_the_mall_customers(tmp_path: Path, mall_customers: Path) -> None:
    text, settings = proposed(tmp_path, mall_customers, "CustomerID")
    assert list(settings.features.columns) == ["genre", "age", "annual_income", "spending_score"]
    assert "# 15 to 137, median 61.5" in text
    assert "# !" not in text


def test_the_telephone_customers(tmp_path: Path, telco_customers: Path) -> None:
    text, settings = proposed(tmp_path, telco_customers, "customerID")
    kinds = [feature.kind for feature in settings.features.columns.values()]
    assert (kinds.count("number"), kinds.count("category")) == (3, 17)
    assert "18.8 to 8684.8, median 1397.47; 0.2% missing (11 rows)" in text
    assert "Left out" not in text
