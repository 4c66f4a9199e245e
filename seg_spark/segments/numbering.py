"""From the clusters of a fit to segments with ids. No Spark here."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from seg_spark.clustering.points import Labels, Matrix
from seg_spark.segments.model import Segment

OUTLIER_QUANTILE: Final = 0.995


def number_segments(
    centres: Matrix,
    labels: Labels,
    squared_distances: Matrix,
    names: Sequence[str] | None = None,
    descriptions: Sequence[str] | None = None,
) -> tuple[Segment, ...]:
    """Give the clusters of the training set their segment ids: 1, 2, ... by descending size.

    Equal sizes are ordered by their centres. `names` and `descriptions` are in the order of the clusters.
    """
    sizes = np.bincount(labels, minlength=len(centres))
    distances = np.sqrt(squared_distances)
    order = sorted(range(len(centres)), key=lambda cluster: (-int(sizes[cluster]), tuple(centres[cluster])))
    return tuple(
        Segment(
            segment_id=position,
            name=names[cluster] if names else f"Segment {position}",
            cluster=cluster,
            centre=tuple(map(float, centres[cluster])),
            customers=int(sizes[cluster]),
            share=float(sizes[cluster] / len(labels)),
            outlier_distance=float(np.quantile(distances[labels == cluster], OUTLIER_QUANTILE)),
            description=descriptions[cluster] if descriptions else "",
        )
        for position, cluster in enumerate(order, start=1)
    )
