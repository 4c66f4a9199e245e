"""What cannot become a conf is refused in words that help, with the right exit code, and nothing is written."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import raw_tables as tables

from seg_spark.cli.main import main

GOOD = "id,age\n" + "\n".join(f"x{i},{tables.spread(i, 18, 70)}" for i in range(30)) + "\n"
BIG = b"id,age\n" + b"".join(b"x%d,%d\n" % (i, i * i % 997) for i in range(200_000))
"""More than is read of a file to find its form."""
BIG_JSON = b"".join(b'{"id": %d, "age": %d}\n' % (i, i * i % 997) for i in range(200_000))


def told(folder: Path, capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """What `init` says on standard error as it ends with `code`; there is no base.yml then."""
    words = ["init", "--conf-dir", str(folder / "conf"), "--output-path", str(folder / "out"), *arguments]
    assert main(words) == code
    assert not (folder / "conf/base.yml").exists()
    return " ".join(capsys.readouterr().err.split())


INPUTS = (
    ("empty.csv", b"", "is empty (0 bytes); expected a table with a header"),
    ("blank.csv", b"\n \n", "is empty; expected a table with a header"),
    ("header.csv", b"id,age\n", "has a header but no rows"),
    ("book.xlsx", b"PK\x03\x04....", "is a zip archive or an Excel workbook; export the table as CSV"),
    ("book.csv", b"PK\x03\x04....", "is a zip archive or an Excel workbook; export the table as CSV"),
    ("old.xls", b"\xd0\xcf\x11\xe0....", "is an old Excel workbook; export the table as CSV"),
    ("some.bin", b"\x01\x02\x00\x03\x04\x05\x06\x00\x08", "is not text, and not a known binary format either"),
    ("packed.csv", gzip.compress(GOOD.encode()), "compressed with gzip, but Spark decompresses only"),
    ("broken.csv.gz", gzip.compress(GOOD.encode())[:40], "cannot be read: it is damaged"),
    ("cut.csv.gz", gzip.compress(BIG)[:99_999], "cut.csv.gz cannot be read: it is damaged"),
    ("cut.json.gz", gzip.compress(BIG_JSON)[:99_999], "cut.json.gz cannot be read: it is damaged"),
    ("broken.parquet", b"PAR1 and no end", "a truncated or corrupt Parquet file"),
    ("text.parquet", GOOD.encode(), "is named .parquet, but does not begin like such a file"),
    ("title.csv", b"Customers\nid,age,sex\nx1,19,m\nx2,20,f\nx3,25,m\n", "line 1 is a title, it seems"),
    ("padded2.csv", b"Customers,,\nOctober,,\nid,age,sex\nx1,19,m\nx2,20,f\n", "lines 1 to 2 are titles, it seems"),
    ("excel.csv", b"sep=;\nid;age;sex\nx1;19;m\nx2;20;f\nx3;25;m\n", "line 1 is a title, it seems"),
    ("padded.csv", b"Customers,,\nid,age,sex\nx1,19,m\nx2,20,f\nx3,25,m\n", "line 1 is a title, it seems"),
    ("long.csv", b"id,age,sex\nx1,19,m,\nx2,20,f,\nx3,25,m,\n", "the header has 3 cells, but most rows have 4"),
    ("twice.csv", b"id,age,age\nx1,19,20\nx2,20,21\n", "the header has 'age' twice"),
    ("case.csv", b"id,Age,age\nx1,19,20\nx2,20,21\n", "'Age' and 'age', which differ only in case"),
    ("headless.csv", b"0001,Anna,19,15,39\n0002,Berta,21,15,81\n", "looks like a customer; expected a header"),
    ("wrapped.json", b'{"customers": [{"id": 1}]}', "whose 'customers' is a list of objects; export that list itself"),
    ("values.json", b'{\n "id": 1\n}\n{\n "id": 2\n}\n', "several values over several lines"),
    ("wide.json", json.dumps({"id": 1}).encode("utf-16"), "is not UTF-8, which JSON has to be"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "content", "says"), INPUTS, ids=[row[0] for row in INPUTS])
def test_an_input_that_is_no_table_is_refused(
    name: str, content: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tables.written(tmp_path / name, content)
    message = told(tmp_path, capsys, 3, "--input", str(path), "--id", "id")
    assert says in message
    assert "Anna" not in message


@pytest.mark.parametrize("years", [(2022, 2023, 2024), (1990, 2000, 2010, 2022)], ids=["in a row", "rising"])
def test_a_header_of_years_is_a_header(tmp_path: Path, years: tuple[int, ...]) -> None:
    rows = [{"id": f"x{i}"} | {str(year): tables.spread(i, 1, year - 1980) for year in years} for i in range(60)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    assert (
        main(["init", "--input", str(path), "--id", "id", "--conf-dir", str(tmp_path / "c"), "--output-path", "o"]) == 0
    )
    assert "feature_2022: {source: '2022'}" in (tmp_path / "c/base.yml").read_text(encoding="utf-8")


def test_a_missing_path_is_told_from_a_catalog_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = told(tmp_path, capsys, 3, "--input", "crm.customers", "--id", "id")
    assert "does not exist (looked in" in message
    assert "for a catalog table say --format table" in message
    message = told(tmp_path, capsys, 3, "--input", str(tmp_path / "no/such.csv"), "--id", "id")
    assert "does not exist" in message
    assert "catalog" not in message


SETTINGS = (
    (("--id", "idd"), "--id: the table has no column 'idd' (did you mean 'id'?)"),
    (("--id", "phone"), "--id: the table has no column 'phone'; the values all differ in 'id'"),
    ((), "--id: name the column that identifies a customer; the values all differ in 'id'"),
    (("--id", "id", "--features", "age,inc"), "--features: the table has no column 'inc'"),
    (("--id", "id", "--features", "agee"), "--features: the table has no column 'agee' (did you mean 'age'?)"),
    (("--id", "id", "--features", "since"), "--features 'since': cannot be a feature: dates written YYYY-MM-DD"),
    (("--id", "id", "--features", ""), "--features: names no column; give headers with commas between"),
    (("--id", "id", "--features", " ,"), "--features: names no column"),
    (("--id", "id", "--features", "id"), "--features 'id': cannot be a feature: the customer id"),
    (("--id", "id", "--format", "xlsx"), "--format 'xlsx': expected one of csv, parquet, json, orc, table"),
)


@pytest.mark.parametrize(("arguments", "says"), SETTINGS, ids=[row[1][:40] for row in SETTINGS])
def test_a_wrong_argument_is_refused(
    arguments: tuple[str, ...], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": f"x{i}", "age": tables.spread(i, 18, 70), "since": f"2026-01-{1 + i % 28:02}"} for i in range(60)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    assert says in told(tmp_path, capsys, 2, "--input", str(path), *arguments)


def test_a_remote_path_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = told(tmp_path, capsys, 2, "--input", "s3a://bucket/customers", "--id", "id")
    assert "init reads local files only; copy a sample" in message


def test_an_output_around_the_input_is_refused_with_the_name_of_the_conf(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    path = tables.written(tmp_path / "out/t.csv", GOOD.encode())
    message = told(tmp_path, capsys, 2, "--input", str(path), "--id", "id")
    assert message.startswith("ERROR input.path and output.path lie inside each other")
    assert message.endswith("(nothing was written)")


def test_a_damaged_file_among_good_ones_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    tables.written(folder / "a.csv", GOOD.encode())
    tables.written(folder / "b.csv.gz", gzip.compress(BIG)[:99_999])
    message = told(tmp_path, capsys, 3, "--input", str(folder), "--id", "id")
    assert f"{folder / 'b.csv.gz'} cannot be read: it is damaged" in message


def test_a_column_with_an_empty_last_row_is_offered_as_the_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"income": 1_000 + i, "customer no": f"x{i}"} for i in range(40)] + [{"income": 90_000, "customer no": ""}]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    message = told(tmp_path, capsys, 2, "--input", str(path))
    assert message.endswith("the values all differ in 'customer no', 'income'")


def test_a_conf_that_is_there_stays_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tables.written(tmp_path / "t.csv", GOOD.encode())
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "base.yml").write_text("mine", encoding="utf-8")
    words = [
        "init",
        "--input",
        str(path),
        "--id",
        "id",
        "--conf-dir",
        str(conf),
        "--output-path",
        str(tmp_path / "out"),
    ]
    assert main(words) == 2
    assert "already exists; --force replaces it" in capsys.readouterr().err
    assert (conf / "base.yml").read_text(encoding="utf-8") == "mine"
    assert main([*words, "--force"]) == 0
    assert "age: {}" in (conf / "base.yml").read_text(encoding="utf-8")
    assert [entry.name for entry in conf.iterdir()] == ["base.yml"]


def test_a_table_without_features_is_refused_with_a_reason_for_each_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": f"x{i}", "mail": f"{i}@example.org", "since": "2026-01-02", "shop": 7} for i in range(60)]
    path = tables.written(tmp_path / "t.csv", tables.csv_text(rows).encode())
    message = told(tmp_path, capsys, 3, "--input", str(path), "--id", "id")
    for reason in ("'mail': nearly all of its 60 texts differ", "'since': dates written", "'shop': the same value"):
        assert reason in message


def test_files_whose_types_differ_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    pq.write_table(pa.table({"id": ["a"], "age": [1]}), folder / "1.parquet")
    pq.write_table(pa.table({"id": ["b"], "age": ["x"]}), folder / "2.parquet")
    message = told(tmp_path, capsys, 3, "--input", str(folder), "--id", "id")
    assert "the column 'age' is number in one file and text in another" in message


def test_what_to_run_next_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tables.mall(tmp_path)
    conf = tmp_path / "my conf"
    arguments = [
        "--input",
        str(path),
        "--id",
        "CustomerID",
        "--conf-dir",
        str(conf),
        "--output-path",
        str(tmp_path / "o"),
    ]
    assert main(["init", *arguments]) == 0
    said = capsys.readouterr().out
    assert "read all 60 rows of" in said
    assert f"seg-spark validate --conf-dir '{conf}'" in said
    assert "seg-spark nightly --run-date 20" in said
    assert f"seg-spark predict --conf-dir '{conf}' genre=Female age=" in said
