"""What a segment is like, in a sentence of original units. No Spark here."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seg_spark.clustering.points import Labels, Matrix
from seg_spark.features.fitted import FittedCategory, FittedFeature
from seg_spark.segments.names import Trait, traits_of
from seg_spark.segments.wording import against, shown_level, with_unit

MOST_TRAITS: Final = 3
AVERAGE_DESCRIPTION: Final = "Close to average in every feature"


def describe_segments(
    features: Sequence[FittedFeature], training: pa.Table, matrix: Matrix, labels: Labels, k: int
) -> tuple[str, ...]:
    """One sentence per cluster: its three strongest traits (see `names`) against the training customers.

    Numbers are means of the known values; a category is the share of its level.
    """
    by_name = {one.name: one for one in features}
    descriptions = []
    for cluster in range(k):
        members = labels == cluster
        traits = sorted(traits_of(features, matrix, matrix[members])[:MOST_TRAITS], key=lambda one: one.axis)
        phrases = [_phrase(by_name[one.feature], one, training[one.feature], members) for one in traits]
        text = ", ".join(phrases) or AVERAGE_DESCRIPTION
        descriptions.append(text[:1].upper() + text[1:])
    return tuple(descriptions)


def _phrase(feature: FittedFeature, trait: Trait, column: pa.ChunkedArray, members: NDArray[np.bool_]) -> str:
    if isinstance(feature, FittedCategory):
        holds = np.array([feature.level_of(value) == trait.level for value in column.to_pylist()])
        share, overall = holds[members].mean(), holds.mean()
        return f"{feature.shown_name} {shown_level(trait.level)} for {share:.0%} ({overall:.0%} of all)"
    values = column.to_numpy(zero_copy_only=False).astype(float)
    own, overall = _mean(values[members]), _mean(values)
    name = feature.shown_name
    if np.isnan(own) or np.isnan(overall):
        return f"{name} mostly missing"
    return f"{name} {with_unit(own, feature.unit)} ({against(own, overall, feature.unit)})"


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
