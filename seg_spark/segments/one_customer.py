"""Scoring one customer in plain Python: the same formulas as the SQL, without Spark."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from seg_spark.features.fitted import FittedFeature, FittedNumber
from seg_spark.segments.model import Model


@dataclass(frozen=True)
class Label:
    """The answer for one customer; distance is Euclidean in feature space, margin runs from 0 (between two) to 1."""

    segment_id: int
    segment_name: str
    distance: float
    runner_up_segment_id: int
    margin: float
    is_outlier: bool


def label_customer(model: Model, customer: Mapping[str, float | str | None]) -> Label:
    """Label one clean customer, given as feature name -> value (None or absent where missing)."""
    point = [coordinate for one in model.features for coordinate in coordinates(one, customer.get(one.name))]
    squared = [
        (sum((x - c) * (x - c) for x, c in zip(point, segment.centre, strict=True)), segment.cluster, segment)
        for segment in model.by_cluster
    ]
    (least, _, nearest), (second_least, _, second) = sorted(squared, key=lambda one: one[:2])[:2]
    return Label(
        segment_id=nearest.segment_id,
        segment_name=nearest.name,
        distance=math.sqrt(least),
        runner_up_segment_id=second.segment_id,
        margin=1 - math.sqrt(least) / math.sqrt(second_least) if second_least > 0 else 0.0,
        is_outlier=math.sqrt(least) > nearest.outlier_distance,
    )


def coordinates(feature: FittedFeature, value: float | str | None) -> list[float]:
    """Where a clean value lies on the axes of its feature, one coordinate per axis."""
    if isinstance(feature, FittedNumber):
        number = feature.fill if value is None else float(value)
        if feature.clip is not None:
            number = min(max(number, feature.clip[0]), feature.clip[1])
        if feature.transform == "log1p":
            number = math.log(1 + number)
        return [(number - feature.shift) * feature.scale]
    level = feature.level_of(None if value is None else str(value))
    return [feature.weight if level == known else 0.0 for known in feature.levels]
