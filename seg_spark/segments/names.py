"""Names and descriptions made from what sets a segment apart. No Spark here.

Rules: a feature counts when the segment's mean is at least half a standard deviation from
everybody's; the strongest two make the name, in the order of the features ("High annual income,
low spending score"); from two standard deviations on it is "very". A category counts when a level
is held by most of the segment and clearly more often than by everybody ("mostly plan premium"; of a
yes or no "mostly newsletter", "mostly no newsletter"). A trait that nearly repeats a stronger one comes
last. A segment without any trait is "Close to average". Names that would be equal take further traits
(and at last a number, see `identity`). A name stays until a trait it tells has shrunk below a quarter of a standard
deviation; "Close to average" until the segment is a whole one from everybody's mean in some feature.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seg_spark.clustering.points import Labels, Matrix
from seg_spark.features.fitted import FittedCategory, FittedFeature
from seg_spark.segments.model import NamedTrait
from seg_spark.segments.wording import (
    AVERAGE_DESCRIPTION,
    NOTABLE,
    against,
    shown_level,
    typical,
    with_level,
    with_unit,
)

STRONG: Final = 2.0
TRAITS_IN_NAME: Final = 2
TRAITS_IN_DESCRIPTION: Final = 3
AVERAGE_NAME: Final = "Close to average"
_GONE: Final = NOTABLE / 2
_NO_LONGER_AVERAGE: Final = NOTABLE * 2
_MOST: Final = 0.5
_REPEATS: Final = 0.95
"""Correlation of two axes from which on one says nothing new."""


@dataclass(frozen=True)
class Trait:
    """How one segment differs on one axis: `deviation` in standard deviations of all customers.
    `level` is that of a category's axis."""

    feature: str
    phrase: str
    deviation: float
    axis: int
    level: str | None = None


@dataclass(frozen=True)
class SegmentName:
    """A name, and the traits it tells: none of "Close to average", None of a name set by hand."""

    text: str
    traits: tuple[NamedTrait, ...] | None


def name_segments(features: Sequence[FittedFeature], matrix: Matrix, labels: Labels, k: int) -> tuple[SegmentName, ...]:
    """One name per cluster, from the prepared training customers and their labels; equal traits give equal names."""
    correlations = axis_correlations(matrix)
    traits = [_telling_first(traits_of(features, matrix, matrix[labels == one]), correlations) for one in range(k)]
    longest = max(map(len, traits), default=0)
    used = [min(len(own), TRAITS_IN_NAME) for own in traits]
    while True:
        names = [_join(own[:count]) for own, count in zip(traits, used, strict=True)]
        repeated = {name for name, count in Counter(names).items() if count > 1}
        extendable = [i for i, name in enumerate(names) if name in repeated and used[i] < len(traits[i])]
        if not extendable or max(used) > longest:
            told = [
                tuple(NamedTrait(one.feature, one.level, one.deviation > 0) for one in own[:count])
                for own, count in zip(traits, used, strict=True)
            ]
            return tuple(map(SegmentName, names, told))
        for i in extendable:
            used[i] += 1


def still_holds(
    traits: Sequence[NamedTrait] | None, features: Sequence[FittedFeature], everybody: Matrix, members: Matrix
) -> bool:
    """Whether what a name tells is still so of its segment, whose members and everybody are in feature space.

    False for a name that was set by hand: whoever takes that back wants another.
    """
    if traits is None:
        return False
    axes = [(feature.name, level) for feature, level in _axes(features)]
    deviations = dict(zip(axes, _deviations(everybody, members), strict=True))
    if not traits:
        return all(abs(value) < _NO_LONGER_AVERAGE for value in deviations.values())
    return all(
        deviations.get((trait.feature, trait.level), 0.0) * (1 if trait.is_high else -1) >= _GONE for trait in traits
    )


def _axes(features: Sequence[FittedFeature]) -> list[tuple[FittedFeature, str | None]]:
    """Feature and level of each axis."""
    return [
        (feature, level)
        for feature in features
        for level in (feature.levels if isinstance(feature, FittedCategory) else (None,))
    ]


def _deviations(everybody: Matrix, members: Matrix) -> Matrix:
    """How far the members' means are from everybody's, per axis, in standard deviations of everybody; 0 if constant."""
    spread = everybody.std(axis=0)
    difference = members.mean(axis=0) - everybody.mean(axis=0)
    varies = (np.ptp(everybody, axis=0) > 0) & (spread > 0)  # the deviation of equal numbers may be rounding
    deviations: Matrix = np.divide(difference, spread, out=np.zeros_like(difference), where=varies)
    return deviations


def traits_of(features: Sequence[FittedFeature], everybody: Matrix, members: Matrix) -> list[Trait]:
    """What sets the members apart from everybody, both in feature space, strongest first."""
    found, deviations = [], _deviations(everybody, members)
    for axis, (feature, level) in enumerate(_axes(features)):
        deviation = float(deviations[axis])
        if isinstance(feature, FittedCategory):
            is_notable = deviation >= NOTABLE and members[:, axis].mean() / feature.weight > _MOST
            phrase = f"mostly {with_level(feature.shown_name, level, feature.levels)}"
        else:
            is_notable, phrase = abs(deviation) >= NOTABLE, f"{_degree(deviation)} {feature.shown_name}"
        if is_notable:
            found.append(Trait(feature.name, phrase, deviation, axis, level))
    return sorted(found, key=lambda trait: -abs(trait.deviation))


def telling_first(axes: Sequence[int], correlations: Matrix) -> list[int]:
    """Axes by descending strength; those that nearly repeat a stronger one (no internet service, no online backup)
    come last. `correlations` (axes x axes) are absolute."""
    first: list[int] = []
    for axis in axes:
        if all(correlations[axis, one] < _REPEATS for one in first):
            first.append(axis)
    return first + [axis for axis in axes if axis not in first]


def axis_correlations(matrix: Matrix) -> Matrix:
    """How closely each two axes (of n customers) go together, from 0 to 1; 0 for an axis that is constant."""
    spread = matrix.std(axis=0)
    varies = (np.ptp(matrix, axis=0) > 0) & (spread > 0)
    standard = (matrix - matrix.mean(axis=0)) * varies / np.where(varies, spread, 1.0)
    correlations: Matrix = np.abs(standard.T @ standard) / len(matrix)
    return correlations


def _telling_first(traits: Sequence[Trait], correlations: Matrix) -> list[Trait]:
    by_axis = {trait.axis: trait for trait in traits}
    return [by_axis[axis] for axis in telling_first([trait.axis for trait in traits], correlations)]


def _degree(deviation: float) -> str:
    very = "very " if abs(deviation) >= STRONG else ""
    return very + ("high" if deviation > 0 else "low")


def _join(traits: Sequence[Trait]) -> str:
    in_order = sorted(traits, key=lambda trait: trait.axis)
    text = ", ".join(trait.phrase for trait in in_order) or AVERAGE_NAME
    return text[:1].upper() + text[1:]


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """The names, of which those that stand before get a number, so that all differ."""
    taken = set(names)
    seen: set[str] = set()
    result: list[str] = []
    for name in names:
        unique, number = name, 2
        while unique in seen or (unique != name and unique in taken):
            unique, number = f"{name} ({number})", number + 1
        seen.add(unique)
        result.append(unique)
    return tuple(result)


def describe_segments(
    features: Sequence[FittedFeature], training: pa.Table, matrix: Matrix, labels: Labels, k: int
) -> tuple[str, ...]:
    """One sentence per cluster: its three strongest traits against the training customers.

    Numbers are means of the known values, or medians of a skewed feature; a category is the share of its level.
    """
    by_name = {feature.name: feature for feature in features}
    descriptions = []
    for cluster in range(k):
        members = labels == cluster
        traits = sorted(traits_of(features, matrix, matrix[members])[:TRAITS_IN_DESCRIPTION], key=lambda one: one.axis)
        phrases = [_phrase(by_name[trait.feature], trait, training[trait.feature], members) for trait in traits]
        text = ", ".join(phrases) or AVERAGE_DESCRIPTION
        descriptions.append(text[:1].upper() + text[1:])
    return tuple(descriptions)


def _phrase(feature: FittedFeature, trait: Trait, column: pa.ChunkedArray, members: NDArray[np.bool_]) -> str:
    if isinstance(feature, FittedCategory):
        holds = np.array([feature.level_of(value) == trait.level for value in column.to_pylist()])
        share, overall = holds[members].mean(), holds.mean()
        return f"{feature.shown_name} {shown_level(trait.level)} for {share:.0%} ({overall:.0%} of all)"
    values = column.to_numpy(zero_copy_only=False).astype(float)
    own, everybody = values[members & ~np.isnan(values)], values[~np.isnan(values)]
    name = feature.shown_name
    if not len(own):
        return f"{name} mostly missing"
    means, medians = (float(own.mean()), float(everybody.mean())), (float(np.median(own)), float(np.median(everybody)))
    value, overall, of = typical(means[0], medians[0], means[1], medians[1], trait.deviation)
    return f"{name} {with_unit(value, feature.unit)} ({against(value, overall, feature.unit, of, trait.deviation)})"
