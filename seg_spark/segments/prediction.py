"""Which segment is this customer in? The answer for one raw customer, without Spark.

Values are read by the rules of the batch, from the published model alone, so that the answer is the
label that tonight's run would publish.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seg_spark.cleaning.one_value import Value, category_value, number_value
from seg_spark.errors import SettingsError, did_you_mean
from seg_spark.features.fitted import FittedCategory, FittedFeature
from seg_spark.segments.model import Model, Segment
from seg_spark.segments.one_customer import Label, coordinates, label_customer

Raw = float | str | None


@dataclass(frozen=True)
class Reading:
    """How a feature of the customer was read: its clean value (None where missing), what a missing value was
    taken for, and whether it is a level that the model has never seen."""

    feature: str
    value: float | str | None
    taken_for: float | str | None = None
    is_unseen: bool = False


@dataclass(frozen=True)
class Deciding:
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
    """The answer for one customer: a label, or the batch's reasons to reject the row (then `label` is None).

    `deciding` is sorted by what spoke most for the segment.
    """

    label: Label | None
    description: str
    runner_up_segment_name: str
    reject_reasons: tuple[str, ...]
    readings: tuple[Reading, ...]
    deciding: tuple[Deciding, ...]


def predict(model: Model, customer: Mapping[str, Raw]) -> Prediction:
    """The answer for one raw customer, given as feature name -> raw value (absent or None where missing)."""
    values = {one.name: _read(one, customer.get(one.name), model.null_values) for one in model.features}
    reasons = tuple(reason for value in values.values() for reason in value.reasons)
    if reasons:
        return Prediction(None, "", "", reasons, (), ())
    clean = {name: value.value for name, value in values.items()}
    label = label_customer(model, clean)
    by_id = {one.segment_id: one for one in model.segments}
    nearest, runner_up = by_id[label.segment_id], by_id[label.runner_up_segment_id]
    return Prediction(
        label=label,
        description=nearest.description,
        runner_up_segment_name=runner_up.name,
        reject_reasons=(),
        readings=tuple(_reading(one, clean[one.name]) for one in model.features),
        deciding=_deciding(model, clean, nearest, runner_up),
    )


def feature_named(model: Model, name: str) -> str:
    """The feature that a name means: its own, or the header of its raw column, in any case.

    Raises SettingsError with the nearest name.
    """
    known = {one.source: one.name for one in model.features} | {one.name: one.name for one in model.features}
    lower = {key.lower(): value for key, value in known.items()}
    found = known.get(name) or lower.get(name.strip().lower())
    if found is None:
        names = ", ".join(one.name for one in model.features[:30])
        raise SettingsError(
            f"{name!r} is no feature of the published model{did_you_mean(name, known)}; its features are: {names}"
        )
    return found


def split_assignment(model: Model, text: str) -> tuple[str, str]:
    """`NAME=VALUE` as (feature, value); the name may be a header that holds = itself.

    Raises SettingsError if there is no =, or no such feature.
    """
    positions = [i for i, char in enumerate(text) if char == "="]
    if not positions:
        example = " ".join(f"{one.name}=..." for one in model.features[:2])
        raise SettingsError(f"{text!r}: expected FEATURE=VALUE, as in {example}")
    names = {name.lower() for one in model.features for name in (one.name, one.source)}
    position = next((i for i in reversed(positions) if text[:i].strip().lower() in names), positions[0])
    return feature_named(model, text[:position]), text[position + 1 :]


def explain_reason(model: Model, reason: str) -> str:
    """A reject reason with what would have been accepted, where the model says it."""
    kind, _, name = reason.partition(":")
    feature = next((one for one in model.features if one.name == name), None)
    if feature is None or isinstance(feature, FittedCategory):
        return reason
    if kind == "out_of_range" and feature.valid is not None:
        low, high = feature.valid
        limits = f"from {low:g} " if low is not None else ""
        limits += f"up to {high:g}" if high is not None else ""
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
    level = feature.level_of(None if value is None else str(value))
    is_unseen = level not in feature.levels
    return Reading(feature.name, value, feature.fill if value is None else None, is_unseen)


def _deciding(
    model: Model, clean: Mapping[str, float | str | None], nearest: Segment, runner_up: Segment
) -> tuple[Deciding, ...]:
    found: list[tuple[float, Deciding]] = []
    gaps: list[tuple[FittedFeature, float, float | None, float | None]] = []
    start = 0
    for feature in model.features:
        point = coordinates(feature, clean[feature.name])
        axes = slice(start, start + len(point))
        start += len(point)
        gap = _squared(point, runner_up.centre[axes]) - _squared(point, nearest.centre[axes])
        typical = [_typical(feature, clean[feature.name], one.centre[axes]) for one in (nearest, runner_up)]
        gaps.append((feature, gap, typical[0], typical[1]))
    whole = math.fsum(gap for _, gap, _, _ in gaps)
    for feature, gap, own, other in gaps:
        found.append((gap, Deciding(feature.name, gap / whole if whole > 0 else None, own, other)))
    return tuple(one for _, one in sorted(found, key=lambda pair: -pair[0]))


def _squared(point: Iterable[float], centre: Iterable[float]) -> float:
    return math.fsum((x - c) * (x - c) for x, c in zip(point, centre, strict=True))


def _typical(feature: FittedFeature, value: float | str | None, centre: tuple[float, ...]) -> float | None:
    if isinstance(feature, FittedCategory):
        level = feature.level_of(None if value is None else str(value))
        return centre[feature.levels.index(level)] / feature.weight if level in feature.levels else None
    if feature.scale == 0:
        return None
    prepared = centre[0] / feature.scale + feature.shift
    return math.expm1(prepared) if feature.transform == "log1p" else prepared
