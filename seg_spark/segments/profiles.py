"""The profile of each segment, in original units, beside all customers. No Spark here."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from seg_spark.features.fitted import FittedCategory, FittedNumber, readable, with_axes
from seg_spark.segments.model import Model, Segment
from seg_spark.segments.wording import NOTABLE

if TYPE_CHECKING:
    from seg_spark.clustering.points import Matrix, SegmentIds
    from seg_spark.segments.rules import Rule


_MOST_TRAITS: Final = 5
_FEWEST_TRAITS: Final = 3
_SLIGHT: Final = 0.1
"""Standard deviations below which a difference is none."""


@dataclass(frozen=True)
class SegmentTotals:
    """Sums over the customers of one segment: `known` values per feature, `sums` and values that were `clipped` per
    number, `levels` as customers per (category, level), and the sums that scores need."""

    segment_id: int
    cluster: int
    customers: int
    outliers: int
    known: dict[str, int]
    clipped: dict[str, int]
    sums: dict[str, float]
    levels: dict[tuple[str, str | None], int]
    axis_sums: tuple[float, ...]
    square_sum: float
    distance_sum: float
    squared_distance_sum: float


@dataclass(frozen=True)
class Profile:
    """One segment and one feature. Numbers have means and medians of the values that are known
    (None if there is none); categories have the level that is most over-represented, and its shares.

    `lift` is the mean, or the share of the level, over everybody's; `z_score` the difference of the two in feature
    space, in standard deviations of all customers of the sample; `trait_rank` orders the features of the segment by
    the size of their z-scores, from 1. The rule and the nearest segment (by the distance of the centres) are those of
    the segment.
    """

    segment_id: int
    segment_name: str
    feature: str
    kind: str
    unit: str | None
    customers: int
    share: float
    mean: float | None = None
    median: float | None = None
    overall_mean: float | None = None
    overall_median: float | None = None
    level: str | None = None
    level_share: float | None = None
    overall_level_share: float | None = None
    label: str | None = None
    lift: float | None = None
    z_score: float | None = None
    trait_rank: int | None = None
    rule: str | None = None
    rule_precision: float | None = None
    rule_coverage: float | None = None
    nearest_segment_id: int | None = None

    @property
    def shown_name(self) -> str:
        """The name of the feature that is shown to people."""
        return self.label or readable(self.feature)


def telling_traits(rows: Sequence[Profile]) -> list[Profile]:
    """What sets a segment apart, strongest first: up to five notable features; where less than three are, also those
    that differ a little."""
    ranked = sorted(rows, key=lambda row: row.trait_rank or len(rows) + 1)
    strengths = [(profile, abs(profile.z_score or 0.0)) for profile in ranked]
    notable = [one for one, strength in strengths if strength >= NOTABLE]
    slight = [one for one, strength in strengths if _SLIGHT <= strength < NOTABLE]
    return notable[:_MOST_TRAITS] + slight[: max(0, _FEWEST_TRAITS - len(notable))]


@dataclass(frozen=True)
class SampleFigures:
    """What profiles take from the sampled customers: medians per number, of everybody and of each segment, z-scores
    per axis, absolute correlations of the axes, and the rule of each segment."""

    overall_medians: Mapping[str, float | None]
    medians: Mapping[tuple[int, str], float | None]
    z_scores: Mapping[int, "Matrix"]
    correlations: "Matrix"
    rules: "Mapping[int, Rule]"


def sample_figures(model: Model, sample: pa.Table, points: "Matrix", segment_ids: "SegmentIds") -> SampleFigures:
    """The figures of the sampled customers: clean values, coordinates (n x axes) and segment id, row for row.

    Medians are exact; missing values do not count.
    """
    import pandas as pd  # half a second that showing profiles does without

    from seg_spark.segments.names import axis_correlations
    from seg_spark.segments.rules import find_rules

    frame = sample.select([feature.name for feature in model.features if isinstance(feature, FittedNumber)]).to_pandas()
    by_segment = frame.groupby(pd.Series(segment_ids, index=frame.index)).median()
    segments = [int(segment) for segment in by_segment.index]
    spread, mean = points.std(axis=0), points.mean(axis=0)
    usable = (points != points[:1]).any(axis=0) & (spread > 0)  # the deviation of equal numbers may be rounding
    spread[~usable] = 1.0
    return SampleFigures(
        overall_medians={name: _number(value) for name, value in frame.median().items()},
        medians={(segment, name): _number(by_segment.loc[segment, name]) for segment in segments for name in frame},
        z_scores={
            segment: (points[segment_ids == segment].mean(axis=0) - mean) / spread * usable for segment in segments
        },
        correlations=axis_correlations(points),
        rules=find_rules(model.features, sample, segment_ids),
    )


def profile_segments(model: Model, totals: Sequence[SegmentTotals], figures: SampleFigures) -> tuple[Profile, ...]:
    """Every segment with every feature, by segment id, features in the model's order."""
    everybody = sum(total.customers for total in totals)
    by_id = {segment.segment_id: segment for segment in model.segments}
    profiles: list[Profile] = []
    for own in totals:
        segment, rule = by_id[own.segment_id], figures.rules.get(own.segment_id)
        nearest = _nearest(segment, model.segments)
        rows: list[tuple[Profile, int]] = []
        z_scores = figures.z_scores.get(own.segment_id)
        for feature, axes in with_axes(model.features):
            common = Profile(
                segment_id=own.segment_id,
                segment_name=segment.name,
                feature=feature.name,
                kind=feature.kind,
                unit=feature.unit,
                customers=own.customers,
                share=own.customers / everybody,
                label=feature.label,
                rule=rule.condition if rule else None,
                rule_precision=rule.precision if rule else None,
                rule_coverage=rule.coverage if rule else None,
                nearest_segment_id=nearest,
            )
            z_of_axes = z_scores[axes] if z_scores is not None else None
            if isinstance(feature, FittedCategory):
                row, position = _with_level(common, feature, own, totals, z_of_axes)
                rows.append((row, axes.start + position))
            else:
                rows.append((_with_means(common, own, totals, figures, z_of_axes), axes.start))
        profiles += _ranked(rows, figures.correlations)
    return tuple(profiles)


def _nearest(segment: Segment, segments: Sequence[Segment]) -> int | None:
    others = [one for one in segments if one.segment_id != segment.segment_id]
    nearest = min(others, key=lambda one: (math.dist(one.centre, segment.centre), one.segment_id), default=None)
    return nearest.segment_id if nearest is not None else None


def _ranked(rows: Sequence[tuple[Profile, int]], correlations: "Matrix") -> Iterator[Profile]:
    """The rows of a segment (each with the axis of its trait), in their order, with the ranks of their traits."""
    from seg_spark.segments.names import telling_first

    known = [(row, axis) for row, axis in rows if row.z_score is not None]
    by_strength = sorted(known, key=lambda one: -abs(one[0].z_score or 0.0))
    ranks = {axis: rank for rank, axis in enumerate(telling_first([axis for _, axis in by_strength], correlations), 1)}
    return (replace(row, trait_rank=ranks.get(axis)) for row, axis in rows)


def _with_means(
    common: Profile,
    own: SegmentTotals,
    totals: Sequence[SegmentTotals],
    figures: SampleFigures,
    z_of_axes: "Matrix | None",
) -> Profile:
    name = common.feature
    known = sum(total.known[name] for total in totals)
    mean = own.sums[name] / own.known[name] if own.known[name] else None
    overall = sum(total.sums[name] for total in totals) / known if known else None
    return replace(
        common,
        mean=mean,
        median=figures.medians.get((own.segment_id, name)),
        overall_mean=overall,
        overall_median=figures.overall_medians.get(name),
        lift=_lift(mean, overall),
        z_score=float(z_of_axes[0]) if z_of_axes is not None else None,
    )


def _with_level(
    common: Profile,
    feature: FittedCategory,
    own: SegmentTotals,
    totals: Sequence[SegmentTotals],
    z_of_axes: "Matrix | None",
) -> tuple[Profile, int]:
    """The profile, and the position of its level among the axes of the feature."""
    everybody = sum(total.customers for total in totals)
    shares = [
        (
            own.levels[feature.name, level] / own.customers,
            sum(total.levels[feature.name, level] for total in totals) / everybody,
        )
        for level in feature.levels
    ]
    axis = max(range(len(shares)), key=lambda axis: (shares[axis][0] - shares[axis][1], str(feature.levels[axis])))
    share, overall = shares[axis]
    row = replace(
        common,
        level=feature.levels[axis],
        level_share=share,
        overall_level_share=overall,
        lift=_lift(share, overall),
        z_score=float(z_of_axes[axis]) if z_of_axes is not None else None,
    )
    return row, axis


def _lift(own: float | None, overall: float | None) -> float | None:
    return own / overall if own is not None and overall is not None and overall > 0 else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
