"""Made-up models and customers of any number of segments and axes, to time the two ways of scoring."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from seg_spark.clustering.sweep import Fit, published_form
from seg_spark.clustering.training_set import training_frame
from seg_spark.features.learning import learn_features
from seg_spark.features.pipeline import fit_preparation
from seg_spark.segments.model import Model, Segment
from seg_spark.settings.feature import Feature, Features

NUMBERS_BESIDE_LEVELS: Final = 4
_SEED: Final = 7
_PARTITIONS_PER_CORE: Final = 2


@dataclass(frozen=True)
class Shape:
    """How many segments, and what the space has for axes: numbers, and one per level of a category."""

    segments: int
    numbers: int
    levels: int = 0

    @property
    def axes(self) -> int:
        """Dimensions of the space."""
        return self.numbers + self.levels

    @property
    def title(self) -> str:
        """The axes in words."""
        return f"{self.numbers} numbers" + (f" + {self.levels} levels" if self.levels else "")


@dataclass(frozen=True)
class Scorers:
    """The same model in both forms."""

    model: Model
    pipeline: PipelineModel


def shapes(segments: Sequence[int], axes: Sequence[int], levels: Sequence[int]) -> list[Shape]:
    """Every combination; the models with a category have four numbers beside it."""
    spaces = [(count, 0) for count in axes] + [(NUMBERS_BESIDE_LEVELS, count) for count in levels]
    return [Shape(k, numbers, count) for numbers, count in spaces for k in segments]


def make_customers(spark: SparkSession, count: int, shape: Shape) -> DataFrame:
    """Customers of a shape: an id, normal numbers (one in a hundred missing), a category of equal levels."""
    columns = [F.format_string("C%08d", "id").alias("customer_id")]
    for number, name in enumerate(_number_names(shape)):
        value = F.randn(_SEED + number) * 10 + 100
        columns.append(F.when(F.col("id") % 100 == number % 100, F.lit(None)).otherwise(value).alias(name))
    if shape.levels:
        columns.append(F.concat(F.lit("level "), (F.rand(_SEED) * shape.levels).cast("int")).alias("kind"))
    partitions = spark.sparkContext.defaultParallelism * _PARTITIONS_PER_CORE
    return spark.range(0, count, 1, partitions).select(*columns)


def make_scorers(spark: SparkSession, customers: DataFrame, shape: Shape) -> Scorers:
    """A model of the shape in both forms, its preparation learnt on a few thousand of the customers."""
    columns = {name: Feature() for name in _number_names(shape)}
    if shape.levels:
        columns["kind"] = Feature(kind="category", max_categories=shape.levels)
    settings = Features(columns=columns)
    training = customers.limit(max(4000, 20 * shape.levels)).toArrow()
    numbers, categories = learn_features(settings.columns, training)
    preparation, features = fit_preparation(training_frame(spark, training), settings, numbers, categories)
    axes = len(numbers) + sum(len(one.levels) for one in categories)
    centres = np.random.default_rng(_SEED).normal(size=(shape.segments, axes))
    kmeans, fit = published_form(spark, Fit.of(shape.segments, centres, centres), centres)
    share = 1 / shape.segments
    segments = tuple(
        Segment(position + 1, f"Segment {position + 1}", position, tuple(map(float, centre)), 1, share, 3.0)
        for position, centre in enumerate(fit.centres)
    )
    model = Model(features, settings.scaling, segments, shape.segments)
    return Scorers(model, PipelineModel(stages=[*preparation.stages, kmeans]))


def _number_names(shape: Shape) -> list[str]:
    return [f"number_{number:03d}" for number in range(shape.numbers)]
