"""When a run fits anew, and when the published model stays: by drift, settings, a broken input, or the user's word."""

import json
import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import conf_dir, customer, write_csv

from seg_spark.cli.main import main

pytestmark = [pytest.mark.usefixtures("spark"), pytest.mark.long]

FIRST = date(2026, 11, 20)
Row = dict[str, Any]
Day = tuple[Callable[[], list[Row]], tuple[str, ...]]


def customers(shift: int = 0, noise: float = 0.0) -> list[Row]:
    """Three groups of customers, whose incomes are shifted and, for a share of them, changed a little."""
    random_ = random.Random(7)
    rows = []
    for number in range(240):
        income, score = [(20, 20), (80, 20), (50, 90)][number % 3]
        own = income + shift + random_.randrange(-6, 7) + (random_.random() < noise)
        rows.append(customer(number + 1, income=own, score=score + random_.randrange(-6, 7)))
    return rows


DAYS: Mapping[str, Day] = {
    "first": (customers, ()),
    "noise": (lambda: customers(noise=0.01), ()),
    "named": (customers, ("--set", "segments.names.2=Loyal savers")),
    "drift": (lambda: customers(shift=60), ()),
    "half": (lambda: customers(shift=200)[:120], ()),
    "half again": (lambda: customers(shift=200)[:120], ("--set", "clustering.k.max=4")),
    "setting": (lambda: customers(shift=60), ("--set", "clustering.k.max=4")),
    "asked": (lambda: customers(shift=60), ("--set", "clustering.k.max=4", "--refit")),
    "one left": (lambda: customers(shift=60)[:1], ("--set", "clustering.k.max=4")),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[dict[str, Any], list[tuple[Any, ...]]]]:
    """The run record and the segments of each day: (id, name, customers)."""
    root = tmp_path_factory.mktemp("policy")
    folder = conf_dir(root, clustering={"k": {"min": 2, "max": 5}})
    found = {}
    for number, (name, (rows, words)) in enumerate(DAYS.items()):
        for old in (root / "input").glob("*"):
            old.unlink()
        write_csv(root, rows())
        day = FIRST + timedelta(number)
        assert main(["nightly", "--run-date", str(day), "--conf-dir", str(folder), *words]) == 0
        found[name] = (record_of(root, day), segments_of(root, day))
    return found


def record_of(root: Path, day: date) -> dict[str, Any]:
    [path] = (root / f"output/runs/run_date={day}").glob("*[0-9a-f].json")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def segments_of(root: Path, day: date) -> list[tuple[Any, ...]]:
    source = f"read_parquet('{root}/output/customer_segments/run_date={day}/*.parquet')"
    return duckdb.sql(f"SELECT segment_id, segment_name, count(*) FROM {source} GROUP BY ALL ORDER BY 1").fetchall()


Records = Mapping[str, tuple[dict[str, Any], list[tuple[Any, ...]]]]


def test_the_first_run_fits(records: Records) -> None:
    record, segments = records["first"]
    assert record["refit"]["fitted"]
    assert record["fitted_on"] == str(FIRST)
    assert len(segments) == 3


def test_a_little_noise_needs_no_fit_and_the_scores_are_those_of_the_last_one(records: Records) -> None:
    (first, segments), (record, now) = records["first"], records["noise"]
    assert not record["refit"]["fitted"]
    assert f"like those of the fit on {FIRST}" in record["refit"]["because"]
    assert now == segments
    assert record["model_id"] == first["model_id"]
    assert (record["fitted_on"], record["scores"], record["chosen_k"]) == (str(FIRST), first["scores"], 3)
    assert record["chosen_because"] == first["chosen_because"]
    assert not {"prepare", "fit", "score"} & set(record["seconds"])


def test_a_name_set_by_hand_takes_effect_without_a_fit(records: Records) -> None:
    (_, segments), (record, now) = records["first"], records["named"]
    assert not record["refit"]["fitted"]
    assert [(one[0], one[2]) for one in now] == [(one[0], one[2]) for one in segments]
    assert now[1][1] == "Loyal savers"


def test_drift_brings_a_fit_that_keeps_the_ids(records: Records) -> None:
    (_, segments), (record, now) = records["first"], records["drift"]
    assert record["refit"]["fitted"]
    assert "PSI of income" in record["refit"]["because"]
    assert record["refit"]["refused"] == []
    assert record["fitted_on"] == record["run_date"]
    assert [(one[0], one[2]) for one in now] == [(one[0], one[2]) for one in segments]


@pytest.mark.parametrize("day", ["half", "half again"])
def test_half_an_input_is_no_reason_to_fit(records: Records, day: str) -> None:
    record, _ = records[day]
    assert not record["refit"]["fitted"]
    assert "only 120 customers were accepted, 50% of the 240 before" in record["refit"]["because"]
    assert record["fitted_on"] == str(FIRST + timedelta(3))


def test_a_single_customer_is_labelled_though_no_k_could_be_fitted(records: Records) -> None:
    record, segments = records["one left"]
    assert not record["refit"]["fitted"]
    assert [one[2] for one in segments] == [1]


def test_a_changed_setting_brings_a_fit(records: Records) -> None:
    record, _ = records["setting"]
    assert record["refit"]["because"] == "clustering.k.max changed since the last fit"
    assert record["fitted_on"] == record["run_date"]


def test_a_fit_can_be_asked_for(records: Records) -> None:
    record, now = records["asked"]
    assert record["refit"]["because"] == "a fit was asked for"
    assert (record["refit"]["challenge"]["moved_share"], record["refit"]["refused"]) == (0.0, [])
    assert now == records["setting"][1]


def test_far_fewer_customers_than_usual_stop_a_run_where_that_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = conf_dir(tmp_path, cleaning={"min_customers_ratio": 0.7}, clustering={"k": {"min": 2, "max": 3}})
    for day, rows, code in ((FIRST, customers(), 0), (FIRST + timedelta(1), customers()[:120], 5)):
        write_csv(tmp_path, rows)
        assert main(["nightly", "--run-date", str(day), "--conf-dir", str(folder)]) == code
    assert "only 120 customers were accepted, 50% of the 240 before (cleaning.min_customers_ratio 70%)" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / f"output/customer_segments/run_date={FIRST + timedelta(1)}").exists()
    once = ["--set", "cleaning.min_customers_ratio=null"]  # what the message says, where these are all
    assert main(["nightly", "--run-date", str(FIRST + timedelta(1)), "--conf-dir", str(folder), *once]) == 0
    assert main(["nightly", "--run-date", str(FIRST + timedelta(2)), "--conf-dir", str(folder)]) == 0
    write_csv(tmp_path, customers())  # a date of far too many blocks none after it
    assert main(["nightly", "--run-date", str(FIRST + timedelta(3)), "--conf-dir", str(folder)]) == 0
    write_csv(tmp_path, customers()[:120])
    assert main(["nightly", "--run-date", str(FIRST + timedelta(4)), "--conf-dir", str(folder)]) == 0


def test_a_page_is_not_made_of_labels_and_another_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--run-date", str(FIRST), "--conf-dir", str(conf_dir(tmp_path, clustering={"k": {"min": 2, "max": 3}}))]
    write_csv(tmp_path, customers())
    assert main(["nightly", *words]) == 0
    assert main(["fit", *words, "--set", "clustering.k.max=2"]) == 0
    assert main(["report", *words]) == 3
    assert f"are of another model than the one published since; run seg-spark label --run-date {FIRST}" in (
        capsys.readouterr().err
    )


def test_the_steps_alone_publish_no_fit_that_nightly_would_refuse(tmp_path: Path) -> None:
    folder = conf_dir(tmp_path, clustering={"k": {"min": 2, "max": 5}})

    def run_steps(day: date, rows: list[Row], *steps: str) -> None:
        write_csv(tmp_path, rows)
        for step in steps:
            assert main([step, "--run-date", str(day), "--conf-dir", str(folder)]) == 0

    run_steps(FIRST, customers(), "nightly")
    apart = [{**row, "score": row["score"] + 60 * (number % 2)} for number, row in enumerate(customers())]
    ks = []
    for number in (1, 2):
        day = FIRST + timedelta(number)
        run_steps(day, apart, "clean", "fit", "label")
        found = (tmp_path / f"output/runs/run_date={day}").glob("*[0-9a-f].json")
        records = [json.loads(path.read_text(encoding="utf-8")) for path in found]
        [refit] = [record["refit"] for record in records if record["command"] == "fit"]
        ks.append((refit["because"], bool(refit["refused"]), len(segments_of(tmp_path, day))))
    assert ks == [("a fit was asked for", True, 3), ("a fit was asked for", False, 5)]


def test_a_drift_that_a_fit_would_not_mend_is_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = conf_dir(tmp_path, clustering={"k": {"min": 2, "max": 3}})
    for number, shift in enumerate((0, 40)):
        rows = [customer(n + 1, income=30 + shift + n % 7, score=20 + 60 * (n % 2) + n % 5) for n in range(120)]
        write_csv(tmp_path, rows)
        caplog.clear()
        assert main(["nightly", "--run-date", str(FIRST + timedelta(number)), "--conf-dir", str(folder)]) == 0
    refit = record_of(tmp_path, FIRST + timedelta(1))["refit"]
    assert (refit["fitted"], len(refit["refused"])) == (True, 1)
    assert "refit.min_gain" in refit["refused"][0]
    assert [one.levelname for one in caplog.records if "stays active" in one.message] == ["INFO"]


def test_fewer_customers_by_a_rule_are_no_broken_input_on_the_dates_after_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_csv(tmp_path, [{**row, "staff": "yes" if n % 2 else "no"} for n, row in enumerate(customers())])
    because = []
    for number in range(3):
        rules = {"exclude": [{"column": "staff", "is_true": True}]} if number else {}
        folder = conf_dir(tmp_path, clustering={"k": {"min": 2, "max": 5}}, cleaning=rules)
        day = FIRST + timedelta(number)
        words = ["--set", "segments.names.7=Nobody"] if number == 2 else []
        assert main(["nightly", "--run-date", str(day), "--conf-dir", str(folder), *words]) == 0
        because.append(record_of(tmp_path, day)["refit"]["because"])
    assert because[1:] == [
        "cleaning.exclude changed since the last fit",
        f"the customers are still like those of the fit on {FIRST + timedelta(1)}",
    ]
    assert "segments.names: there is no segment 7; there are 1, 2, 3" in caplog.messages


def test_values_whose_logarithm_the_model_cannot_take_bring_a_fit(tmp_path: Path) -> None:
    rule = {"transform": "log1p", "valid": [0, None]}
    for number, (features, low) in enumerate((({"income": rule, "score": {}}, 0), ({"income": {}, "score": {}}, -50))):
        write_csv(tmp_path, [{**row, "income": max(0, row["income"]) + low} for row in customers()])
        folder = conf_dir(tmp_path, features, clustering={"k": {"min": 2, "max": 5}})
        day = FIRST + timedelta(number)
        assert main(["nightly", "--run-date", str(day), "--conf-dir", str(folder)]) == 0
    refit = record_of(tmp_path, day)["refit"]
    assert (refit["fitted"], refit["refused"]) == (True, [])
    assert "changed since the last fit" in refit["because"]
