"""The profile of each segment, in original units, beside all customers. No Spark here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from seg_spark.features.fitted import FittedCategory, FittedNumber
from seg_spark.segments.model import Model

if TYPE_CHECKING:
    from seg_spark.clustering.points import Labels


@dataclass(frozen=True)
class SegmentTotals:
    """Sums over the customers of one segment: `known` values and their `sums` per number, `levels` as
    customers per (category, level), and the sums that scores need."""

    segment_id: int
    cluster: int
    customers: int
    known: dict[str, int]
    sums: dict[str, float]
    levels: dict[tuple[str, str | None], int]
    axis_sums: tuple[float, ...]
    square_sum: float
    distance_sum: float
    squared_distance_sum: float


@dataclass(frozen=True)
class Profile:
    """One segment and one feature. Numbers have means and medians of the values that are known
    (None if there is none); categories have the level that is most over-represented, and its shares."""

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


@dataclass(frozen=True)
class Medians:
    """Medians per number, of everybody and of each segment, over a sample of the customers."""

    overall: Mapping[str, float | None]
    by_segment: Mapping[tuple[int, str], float | None]


def sample_medians(model: Model, sample: pa.Table, segment_ids: "Labels") -> Medians:
    """Exact medians of the sampled customers, given the segment id of each; missing values do not count."""
    import pandas as pd  # half a second that showing profiles does without

    frame = sample.select([one.name for one in model.features if isinstance(one, FittedNumber)]).to_pandas()
    by_segment = frame.groupby(pd.Series(segment_ids, index=frame.index)).median()
    return Medians(
        overall={name: _number(value) for name, value in frame.median().items()},
        by_segment={
            (int(segment), name): _number(by_segment.loc[segment, name])
            for segment in by_segment.index
            for name in frame
        },
    )


def profile_segments(model: Model, totals: Sequence[SegmentTotals], medians: Medians) -> tuple[Profile, ...]:
    """Every segment with every feature, by segment id, features in the model's order."""
    everybody = sum(one.customers for one in totals)
    names = {one.segment_id: one.name for one in model.segments}
    profiles: list[Profile] = []
    for one in totals:
        for feature in model.features:
            common = Profile(
                segment_id=one.segment_id,
                segment_name=names[one.segment_id],
                feature=feature.name,
                kind=feature.kind,
                unit=feature.unit,
                customers=one.customers,
                share=one.customers / everybody,
            )
            if isinstance(feature, FittedCategory):
                profiles.append(_with_level(common, feature, one, totals, everybody))
            else:
                profiles.append(_with_means(common, feature.name, one, totals, medians))
    return tuple(profiles)


def _with_means(
    common: Profile, name: str, own: SegmentTotals, totals: Sequence[SegmentTotals], medians: Medians
) -> Profile:
    known = sum(one.known[name] for one in totals)
    return Profile(
        **{
            **vars(common),
            "mean": own.sums[name] / own.known[name] if own.known[name] else None,
            "median": medians.by_segment.get((own.segment_id, name)),
            "overall_mean": sum(one.sums[name] for one in totals) / known if known else None,
            "overall_median": medians.overall.get(name),
        }
    )


def _with_level(
    common: Profile, feature: FittedCategory, own: SegmentTotals, totals: Sequence[SegmentTotals], everybody: int
) -> Profile:
    shares = {
        level: (
            own.levels[feature.name, level] / own.customers,
            sum(one.levels[feature.name, level] for one in totals) / everybody,
        )
        for level in feature.levels
    }
    if not shares:
        return common
    level = max(shares, key=lambda level: (shares[level][0] - shares[level][1], str(level)))
    return Profile(
        **{
            **vars(common),
            "level": level,
            "level_share": shares[level][0],
            "overall_level_share": shares[level][1],
        }
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
