"""Which segment is this customer in? The answer for one raw customer, without Spark.

Values are read by the rules of the batch, from the published model alone, so that the answer is the
label that a run would publish.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from seg_spark.cleaning.one_value import Value, category_value, is_excluded, number_value
from seg_spark.errors import SettingsError, did_you_mean
from seg_spark.features.fitted import FittedCategory, FittedFeature, with_axes
from seg_spark.segments.model import Model, Segment

Raw = float | str | None
_ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class Label:
    """The answer for one customer; distance is Euclidean in feature space, margin runs from 0 (between two) to 1."""

    segment_id: int
    segment_name: str
    distance: float
    runner_up_segment_id: int
    margin: float
    is_outlier: bool


@dataclass(frozen=True)
class Reading:
    """How a feature of the customer was read: its clean value (None where missing), what a missing value was
    taken for, and whether it is a level that the model has never seen."""

    feature: str
    value: float | str | None
    taken_for: float | str | None = None
    is_unseen: bool = False


@dataclass(frozen=True)
class DecidingFeature:
    """How much one feature spoke for the segment: its `share` of the difference between the squared distances to
    the runner-up's centre and to the segment's (negative where it spoke for the runner-up; None at a tie).

    `typical` and `runner_up_typical` are the two centres in original units: for a number its value there, for
    a category the share of customers who hold the customer's level.
    """

    feature: str
    share: float | None
    typical: float | None
    runner_up_typical: float | None


@dataclass(frozen=True)
class Prediction:
    """The answer for one customer: a label, or the batch's reasons to reject or exclude the row (`label` is None).

    `deciding` is sorted by what spoke most for the segment.
    """

    label: Label | None
    description: str
    runner_up_segment_name: str
    reasons: tuple[str, ...]
    readings: tuple[Reading, ...]
    deciding: tuple[DecidingFeature, ...]


def answer(model: Model, row: Mapping[str, Raw]) -> Prediction:
    """The answer for one raw row, given as header -> raw value (absent or None where missing)."""
    excluded = [rule.column for rule in model.exclude if is_excluded(row.get(rule.column), rule)]
    if excluded:
        return no_label(*(f"excluded:{column}" for column in excluded))
    values = {feature.name: _read(feature, row.get(feature.source), model.null_values) for feature in model.features}
    reasons = [reason for value in values.values() for reason in value.reasons]
    if reasons:
        return no_label(*reasons)
    clean = {name: value.value for name, value in values.items()}
    label = label_customer(model, clean)
    by_id = {segment.segment_id: segment for segment in model.segments}
    nearest, runner_up = by_id[label.segment_id], by_id[label.runner_up_segment_id]
    return Prediction(
        label=label,
        description=nearest.description,
        runner_up_segment_name=runner_up.name,
        reasons=(),
        readings=tuple(_reading(feature, clean[feature.name]) for feature in model.features),
        deciding=_deciding(model, clean, nearest, runner_up),
    )


def no_label(*reasons: str) -> Prediction:
    """The answer for a row that a run would reject or leave out."""
    return Prediction(None, "", "", reasons, (), ())


def label_customer(model: Model, customer: Mapping[str, float | str | None]) -> Label:
    """Label one clean customer, given as feature name -> value (None or absent where missing)."""
    point = [coordinate for feature in model.features for coordinate in feature.axes(customer.get(feature.name))]
    squared = [(_squared_distance(point, segment.centre), segment.cluster, segment) for segment in model.by_cluster]
    (least, _, nearest), (second_least, _, second) = sorted(squared, key=lambda one: one[:2])[:2]
    return Label(
        segment_id=nearest.segment_id,
        segment_name=nearest.name,
        distance=math.sqrt(least),
        runner_up_segment_id=second.segment_id,
        margin=1 - math.sqrt(least) / math.sqrt(second_least) if second_least > 0 else 0.0,
        is_outlier=math.sqrt(least) > nearest.outlier_distance,
    )


def _squared_distance(point: Iterable[float], centre: Iterable[float]) -> float:
    """Added up term by term as SQL does it: Python's own sum, more exact from 3.12 on, would settle ties otherwise."""
    total = 0.0
    for x, c in zip(point, centre, strict=True):
        total += (x - c) * (x - c)
    return total


def column_named(model: Model, name: str) -> str:
    """The raw column that a name means: its header, or the name of the feature made from it, in any case.

    Raises SettingsError with the nearest name.
    """
    known = raw_columns(model)
    lower = {key.lower(): header for key, header in known.items()}
    found = known.get(name) or lower.get(name.strip().lower())
    if found is None:
        names = ", ".join(feature.name for feature in model.features[:30])
        raise SettingsError(
            f"unknown feature {name!r}{did_you_mean(name, known)}; the features of the published model are: {names}"
        )
    return found


def split_assignment(model: Model, text: str) -> tuple[str, str]:
    """`NAME=VALUE` as (header of the raw column, value); the name may be a header that holds = itself.

    Raises SettingsError if the = is missing, or the feature is unknown.
    """
    positions = [i for i, char in enumerate(text) if char == "="]
    if not positions:
        example = " ".join(f"{feature.name}=..." for feature in model.features[:2])
        raise SettingsError(f"{text!r}: expected FEATURE=VALUE, as in {example}")
    names = {name.lower() for name in raw_columns(model)}
    position = next((i for i in reversed(positions) if text[:i].strip().lower() in names), positions[0])
    return column_named(model, text[:position]), text[position + 1 :]


def raw_columns(model: Model) -> dict[str, str]:
    """Header of the raw column by every name it can be given by: its own, which comes first, or its feature's."""
    headers = [*(rule.column for rule in model.exclude), *(feature.source for feature in model.features)]
    features = {feature.name: feature.source for feature in model.features if feature.name not in headers}
    return {header: header for header in headers} | features


def explain_reason(model: Model, reason: str) -> str:
    """A reject reason with what would have been accepted, where the model says it."""
    kind, _, name = reason.partition(":")
    feature = next((feature for feature in model.features if feature.name == name), None)
    if feature is None or isinstance(feature, FittedCategory):
        return reason
    if kind == "out_of_range" and feature.valid is not None:
        low, high = feature.valid
        limits = f"from {low:,.15g} " if low is not None else ""
        limits += f"up to {high:,.15g}" if high is not None else ""
        return f"{reason} (accepted: {limits.strip()})"
    if kind == "unparseable" and feature.text_form is not None:
        form = feature.text_form
        example = f"1{form.grouping}234{form.decimal}5"
        return f"{reason} (expected a number like {example})"
    return f"{reason} (expected a number like 1234.5)" if kind == "unparseable" else reason


def _read(feature: FittedFeature, raw: Raw, null_values: Iterable[str]) -> Value:
    nulls = tuple(null_values)
    if isinstance(feature, FittedCategory):
        return category_value(_as_boolean(raw, feature), feature.name, nulls, reject_missing=feature.reject_missing)
    return number_value(
        raw,
        feature.name,
        nulls,
        reject_missing=feature.reject_missing,
        valid=feature.valid,
        form=feature.text_form,
    )


def _as_boolean(raw: Raw, feature: FittedCategory) -> Raw:
    """True as people and programs write it, where the column holds true and false."""
    is_boolean = set(feature.levels) - {None} <= {"true", "false"}
    return raw.lower() if is_boolean and isinstance(raw, str) and raw.lower() in ("true", "false") else raw


def _reading(feature: FittedFeature, value: float | str | None) -> Reading:
    if not isinstance(feature, FittedCategory):
        return Reading(feature.name, value, feature.fill if value is None else None)
    level = feature.level_of(value)
    is_unseen = level not in feature.levels
    return Reading(feature.name, value, feature.fill if value is None else None, is_unseen)


def _deciding(
    model: Model, clean: Mapping[str, float | str | None], nearest: Segment, runner_up: Segment
) -> tuple[DecidingFeature, ...]:
    found = []
    for feature, axes in with_axes(model.features):
        value = clean[feature.name]
        point, own, other = feature.axes(value), nearest.centre[axes], runner_up.centre[axes]
        gap = _squared(point, other) - _squared(point, own)
        found.append((gap, feature.name, _typical(feature, value, own), _typical(feature, value, other)))
    whole = math.fsum(gap for gap, *_ in found)
    return tuple(
        DecidingFeature(name, gap / whole if whole > 0 else None, own, other)
        for gap, name, own, other in sorted(found, key=lambda one: -one[0])
    )


def _squared(point: Iterable[float], centre: Iterable[float]) -> float:
    return math.fsum((x - c) * (x - c) for x, c in zip(point, centre, strict=True))


def _typical(feature: FittedFeature, value: float | str | None, centre: tuple[float, ...]) -> float | None:
    if isinstance(feature, FittedCategory):
        level = feature.level_of(value)
        return centre[feature.levels.index(level)] / feature.weight if level in feature.levels else None
    if feature.scale == 0:
        return None
    unshifted = centre[0] / feature.scale
    prepared = unshifted + feature.shift
    if abs(prepared) < _ROUNDING * abs(feature.shift):  # 0, but for what shifting it there and back has left
        prepared = 0.0
    return float(f"{math.expm1(prepared) if feature.transform == 'log1p' else prepared:.12g}")
