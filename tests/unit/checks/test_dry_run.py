"""A dry run says what a run would do, needs no Spark, and leaves nothing behind."""

from datetime import date
from pathlib import Path

import pytest
from builders import conf_dir, grouped_customers, write_csv
from stores import commit

from seg_spark.cli.main import main
from seg_spark.storage.commits import TableVersion
from seg_spark.storage.local_store import LocalStore


def dry_run(root: Path, command: str, *words: str) -> int:
    return main([command, "--dry-run", "--run-date", "2026-11-23", "--conf-dir", str(root / "conf"), *words])


def publish(root: Path, **entries: int) -> None:
    """A commit as a run leaves it."""
    tables = {table: TableVersion("R1", rows, ()) for table, rows in entries.items()}
    commit(LocalStore(root / "output"), date(2026, 11, 23), "abc", tables)


def test_a_first_run_is_told_from_input_to_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(tmp_path, grouped_customers(), files=2)
    rule = {"column": "state", "is_in": ["closed"]}
    features = {"income": {"source": "Income (k$)", "valid": [0, None], "weight": 2.0}, "score": {}}
    conf_dir(tmp_path, features, cleaning={"exclude": [rule]})
    assert dry_run(tmp_path, "nightly") == 0
    shown = capsys.readouterr().out
    assert (
        shown
        == f"""\
What nightly would do for 2026-11-23; nothing is done:
reads       {tmp_path}/input: 2 files, 1009 bytes, csv
id          'id'
feature     income: number from 'Income (k$)' (valid: [0.0, null], weight: 2.0)
            score: number from 'score'
excludes    rows whose 'state' is one of [closed]
stops       when more than 20% of the rows are rejected
fits        k = 2 to 3 on up to 100,000 customers, standard scaling, refined
chooses     k by silhouette, no segment below 1% of the customers
writes      {tmp_path}/output/clean_customers/run_date=2026-11-23: new
            {tmp_path}/output/rejected_customers/run_date=2026-11-23: new
            {tmp_path}/output/segment_profiles/run_date=2026-11-23: new
            {tmp_path}/output/customer_segments/run_date=2026-11-23: new
            {tmp_path}/output/models/<model_id>: the first
            {tmp_path}/output/runs/run_date=2026-11-23/<run_id>.json: the run record
"""
    )
    assert not (tmp_path / "output").exists()


def test_what_would_be_replaced_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(tmp_path, grouped_customers())
    conf_dir(tmp_path)
    publish(tmp_path, clean_customers=75, customer_segments=1234567)
    assert dry_run(tmp_path, "nightly") == 0
    shown = capsys.readouterr().out
    assert "clean_customers/run_date=2026-11-23: replaces 75 rows of run R1" in shown
    assert "customer_segments/run_date=2026-11-23: replaces 1,234,567 rows of run R1" in shown
    assert "rejected_customers/run_date=2026-11-23: new" in shown
    assert "models/<model_id>: now active: abc" in shown


def test_the_steps_read_what_is_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf_dir(tmp_path)
    publish(tmp_path, clean_customers=75)
    assert dry_run(tmp_path, "label") == 0
    shown = capsys.readouterr().out
    assert "clean_customers/run_date=2026-11-23: 75 customers" in shown
    assert "model abc" in shown
    assert "segment_profiles/run_date=2026-11-23: new" in shown
    assert "fits" not in shown
    assert dry_run(tmp_path, "fit") == 0
    assert "fits        k = 2 to 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "words", "code", "message"),
    [
        ("nightly", [], 3, "input.path: {root}/input does not exist"),
        ("clean", ["--set", "input.path=nowhere/{{run_date}}.csv"], 3, "nowhere/2026-11-23.csv does not exist"),
        (
            "fit",
            [],
            3,
            "for 2026-11-23; run seg-spark clean --run-date 2026-11-23 first",
        ),
        ("nightly", ["--set", "clustering.k.mx=3"], 2, "did you mean 'max'?"),
    ],
)
def test_what_a_run_would_refuse_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, words: list[str], code: int, message: str
) -> None:
    conf_dir(tmp_path)
    assert dry_run(tmp_path, command, *(word.replace("{{", "{").replace("}}", "}") for word in words)) == code
    assert message.format(root=tmp_path) in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


def test_a_catalog_table_is_named_and_not_looked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf_dir(tmp_path, input={"path": "crm.customers", "format": "table"})
    assert dry_run(tmp_path, "clean") == 0
    assert "reads       the catalog's table crm.customers" in capsys.readouterr().out


def test_an_input_elsewhere_is_not_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf_dir(tmp_path, input={"path": "s3a://bucket/customers"}, cleaning={"min_customers_ratio": 0.7})
    assert dry_run(tmp_path, "nightly") == 0
    shown = capsys.readouterr().out
    assert "reads       s3a://bucket/customers: not checked, csv" in shown
    assert "when fewer customers are accepted than 70% of those before" in shown
    assert "skips       all of this if the same input is published already; not checked" in shown
