"""A few customers in a file: cut by the right delimiter, whatever it is."""

import gzip
from pathlib import Path

import pytest

from seg_spark.errors import InputError
from seg_spark.input.customer_file import CustomerRow, read_customer_file
from seg_spark.settings.raw_table import TextOptions

KNOWN = {"income", "Spend, total"}


def read(path: Path, content: str | bytes, **options: str) -> list[CustomerRow]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_customer_file(path, TextOptions(**options), KNOWN.__contains__)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_is_found_whatever_the_table_has(tmp_path: Path, delimiter: str, end: str) -> None:
    lines = [["id", "income", '"Spend, total"'], ["7", "1", '"2 ""and"" 3"'], ["8", "", "4"]]
    rows = read(tmp_path / "few.csv", "\ufeff" + "".join(delimiter.join(line) + end for line in lines), delimiter=";")
    assert [row.cells for row in rows] == [
        {"id": "7", "income": "1", "Spend, total": '2 "and" 3'},
        {"id": "8", "income": "", "Spend, total": "4"},
    ]


def test_rows_that_do_not_fit_the_header_are_marked_and_blank_lines_passed_over(tmp_path: Path) -> None:
    rows = read(tmp_path / "few.csv", "id,income\n1\n\n2,3,4\n5,6\n")
    assert [(row.line, row.is_malformed) for row in rows] == [(2, True), (4, True), (5, False)]


def test_text_that_is_not_utf8_is_read_in_the_declared_character_set(tmp_path: Path) -> None:
    [row] = read(tmp_path / "few.csv", "name,income\nMüller,3\n".encode("latin-1"), encoding="ISO-8859-1")
    assert row.cells["name"] == "Müller"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; expected a header, and one customer per line"),
        (" \n", "is empty; expected a header, and one customer per line"),
        (b"PAR1 and so on PAR1", "is a Parquet file; expected a CSV file with a header"),
        (b"income\n\x00\x01", "is not text; expected a CSV file with a header"),
        ("7,8\n1,2\n", "no column of its first line is a feature of the published model"),
        ("income,income\n1,2\n", "the header has 'income' twice"),
    ],
)
def test_a_file_without_known_columns_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path / "few.csv", content)


def test_a_file_that_is_absent_or_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--file .*none.csv: cannot be read: No such file"):
        read_customer_file(tmp_path / "none.csv", TextOptions(), KNOWN.__contains__)
    with pytest.raises(InputError, match="has more than 100,000 customers"):
        read(tmp_path / "many.csv", "income\n" + "1\n" * 100_001)


def test_fields_that_span_lines_are_read_where_the_table_has_them(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text('id,income\n7,"1\n2"\n', encoding="utf-8")
    [row] = read_customer_file(path, TextOptions(multi_line=True), KNOWN.__contains__)
    assert row.cells["income"] == "1\n2"


def test_a_quote_that_is_never_closed_takes_no_customer_with_it(tmp_path: Path) -> None:
    rows = read(tmp_path / "few.csv", '\nid,income,x\na,30,"a\nb,40,b\n,,\nc,50,"b\nd,60,' + 140_000 * "y" + "\n")
    assert [(row.line, row.cells.get("income"), row.is_malformed) for row in rows] == [
        (3, None, True), (4, "40", False), (5, "", False), (6, None, True), (7, "60", False),
    ]  # fmt: skip


def test_a_compressed_file_and_utf_16_without_a_mark_are_read_as_the_run_reads_them(tmp_path: Path) -> None:
    (tmp_path / "few.csv.gz").write_bytes(gzip.compress(b"id,income\na,1\n"))
    [row] = read_customer_file(tmp_path / "few.csv.gz", TextOptions(), KNOWN.__contains__)
    assert row.cells["income"] == "1"
    [row] = read(tmp_path / "few.csv", "id,income\na,1\n".encode("utf-16-le"), encoding="UTF-16LE")
    assert row.cells["income"] == "1"
