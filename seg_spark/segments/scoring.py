"""Scoring many customers: the portable model compiled to SQL expressions over plain columns.

Executors run generated code on columns, no Python and no vectors. The layers are selected one on
another, so that each coordinate and distance is computed once per customer. Lookups are arrays and
not CASE chains, because Java only interprets a method of more than 8,000 bytes, which costs a factor of ten.
"""

from collections.abc import Callable, Sequence
from typing import Final

from pyspark.sql import DataFrame

from seg_spark import columns as c
from seg_spark.features import sql_text
from seg_spark.segments.model import Model, Segment

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
    return f"array({', '.join(value(segment) for segment in segments)})[{index}]"
