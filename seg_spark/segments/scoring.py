"""Scoring many customers: the portable model compiled to SQL expressions over plain columns; and the sums over all of
them, per segment, in one job, which profiles and published scores are made of.

Executors run generated code on columns, no Python and no vectors. The layers are selected one on
another, so that each coordinate and distance is computed once per customer. Lookups are arrays and
not CASE chains, because Java only interprets a method of more than 8,000 bytes, which costs a factor of ten.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from seg_spark import columns as c
from seg_spark.clustering.points import Labels, Matrix
from seg_spark.clustering.scores import Moments, Scores, scores_from, squared_silhouette
from seg_spark.features import sql_text
from seg_spark.features.fitted import FittedCategory, with_axes
from seg_spark.segments.model import Model, Segment
from seg_spark.segments.profiles import SegmentTotals

AXIS_PREFIX: Final = "_x"
CLUSTER_INDEX: Final = "_nearest"
_LARGEST: Final = sql_text.double(1.7976931348623157e308)

Layer = list[tuple[str, str]]
"""Columns that one SELECT adds: (alias, SQL over the columns of the SELECT below)."""


def axis_columns(model: Model) -> list[str]:
    """The names of the coordinate columns that scoring adds, one per axis."""
    return [f"{AXIS_PREFIX}{axis}" for axis in range(len(model.segments[0].centre))]


def scoring_layers(model: Model) -> list[Layer]:
    """The SELECTs that label a clean customer, innermost first; each keeps the columns below it."""
    segments = model.by_cluster
    axes = [sql for feature in model.features for sql in feature.axes_sql()]
    names = axis_columns(model)
    squared = [f"_d{position}" for position in range(len(segments))]
    others = [
        f"CASE WHEN {CLUSTER_INDEX} = {position} THEN {_LARGEST} ELSE {column} END"
        for position, column in enumerate(squared)
    ]
    return [
        list(zip(names, axes, strict=True)),
        [(column, _squared_distance(names, segment)) for column, segment in zip(squared, segments, strict=True)],
        [("_least", f"least({', '.join(squared)})")],
        [(CLUSTER_INDEX, _first_equal(squared, "_least"))],
        [("_second_least", f"least({', '.join(others)})")],
        [("_second", _first_equal(others, "_second_least"))],
        [
            (c.SEGMENT_ID, _pick(CLUSTER_INDEX, segments, lambda one: str(one.segment_id))),
            (c.SEGMENT_NAME, segment_name_sql(model)),
            (c.DISTANCE, "sqrt(_least)"),
            (c.RUNNER_UP_SEGMENT_ID, _pick("_second", segments, lambda one: str(one.segment_id))),
            (c.MARGIN, "CASE WHEN _second_least > 0e0 THEN 1e0 - sqrt(_least) / sqrt(_second_least) ELSE 0e0 END"),
            (
                c.IS_OUTLIER,
                f"sqrt(_least) > {_pick(CLUSTER_INDEX, segments, lambda one: sql_text.double(one.outlier_distance))}",
            ),
        ],
    ]


def segment_name_sql(model: Model) -> str:
    """The name of the nearest segment, over the index of its centre."""
    return _pick(CLUSTER_INDEX, model.by_cluster, lambda one: sql_text.text(one.name))


def score(clean: DataFrame, model: Model) -> DataFrame:
    """Add segment_id, segment_name, distance, runner_up_segment_id, margin and is_outlier to clean customers.

    The coordinates (`_x0`, ...) and the index of the nearest centre (`_nearest`) are kept as well.
    A tie goes to the centre with the lower index in the KMeansModel, as in MLlib's transform.
    """
    scored = clean
    for layer in scoring_layers(model):
        scored = scored.selectExpr("*", *(f"{sql} AS {sql_text.identifier(alias)}" for alias, sql in layer))
    return scored


def _squared_distance(names: Sequence[str], segment: Segment) -> str:
    differences = [f"({name} - {_operand(value)})" for name, value in zip(names, segment.centre, strict=True)]
    return " + ".join(f"{difference} * {difference}" for difference in differences)


def _operand(value: float) -> str:
    return f"({sql_text.double(value)})" if value < 0 else sql_text.double(value)


def _first_equal(columns: Sequence[str], value: str) -> str:
    """The lowest position whose column equals `value`."""
    return f"CAST(array_position(array({', '.join(columns)}), {value}) - 1 AS INT)"


def _pick(index: str, segments: Sequence[Segment], value: Callable[[Segment], str]) -> str:
    """A value of the segment at an index; null beyond the last: where a coordinate cannot be computed there is none."""
    return f"get(array({', '.join(value(segment) for segment in segments)}), {index})"


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
