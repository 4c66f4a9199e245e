from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import settings
from pyspark.ml.clustering import KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from seg_spark.clustering.points import Matrix
from seg_spark.clustering.scores import euclidean_silhouettes, score_training_set
from seg_spark.clustering.sweep import CLUSTER, Fit, fit_every_k, matrix_frame, published_form, training_table
from seg_spark.features.pipeline import FEATURES
from seg_spark.settings.schema import Training


@pytest.fixture
def matrix() -> Matrix:
    generator = np.random.default_rng(5)
    centres = generator.normal(0, 4, size=(5, 3))
    return np.concatenate([generator.normal(centre, 1.0, size=(30 + 20 * i, 3)) for i, centre in enumerate(centres)])


def ignore_progress(done: int, planned: int, what: str) -> None:
    """A sweep nobody watches."""


def sweep(
    spark: SparkSession,
    root: Path,
    matrix: Matrix,
    on_fit: Callable[[int, int, str], None] = ignore_progress,
    **options: object,
) -> dict[int, Fit]:
    config = settings(root, **{"clustering__k__max": 4, **options}).clustering
    return fit_every_k(spark, matrix, config, 7, on_fit)


def test_more_starts_never_cost_more_and_every_start_is_reported(
    spark: SparkSession, tmp_path: Path, matrix: Matrix
) -> None:
    told: list[tuple[int, int, str]] = []
    one = sweep(spark, tmp_path, matrix, clustering__refine="false")
    three = sweep(
        spark, tmp_path, matrix, lambda *seen: told.append(seen), clustering__starts=3, clustering__refine="false"
    )
    assert list(one) == list(three) == [2, 3, 4]
    assert all(three[k].within_ss <= one[k].within_ss for k in one)
    assert [(done, planned) for done, planned, _ in told] == [(done, 9) for done in range(1, 10)]
    assert sorted(what for _, _, what in told) == sorted(["k = 2", "k = 3", "k = 4"] * 3)


def test_a_sweep_is_the_same_to_the_bit_when_run_again(spark: SparkSession, tmp_path: Path, matrix: Matrix) -> None:
    one = sweep(spark, tmp_path, matrix, clustering__starts=2)
    again = sweep(spark, tmp_path, matrix, clustering__starts=2, clustering__parallel_fits=1)
    for k, fit in one.items():
        np.testing.assert_array_equal(fit.centres, again[k].centres)


def test_the_search_only_lowers_the_cost_and_ends_at_the_means(
    spark: SparkSession, tmp_path: Path, matrix: Matrix
) -> None:
    short = {"clustering__max_iterations": 1}
    plain = sweep(spark, tmp_path, matrix, clustering__refine="false", **short)
    refined = sweep(spark, tmp_path, matrix, **short)
    assert all(refined[k].within_ss <= plain[k].within_ss for k in plain)
    assert any(refined[k].within_ss < plain[k].within_ss * (1 - 1e-6) for k in plain)
    for k, fit in refined.items():
        means = np.array([matrix[fit.labels == cluster].mean(axis=0) for cluster in range(k)])
        np.testing.assert_allclose(fit.centres, means, rtol=1e-9)


def test_the_published_form_has_the_same_centres_and_labels(
    spark: SparkSession, tmp_path: Path, matrix: Matrix
) -> None:
    fit = sweep(spark, tmp_path, matrix)[4]
    model, reordered = published_form(spark, fit, matrix)
    assert isinstance(model, KMeansModel)
    np.testing.assert_array_equal(np.array(model.clusterCenters()), reordered.centres)
    predicted = model.transform(matrix_frame(spark, matrix)).select(CLUSTER).toArrow()[CLUSTER].to_numpy()
    np.testing.assert_array_equal(predicted, reordered.labels)
    assert reordered.within_ss == pytest.approx(fit.within_ss, rel=1e-12)


def test_the_squared_silhouette_is_that_of_sparks_evaluator(
    spark: SparkSession, tmp_path: Path, matrix: Matrix
) -> None:
    fit = sweep(spark, tmp_path, matrix)[4]
    model, reordered = published_form(spark, fit, matrix)
    evaluator = ClusteringEvaluator(featuresCol=FEATURES, predictionCol=CLUSTER)
    euclidean = euclidean_silhouettes(matrix, {4: reordered.labels})[4]
    scores = score_training_set(matrix, reordered.labels, 4, euclidean)
    assert scores.silhouette == pytest.approx(
        evaluator.evaluate(model.transform(matrix_frame(spark, matrix))), rel=1e-9
    )


def test_a_k_above_the_number_of_distinct_points_is_not_tried(spark: SparkSession, tmp_path: Path) -> None:
    three_points = np.repeat([[0.0, 0.0], [5.0, 5.0], [9.0, 0.0]], 4, axis=0)
    fits = sweep(spark, tmp_path, three_points)
    assert list(fits) == [2, 3]
    assert fits[3].within_ss == pytest.approx(0, abs=1e-20)


def test_a_cost_that_is_not_finite_is_a_fault() -> None:
    far = np.array([[1e200, 0.0], [-1e200, 0.0], [1e200, 1.0], [-1e200, 2.0]])
    assert Fit.of(2, np.array([[0.0, 0.0], [1.0, 1.0]]), far).fault == "the within sum of squares is not finite"


def customers(spark: SparkSession, count: int, partitions: int) -> DataFrame:
    ids = spark.range(count).select(
        F.format_string("C%05d", "id").alias("customer_id"), F.col("id").cast("double").alias("x")
    )
    return ids.repartition(partitions, F.rand(partitions))


def test_the_training_set_depends_on_the_ids_alone(spark: SparkSession) -> None:
    tables = [
        training_table(customers(spark, 500, partitions), rows, ["x"], Training(max_customers=100, seed=1))
        for partitions, rows in ((1, 500), (7, 500), (2, 100_000))
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2]), "too few have the hashes that were looked at first"
    assert len(tables[0]) == 100
    by_hash = customers(spark, 500, 1).select("customer_id", F.xxhash64("customer_id", F.lit(1)).alias("hash"))
    lowest = sorted((row["hash"], row["customer_id"]) for row in by_hash.collect())[:100]
    assert tables[0]["customer_id"].to_pylist() == [customer_id for _, customer_id in lowest]
    other_seed = training_table(customers(spark, 500, 1), 500, ["x"], Training(max_customers=100, seed=2))
    assert set(other_seed["customer_id"].to_pylist()) != set(tables[0]["customer_id"].to_pylist())


def test_the_training_set_is_the_same_customers_when_others_leave(spark: SparkSession) -> None:
    everybody = customers(spark, 500, 3)
    before = training_table(everybody, 500, ["x"], Training(max_customers=100))["customer_id"].to_pylist()
    left = before[0]
    after = training_table(everybody.where(F.col("customer_id") != left), 499, ["x"], Training(max_customers=100))
    assert set(before) - set(after["customer_id"].to_pylist()) == {left}
