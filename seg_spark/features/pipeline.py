"""The preparation as a Spark ML pipeline: impute, encode, clip, transform, assemble, scale, weigh.

Spark's Imputer takes an approximate median that moves with partitioning, so the fill values are
learnt exactly (see `learning`) and written into a SQLTransformer; everything that Spark does
exactly on one ordered partition is left to its own stages.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml.feature import (
    ElementwiseProduct,
    MinMaxScaler,
    MinMaxScalerModel,
    RobustScaler,
    RobustScalerModel,
    SQLTransformer,
    StandardScaler,
    StandardScalerModel,
    VectorAssembler,
)
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame

from seg_spark.features import sql_text
from seg_spark.features.fitted import FittedCategory, FittedFeature, FittedNumber
from seg_spark.settings.feature import Features

FEATURES: Final = "_features"
"""The vector column that distances are taken in."""
_NUMBERS: Final = "_numbers"
_SCALED: Final = "_scaled"
_WEIGHTED: Final = "_weighted"


_Stage = Estimator[Any] | Transformer


def fit_preparation(
    training: DataFrame, settings: Features, numbers: Sequence[FittedNumber], categories: Sequence[FittedCategory]
) -> tuple[PipelineModel, tuple[FittedFeature, ...]]:
    """Fit the preparation on the training customers (one row each, one column per feature).

    Returns the fitted pipeline, which adds the vector `_features`, and every fitted feature with
    its axes in the order of that vector: numbers first, then the levels of the categories. A number
    that came with scale 0 keeps it: it is constant in training and weighs nothing, now and later.
    """
    row_rules = _row_rules(numbers, categories)
    weights = [settings.columns[number.name].weight if number.scale else 0.0 for number in numbers]
    model = Pipeline(stages=[row_rules, *_vector_stages(settings, numbers, categories, weights)]).fit(training)
    shifts, scales = _scaling_of(model, len(numbers))
    fitted = [
        replace(one, shift=float(shift), scale=float(scale * weight))
        for one, shift, scale, weight in zip(numbers, shifts, scales, weights, strict=True)
    ]
    return model, (*fitted, *categories)


def _row_rules(numbers: Sequence[FittedNumber], categories: Sequence[FittedCategory]) -> SQLTransformer:
    columns = [f"{number.row_sql()} AS {sql_text.identifier(_prepared(number.name))}" for number in numbers]
    for category in categories:
        for position, sql in enumerate(category.axes_sql()):
            columns.append(f"{sql} AS {sql_text.identifier(_prepared(category.name, position))}")
    return SQLTransformer(statement=f"SELECT *, {', '.join(columns)} FROM __THIS__")  # no value is pasted raw


def _vector_stages(
    settings: Features, numbers: Sequence[FittedNumber], categories: Sequence[FittedCategory], weights: Sequence[float]
) -> list[_Stage]:
    stages: list[_Stage] = []
    parts: list[str] = []
    if numbers:
        stages.append(VectorAssembler(inputCols=[_prepared(number.name) for number in numbers], outputCol=_NUMBERS))
        last = _NUMBERS
        scaler = _scaler(settings.scaling)
        if scaler is not None:
            stages.append(scaler)
            last = _SCALED
        if any(weight != 1.0 for weight in weights):
            stages.append(ElementwiseProduct(scalingVec=Vectors.dense(weights), inputCol=last, outputCol=_WEIGHTED))
            last = _WEIGHTED
        parts.append(last)
    for category in categories:
        parts += [_prepared(category.name, position) for position in range(len(category.levels))]
    stages.append(VectorAssembler(inputCols=parts, outputCol=FEATURES))
    return stages


def _scaler(scaling: str) -> _Stage | None:
    if scaling == "standard":
        return StandardScaler(withMean=True, withStd=True, inputCol=_NUMBERS, outputCol=_SCALED)
    if scaling == "robust":
        # no tolerance: the quartiles are values of the training set, whatever its size
        return RobustScaler(withCentering=True, relativeError=0.0, inputCol=_NUMBERS, outputCol=_SCALED)
    return MinMaxScaler(inputCol=_NUMBERS, outputCol=_SCALED) if scaling == "min_max" else None


def _scaling_of(model: PipelineModel, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of every number, read from the fitted scaler: x -> (x - shift) * scale."""
    shift, width = np.zeros(count), np.ones(count)
    for stage in model.stages:
        if isinstance(stage, StandardScalerModel):
            shift, width = stage.mean.toArray(), stage.std.toArray()
        elif isinstance(stage, RobustScalerModel):
            shift, width = stage.median.toArray(), stage.range.toArray()
        elif isinstance(stage, MinMaxScalerModel):
            shift = stage.originalMin.toArray()
            width = stage.originalMax.toArray() - shift
    return shift, np.divide(1.0, width, out=np.zeros(count), where=width != 0)


def _prepared(feature: str, level: int | None = None) -> str:
    """The column of a number, or of a level; no number's is like that of a level: plan_0 beside level 0 of plan."""
    return f"_prepared_{feature}" if level is None else f"_level_{level}_{feature}"
