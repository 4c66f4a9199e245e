"""What bad input gets: the exit code and a message a tired person understands. Rows as in a catalogue."""

import gzip
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import conf_dir, customer, grouped_customers, write_csv

from seg_spark.cli.main import main

pytestmark = pytest.mark.usefixtures("spark")

SECRET = "SECRETVALUE"
"""Stands for a customer's value: no message may show it."""


def text(content: str | bytes, name: str = "part-0.csv") -> Callable[[Path], None]:
    def write(root: Path) -> None:
        path = root / "input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def rows(*customers: dict[str, Any]) -> Callable[[Path], None]:
    return lambda root: (write_csv(root, customers), None)[1]


def parquet(*tables: dict[str, Any], cut: int = 0) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / "input").mkdir(parents=True)
        for number, table in enumerate(tables):
            path = root / "input" / f"part-{number}.parquet"
            pq.write_table(pa.table(table), path)
            if cut:
                path.write_bytes(path.read_bytes()[:-cut])

    return write


def both(*writers: Callable[[Path], None]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        for writer in writers:
            writer(root)

    return write


def nothing(root: Path) -> None:
    """No input at all."""


GOOD = {"id": ["a", "b", "c"], "income": [1.0, 2.0, 3.0], "score": [1.0, 5.0, 9.0]}
PARQUET = ["input.format=parquet"]

CATALOGUE: list[tuple[str, Callable[[Path], None], list[str], int, str]] = [
    ("path missing", nothing, [], 3, "input.path: {root}/input does not exist"),
    ("empty folder", lambda root: (root / "input").mkdir(), [], 3, "holds no files; expected csv files"),
    ("empty file", text(""), [], 3, "is empty (0 bytes); expected a table with a header"),
    ("header only", text("id,income,score\n"), [], 3, "has a header but no rows"),
    ("truncated Parquet", parquet(GOOD, cut=9), PARQUET, 3, "part-0.parquet is a truncated or corrupt Parquet file"),
    (
        "Parquet whose middle is damaged",
        text(b"PAR1" + b"\x07" * 300 + b"PAR1", "a.parquet"),
        PARQUET,
        3,
        "a truncated or corrupt Parquet file",
    ),
    (
        "Parquet with a type that Spark cannot read",
        parquet({**GOOD, "at": [time(1, 2), time(3, 4), None]}),
        PARQUET,
        3,
        "the column 'at' of {root}/input/part-0.parquet is of type time64[us], and Spark cannot read a file",
    ),
    ("Parquet read as CSV", parquet(GOOD), [], 3, "is a Parquet file; set input.format: parquet"),
    ("CSV read as Parquet", rows(customer()), PARQUET, 3, "is not a Parquet file"),
    (
        "type drift between files",
        parquet(GOOD, {**GOOD, "income": [SECRET, "x", "y"]}),
        PARQUET,
        3,
        "a column has another type in one of the files than in the others",
    ),
    (
        "declared column missing",
        text("id,incomes,score\na,1,2\n"),
        [],
        3,
        "features.columns.income: the input has no column 'income' (did you mean 'incomes'?)",
    ),
    (
        "a declared column missing from the second file",
        both(text("id,income,score\na,1,2\n"), text("id,score\nb,1\n", "part-1.csv")),
        [],
        3,
        "part-1.csv has a different header (it lacks 'income', which {root}/input/part-0.csv has)",
    ),
    (
        "more different headers than anybody could mean",
        both(*(text(f"id,income,score,x{i}\na,1,2,3\n", f"part-{i}.csv") for i in range(51))),
        [],
        3,
        "the files have 51 different headers or sets of column types; expected at most 50",
    ),
    (
        "an Excel workbook",
        text(b"PK\x03\x04rest", "book.csv"),
        [],
        3,
        "book.csv is a zip archive or an Excel workbook; export the table as CSV",
    ),
    (
        "compressed under another name",
        text(gzip.compress(b"id,income,score\na,1,2\n")),
        [],
        3,
        "part-0.csv is compressed with gzip, but Spark decompresses only files whose name ends in .gz",
    ),
    (
        "pretty-printed JSON read line by line",
        text('[\n {"id": "a", "income": 1, "score": 2}\n]\n', "a.json"),
        ["input.format=json"],
        3,
        "a.json is not a whole JSON value; if one value spans several lines, set input.options.multi_line: true",
    ),
    (
        "JSON that holds no objects",
        text("1\n2\n", "a.json"),
        ["input.format=json"],
        3,
        "holds no JSON objects; expected one per customer",
    ),
    (
        "a JSON field that no customer has",
        text('{"id": "a", "profile": {"income": 1}, "score": 2}\n', "a.json"),
        ["input.format=json"],
        3,
        "features.columns.income: the input has no column 'income' (did you mean 'profile.income'?)",
    ),
    ("CSV read as ORC", rows(customer()), ["input.format=orc"], 3, "is not an ORC file"),
    (
        "an ORC file cut short",
        text(b"ORC" + b"\x07" * 300, "a.orc"),
        ["input.format=orc"],
        3,
        "a.orc is a truncated or corrupt ORC file",
    ),
    (
        "a table that the catalog does not have",
        nothing,
        ["input.format=table", "input.path=custmers"],
        3,
        "input.path: the catalog has no table 'custmers'",
    ),
    (
        "a path where a table is expected",
        nothing,
        ["input.format=table"],
        2,
        "path: expected the name of a table, as in customers or crm.customers, for format: table",
    ),
    (
        "no header at all",
        text(f"{SECRET},1,2\nb,1,2\n"),
        [],
        3,
        "none of the declared columns ('id', 'income', 'score') is in the first line; expected a header there",
    ),
    (
        "no header in the second file",
        both(text("id,income,score\na,1,2\n"), text(f"{SECRET},1,2\nc,1,2\n", "part-1.csv")),
        [],
        3,
        "part-1.csv have no column in common; give every file the same columns",
    ),
    (
        "a quote in the header that is never closed",
        text(f'id,income,"score\n{SECRET},1,2\nb,1,2\n'),
        [],
        3,
        "cannot be read: a quote is not closed, or has text after it",
    ),
    (
        "Parquet that lacks a column in one file",
        parquet(GOOD, {"id": ["d"], "score": [1.0]}),
        PARQUET,
        3,
        "part-1.parquet lacks the column 'income', which {root}/input/part-0.parquet has",
    ),
    (
        "files in folders that Spark does not look into",
        both(text("id,income,score\na,1,2\n"), text("id,income,score\nb,1,2\n", "sub/part-1.csv")),
        [],
        3,
        "part-1.csv is in a folder below {root}/input, which Spark does not read",
    ),
    (
        "files beside folders of partitions",
        both(text("id,income,score\na,1,2\n"), text("id,income,score\nb,1,2\n", "c=1/part-1.csv")),
        [],
        3,
        "are in different kinds of folders, of which Spark would read only one",
    ),
    ("a pattern as a path", nothing, ["input.path=nowhere/*.csv"], 3, "patterns are not read, name the folder"),
    ("duplicate header", text("id,income,income,score\na,1,2,3\n"), [], 3, "the header has 'income' twice"),
    (
        "case-colliding header",
        text("id,income,Income,score\na,1,2,3\n"),
        [],
        3,
        "'income' and 'Income', which differ only in case",
    ),
    (
        "wrong delimiter",
        text("id;income;score\na;1;2\n"),
        [],
        3,
        "only one column was found in {root}/input with ','; the header seems to use ';' as delimiter",
    ),
    (
        "nested feature",
        parquet({**GOOD, "income": [[1.0], [2.0], [3.0]]}),
        PARQUET,
        3,
        "features.columns.income: is of type array<double>; expected a number or text",
    ),
    ("every row rejected", rows(customer(income=SECRET)), [], 3, "every row was rejected (unparseable:income 1)"),
    ("fewer customers than k", rows(customer()), [], 3, "only 1 customers were accepted"),
    ("fewer distinct points than k", rows(customer(1), customer(2)), [], 3, "only 1 distinct points"),
    (
        "every value of a feature missing",
        rows(customer(1, income=""), customer(2, income=""), customer(3, income="")),
        [],
        3,
        "features.columns.income: every value is missing",
    ),
    (
        "too many rejected",
        rows(*grouped_customers(), *(customer(800 + i, income=SECRET) for i in range(25))),
        ["cleaning.max_rejected_share=0.2"],
        5,
        "25.00% of the rows were rejected, above cleaning.max_rejected_share (20%): unparseable:income 25",
    ),
    (
        "every segment too small and no model published",
        rows(*grouped_customers()),
        ["selection.min_segment_share=0.5", "clustering.k.min=3", "clustering.k.max=3"],
        6,
        "no k gives an acceptable model: k = 3 (its smallest segment is 26.67% of the customers, below 50%)",
    ),
    (
        "impossible date",
        nothing,
        ["--run-date", "2026-02-30"],
        2,
        "--run-date '2026-02-30': is not a calendar date",
    ),
    ("date far ahead", nothing, ["--run-date", "2999-01-01"], 2, "is more than 31 days ahead"),
    ("unknown setting", nothing, ["clustering.k.mx=3"], 2, "unknown setting 'clustering.k.mx' (did you mean 'max'?)"),
    ("unknown environment", nothing, ["--env", "prd"], 2, "--env prd: "),
]


@pytest.mark.parametrize(
    ("write", "arguments", "code", "message"), [c[1:] for c in CATALOGUE], ids=[c[0] for c in CATALOGUE]
)
def test_a_refused_run(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    write: Callable[[Path], None],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    write(tmp_path)
    words = ["nightly", "--conf-dir", str(conf_dir(tmp_path))]
    if "--run-date" not in arguments:
        words += ["--run-date", "2026-11-23"]
    for argument in arguments:
        words += ["--set", argument] if "=" in argument else [argument]
    assert main(words) == code
    said = "".join(capfd.readouterr())
    assert message.format(root=tmp_path) in said
    assert "Traceback" not in said
    assert SECRET not in said
    assert not any((tmp_path / "output").glob("*_*s/run_date=*")) or not (tmp_path / "output").exists()
    for record in tmp_path.rglob("runs/*/*.json"):
        assert SECRET not in record.read_text(encoding="utf-8")


def test_what_is_odd_but_sound_is_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """BOM, CRLF, an unnamed index column, a quoted field with a delimiter, a blank line, a gap in the header."""
    lines = [
        '\ufeff,id,"note, free",income,score',
        *(f'{i},C{i},"a ""b"", c",{10 * (i % 3)},{i % 3}' for i in range(12)),
        "",
    ]
    text("\r\n".join(lines))(tmp_path)
    assert main(["nightly", "--conf-dir", str(conf_dir(tmp_path)), "--run-date", "2026-11-23"]) == 0
    assert "rows: 12 input = 12 accepted + 0 merged duplicates + 0 rejected" in capfd.readouterr().out


def test_rows_that_do_not_fit_the_header_are_rejected_whole(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = "".join(f"C{i},{10 * (i % 3)},{i % 3}\n" for i in range(12))
    text(f"id,income,score\n{good}short,1\nlong,1,2,3\n")(tmp_path)
    assert main(["clean", "--conf-dir", str(conf_dir(tmp_path)), "--run-date", "2026-11-23"]) == 0
    assert "14 input = 12 accepted + 0 merged duplicates + 2 rejected (malformed_row 2)" in capfd.readouterr().out
    rejected = pq.read_table(next((tmp_path / "output/rejected_customers").rglob("*.parquet")).parent)
    assert sorted(rejected["raw_row"].to_pylist()) == ["long,1,2,3", "short,1"]


def test_bytes_of_another_character_set_reject_their_row_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = "".join(f"C{i},{10 * (i % 3)},{i % 3},x\n" for i in range(12)).encode()
    unused, used = "U,1,2,caf\u00e9\n".encode("latin-1"), "caf\u00e9,1,2,x\n".encode("latin-1")
    text(b"id,income,score,note\n" + unused + used + good)(tmp_path)
    assert main(["clean", "--conf-dir", str(conf_dir(tmp_path)), "--run-date", "2026-11-23"]) == 0
    assert (
        "14 input = 13 accepted + 0 merged duplicates + 1 rejected (not_utf8:customer_id 1)" in capfd.readouterr().out
    )


def test_headers_may_be_called_like_anything_of_ours(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = ["_text_income", "_Number_score", "_raw_0", "_owner", "_outcome", "rows", "merged", "_malformed_row"]
    lines = [",".join(["id", *names]), *(f"C{i}," + ",".join(str(i * j % 7) for j in range(8)) for i in range(12))]
    text("\n".join(lines))(tmp_path)
    features: dict[str, Any] = {f"f{position}": {"source": name} for position, name in enumerate(names)}
    assert main(["clean", "--conf-dir", str(conf_dir(tmp_path, features)), "--run-date", "2026-11-23"]) == 0
    assert "12 input = 12 accepted" in capfd.readouterr().out


def test_other_delimiters_and_character_sets_are_settings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = ["Kürzel;income;score", *(f"Müller{i};{10 * (i % 3)};{i % 3}" for i in range(12))]
    text("\n".join(lines).encode("latin-1"))(tmp_path)
    folder = conf_dir(tmp_path, customer_id="Kürzel")
    words = ["clean", "--conf-dir", str(folder), "--run-date", "2026-11-23"]
    words += ["--set", "input.options.delimiter=;", "--set", "input.options.encoding=ISO-8859-1"]
    assert main(words) == 0
    clean = pq.read_table(next((tmp_path / "output/clean_customers").rglob("*.parquet")).parent)
    assert sorted(clean["customer_id"].to_pylist())[0] == "Müller0"
    capfd.readouterr()
