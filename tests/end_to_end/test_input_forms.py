"""The same customers in every form a table comes in give the same clean customers."""

import bz2
import gzip
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from builders import conf_dir
from pyspark.sql import SparkSession

from seg_spark.cli.main import main

ROWS: list[dict[str, Any]] = [
    {"id": f"{i:03}", "income": 10.5 * (i % 3), "score": i % 4, "region": ["north", "süd", None][i % 3]}
    for i in range(12)
]
FEATURES = {"income": {}, "score": {}, "region": {"kind": "category"}}
Write = Callable[[Path], None]


def text(content: str | bytes, name: str = "part-0.csv", encoding: str = "utf-8") -> Write:
    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))

    return write


def csv_text(
    rows: list[dict[str, Any]] = ROWS, names: str = "id income score region", sep: str = ",", end: str = "\n"
) -> str:
    lines = [sep.join("" if row[name] is None else str(row[name]) for name in names.split()) for row in rows]
    return end.join([sep.join(names.split()), *lines]) + end


def json_lines(rows: list[dict[str, Any]] = ROWS) -> str:
    return "".join(json.dumps({name: value for name, value in row.items() if value is not None}) + "\n" for row in rows)


def table(rows: list[dict[str, Any]] = ROWS, **types: pa.DataType) -> pa.Table:
    usual = {"id": pa.string(), "income": pa.float64(), "score": pa.int64(), "region": pa.string()}
    schema = pa.schema(list((usual | types).items()))
    return pa.Table.from_pylist(rows, schema=schema)


def parquet(*tables: pa.Table) -> Write:
    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        for number, one in enumerate(tables):
            pq.write_table(one, folder / f"part-{number}.parquet")

    return write


def orc(*tables: pa.Table) -> Write:
    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        for number, one in enumerate(tables):
            pyarrow.orc.write_table(one, str(folder / f"part-{number}.orc"))

    return write


def all_of(*writers: Write) -> Write:
    def write(folder: Path) -> None:
        for writer in writers:
            writer(folder)

    return write


def clean(
    root: Path, write: Write, options: dict[str, Any], features: dict[str, Any] = FEATURES, customer_id: str = "id"
) -> list[Any]:
    """Clean the written input and read the accepted customers back."""
    write(root / "input")
    folder = conf_dir(root, features, input={"path": str(root / "input"), **options}, customer_id=customer_id)
    assert main(["clean", "--conf-dir", str(folder), "--run-date", "2026-11-23"]) == 0
    found = pq.read_table(next((root / "output/clean_customers").rglob("*.parquet")).parent)
    return sorted(
        found.select(["id" if name == "id" else name for name in ["customer_id", *features]]).to_pylist(),
        key=lambda row: row["customer_id"],
    )


EXPECTED = [
    {"customer_id": row["id"], "income": row["income"], "score": float(row["score"]), "region": row["region"]}
    for row in ROWS
]

FORMS: list[tuple[str, Write, dict[str, Any]]] = [
    ("csv", text(csv_text()), {}),
    ("semicolons", text(csv_text(sep=";")), {"options": {"delimiter": ";"}}),
    ("tabs, BOM and CRLF", text("\ufeff" + csv_text(sep="\t", end="\r\n")), {"options": {"delimiter": "\\t"}}),
    ("pipes in Latin-1 by Python's name", text(csv_text(sep="|"), encoding="latin-1"),
     {"options": {"delimiter": "|", "encoding": "latin_1"}}),
    ("windows-1252", text(csv_text(), encoding="cp1252"), {"options": {"encoding": "windows-1252"}}),
    ("UTF-16 with BOM", text(csv_text(), encoding="utf-16"), {"options": {"encoding": "UTF-16"}}),
    ("UTF-16 LE", text(csv_text(), encoding="utf-16-le"), {"options": {"encoding": "utf-16-le"}}),
    ("gzip", text(gzip.compress(csv_text().encode()), "a.csv.gz"), {}),
    ("bzip2", text(bz2.compress(csv_text().encode()), "a.csv.bz2"), {}),
    ("two files, the columns of the second in another order and one more",
     all_of(text(csv_text(ROWS[:6])), text(csv_text([{**row, "x": 1} for row in ROWS[6:]], "score x region id income"),
                                           "part-1.csv")), {}),
    ("a plain file beside a compressed one",
     all_of(text(csv_text(ROWS[:6])), text(gzip.compress(csv_text(ROWS[6:]).encode()), "part-1.csv.gz")), {}),
    ("json lines", text(json_lines(), "a.json"), {"format": "json"}),
    ("json lines, gzip, two files",
     all_of(text(json_lines(ROWS[:5]), "a.json"), text(gzip.compress(json_lines(ROWS[5:]).encode()), "b.json.gz")),
     {"format": "json"}),
    ("one line that is an array", text(json.dumps(ROWS), "a.json"), {"format": "json"}),
    ("pretty-printed json", text(json.dumps(ROWS, indent=2, ensure_ascii=False), "a.json"),
     {"format": "json", "options": {"multi_line": True}}),
    ("json lines with BOM", text("\ufeff" + json_lines(), "a.json"), {"format": "json"}),
    ("parquet", parquet(table()), {"format": "parquet"}),
    ("parquet of differing but compatible types",
     parquet(table(ROWS[:3], income=pa.float32(), score=pa.int32(), region=pa.large_string()),
             table(ROWS[3:6], score=pa.float64(), region=pa.dictionary(pa.int32(), pa.string())),
             table([{**row, "income": Decimal(str(row["income"]))} for row in ROWS[6:11]],
                   income=pa.decimal128(12, 2), score=pa.uint16()),
             table(ROWS[11:], region=pa.null())),
     {"format": "parquet"}),
    ("orc", orc(table()), {"format": "orc"}),
    ("orc of differing but compatible types",
     orc(table(ROWS[:6], score=pa.int8()), table(ROWS[6:], income=pa.float32(), score=pa.int64())),
     {"format": "orc"}),
]  # fmt: skip


@pytest.mark.parametrize(("write", "options"), [one[1:] for one in FORMS], ids=[one[0] for one in FORMS])
def test_every_form_gives_the_same_customers(
    spark: SparkSession, tmp_path: Path, write: Write, options: dict[str, Any]
) -> None:
    assert clean(tmp_path, write, options) == EXPECTED


def test_a_table_of_the_catalog_gives_the_same_customers(spark: SparkSession, tmp_path: Path) -> None:
    parquet(table())(tmp_path / "elsewhere")
    spark.read.parquet(f"file://{tmp_path}/elsewhere").createOrReplaceTempView("customers_of_the_catalog")
    try:
        found = clean(tmp_path, lambda _: None, {"format": "table", "path": "customers_of_the_catalog"})
    finally:
        spark.catalog.dropTempView("customers_of_the_catalog")
    assert found == EXPECTED


@pytest.mark.parametrize("form", ["json", "parquet", "orc"])
def test_fields_of_nested_columns_are_columns(spark: SparkSession, tmp_path: Path, form: str) -> None:
    nested = [
        {
            "id": row["id"],
            "profile": {"money": {"income": row["income"]}, "score": row["score"]},
            "region": row["region"],
        }
        for row in ROWS
    ]
    writers = {
        "json": text(json_lines(nested), "a.json"),
        "parquet": parquet(pa.Table.from_pylist(nested)),
        "orc": orc(pa.Table.from_pylist(nested)),
    }
    features = {
        "income": {"source": "profile.money.income"},
        "score": {"source": "profile.score"},
        "region": {"kind": "category"},
    }
    assert clean(tmp_path, writers[form], {"format": form}, features) == EXPECTED


@pytest.mark.parametrize("other", ["[]", "{}", "null", "5", '[{"score": 1}]', '"{"'])
def test_a_json_object_may_be_something_else_in_some_rows(spark: SparkSession, tmp_path: Path, other: str) -> None:
    lines = [
        *(f'{{"id": {i}, "p": {{"money": {{"income": {i}.50}}, "score": {i}}}}}' for i in range(4)),
        f'{{"id": 4, "p": {other}}}',
    ]
    features = {"income": {"source": "p.money.income"}, "score": {"source": "p.score"}}
    found = clean(tmp_path, text("\n".join(lines), "a.json"), {"format": "json"}, features)
    assert [(row["customer_id"], row["income"], row["score"]) for row in found] == [
        *((f"{i}", i + 0.5, float(i)) for i in range(4)),
        ("4", None, None),
    ]


def test_a_field_of_a_json_text_is_not_found(
    spark: SparkSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text('{"id": 1, "income": 1, "name": "Ann"}\n{"id": 2, "income": 2, "name": "[]"}', "a.json")(tmp_path / "input")
    features = {"income": {}, "first": {"source": "name.first"}}
    folder = conf_dir(tmp_path, features, input={"path": str(tmp_path / "input"), "format": "json"}, customer_id="id")
    assert main(["clean", "--conf-dir", str(folder), "--run-date", "2026-11-23"]) == 3
    assert "features.columns.first: the input has no column 'name.first'" in capfd.readouterr().err


def test_limits_and_missing_numbers_count_in_columns_of_32_bit_floats(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = [0.1, 0.7, -9.99, 0.3, 0.71, 0.4]
    rows = [{"id": f"c{i}", "rate": rate, "share": rate} for i, rate in enumerate(rates)]
    types = {"id": pa.string(), "rate": pa.float32(), "share": pa.float32()}
    write = parquet(pa.Table.from_pylist(rows, schema=pa.schema(list(types.items()))))
    write(tmp_path / "input")
    folder = conf_dir(
        tmp_path,
        {"rate": {"valid": [0.1, 0.7]}},
        input={"path": str(tmp_path / "input"), "format": "parquet", "null_values": ["-9.99"]},
        cleaning={"exclude": [{"column": "share", "equals": 0.3}], "max_rejected_share": 1.0},
    )
    assert main(["validate", "--conf-dir", str(folder)]) == 0
    said = "rows: 6 checked = 4 valid + 1 rejected (out_of_range:rate 1) + 1 excluded"
    assert said in capsys.readouterr().out
    assert main(["clean", "--conf-dir", str(folder), "--run-date", "2026-11-23"]) == 0
    found = pq.read_table(next((tmp_path / "output/clean_customers").rglob("*.parquet")).parent)
    kept = {row["customer_id"]: row["rate"] for row in found.to_pylist()}
    assert kept.pop("c2") is None
    assert {name: round(rate, 6) for name, rate in kept.items()} == {"c0": 0.1, "c1": 0.7, "c5": 0.4}


def test_json_keeps_ids_letter_for_letter_and_rejects_broken_lines(
    spark: SparkSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ids = ['"007"', "12345678901234567890", '" A "', "42", "9007199254740993"]
    lines = [f'{{"id": {id_}, "income": 1, "score": 2}}' for id_ in ids]
    content = "\n".join(
        [*lines, '{"id": "broken", "income": 1, "sc', '{"id": "extra", "income": "1", "score": 2, "x": []}']
    )
    found = clean(tmp_path, text(content, "a.json"), {"format": "json"}, {"income": {}, "score": {}})
    assert [row["customer_id"] for row in found] == sorted(
        [*(json.loads(one) if '"' in one else one for one in ids), "extra"]
    )
    assert "7 input = 6 accepted + 0 merged duplicates + 1 rejected (malformed_row 1)" in capfd.readouterr().out
    rejected = pq.read_table(next((tmp_path / "output/rejected_customers").rglob("*.parquet")).parent)
    assert rejected["raw_row"].to_pylist() == ['{"id": "broken", "income": 1, "sc']


def test_the_order_column_may_come_in_several_types(spark: SparkSession, tmp_path: Path) -> None:
    def one(score: int, day: int, unit: str) -> pa.Table:
        rows = [{"id": "a", "income": 1.0, "score": score, "at": datetime(2026, 11, day)}]
        return pa.Table.from_pylist(
            rows, schema=pa.schema([("id", pa.string()), ("income", pa.float64()), ("score", pa.int64()),
                                    ("at", pa.timestamp(unit))])
        )  # fmt: skip

    write = parquet(one(1, 3, "us"), one(2, 9, "ns"), one(3, 5, "ms"))
    found = clean(tmp_path, write, {"format": "parquet", "order_by": "at"}, {"income": {}, "score": {}})
    assert found == [{"customer_id": "a", "income": 1.0, "score": 2.0}]


def test_the_run_date_stands_in_the_path(spark: SparkSession, tmp_path: Path) -> None:
    text(csv_text(ROWS[:4]), "2026-11-22/customers.csv")(tmp_path / "input")
    text(csv_text(), "2026-11-23/customers.csv")(tmp_path / "input")
    path = f"{tmp_path}/input/{{run_date}}/customers.csv"
    assert clean(tmp_path, lambda _: None, {"path": path}) == EXPECTED


def test_columns_named_by_folders_stay_where_the_types_differ(spark: SparkSession, tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        for region, part, type_ in (("north", ROWS[:6], pa.int32()), ("south", ROWS[6:], pa.float64())):
            (folder / f"region={region}").mkdir(parents=True)
            one = table(part, score=type_).drop_columns(["region"])
            pq.write_table(one, folder / f"region={region}" / "part-0.parquet")

    found = clean(tmp_path, write, {"format": "parquet"})
    assert [row["region"] for row in found] == ["north"] * 6 + ["south"] * 6


def test_an_id_keeps_its_digits_beside_files_of_other_number_types(spark: SparkSession, tmp_path: Path) -> None:
    def one(ids: list[Any], kind: pa.DataType) -> pa.Table:
        return pa.table({"id": pa.array(ids, kind), "income": pa.array([1.0] * len(ids))})

    write = parquet(one([2**53 + 1, 2**53 + 3], pa.int64()), one([1.0, 3.0], pa.float64()), one([7], pa.int32()))
    found = clean(tmp_path, write, {"format": "parquet"}, {"income": {}})
    assert [row["customer_id"] for row in found] == ["1", "3", "7", str(2**53 + 1), str(2**53 + 3)]


def test_columns_named_by_folders_stay_where_the_headers_differ(spark: SparkSession, tmp_path: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != "region"} for row in ROWS]
    write = all_of(
        text(csv_text(rows[:6], "id income score"), "region=north/a.csv"),
        text(csv_text(rows[6:], "score id income"), "region=south/b.csv"),
    )
    assert [row["region"] for row in clean(tmp_path, write, {})] == ["north"] * 6 + ["south"] * 6


def test_a_header_may_begin_like_a_binary_file(spark: SparkSession, tmp_path: Path) -> None:
    rows = [{**row, "ORC_no": row["id"]} for row in ROWS]
    found = clean(tmp_path, text(csv_text(rows, "ORC_no income score")), {}, {"income": {}, "score": {}}, "ORC_no")
    assert len(found) == 12
