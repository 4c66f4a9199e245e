"""A quick look at the input through the settings sees what a run will see."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import conf_dir, customer, grouped_customers, write_csv

from seg_spark.checks.validation import Validation, validate_input
from seg_spark.cli.main import main
from seg_spark.errors import InputError
from seg_spark.settings.layers import load_settings

FEATURES: dict[str, Any] = {
    "income": {"valid": [0, 100]},
    "score": {"missing": "reject"},
    "region": {"kind": "category", "max_categories": 2},
}


def look(
    root: Path, features: dict[str, Any] | None = None, run_date: date | None = None, **sections: Any
) -> Validation:
    return validate_input(load_settings(conf_dir(root, features, **sections), environment={}).settings, run_date)


def test_rows_are_counted_as_the_run_would_count_them(tmp_path: Path) -> None:
    rows = [customer(i, region="abcd"[i % 4], staff="no") for i in range(20)]
    rows += [
        customer(50, income="-1"), customer(51, income="x", score=""), customer(52, score="NA"), customer(53, id=" "),
        customer(54, income="", region=""), customer(55, staff="yes", income="?"), customer(1),
        customer(56, id="a\tb"), customer(57, income="NaN"),
    ]  # fmt: skip
    write_csv(tmp_path, rows, header=["id", "income", "score", "region", "staff"])
    with (tmp_path / "input/part-000.csv").open("a") as file:
        file.write("too,short\n")
    found = look(tmp_path, FEATURES, cleaning={"exclude": [{"column": "staff", "is_true": True}]})
    assert (found.rows.accepted, found.rows.rejected, found.rows.excluded, found.repeated_ids) == (22, 7, 1, 1)
    assert found.rows.rejected_by_reason == {
        "out_of_range:income": 1, "unparseable:income": 1, "missing:score": 2, "missing_id": 1,
        "control_characters:customer_id": 1, "not_finite:income": 1, "malformed_row": 1,
    }  # fmt: skip
    by_name = {one.name: one for one in found.features}
    assert (by_name["income"].missing, by_name["income"].rejected, by_name["income"].distinct) == (1, 3, 1)
    assert by_name["region"].distinct == 4
    assert found.warnings == (
        "income: has one value throughout, so it weighs nothing",
        "region: has 4 levels; all but the 2 most frequent become 'other'",
        "score: has one value throughout, so it weighs nothing",
        "1 row repeats the id of another one; where they differ they are rejected, unless input.order_by names the "
        "column whose highest value wins",
    )


def test_a_category_of_so_many_levels_that_a_run_stops_is_told(tmp_path: Path) -> None:
    write_csv(tmp_path, [customer(number, region=f"r{number}") for number in range(1_030)])
    found = look(tmp_path, {"region": {"kind": "category"}})
    [warning] = found.warnings
    assert warning.startswith("region: has 1,030 levels, which looks like an identifier or free text; a run that finds")


def test_too_few_rows_and_columns_without_values_are_told(tmp_path: Path) -> None:
    write_csv(tmp_path, [customer(1, income="")])
    assert look(tmp_path).warnings == (
        "income: none of the rows checked has a usable value",
        "score: has one value throughout, so it weighs nothing",
        "only 1 row could take part, fewer than clustering.k.min (2)",
    )


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    write_csv(tmp_path, [{"id": 1, "incme": 2, "score": 3}])
    with pytest.raises(
        InputError, match=r"features.columns.income: the input has no column 'income' \(did you mean 'incme'"
    ):
        look(tmp_path)


def test_a_column_of_an_unusable_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    pq.write_table(pa.table({"id": ["a"], "income": [[1.0]], "score": [1.0]}), tmp_path / "input/a.parquet")
    with pytest.raises(InputError, match=r"features.columns.income: is of type list<.*>; expected a number or text"):
        look(tmp_path, input={"path": str(tmp_path / "input"), "format": "parquet"})


def test_nested_fields_typed_columns_and_booleans_are_judged(tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    rows = [{"id": i, "p": {"income": 1.5 * i}, "score": i % 2 == 0, "region": None} for i in range(9)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "input/a.parquet")
    features: dict[str, Any] = {
        "income": {"source": "p.income", "valid": [0, 9]},
        "score": {"kind": "category"},
        "region": {"kind": "category"},
    }
    found = look(tmp_path, features, input={"path": str(tmp_path / "input"), "format": "parquet"})
    assert found.rows.rejected_by_reason == {"out_of_range:income": 2}
    assert [(one.missing, one.distinct) for one in found.features] == [(0, 7), (9, 0), (0, 2)]


def test_the_latest_input_is_looked_at_unless_a_run_is_named(tmp_path: Path) -> None:
    for day, rows in (("2026-11-21", 3), ("2026-11-22", 5)):
        write_csv(tmp_path / "drops" / day, grouped_customers()[:rows])
    path = {"path": f"{tmp_path}/drops/{{run_date}}/input"}
    assert look(tmp_path, input=path).rows.accepted == 5
    assert look(tmp_path, None, date(2026, 11, 21), input=path).rows.accepted == 3


def test_the_command_shows_it_and_returns_the_code_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path, [*grouped_customers(), *(customer(800 + i, income="?") for i in range(25))])
    folder = str(conf_dir(tmp_path))
    assert main(["validate", "--conf-dir", folder]) == 0
    shown = capsys.readouterr().out
    assert f"the settings are valid; checked every row of {tmp_path}/input (csv, 1 file)" in shown
    assert "rows: 100 checked = 75 valid + 25 rejected (unparseable:income 25)" in shown
    assert main(["validate", "--conf-dir", folder, "--set", "cleaning.max_rejected_share=0.2"]) == 5
    assert "25.00% of the rows were rejected" in capsys.readouterr().err
    assert main(["validate", "--conf-dir", folder, "--set", "clustering.k.mx=2"]) == 2
    assert main(["validate", "--conf-dir", folder, "--set", "input.path=/nowhere"]) == 3
    assert not (tmp_path / "output").exists()


def test_what_decides_between_rows_must_be_a_number_or_an_iso_date(tmp_path: Path) -> None:
    moments = ["2026-01-31", "2026-1-3 4:05", "2026-01-31T10:00:00Z", "", "7", "31.01.2026", "2026-02-30", "soon"]
    write_csv(tmp_path, [customer(i, at=at) for i, at in enumerate(moments)])
    found = look(tmp_path, input={"path": str(tmp_path / "input"), "order_by": "at"})
    assert found.rows.rejected_by_reason == {"impossible_date:at": 3}


def test_a_rule_that_no_row_meets_is_told_with_the_values_there_are(tmp_path: Path) -> None:
    write_csv(tmp_path, [customer(i, staff=["Ja", "nein"][i % 2]) for i in range(6)])
    found = look(tmp_path, cleaning={"exclude": [{"column": "staff", "equals": "ja"}]})
    warned = "cleaning.exclude: none of the rows checked matches the rule on 'staff'; its values are Ja, nein"
    assert found.warnings[0] == warned
    assert look(tmp_path, cleaning={"exclude": [{"column": "staff", "is_true": True}]}).rows.excluded == 3


def test_broken_json_lines_are_counted_as_the_run_counts_them(tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    lines = ['{"id": 1, "income": 2, "score": 3}', '{"id": 2, "inc', "5", '[{"id": 3, "income": 4, "score": 5}]']
    (tmp_path / "input/a.json").write_text("\n".join(lines))
    found = look(tmp_path, input={"path": str(tmp_path / "input"), "format": "json"})
    assert (found.rows.accepted, found.rows.rejected_by_reason) == (2, {"malformed_row": 2})


def test_a_header_with_a_line_break_writes_no_setting_of_its_own(tmp_path: Path) -> None:
    rows = "".join(f"k{i},{i % 30},same,{i % 7}\n" for i in range(40))
    (tmp_path / "inj.csv").write_text('id,age,"Joined\nevil: {source: id2} #",id2\n' + rows)
    words = [
        "--input",
        str(tmp_path / "inj.csv"),
        "--id",
        "id",
        "--features",
        "age",
        "--output-path",
        str(tmp_path / "o"),
    ]
    assert main(["init", *words, "--conf-dir", str(tmp_path / "c")]) == 0
    assert list(load_settings(tmp_path / "c", environment={}).settings.features.columns) == ["age"]


def test_a_type_that_spark_cannot_read_is_named_before_spark_meets_it(tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    rows = pa.table({"id": ["a"], "income": [1.0], "score": [1.0], "at": pa.array([1], pa.time64("ns"))})
    pq.write_table(rows, tmp_path / "input/a.parquet")
    with pytest.raises(InputError, match=r"the column 'at' of .*a.parquet is of type time64\[ns\]"):
        look(tmp_path, input={"path": str(tmp_path / "input"), "format": "parquet"})


def test_shares_are_of_the_rows_that_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [customer(i, income="" if i % 2 else i, staff="yes" if i % 2 == 0 else "no") for i in range(20)]
    write_csv(tmp_path, rows, header=["id", "income", "score", "staff"])
    folder = conf_dir(tmp_path, cleaning={"exclude": [{"column": "staff", "is_true": True}]})
    main(["validate", "--conf-dir", str(folder)])
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("income ")]
    assert "100.0%" in line
