"""The three forms of a model (Spark ML pipeline, SQL, plain Python) give every customer the same answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from builders import settings
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from seg_spark.clustering.sweep import CLUSTER
from seg_spark.features.fitted import FittedNumber
from seg_spark.reporting.progress import StepProgress
from seg_spark.segments.model import model_from_json, model_to_json
from seg_spark.segments.prediction import label_customer
from seg_spark.segments.scoring import CLUSTER_INDEX, axis_columns, published_scores, score, total_segments
from seg_spark.steps.context import RunContext
from seg_spark.steps.fitting import FittingResult, fit_segments

TIE = 1e-9
"""Customers whose margin is below this lie between two centres; there the forms may differ."""


def fit(spark: SparkSession, root: Path, table: pa.Table, features: dict[str, Any], **options: Any) -> FittingResult:
    from datetime import date

    from seg_spark.storage.local_store import LocalStore
    from seg_spark.storage.publish import RunArea

    config = settings(root, features, **options)
    progress = StepProgress()
    context = RunContext(spark, config, LocalStore(root), RunArea(date(2026, 11, 23), "run", "staging", 0), progress)
    return fit_segments(context, table)


def check_all_forms(spark: SparkSession, fitted: FittingResult, customers: pa.Table) -> None:
    model = model_from_json(model_to_json(fitted.model), "model.json")
    assert model == fitted.model
    segment_of = {one.cluster: one.segment_id for one in model.segments}
    both = score(fitted.pipeline.transform(spark.createDataFrame(customers)), model)
    names = [one.name for one in model.features]
    rows = both.select(
        *names, CLUSTER, "segment_id", "distance", "runner_up_segment_id", "margin", "is_outlier"
    ).collect()
    assert len(rows) == len(customers)
    ties = 0
    for row in rows:
        plain = label_customer(model, row.asDict())
        np.testing.assert_allclose(
            [plain.distance, plain.margin], [row["distance"], row["margin"]], rtol=1e-9, atol=1e-9
        )  # fmt: skip
        if row["margin"] < TIE:
            ties += 1
            continue
        assert segment_of[row[CLUSTER]] == row["segment_id"] == plain.segment_id
        assert plain.is_outlier == row["is_outlier"] or plain.distance == pytest.approx(row["distance"], rel=1e-12)
    assert ties <= len(rows) // 1000


def mixed_customers(count: int) -> pa.Table:
    generator = np.random.default_rng(11)
    income = np.where(generator.random(count) < 0.1, np.nan, generator.lognormal(3.5, 0.8, count))
    regions = np.array(["north", "south", "it's", "ost\\west", None, "süd"], dtype=object)
    return pa.table(
        {
            "income": pa.array(income, from_pandas=True),
            "score": pa.array(generator.integers(0, 100, count).astype(float)),
            "region": pa.array(regions[generator.integers(0, 6, count)]),
        }
    )


MIXED = {
    "income": {"transform": "log1p", "valid": [0, None], "clip": [0.01, 0.99]},
    "score": {"weight": 0.5},
    "region": {"kind": "category", "weight": 0.8, "max_categories": 3},
}


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_numbers_and_categories_with_all_rules(spark: SparkSession, tmp_path: Path, scaling: str) -> None:
    table = mixed_customers(3000)
    fitted = fit(spark, tmp_path, table, MIXED, features__scaling=scaling)
    unseen = pa.table({"income": [None, 1e9, 0.0], "score": [50.0, None, 99.0], "region": ["Atlantis", "c", None]})
    check_all_forms(spark, fitted, pa.concat_tables([table, unseen], promote_options="permissive"))


def test_the_mall_table(spark: SparkSession, tmp_path: Path, mall_customers: Path) -> None:
    raw = pa.csv.read_csv(mall_customers)
    table = pa.table(
        {
            "income": raw["Annual Income (k$)"].cast(pa.float64()),
            "score": raw["Spending Score (1-100)"].cast(pa.float64()),
        }
    )
    check_all_forms(spark, fit(spark, tmp_path, table, {"income": {}, "score": {}}), table)


def test_the_telco_table(spark: SparkSession, tmp_path: Path, telco_customers: Path) -> None:
    columns = ["tenure", "MonthlyCharges", "TotalCharges", "Contract", "PaymentMethod"]
    options = pa.csv.ConvertOptions(include_columns=columns, null_values=[" "])
    raw = pa.csv.read_csv(telco_customers, convert_options=options)
    numbers = {name: raw[name].cast(pa.float64()) for name in columns[:3]}
    table = pa.table({**numbers, "Contract": raw["Contract"], "PaymentMethod": raw["PaymentMethod"]})
    features = {name: {} for name in columns[:3]} | {name: {"kind": "category", "weight": 0.5} for name in columns[3:]}
    check_all_forms(spark, fit(spark, tmp_path, table, features), table)


def test_published_scores_over_the_training_customers_are_the_training_scores(
    spark: SparkSession, tmp_path: Path
) -> None:
    table = mixed_customers(800)
    fitted = fit(spark, tmp_path, table, {"income": {}, "score": {}})
    scored = score(spark.createDataFrame(table), fitted.model)
    sample = scored.select(*axis_columns(fitted.model), CLUSTER_INDEX).toPandas().to_numpy()
    totals = total_segments(scored, fitted.model)
    published = published_scores(fitted.model, totals, sample[:, :-1], sample[:, -1].astype(int))
    assert published is not None
    training = next(one for one in fitted.scores if one.k == published.k)
    for name in ("within_ss", "silhouette", "davies_bouldin", "calinski_harabasz", "smallest_share"):
        assert getattr(published, name) == pytest.approx(getattr(training, name), rel=1e-9), name


def test_outliers_clipped_and_missing_values_are_counted_over_all_customers(
    spark: SparkSession, tmp_path: Path
) -> None:
    table = mixed_customers(1200)
    model = fit(spark, tmp_path, table, MIXED).model
    totals = total_segments(score(spark.createDataFrame(table), model), model)
    labels = [label_customer(model, row) for row in table.to_pylist()]
    income = next(one for one in model.features if one.name == "income")
    assert isinstance(income, FittedNumber)
    assert income.clip is not None
    assert sum(one.outliers for one in totals) > 0
    for own in totals:
        rows = [row for row, label in zip(table.to_pylist(), labels, strict=True) if label.segment_id == own.segment_id]
        assert own.outliers == sum(one.is_outlier for one in labels if one.segment_id == own.segment_id)
        assert own.known == {name: sum(row[name] is not None for row in rows) for name in MIXED}
        beyond = [
            row for row in rows if row["income"] is not None and not income.clip[0] <= row["income"] <= income.clip[1]
        ]
        assert own.clipped == {"income": len(beyond)}
    assert sum(one.clipped["income"] for one in totals) > 0


def test_many_axes_and_segments_compile_and_agree(spark: SparkSession, tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    names = [f"f{i}" for i in range(60)]
    points = generator.normal(0, 1, (400, 60)) + 6 * generator.normal(0, 1, (12, 60))[generator.integers(0, 12, 400)]
    table = pa.table({name: points[:, i] for i, name in enumerate(names)})
    fitted = fit(spark, tmp_path, table, {name: {} for name in names}, clustering__k__min=12, clustering__k__max=12)
    check_all_forms(spark, fitted, table)


def test_scoring_keeps_every_row_and_column(spark: SparkSession, tmp_path: Path) -> None:
    table = mixed_customers(300)
    fitted = fit(spark, tmp_path, table, MIXED)
    frame = spark.createDataFrame(table).withColumn("customer_id", F.monotonically_increasing_id())
    scored = score(frame, fitted.model)
    assert scored.select(frame.columns).exceptAll(frame).isEmpty()
    assert scored.count() == 300
