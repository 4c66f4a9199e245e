"""How stable the clusters of a k are: what one half of the customers says about the other. No Spark here."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from seg_spark.clustering.points import Labels, Matrix, nearest_centre
from seg_spark.clustering.search import approximate_centres

_CUSTOMERS: Final = 20_000


def prediction_strengths(matrix: Matrix, ks: Sequence[int]) -> dict[int, float | None]:
    """Prediction strength of every k, 0 to 1 (Tibshirani & Walther 2005): 1 if both halves agree on every pair.

    Both halves of the first 20,000 customers (every second one each; they are in hash order) are clustered. For
    each cluster of a half: the share of its pairs of customers that the centres of the other half keep together;
    the least of these shares is the figure of the half, and the mean of both halves that of the k. None where a
    half has fewer distinct points than k, or no cluster with two customers.
    """
    halves = matrix[:_CUSTOMERS:2], matrix[1:_CUSTOMERS:2]
    if min(map(len, halves)) < min(ks):
        return dict.fromkeys(ks)
    centres = [approximate_centres(half, max(ks)) for half in halves]
    strengths: dict[int, float | None] = {}
    for k in ks:
        both = [one[k] for one in centres if k in one]
        found = [
            _least_share_kept(nearest_centre(half, own)[0], nearest_centre(half, other)[0], k)
            for half, own, other in zip(halves, both, reversed(both), strict=False)
        ]
        strengths[k] = float(np.mean(found)) if len(found) == 2 and np.isfinite(found).all() else None
    return strengths


def _least_share_kept(clusters: Labels, others: Labels, k: int) -> float:
    """The least share of a cluster's pairs that other labels (0 to k - 1) keep together; inf without any pair."""
    together = np.bincount(clusters * k + others, minlength=k * k).reshape(k, k).astype(np.float64)
    sizes = together.sum(axis=1)
    pairs = sizes * (sizes - 1)
    kept = (together * (together - 1)).sum(axis=1)
    return float(np.divide(kept, pairs, out=np.full(k, np.inf), where=pairs > 0).min())
