"""Whole runs in this process, on real Spark; labels are read back by DuckDB as a warehouse would."""

import json
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from builders import conf_dir, customer, grouped_customers, settings, write_csv
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType
from rich.console import Console

from seg_spark import runner
from seg_spark.cli.main import main
from seg_spark.errors import InputError, PublishError, QualityGateError, SegSparkError
from seg_spark.reporting.progress import Advance, StepProgress
from seg_spark.schemas import CUSTOMER_SEGMENTS_SCHEMA
from seg_spark.segments.model import model_from_json
from seg_spark.settings.layers import load_settings
from seg_spark.settings.schema import Settings
from seg_spark.steps import context, labelling
from seg_spark.storage.store import Store

pytestmark = pytest.mark.usefixtures("spark")

RUN_DATE = date(2026, 11, 23)


def run(command: str, config: Settings, run_date: date = RUN_DATE) -> dict[str, Any]:
    result = runner.run(command, config, run_date, Path("conf"), StepProgress())
    written: dict[str, Any] = json.loads(Path(result.record_path).read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(result.record))
    return written


def query(root: Path, table: str, what: str = "*", run_date: date = RUN_DATE, more: str = "") -> list[tuple[Any, ...]]:
    source = f"read_parquet('{root}/output/{table}/**/*.parquet', hive_partitioning = true)"
    return duckdb.sql(f"SELECT {what} FROM {source} WHERE run_date = DATE '{run_date}' {more}").fetchall()


@pytest.fixture(scope="module")
def published(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run that succeeded, for several tests: its folder and its record."""
    root = tmp_path_factory.mktemp("published")
    copy = customer(1, income=20 - 2, score=20 - 1)
    write_csv(root, [*grouped_customers(), copy, customer(900, income="x"), customer(901, id="")])
    return root, run("nightly", settings(root))


def test_a_run_publishes_one_row_per_accepted_customer(published: tuple[Path, dict[str, Any]]) -> None:
    root, record = published
    assert record["status"] == "succeeded"
    assert record["rows"] == {
        "input": 78, "accepted": 75, "merged_duplicates": 1, "rejected": 2, "excluded": 0,
        "rejected_by_reason": {"missing_id": 1, "unparseable:income": 1}, "excluded_by_rule": {},
    }  # fmt: skip
    assert record["chosen_k"] == 3
    sizes = query(root, "customer_segments", "segment_id, count(*)", more="GROUP BY 1 ORDER BY 1")
    assert sizes == [(1, 30), (2, 25), (3, 20)]
    ids = {row["id"] for row in grouped_customers()}
    assert [row[0] for row in query(root, "customer_segments", "customer_id", more="ORDER BY 1")] == sorted(ids)
    assert query(root, "rejected_customers", "customer_id, reject_reasons", more="ORDER BY 1 NULLS FIRST") == [
        (None, ["missing_id"]),
        ("C0900", ["unparseable:income"]),
    ]


def test_what_mllib_reached_alone_stands_beside_the_final_figure(published: tuple[Path, dict[str, Any]]) -> None:
    root, record = published
    assert record["mllib"] == {"starts": 1, "init_mode": "random", "max_iterations": 2, "tolerance": 0.0}
    assert all(one["mllib_within_ss"] >= one["within_ss"] > 0 for one in record["scores"])
    scores = json.loads((root / "output/models" / record["model_id"] / "scores.json").read_text(encoding="utf-8"))
    assert {name: scores[name] for name in ("mllib", "scores")} == {name: record[name] for name in ("mllib", "scores")}


def test_the_published_tables_have_the_documented_columns_and_nothing_but_parquet(
    published: tuple[Path, dict[str, Any]],
) -> None:
    root, record = published
    output = root / "output"
    for table in ("clean_customers", "rejected_customers", "customer_segments", "segment_profiles"):
        names = [path.name for path in (output / table).rglob("*") if path.is_file()]
        assert names, table
        assert all(name.endswith(".parquet") for name in names), names
        found = duckdb.sql(f"DESCRIBE SELECT * FROM '{output}/{table}/*/*.parquet'").fetchall()
        columns = [row[0] for row in found if row[0] != "run_date"]
        assert columns[-1] == "run_id"
        if table == "customer_segments":
            assert columns == CUSTOMER_SEGMENTS_SCHEMA.fieldNames()
    for column in ("run_id", "model_id"):
        assert query(root, "customer_segments", f"DISTINCT {column}") == [(record[column],)]
    assert not (output / "_seg_spark" / "staging").exists()


def test_labels_agree_with_the_published_model_and_its_profiles(
    spark: SparkSession, published: tuple[Path, dict[str, Any]]
) -> None:
    root, record = published
    folder = root / "output" / "models" / record["model_id"]
    model = model_from_json((folder / "model.json").read_text(encoding="utf-8"), "model.json")
    assert model.model_id == record["model_id"]
    pipeline = PipelineModel.load(str(folder / "pipeline"))
    customers = spark.read.parquet(str(root / "output" / "clean_customers"))
    by_pipeline = {row["customer_id"]: row["_cluster"] for row in pipeline.transform(customers).collect()}
    cluster_of = {one.segment_id: one.cluster for one in model.segments}
    labels = dict(query(root, "customer_segments", "customer_id, segment_id"))
    assert {id_: cluster_of[segment] for id_, segment in labels.items()} == by_pipeline
    profile = query(
        root, "segment_profiles", "segment_id, customers, mean, median, overall_mean", more="AND feature = 'income'"
    )
    clean, labels = (f"{root}/output/{table}/*/*.parquet" for table in ("clean_customers", "customer_segments"))
    expected = duckdb.sql(
        f"""SELECT segment_id, count(*), avg(income), median(income), (SELECT avg(income) FROM '{clean}')
        FROM '{clean}' JOIN '{labels}' USING (customer_id) GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    assert sorted(profile) == [pytest.approx(row) for row in expected]
    names = dict(query(root, "customer_segments", "DISTINCT segment_id, segment_name"))
    assert len(set(names.values())) == len(names) == 3


def test_profiles_say_what_sets_a_segment_apart_and_their_rules_pick_it(published: tuple[Path, dict[str, Any]]) -> None:
    root, _ = published
    clean, labels = (f"{root}/output/{table}/*/*.parquet" for table in ("clean_customers", "customer_segments"))
    traits = query(root, "segment_profiles", "segment_id, feature, lift, z_score, trait_rank, mean / overall_mean")
    assert len(traits) == 6
    for segment_id, _, lift, z_score, _, ratio in traits:
        assert lift == pytest.approx(ratio)
        assert (z_score > 0) == (lift > 1)
        ranked = [(rank, abs(z)) for segment, _, _, z, rank, _ in traits if segment == segment_id]
        assert [rank for rank, _ in sorted(ranked)] == [1, 2]
        assert sorted(ranked)[0][1] >= sorted(ranked)[1][1]
    columns = "segment_id, rule, rule_precision, rule_coverage, nearest_segment_id"
    rules = query(root, "segment_profiles", f"DISTINCT {columns}")
    assert len(rules) == 3
    for segment_id, rule, precision, coverage, nearest in rules:
        [(picked, hits, size)] = duckdb.sql(
            f"""SELECT count_if({rule}), count_if(({rule}) AND segment_id = {segment_id}),
            count_if(segment_id = {segment_id}) FROM '{clean}' JOIN '{labels}' USING (customer_id)"""
        ).fetchall()
        assert (precision, coverage) == pytest.approx((hits / picked, hits / size))
        assert min(precision, coverage) > 0.9
        assert nearest in {1, 2, 3} - {segment_id}


def test_a_run_makes_a_report_that_can_be_made_again(
    published: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(published[0], tmp_path / "copy")
    run_id = published[1]["run_id"]
    folder = root / "output" / "runs" / "run_date=2026-11-23"
    page, figures = folder / f"{run_id}.html", folder / f"{run_id}.figures.json.gz"
    made = page.read_text(encoding="utf-8")
    assert made.count('<article class="panel card') == 3
    assert "78 rows = 75 accepted + 1 merged duplicates + 2 rejected + 0 excluded" in made
    assert [path for path in figures.parent.iterdir() if path.name.startswith(".")] == []
    page.unlink()
    words = ["report", "--conf-dir", str(root / "conf"), "--set", f"output.path={root}/output"]
    assert main(words) == 0
    assert capsys.readouterr().out.strip() == str(page)
    assert page.read_text(encoding="utf-8") == made
    figures.write_bytes(figures.read_bytes()[:50])
    assert main(words) == 3
    assert (
        "is missing or damaged; run seg-spark label --run-date 2026-11-23 again, with report.enabled: true"
        in capsys.readouterr().err
    )
    [scores] = (root / "output" / "_seg_spark" / "versions").glob("*/models/scores.json")
    scores.write_text("{", encoding="utf-8")
    assert main(words) == 3
    assert "scores.json: is damaged; fit again" in capsys.readouterr().err
    assert main([*words, "--run-date", "2026-11-22"]) == 3
    assert "no labels are published for 2026-11-22" in capsys.readouterr().err


def test_a_page_that_cannot_be_made_does_not_fail_a_run_that_has_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_csv(tmp_path, grouped_customers())
    monkeypatch.setattr(labelling, "report_figures", lambda *_: 1 / 0)
    assert run("nightly", settings(tmp_path))["status"] == "succeeded"
    assert len(query(tmp_path, "customer_segments")) == 75
    assert "no report was made: unexpected ZeroDivisionError" in caplog.text


def test_no_report_is_made_where_none_is_wanted(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    run("nightly", settings(tmp_path, report__enabled=False))
    assert [path.suffix for path in (tmp_path / "output" / "runs").rglob("*") if path.is_file()] == [".json"]


def test_shuffled_and_cut_into_other_files_the_labels_are_the_same(tmp_path: Path) -> None:
    rows = grouped_customers(40)
    rows = [{**row, "income": row["income"] + i % 17, "score": row["score"] + i % 13} for i, row in enumerate(rows)]
    answers = []
    for files in (1, 7, 64):
        root = tmp_path / str(files)
        random.Random(files).shuffle(rows)
        write_csv(root, rows, files=files)
        record = run("nightly", settings(root))
        columns = "customer_id, segment_id, segment_name, distance, runner_up_segment_id, margin, is_outlier"
        answers.append((record["model_id"], query(root, "customer_segments", columns, more="ORDER BY customer_id")))
    assert answers[0] == answers[1] == answers[2]


def test_the_steps_alone_do_what_the_run_does(tmp_path: Path) -> None:
    write_csv(tmp_path / "whole", grouped_customers())
    write_csv(tmp_path / "steps", grouped_customers())
    whole = run("nightly", settings(tmp_path / "whole"))
    for command in ("clean", "fit", "label"):
        last = run(command, settings(tmp_path / "steps"))
    assert last["model_id"] == whole["model_id"]
    columns = "customer_id, segment_id, distance, margin"
    one, other = (
        query(tmp_path / name, "customer_segments", columns, more="ORDER BY 1") for name in ("whole", "steps")
    )
    assert one == other


def test_a_later_run_is_labelled_with_the_last_model_before_it(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    first = run("nightly", settings(tmp_path))
    later = date(2026, 11, 25)
    run("clean", settings(tmp_path), later)
    record = run("label", settings(tmp_path), later)
    assert record["model_id"] == first["model_id"]
    assert len(query(tmp_path, "customer_segments", run_date=later)) == 75
    assert len(query(tmp_path, "customer_segments")) == 75


def test_the_steps_say_what_must_run_before_them(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    with pytest.raises(
        InputError,
        match="no clean customers are published for 2026-11-23; run seg-spark clean --run-date 2026-11-23 first",
    ):
        run("fit", settings(tmp_path))
    run("clean", settings(tmp_path))
    with pytest.raises(
        InputError,
        match="no model is published for 2026-11-23 or before; run seg-spark fit --run-date 2026-11-23 first",
    ):
        run("label", settings(tmp_path))


def test_a_second_run_of_a_date_replaces_it_and_no_other(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    run("nightly", settings(tmp_path), date(2026, 11, 22))
    run("nightly", settings(tmp_path))
    before = query(tmp_path, "customer_segments", run_date=date(2026, 11, 22))
    write_csv(tmp_path, grouped_customers(30))
    again = run("nightly", settings(tmp_path))
    assert query(tmp_path, "customer_segments", "count(*), min(run_id), max(run_id)") == [
        (105, again["run_id"], again["run_id"])
    ]
    assert query(tmp_path, "customer_segments", run_date=date(2026, 11, 22)) == before


def test_what_is_published_already_is_not_published_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(tmp_path, grouped_customers())
    conf = conf_dir(tmp_path)
    words = ["nightly", "--run-date", "2026-11-23", "--conf-dir", str(conf)]

    def last_run(*more: str) -> tuple[str, int]:
        """How the run ended, and how many commits there are after it."""
        assert main([*words, *more]) == 0
        path = max((tmp_path / "output/runs").rglob("*.json"), key=lambda one: one.stat().st_mtime_ns)
        return json.loads(path.read_text())["status"], len(published_numbers(tmp_path))

    assert last_run() == ("succeeded", 1)
    first = capsys.readouterr().out
    assert last_run() == ("skipped", 1)
    shown = capsys.readouterr().out
    assert re.search(
        r"^nothing to do: run \S+ has published the same input with the same settings; --force", shown, re.M
    )
    assert shown.startswith(first[: first.index("rows: ")])  # the segments are shown as the first run showed them
    shutil.rmtree(tmp_path / "output" / "customer_segments")
    assert main([*words, "--dry-run"]) == 0
    assert "skips       all of this, unless with --force: run " in capsys.readouterr().out
    assert last_run() == ("skipped", 1)
    assert len(query(tmp_path, "customer_segments")) == 75  # the folder is back
    assert last_run("--force") == ("succeeded", 2)
    assert main(["label", *words[1:]]) == 0
    assert last_run() == ("succeeded", 4)  # the date was the work of two runs


def published_numbers(root: Path) -> list[int]:
    """Of all commits that were ever made."""
    return list(range(1, 1 + int(max((root / "output/_seg_spark/commits").iterdir()).stem)))


def test_a_run_that_took_too_long_does_not_publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path, grouped_customers())
    plain = time.monotonic
    late: list[float] = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: plain() + late[0])

    class Slow(StepProgress):
        @contextmanager
        def step(self, name: str, counting: str = "tasks") -> Iterator[Advance]:
            late[0] = 61.0 if name == "publish" else 0.0
            with super().step(name, counting) as advance:
                yield advance

    with pytest.raises(PublishError, match=r"took longer than run\.max_minutes"):
        runner.run(
            "nightly", settings(tmp_path, run__max_minutes=1), RUN_DATE, Path("conf"), Slow(Console(stderr=True))
        )
    assert not (tmp_path / "output" / "customer_segments").exists()
    assert list((tmp_path / "output/_seg_spark/versions").glob("*/*")) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda labels: labels.limit(74), "74 labels were written for 75 accepted customers"),
        (
            lambda labels: labels.withColumn("customer_id", F.lower("customer_id")),
            "75 accepted customers, and their ids differ",
        ),
        (
            lambda labels: labels.union(labels.limit(1)).where("customer_id <> 'C0002'"),
            "customers, and their ids differ",
        ),
        (lambda labels: labels.withColumn("segment_id", F.lit(9)), "75 labels have no valid segment_id"),
        (lambda labels: labels.withColumn("distance", F.lit(float("inf"))), "75 labels have no valid distance"),
    ],
)
def test_labels_that_are_wrong_are_found_when_they_are_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[DataFrame], DataFrame], words: str
) -> None:
    write_csv(tmp_path, grouped_customers())
    stage_table = context.stage_table

    def stage_damaged(frame: DataFrame, schema: StructType, store: Store, folder: str, table: str) -> None:
        stage_table(damage(frame) if table == "customer_segments" else frame, schema, store, folder, table)

    monkeypatch.setattr(context, "stage_table", stage_damaged)
    with pytest.raises(PublishError, match=words):
        run("nightly", settings(tmp_path, clustering__k__max=2))
    assert not (tmp_path / "output" / "customer_segments").exists()


@pytest.mark.parametrize(
    ("rows", "changes", "error", "words"),
    [
        (
            [customer(i, income="?") for i in range(9)],
            {},
            InputError,
            r"every row was rejected \(unparseable:income 9\)",
        ),
        ([customer(1)], {}, InputError, r"clustering.k.min: only 1 customers were accepted, fewer than k.min \(2\)"),
        ([customer(i) for i in range(9)], {}, InputError, "only 1 distinct points"),
        (
            [*grouped_customers(), *(customer(800 + i, income="?") for i in range(25))],
            {"cleaning__max_rejected_share": 0.2},
            QualityGateError,
            r"25.00% of the rows were rejected, above cleaning.max_rejected_share \(20%\): unparseable:income 25",
        ),
        (
            [customer(i, income=100 * (i == 0), score=i % 2) for i in range(40)],
            {"selection__min_segment_share": 0.4, "clustering__k__max": 2, "features__scaling": "none"},
            SegSparkError,
            r"no k gives an acceptable model: k = 2 \(its smallest segment is 2.50% of the customers, below 40%\); "
            r"a few extreme values of income take the centres for themselves: give these features clip: \[0.01, 0.99\]",
        ),
    ],
)
def test_a_refused_run_leaves_a_record_and_touches_nothing_published(
    tmp_path: Path, rows: list[dict[str, Any]], changes: dict[str, Any], error: type[SegSparkError], words: str
) -> None:
    write_csv(tmp_path, rows)
    with pytest.raises(error, match=words) as caught:
        run("nightly", settings(tmp_path, **changes))
    [path] = (tmp_path / "output" / "runs").rglob("*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["status"], record["exit_code"]) == ("failed", caught.value.exit_code)
    assert record["error"] == str(caught.value)
    assert record["rows"]["input"] == len(rows)
    assert not (tmp_path / "output" / "customer_segments").exists()


def test_excluded_rows_are_counted_apart_and_do_not_break_the_limit_of_rejected_ones(tmp_path: Path) -> None:
    rows = [customer(n, **{**row, "staff": "no", "state": "open"}) for n, row in enumerate(grouped_customers(), 1)]
    staff = [customer(900 + i, income="?", staff="Yes", state="open") for i in range(30)]
    closed = [customer(950 + i, staff="no", state="closed") for i in range(5)]
    write_csv(tmp_path, [*rows, *staff, *closed])
    folder = conf_dir(
        tmp_path,
        cleaning={
            "max_rejected_share": 0.1,
            "exclude": [{"column": "staff", "is_true": True}, {"column": "state", "is_in": ["closed", "gone"]}],
        },
    )
    record = run("nightly", load_settings(folder, environment={}).settings)
    assert record["rows"] == {
        "input": 110, "accepted": 75, "merged_duplicates": 0, "rejected": 0, "excluded": 35,
        "rejected_by_reason": {}, "excluded_by_rule": {"staff": 30, "state": 5},
    }  # fmt: skip
    assert len(query(tmp_path, "customer_segments")) == 75


def test_a_run_whose_rows_are_all_excluded_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path, [customer(1, staff=1), customer(2, staff=1)])
    folder = conf_dir(tmp_path, cleaning={"exclude": [{"column": "staff", "equals": 1}]})
    with pytest.raises(InputError, match="every row was excluded"):
        run("nightly", load_settings(folder, environment={}).settings)


def test_a_refit_that_fails_its_gates_leaves_the_published_model_in_charge(tmp_path: Path) -> None:
    write_csv(tmp_path, grouped_customers())
    first = run("nightly", settings(tmp_path))
    later = date(2026, 11, 24)
    record = run("nightly", settings(tmp_path, selection__min_segment_share=0.5), later)
    assert (record["status"], record["exit_code"], record["model_id"]) == ("succeeded", 0, first["model_id"])
    [refused] = record["refit"]["refused"]
    assert "no k gives an acceptable model" in refused
    assert record["refit"]["because"] == "selection.min_segment_share changed since the last fit"
    assert len(query(tmp_path, "customer_segments", run_date=later)) == 75


def reference(path: Path, name: str, variant: str, scale: str, k: int) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["sets"][name]["variants"][variant][scale][
        str(k)
    ]
    return figures


@pytest.mark.parametrize("scaling", ["standard", "none"])
def test_the_mall_customers_form_the_known_five_segments(
    tmp_path: Path, mall_customers: Path, reference_figures: Path, scaling: str
) -> None:
    features = {
        "income": {"source": "Annual Income (k$)", "unit": "k$"},
        "score": {"source": "Spending Score (1-100)"},
    }
    folder = conf_dir(tmp_path, features, input={"path": str(mall_customers)}, customer_id="CustomerID", clustering={})
    record = run("nightly", load_settings(folder, None, [f"features.scaling={scaling}"], {}).settings)
    known = reference(reference_figures, "mall_2", "drop", "std" if scaling == "standard" else "raw", 5)
    assert record["chosen_k"] == 5
    assert [one["customers"] for one in record["segments"]] == known["sizes"] == [81, 39, 35, 23, 22]
    chosen = next(one for one in record["scores"] if one["k"] == 5)
    factor = 199 / 200 if scaling == "standard" else 1
    assert chosen["within_ss"] == pytest.approx(known["best_inertia"] * factor, rel=1e-9)
    assert chosen["silhouette"] == pytest.approx(known["sil_sq"], rel=1e-9)
    assert chosen["silhouette_euclidean"] == pytest.approx(known["sil_euclid"], rel=1e-9)
    assert chosen["davies_bouldin"] == pytest.approx(known["db"], rel=1e-9)
    assert chosen["calinski_harabasz"] == pytest.approx(known["ch"], rel=1e-9)
    assert query(tmp_path, "customer_segments", "min(customer_id), max(customer_id), count(*)") == [
        ("0001", "0200", 200)
    ]


@pytest.mark.parametrize(("missing", "variant", "accepted"), [("reject", "drop", 7032), ("median", "median", 7043)])
def test_the_telco_blanks_are_treated_as_declared(
    tmp_path: Path, telco_customers: Path, reference_figures: Path, missing: str, variant: str, accepted: int
) -> None:
    features = {
        "tenure": {},
        "monthly_charges": {"source": "MonthlyCharges"},
        "total_charges": {"source": "TotalCharges", "missing": missing},
    }
    folder = conf_dir(
        tmp_path,
        features,
        input={"path": str(telco_customers)},
        customer_id="customerID",
        clustering={"k": {"min": 2, "max": 5}},
    )
    record = run("nightly", load_settings(folder, None, [], {}).settings)
    assert record["rows"]["accepted"] == accepted
    assert record["rows"]["rejected_by_reason"] == ({"missing:total_charges": 11} if missing == "reject" else {})
    assert record["missing"]["total_charges"] == 7043 - 7032 - (11 if missing == "reject" else 0)
    assert record["chosen_k"] == 2
    for one in record["scores"]:
        known = reference(reference_figures, "telco_3", variant, "std", one["k"])
        assert one["within_ss"] == pytest.approx(known["best_inertia"] * (accepted - 1) / accepted, rel=5e-3)
    # the reference's scores belong to its 20-start solution, not to the best sum of squares it knows
    chosen, known = record["scores"][0], reference(reference_figures, "telco_3", variant, "std", 2)
    assert chosen["silhouette"] == pytest.approx(known["sil_sq"], rel=1e-4)
    assert chosen["davies_bouldin"] == pytest.approx(known["db"], rel=1e-3)
    sizes = [one["customers"] for one in record["segments"]]
    assert sizes == pytest.approx(known["sizes"], abs=10)
