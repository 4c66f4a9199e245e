"""A sample holds the rows of a table as they stand, column by column."""

import json
from pathlib import Path

import pytest
import raw_tables as tables

from seg_spark.errors import InputError
from seg_spark.input.discovery import discover
from seg_spark.input.files import data_files
from seg_spark.input.sample import read_sample
from seg_spark.settings.raw_table import Input, TextOptions


def test_values_of_one_row_stand_at_one_place(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    for n, key in enumerate(("old", "new")):
        rows = [{"id": f"{key}-{i}", key: i} for i in range(3)]
        tables.written(folder / f"{n}.json", "\n".join(map(json.dumps, rows)).encode())
    sample = read_sample(discover(str(folder)))
    assert dict(sample.columns) == {
        "id": ["old-0", "old-1", "old-2", "new-0", "new-1", "new-2"],
        "old": [0, 1, 2, None, None, None],
        "new": [None, None, None, 0, 1, 2],
    }
    assert (sample.rows, sample.total_rows, sample.files, sample.is_whole) == (6, 6, 2, True)


def test_texts_keep_zeros_and_blanks(tmp_path: Path) -> None:
    path = tables.written(tmp_path / "t.csv", b'id,a\n007, x \n"008",""\n\n009,"1,5"\n')
    assert dict(read_sample(discover(str(path))).columns) == {"id": ["007", "008", "009"], "a": [" x ", "", "1,5"]}


def test_declared_settings_are_followed_and_not_doubted(tmp_path: Path) -> None:
    path = tables.written(tmp_path / "t.csv", "id;größe\n1;2,5\n".encode("cp1252"))
    declared = Input(path=str(path), options=TextOptions(delimiter=";", encoding="windows-1252"))
    assert dict(read_sample(declared).columns) == {"id": ["1"], "größe": ["2,5"]}
    with pytest.raises(InputError, match="only one column was found"):
        read_sample(Input(path=str(path), options=TextOptions(encoding="windows-1252")))


def test_backslashes_are_read_as_spark_reads_them(tmp_path: Path) -> None:
    """What Spark 4.3 gives for these lines with the option escape."""
    cells = {
        r'"x \"q\" 1"': 'x "q" 1', r"\N": r"\N", r"C:\dir" + "\\": "C:\\dir\\", r'"a\\b"': r"a\b", r'"a\\"': "a\\",
        r'"tail\n"': r"tail\n", r'"two\\\"more"': r'two\"more', r'"a\,b"': r"a\,b", r'"\""': '"', r'"\\"': "\\",
    }  # fmt: skip
    lines = "".join(f"{number},{cell},z\n" for number, cell in enumerate(cells))
    path = tables.written(tmp_path / "t.csv", f"id,text,last\n{lines}".encode())
    sample = read_sample(Input(path=str(path), options=TextOptions(escape="\\")))
    assert sample.malformed_rows == 0
    assert sample.columns["text"] == list(cells.values())


def test_a_long_text_in_quotes_is_a_field_like_others(tmp_path: Path) -> None:
    path = tables.written(tmp_path / "t.csv", f'id,note\n1,"{"x" * 140_000}"\n2,"y"\n'.encode())
    assert read_sample(discover(str(path))).rows == 2


def test_a_whole_number_of_hundreds_of_digits_is_infinite(tmp_path: Path) -> None:
    path = tables.written(tmp_path / "t.json", f'{{"id": 1, "a": {"9" * 400}}}\n{{"id": 2, "a": 5}}\n'.encode())
    assert read_sample(discover(str(path))).columns["a"] == [float("inf"), 5]


@pytest.mark.parametrize(
    ("name", "content", "declared", "said"),
    [
        ("t.csv", b"id,a\n1,2,3\n4\n", {}, "has 2 rows, all with more or fewer fields than the header"),
        ("t.csv", b"id,a\n", {}, "has a header but no rows"),
        ("t.json", b"id,a\n1,2\n", {"format": "json"}, "has 2 rows, none of them a JSON object"),
    ],
)
def test_a_table_without_a_usable_row_is_refused_with_the_reason(
    tmp_path: Path, name: str, content: bytes, declared: dict[str, str], said: str
) -> None:
    path = tables.written(tmp_path / name, content)
    with pytest.raises(InputError, match=said):
        read_sample(Input(path=str(path), **declared))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["s3://bucket/x.csv", "s3a://bucket/x.csv", "hdfs://host:8020/{run_date}/x"])
def test_a_table_on_another_store_is_not_looked_for_on_this_machine(path: str) -> None:
    with pytest.raises(InputError, match=rf"input.path: {path} is not on this machine"):
        read_sample(Input(path=path))


def test_folders_give_columns_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    sample = read_sample(discover(str(tables.parts_by_country(tmp_path))))
    assert (sample.files, sample.rows) == (2, tables.ROWS)
    assert set(sample.columns["country"]) == {"at", "de"}


def test_links_to_folders_are_followed_as_spark_does_but_not_in_circles(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/part.csv").write_text("id\n1\n", encoding="utf-8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/_region=DE").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/x._COPYING_").write_text("id\n1\n", encoding="utf-8")
    assert [str(one.relative_to(tmp_path)) for one in data_files(tmp_path / "in")] == ["in/_region=DE/part.csv"]
    (tmp_path / "elsewhere/loop=1").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="loop=1 is a link to a folder that it lies in"):
        data_files(tmp_path / "in")


def test_dates_decimals_and_nested_values_of_parquet(tmp_path: Path) -> None:
    sample = read_sample(discover(str(tables.parquet(tmp_path))))
    first = {header: values[0] for header, values in sample.columns.items()}
    assert first == {
        "client": "P0000",
        "balance": 1.0,
        "since": "2020-01-01",
        "seen": "2026-01-01 00:00:00.000000",
        "vip": True,
        "orders": None,
        "home.region": "north",
        "home.rooms": 1,
    }
    assert sample.types["orders"] == "other"
    assert {header: sample.types[header] for header in ("balance", "since", "seen", "vip")} == {
        "balance": "number",
        "since": "date",
        "seen": "timestamp",
        "vip": "boolean",
    }


def test_rows_of_another_width_are_counted_and_left_out(tmp_path: Path) -> None:
    path = tables.written(tmp_path / "t.csv", b"id,a\n1,2\n3\n4,5,6\n7,8\n")
    sample = read_sample(discover(str(path)))
    assert (sample.rows, sample.malformed_rows) == (2, 2)
    assert sample.columns["a"] == ["2", "8"]
