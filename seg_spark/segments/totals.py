"""Sums over all customers of a run, per segment, in one job: what profiles and published scores are made of."""

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.clustering.points import Labels, Matrix
from seg_spark.clustering.scores import Moments, Scores, scores_from, squared_silhouette
from seg_spark.features.fitted import FittedCategory, with_axes
from seg_spark.segments.model import Model
from seg_spark.segments.profiles import SegmentTotals
from seg_spark.segments.scoring import CLUSTER_INDEX, axis_columns


def total_segments(scored: DataFrame, model: Model) -> tuple[SegmentTotals, ...]:
    """Add up scored customers by segment, in the order of segment_id. Segments without customers are left out."""
    aggregates: list[Column] = [F.count(F.lit(1)).alias("customers"), F.sum(c.DISTANCE).alias("distance")]
    aggregates.append(F.sum(F.col(c.IS_OUTLIER).cast("int")).alias("outliers"))
    aggregates.append(F.sum(F.col(c.DISTANCE) * F.col(c.DISTANCE)).alias("squared_distance"))
    names = axis_columns(model)
    for feature, axes in with_axes(model.features):
        aggregates.append(F.count(feature.name).alias(f"known {feature.name}"))
        if isinstance(feature, FittedCategory):
            aggregates += [F.sum((F.col(axis) > 0).cast("int")).alias(f"level {axis}") for axis in names[axes]]
        else:
            aggregates.append(F.sum(feature.name).alias(f"sum {feature.name}"))
            if feature.clip is not None:
                beyond = ~F.col(feature.name).between(*feature.clip)
                aggregates.append(F.sum(beyond.cast("int")).alias(f"clipped {feature.name}"))
    centred = _centred_axes(model)
    aggregates += [F.sum(value).alias(f"axis {axis}") for axis, value in enumerate(centred)]
    aggregates.append(F.sum(reduce(add, (value * value for value in centred))).alias("squares"))
    rows = scored.groupBy(c.SEGMENT_ID, CLUSTER_INDEX).agg(*aggregates).collect()  # at most k rows
    return tuple(_totals(row, model) for row in sorted(rows, key=lambda row: row[c.SEGMENT_ID]))


def published_scores(model: Model, totals: Sequence[SegmentTotals], sample: Matrix, clusters: Labels) -> Scores | None:
    """The scores of the published labels over all customers; None if fewer than two segments have any.

    Only the silhouette is a mean over a sample, given by its coordinates (n x axes) and the index of the
    nearest centre: how far each of these customers is from all customers of every segment. Below
    `training.max_customers` the sample is everybody. The Euclidean silhouette needs all pairs and is left to
    the training set.
    """
    if len(totals) < 2:
        return None
    moments = Moments(
        customers=np.array([float(total.customers) for total in totals]),
        sums=np.array([total.axis_sums for total in totals]),
        squares=np.array([total.square_sum for total in totals]),
        within=np.array([_within(total, model) for total in totals]),
        distances=np.array([total.distance_sum for total in totals]),
    )
    position = {one.cluster: position for position, one in enumerate(totals)}
    labels = np.array([position[int(cluster)] for cluster in clusters])
    return scores_from(moments, squared_silhouette(sample - _origin(model), labels, moments), None)


def _within(one: SegmentTotals, model: Model) -> float:
    """Squared distances to the mean of the segment's customers, from those to its centre nearby (Steiner)."""
    centre = np.array(model.by_cluster[one.cluster].centre) - _origin(model)
    shift = np.array(one.axis_sums) / one.customers - centre
    return max(one.squared_distance_sum - one.customers * float((shift**2).sum()), 0.0)


def _origin(model: Model) -> NDArray[np.float64]:
    """The training mean: the centres weighted by their shares."""
    centres = np.array([segment.centre for segment in model.segments])
    origin: NDArray[np.float64] = np.average(centres, axis=0, weights=[segment.share for segment in model.segments])
    return origin


def _centred_axes(model: Model) -> list[Column]:
    """The coordinates relative to the training mean, so that sums of squares keep their digits."""
    return [F.col(name) - float(value) for name, value in zip(axis_columns(model), _origin(model), strict=True)]


def _totals(row: Row, model: Model) -> SegmentTotals:
    names = axis_columns(model)
    known = {feature.name: row[f"known {feature.name}"] for feature in model.features}
    clipped: dict[str, int] = {}
    sums: dict[str, float] = {}
    levels: dict[tuple[str, str | None], int] = {}
    for feature, axes in with_axes(model.features):
        if isinstance(feature, FittedCategory):
            own = zip(feature.levels, names[axes], strict=True)
            levels |= {(feature.name, level): row[f"level {axis}"] for level, axis in own}
        else:
            sums[feature.name] = row[f"sum {feature.name}"] or 0.0
            if feature.clip is not None:
                clipped[feature.name] = row[f"clipped {feature.name}"] or 0
    return SegmentTotals(
        segment_id=row[c.SEGMENT_ID],
        cluster=row[CLUSTER_INDEX],
        customers=row["customers"],
        outliers=row["outliers"],
        known=known,
        clipped=clipped,
        sums=sums,
        levels=levels,
        axis_sums=tuple(row[f"axis {axis}"] for axis in range(len(axis_columns(model)))),
        square_sum=row["squares"],
        distance_sum=row["distance"],
        squared_distance_sum=row["squared_distance"],
    )
