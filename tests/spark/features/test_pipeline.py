from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from builders import settings
from pyspark.sql import SparkSession
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from seg_spark.clustering.points import Matrix
from seg_spark.clustering.sweep import to_matrix, training_frame
from seg_spark.features.fitted import FittedFeature
from seg_spark.features.learning import learn_features
from seg_spark.features.pipeline import fit_preparation

INCOME = [15.0, 16.0, None, 137.0, 60.0, 61.0, 62.0, 88.0, 54.0]
SCORE = [39.0, 81.0, 6.0, 77.0, 40.0, 76.0, 6.0, 94.0, 3.0]


def prepare(
    spark: SparkSession, root: Path, features: dict[str, Any], columns: dict[str, list[Any]], scaling: str = "standard"
) -> tuple[Matrix, tuple[FittedFeature, ...]]:
    config = settings(root, features, features__scaling=scaling).features
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    numbers, categories = learn_features(config.columns, table)
    frame = training_frame(spark, table)
    preparation, fitted = fit_preparation(frame, config, numbers, categories)
    return to_matrix(preparation, frame), fitted


@pytest.mark.parametrize(
    ("scaling", "oracle"),
    [("standard", StandardScaler()), ("min_max", MinMaxScaler()), ("none", None), ("robust", RobustScaler())],
)
def test_numbers_are_imputed_and_scaled_as_scikit_learn_does(
    spark: SparkSession, tmp_path: Path, scaling: str, oracle: Any
) -> None:
    matrix, fitted = prepare(spark, tmp_path, {"income": {}, "score": {}}, {"income": INCOME, "score": SCORE}, scaling)
    filled = np.array(
        [[60.5 if income is None else income, score] for income, score in zip(INCOME, SCORE, strict=True)]
    )
    expected = filled if oracle is None else oracle.fit_transform(filled)
    if scaling == "standard":  # scikit-learn divides by the population deviation, we by the sample's
        expected = expected * np.sqrt((len(SCORE) - 1) / len(SCORE))
    np.testing.assert_allclose(matrix, expected, rtol=1e-12, atol=1e-12)
    by_formula = np.column_stack([(filled[:, i] - one.shift) * one.scale for i, one in enumerate(fitted)])
    np.testing.assert_allclose(matrix, by_formula, rtol=1e-12, atol=1e-12)


def test_clip_comes_before_the_logarithm_and_the_weight_last(spark: SparkSession, tmp_path: Path) -> None:
    rule = {"clip": [0.0, 0.5], "transform": "log1p", "weight": 3.0, "valid": [0, None]}
    matrix, _ = prepare(spark, tmp_path, {"spend": rule}, {"spend": [0.0, 1.0, 3.0, 7.0, 1000.0]}, "none")
    np.testing.assert_allclose(matrix[:, 0], 3 * np.log(1 + np.array([0.0, 1.0, 3.0, 3.0, 3.0])), rtol=1e-12)


def test_a_category_has_an_axis_per_level_and_missing_is_one_of_them(spark: SparkSession, tmp_path: Path) -> None:
    columns = {"region": ["north", "south", None, "north"]}
    matrix, fitted = prepare(spark, tmp_path, {"region": {"kind": "category", "weight": 2.0}}, columns)
    [region] = fitted
    assert region.kind == "category"
    assert region.levels == ("north", "south", None)
    np.testing.assert_array_equal(matrix, 2 * np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]))


def test_a_number_may_be_called_as_a_category_and_the_position_of_a_level(spark: SparkSession, tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"plan": ["a", "b", "a", "c"], "plan_0": [1.0, 2.0, 3.0, 4.0]}
    matrix, _ = prepare(spark, tmp_path, {"plan": {"kind": "category"}, "plan_0": {}}, columns, "none")
    np.testing.assert_array_equal(matrix, [[1, 1, 0, 0], [2, 0, 1, 0], [3, 1, 0, 0], [4, 0, 0, 1]])


def test_rare_levels_are_folded_and_hostile_text_is_only_text(spark: SparkSession, tmp_path: Path) -> None:
    hostile = "x' OR 1=1 -- \\"
    columns = {"region": [hostile] * 3 + ["b", "b", "c", "d"]}
    matrix, [region] = prepare(spark, tmp_path, {"region": {"kind": "category", "max_categories": 2}}, columns)
    assert region.kind == "category"
    assert (set(region.levels), region.folded) == ({"b", "other", hostile}, ("c", "d"))
    assert matrix.sum(axis=0).tolist() == [
        {hostile: 3.0, "b": 2.0, "other": 2.0}[str(level)] for level in region.levels
    ]


@pytest.mark.parametrize("scaling", ["standard", "robust", "min_max", "none"])
def test_a_constant_number_weighs_nothing(spark: SparkSession, tmp_path: Path, scaling: str) -> None:
    columns = {"income": [0.1] * 9, "score": SCORE}
    matrix, fitted = prepare(spark, tmp_path, {"income": {}, "score": {}}, columns, scaling)
    assert np.ptp(matrix[:, 0]) == 0
    assert [getattr(one, "scale", None) == 0 for one in fitted] == [True, False]


def test_magnitudes_far_apart_stand_side_by_side(spark: SparkSession, tmp_path: Path) -> None:
    columns = {"large": [x * 1e12 for x in SCORE], "small": [x * 1e-12 for x in SCORE]}
    matrix, _ = prepare(spark, tmp_path, {"large": {}, "small": {}}, columns)
    np.testing.assert_allclose(matrix[:, 0], matrix[:, 1], rtol=1e-9, atol=1e-9)
