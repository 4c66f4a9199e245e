"""A short rule per segment: a condition on clean values that picks most of its customers and few others. No Spark here.

A rule grows like one branch of a decision tree, by the measure that is shown: the next condition is the one with the
highest F1 score, 2 x hits / (picked + customers of the segment), until none raises it noticeably. It is written in SQL
over the columns of clean_customers, where people can try it; a missing value meets no condition there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seg_spark.clustering.points import SegmentIds
from seg_spark.features.fitted import FittedFeature

MOST_CONDITIONS: Final = 4
MOST_FOR_A_RULE: Final = 10_000
_NOTICEABLE: Final = 0.01
_MOST_LEVELS: Final = 50

_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """A condition in SQL; the share of the customers it picks that are of the segment (precision), and the share of
    the segment's customers that it picks (coverage)."""

    condition: str
    precision: float
    coverage: float


@dataclass(frozen=True)
class _Column:
    """The values of a feature: numbers (nan where missing) with their ascending order, or texts and None."""

    name: str
    values: NDArray[Any]
    order: NDArray[np.intp] | None


@dataclass(frozen=True)
class _Condition:
    column: str
    sign: str
    operand: str
    meets: _Mask


def find_rules(features: Sequence[FittedFeature], customers: pa.Table, segment_ids: SegmentIds) -> Mapping[int, Rule]:
    """The rule of every segment, from clean customers (one column per feature) and the segment id of each.

    Uses the first 10,000 customers. A segment that no condition tells from the others has no rule.
    """
    few, ids = customers.slice(0, MOST_FOR_A_RULE), segment_ids[:MOST_FOR_A_RULE]
    columns = [_column(feature.name, few[feature.name]) for feature in features]
    found = ((int(segment), _grow(columns, ids == segment)) for segment in np.unique(ids))
    return {segment: rule for segment, rule in found if rule is not None}


def _column(name: str, values: pa.ChunkedArray) -> _Column:
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return _Column(name, np.array(values.to_pylist(), dtype=object), None)
    numbers = values.to_numpy(zero_copy_only=False).astype(float)
    order = np.argsort(numbers, kind="stable")
    return _Column(name, numbers, order[: len(numbers) - int(np.isnan(numbers).sum())])  # nan comes last


def _grow(columns: Sequence[_Column], members: _Mask) -> Rule | None:
    picked = np.ones(len(members), dtype=bool)
    chosen: dict[tuple[str, str, str], _Condition] = {}
    score = _f1(picked, members)
    for _ in range(MOST_CONDITIONS):
        candidates = (condition for column in columns for condition in _conditions(column, picked, members))
        best = max(candidates, key=lambda condition: _f1(picked & condition.meets, members), default=None)
        if best is None or _f1(picked & best.meets, members) <= score + _NOTICEABLE:
            break
        # of two limits on one side of a number the later one is the narrower
        chosen[best.column, best.sign, "" if best.sign in ("<=", ">") else best.operand] = best
        picked = picked & best.meets
        score = _f1(picked, members)
    if not chosen:
        return None
    hits = int((picked & members).sum())
    condition = " AND ".join(
        f"{condition.column} {condition.sign} {condition.operand}" for condition in chosen.values()
    )
    return Rule(condition, hits / int(picked.sum()), hits / int(members.sum()))


def _conditions(column: _Column, picked: _Mask, members: _Mask) -> Iterator[_Condition]:
    """The best upper and the best lower limit of a number; each level of a category, and all but that level."""
    name, values = column.name, column.values
    if column.order is None:
        levels = sorted({value for value in values[picked] if value is not None})
        is_known = np.array([value is not None for value in values])
        for level in levels if len(levels) <= _MOST_LEVELS else ():
            text = "'" + level.replace("'", "''") + "'"
            yield _Condition(name, "=", text, values == level)
            yield _Condition(name, "<>", text, is_known & (values != level))
        return
    order = column.order[picked[column.order]]
    ordered, hits = values[order], np.cumsum(members[order])
    cuts = np.flatnonzero(ordered[1:] > ordered[:-1])
    if not len(cuts):
        return
    size = int(members.sum())
    below = 2 * hits[cuts] / (cuts + 1 + size)
    above = 2 * (hits[-1] - hits[cuts]) / (len(ordered) - cuts - 1 + size)
    for scores, sign in ((below, "<="), (above, ">")):
        cut = cuts[int(np.argmax(scores))]
        limit = _between(float(ordered[cut]), float(ordered[cut + 1]))
        text = f"{limit:.15g}"
        exact = text if float(text) == limit else repr(limit)
        yield _Condition(name, sign, exact, values <= limit if sign == "<=" else values > limit)


def _between(low: float, high: float) -> float:
    """The number with the fewest digits from `low` on and below `high`."""
    for digits in range(1, 18):
        number = float(f"{(low + high) / 2:.{digits}g}")
        if low <= number < high:
            return number
    return low


def _f1(picked: _Mask, members: _Mask) -> float:
    return float(2 * (picked & members).sum() / (picked.sum() + members.sum()))
