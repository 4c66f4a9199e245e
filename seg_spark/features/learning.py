"""Learning each feature's constants from the training customers: exact, and independent of row order."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seg_spark.errors import InputError
from seg_spark.features.fitted import OTHER_LEVEL, FittedCategory, FittedNumber
from seg_spark.settings.feature import ConstantText, Feature

MAX_FOLDED_LEVELS: Final = 1_000


def learn_number(name: str, feature: Feature, column: pa.ChunkedArray) -> FittedNumber:
    """Fill value and clip bounds of a number; its scaling is fitted later, by Spark, unless it is constant: scale 0.

    The median is exact (the mean of the two middle values of an even count). Raises InputError if
    a fill value is to be learnt and there is no value at all.
    """
    known: NDArray[np.float64] = column.drop_null().to_numpy()
    rule = feature.missing_rule
    if not len(known) and (rule in ("median", "mean") or feature.clip):
        raise InputError(
            f"features.columns.{name}: every value is missing; leave the feature out or correct its source"
        )
    if isinstance(rule, float | int):
        fill = float(rule)
    elif rule == "mean":
        fill = _mean(known)
    else:
        fill = float(np.median(known)) if len(known) else 0.0
    clip = None
    if feature.clip is not None:
        low, high = np.quantile(known, feature.clip)
        clip = (float(low), float(high))
    if not np.isfinite([fill, *(clip or ())]).all():
        raise InputError(
            f"features.columns.{name}: its values are too large to average; declare valid: [lowest, highest]"
        )
    fitted = FittedNumber(
        name=name,
        source=feature.source or name,
        unit=feature.unit,
        valid=feature.valid,
        reject_missing=rule == "reject",
        fill=fill,
        clip=clip,
        transform=feature.transform,
        text_form=feature.text_form,
        label=feature.label,
    )
    return replace(fitted, scale=0.0) if _is_constant(fitted, column) else fitted


def _is_constant(fitted: FittedNumber, column: pa.ChunkedArray) -> bool:
    """Whether every customer has the same value after fill, clip and transform, none of which changes an order."""
    bounds = pc.min_max(column.fill_null(fitted.fill))
    if bounds["min"].as_py() is None:
        return True
    ends = np.array([bounds["min"].as_py(), bounds["max"].as_py()])
    if fitted.clip is not None:
        ends = np.clip(ends, *fitted.clip)
    if fitted.transform == "log1p":
        ends = np.log(1.0 + ends)
    return bool(ends[0] == ends[1])


def _mean(values: NDArray[np.float64]) -> float:
    try:
        return math.fsum(values) / len(values)  # exact, whatever the order
    except OverflowError:
        return math.inf


def learn_category(name: str, feature: Feature, column: pa.ChunkedArray) -> FittedCategory:
    """Levels of a category: the most frequent ones have axes (ties by text), the others are folded.

    Raises InputError if so many levels would be folded that the column looks like free text.
    """
    rule = feature.missing_rule
    fill = rule.constant if isinstance(rule, ConstantText) else None
    counts = Counter(column.to_pylist())
    if fill is not None and None in counts:
        counts[fill] += counts.pop(None)
    missing = counts.pop(None, 0)
    by_frequency = sorted(counts, key=lambda level: (-counts[level], level))
    kept, rare = by_frequency, []
    if len(by_frequency) > feature.max_categories:
        kept, rare = by_frequency[: feature.max_categories], by_frequency[feature.max_categories :]
    if len(rare) > MAX_FOLDED_LEVELS:
        raise InputError(
            f"features.columns.{name}: has {len(by_frequency):,} levels, which looks like an identifier or free text; "
            f"expected at most {feature.max_categories + MAX_FOLDED_LEVELS:,}"
        )
    levels: list[str | None] = sorted({*kept, OTHER_LEVEL} if rare else kept)
    if missing:
        levels.append(None)
    return FittedCategory(
        name=name,
        source=feature.source or name,
        unit=feature.unit,
        reject_missing=rule == "reject",
        fill=fill,
        levels=tuple(levels),
        folded=tuple(sorted(rare)),
        weight=feature.weight,
        label=feature.label,
    )


def learn_features(
    features: Mapping[str, Feature], training: pa.Table
) -> tuple[tuple[FittedNumber, ...], tuple[FittedCategory, ...]]:
    """Learn every feature from a table with one column per feature; numbers and categories apart, in conf order."""
    numbers = tuple(learn_number(name, one, training[name]) for name, one in features.items() if one.kind == "number")
    categories = tuple(
        learn_category(name, one, training[name]) for name, one in features.items() if one.kind == "category"
    )
    return numbers, categories
