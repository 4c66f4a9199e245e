"""The answer for one customer is the label that the run published, and is there at once without Spark."""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import conf_dir

from seg_spark.cli.main import main

FEATURES: dict[str, Any] = {
    "yearly_spend": {"source": "Jahresumsatz (€)", "unit": "€", "transform": "log1p", "valid": [0, 100000],
                     "text_form": {"decimal": ",", "grouping": ".", "symbols": ["€"]}},
    "age": {"source": "Alter", "missing": "reject", "clip": [0.02, 0.98]},
    "visits": {"missing": 0, "weight": 1.5},
    "region": {"source": "Gebiet", "kind": "category", "weight": 0.7, "max_categories": 3},
    "plan": {"kind": "category", "missing": {"constant": "basic"}, "weight": 0.5},
}  # fmt: skip


def write_export(path: Path) -> list[dict[str, str]]:
    """600 customers as a German system exports them: semicolons, decimal commas, gaps and dirt."""
    generator = random.Random(5)
    rows = []
    for number in range(600):
        group = number % 3
        spend = generator.lognormvariate(5 + 1.5 * group, 0.4)
        rows.append(
            {
                "Kunde": f"{number:05}",
                "Jahresumsatz (€)": f"{spend:,.2f} €".translate(str.maketrans(",.", ".,")),
                "Alter": str(round(generator.gauss(30 + 15 * group, 4))),
                "visits": str(generator.randrange(1, 9) * (group + 1)),
                "Gebiet": generator.choice(["Nord", "Süd", "West", "Ost", "Übersee"][group:]),
                "plan": generator.choice(["basic", "gold", ""]),
                "staff": "ja" if number % 40 == 7 else "nein",
            }
        )
    dirt = [("Jahresumsatz (€)", "12.5"), ("Alter", "?"), ("visits", "-"), ("Jahresumsatz (€)", "-3 €"), ("Alter", ""),
            ("visits", ""), ("Gebiet", ""), ("Jahresumsatz (€)", "n/a"), ("visits", "1e400")]  # fmt: skip
    for row in generator.sample(rows, 150):
        column, value = generator.choice(dirt)
        row[column] = value
    with path.open("w", newline="", encoding="cp1252") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.fixture(scope="module")
def published(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("predict")
    write_export(root / "export.csv")
    table = {
        "path": str(root / "export.csv"),
        "options": {"delimiter": ";", "encoding": "windows-1252"},
        "null_values": ["n/a", "NULL"],
    }
    folder = conf_dir(
        root,
        FEATURES,
        input=table,
        customer_id="Kunde",
        cleaning={"exclude": [{"column": "staff", "is_true": True}]},
        clustering={"k": {"min": 3, "max": 4}},
    )
    assert main(["nightly", "--conf-dir", str(folder), "--run-date", "2026-11-23"]) == 0
    return root


def rows_of(root: Path, table: str) -> list[dict[str, Any]]:
    folder = root / "output" / table / "run_date=2026-11-23"
    found: list[dict[str, Any]] = pq.read_table(folder, partitioning=None).to_pylist()
    return found


def test_every_customer_gets_the_published_label_or_the_published_reasons(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--conf-dir", str(published / "conf"), "--file", str(published / "export.csv"), "--json"]
    assert main(["predict", *arguments]) == 0
    answers = {one["customer_id"]: one for one in json.loads(capsys.readouterr().out)}
    assert len(answers) == 600
    labels = rows_of(published, "customer_segments")
    assert len(labels) > 400
    for label in labels:
        answer = answers.pop(label["customer_id"])
        for column in ("segment_id", "segment_name", "runner_up_segment_id", "is_outlier", "model_id"):
            assert answer[column] == label[column], label
        assert answer["distance"] == pytest.approx(label["distance"], rel=1e-9)
        assert answer["margin"] == pytest.approx(label["margin"], rel=1e-9, abs=1e-9)
    rejected = {row["customer_id"]: row["reject_reasons"] for row in rows_of(published, "rejected_customers")}
    rejected |= {f"{number:05}": ["excluded:staff"] for number in range(600) if number % 40 == 7}
    assert {id_: answer["reject_reasons"] for id_, answer in answers.items()} == rejected
    assert {reason for reasons in rejected.values() for reason in reasons} == {
        "unparseable:yearly_spend", "unparseable:age", "unparseable:visits", "out_of_range:yearly_spend", "missing:age",
        "not_finite:visits", "excluded:staff",
    }  # fmt: skip


def test_the_header_of_a_feature_wins_over_a_column_called_like_it(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few.csv"
    few.write_text("Kunde,Alter,visits,age\n1,45,3,99\n", encoding="utf-8")
    assert main(["predict", "--conf-dir", str(published / "conf"), "--file", str(few), "--json"]) == 0
    by_file = json.loads(capsys.readouterr().out)[0]
    assert main(["predict", "--conf-dir", str(published / "conf"), "Alter=45", "visits=3", "--json"]) == 0
    assert by_file == {"customer_id": "1"} | json.loads(capsys.readouterr().out)


def test_what_the_run_excludes_gets_no_segment_and_absent_columns_are_told(
    published: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    few = tmp_path / "few.csv"
    few.write_text("Kunde;Alter;staff;vists\n1;45;ja;3\n2;45;nein;3\n", encoding="utf-8")
    conf = ["--conf-dir", str(published / "conf")]
    assert main(["predict", *conf, "--file", str(few), "--json"]) == 0
    first, second = json.loads(capfd.readouterr().out)
    assert (first["segment_id"], first["reject_reasons"]) == (None, ["excluded:staff"])
    assert second["segment_id"] is not None
    assert "the file has no column of visits, which is taken as missing (did you mean 'vists'?)" in caplog.text


def test_one_customer_is_answered_in_words(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", "--conf-dir", str(published / "conf"), "Jahresumsatz (€)=1.234,50 €", "age=45", "Gebiet=Mars"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12].strip() for line in lines if line[:12].strip()] == [
        "segment", "on average", "distance", "runner-up", "margin", "decided by", "note",
    ]  # fmt: skip
    notes = "\n".join(lines[-3:])
    assert "visits is missing; taken as 0" in notes
    assert "region has a value that the model has never seen; it weighs nothing" in notes
    assert "plan is missing; taken as basic" in notes
    assert main([*words[:-1], "Gebiet=west"]) == 0
    assert "the model has never seen (did you mean 'West'?); it weighs nothing" in capsys.readouterr().out


def test_a_customer_the_batch_would_reject_has_no_segment(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = ["--conf-dir", str(published / "conf")]
    assert main(["predict", *conf, "age=45", "staff=ja"]) == 0
    assert capsys.readouterr().out == "no segment  excluded:staff\n"
    assert main(["predict", *conf, "yearly_spend=200000", "age=x"]) == 0
    assert capsys.readouterr().out == (
        "no segment  unparseable:age (expected a number like 1234.5); "
        "out_of_range:yearly_spend (accepted: from 0 up to 100,000)\n"
    )
    assert main(["predict", *conf, "--json", "age="]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["segment_id"], found["reject_reasons"]) == (None, ["missing:age"])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["agee=4"], 2, "unknown feature 'agee' (did you mean 'age'?)"),
        (["age"], 2, "'age': expected FEATURE=VALUE"),
        (["age=4", "Alter=5"], 2, "Alter is given twice"),
        ([], 2, "predict: expected either FEATURE=VALUE"),
        (["age=4", "--file", "x.csv"], 2, "predict: expected either FEATURE=VALUE"),
        (["--file", "x.csv"], 3, "--file x.csv: cannot be read"),
        (
            ["age=4", "--run-date", "2026-11-22"],
            3,
            "no model is published for 2026-11-22 or before; the first date is",
        ),
    ],
)
def test_a_question_that_cannot_be_answered(
    published: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert main(["predict", "--conf-dir", str(published / "conf"), *words]) == code
    assert message in capsys.readouterr().err


@pytest.mark.process
def test_the_answer_needs_neither_spark_nor_the_libraries_around_it(published: Path) -> None:
    code = (
        "import sys\nfrom seg_spark.cli.main import main\n"
        f"code = main(['predict', '--conf-dir', {str(published / 'conf')!r}, 'age=45'])\n"
        "heavy = {'pyspark', 'py4j', 'numpy', 'pandas', 'pyarrow', 'scipy'} & set(sys.modules)\n"
        "sys.exit(code or (f'imported {heavy}' if heavy else 0))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("segment ")
