"""From the clusters of a fit to segments with ids. No Spark here."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from seg_spark.clustering.points import Labels, Matrix
from seg_spark.segments.identity import Identity
from seg_spark.segments.model import Segment

OUTLIER_QUANTILE: Final = 0.995


def by_size(centres: Matrix, labels: Labels) -> tuple[int, ...]:
    """The clusters of the training set by descending size; equal sizes by their centres."""
    sizes = np.bincount(labels, minlength=len(centres))
    return tuple(sorted(range(len(centres)), key=lambda cluster: (-int(sizes[cluster]), tuple(centres[cluster]))))


def make_segments(
    centres: Matrix,
    labels: Labels,
    squared_distances: Matrix,
    identity: Identity,
    descriptions: Sequence[str],
) -> tuple[Segment, ...]:
    """The segments of the clusters of the training set, in the order of their ids.

    The `descriptions` are in the order of the clusters.
    """
    ids, names = identity.ids, identity.names
    sizes = np.bincount(labels, minlength=len(centres))
    distances = np.sqrt(squared_distances)
    return tuple(
        Segment(
            segment_id=ids[cluster],
            name=names[cluster].text,
            cluster=cluster,
            centre=tuple(map(float, centres[cluster])),
            customers=int(sizes[cluster]),
            share=float(sizes[cluster] / len(labels)),
            outlier_distance=float(np.quantile(distances[labels == cluster], OUTLIER_QUANTILE)),
            description=descriptions[cluster],
            named_for=names[cluster].traits,
        )
        for cluster in sorted(range(len(centres)), key=lambda one: ids[one])
    )
