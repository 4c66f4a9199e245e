"""Scores of one clustering, from the points themselves.

`silhouette` is that of squared distances, as Spark's ClusteringEvaluator reports it;
`silhouette_euclidean` is the one of Rousseeuw (1987) that scikit-learn and most textbooks show.
The two can prefer different k.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from seg_spark.clustering.points import Labels, Matrix

EUCLIDEAN_CUSTOMERS: Final = 10_000
"""The Euclidean silhouette needs all pairs, so it is taken over the first so many training customers."""
_BLOCK_ROWS: Final = 512


@dataclass(frozen=True)
class Scores:
    """How good one k is. Ranges: within_ss >= 0 (lower is better), both silhouettes -1 to 1 (higher),
    davies_bouldin >= 0 (lower), calinski_harabasz >= 0 (higher), smallest_share 0 to 1/k.
    mllib_within_ss is what MLlib's own fit of this k reached; None for scores over other customers than the fit's."""

    k: int
    within_ss: float
    silhouette: float
    silhouette_euclidean: float | None
    davies_bouldin: float
    calinski_harabasz: float
    smallest_share: float
    mllib_within_ss: float | None = None


@dataclass(frozen=True)
class Moments:
    """Sums over the members of each cluster: enough for every score but the silhouettes.

    customers (k), sums (k x axes), squares (k, of |x|^2), and within and distances (k, of the squared
    and the Euclidean distance to the cluster's mean). Take the points relative to their common mean:
    far from the origin squares lose their digits; within is kept beside them because
    squares - |sums|^2 / customers loses them wherever clusters lie far apart.
    """

    customers: NDArray[np.float64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    within: NDArray[np.float64]
    distances: NDArray[np.float64]


def score_training_set(matrix: Matrix, labels: Labels, k: int, euclidean: float | None) -> Scores:
    """All scores of one clustering of the training set; `euclidean` comes from `euclidean_silhouettes`."""
    centred = matrix - matrix.mean(axis=0)
    moments = moments_of(centred, labels, k)
    return scores_from(moments, squared_silhouette(centred, labels, moments), euclidean)


def moments_of(matrix: Matrix, labels: Labels, k: int) -> Moments:
    """The sums over each cluster of a matrix (n x axes) labelled 0 to k - 1, every cluster non-empty."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(k))
    customers = np.bincount(labels, minlength=k).astype(np.float64)
    sums = np.add.reduceat(matrix[order], starts, axis=0)
    squares = np.add.reduceat((matrix[order] ** 2).sum(axis=1), starts)
    means = sums / customers[:, None]
    to_mean = ((matrix - means[labels]) ** 2).sum(axis=1)[order]
    within = np.add.reduceat(to_mean, starts)
    return Moments(customers, sums, squares, within, np.add.reduceat(np.sqrt(to_mean), starts))


def scores_from(moments: Moments, silhouette: float, euclidean: float | None) -> Scores:
    """The scores that follow from moments; Davies & Bouldin (1979), Calinski & Harabasz (1974)."""
    n, k = moments.customers.sum(), len(moments.customers)
    means = moments.sums / moments.customers[:, None]
    within = float(moments.within.sum())
    everybody = moments.sums.sum(axis=0) / n
    between = float((moments.customers * ((means - everybody) ** 2).sum(axis=1)).sum())
    spread = moments.distances / moments.customers
    apart = cdist(means, means)
    np.fill_diagonal(apart, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        similarity = (spread[:, None] + spread[None, :]) / apart
        calinski_harabasz = np.divide(between / (k - 1), within / (n - k)) if n > k else np.inf
    return Scores(
        k=k,
        within_ss=within,
        silhouette=silhouette,
        silhouette_euclidean=euclidean,
        davies_bouldin=float(similarity.max(axis=1).mean()),
        calinski_harabasz=float(calinski_harabasz),
        smallest_share=float(moments.customers.min() / n),
    )


def squared_silhouette(matrix: Matrix, labels: Labels, moments: Moments) -> float:
    """Mean silhouette of squared distances, -1 to 1; a singleton scores 0.

    The mean squared distance from x to cluster j is |x|^2 + P_j / N_j - 2 x.Y_j / N_j, so no pairs
    are needed (the formula of Spark's ClusteringEvaluator).
    """
    n = moments.customers
    to_clusters = (
        (matrix**2).sum(axis=1)[:, None] + (moments.squares / n)[None, :] - 2 * matrix @ (moments.sums / n[:, None]).T
    )
    return float(_silhouettes(np.maximum(to_clusters, 0.0), labels, n).mean())


def euclidean_silhouettes(matrix: Matrix, labels_by_k: Mapping[int, Labels]) -> dict[int, float | None]:
    """Mean Euclidean silhouette of several clusterings of the same points, distances computed once.

    Takes the first 10,000 points (hash order is a fair sample). None where these hold fewer than
    two clusters.
    """
    points = matrix[:EUCLIDEAN_CUSTOMERS]
    members = {k: np.eye(k)[labels[: len(points)]] for k, labels in labels_by_k.items()}
    totals = dict.fromkeys(labels_by_k, 0.0)
    for start in range(0, len(points), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        distances = cdist(points[rows], points)
        for k, one_hot in members.items():
            counts = one_hot.sum(axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                means = distances @ one_hot / counts
            means[:, counts == 0] = np.inf
            totals[k] += float(_silhouettes(means, labels_by_k[k][: len(points)][rows], counts).sum())
    return {
        k: totals[k] / len(points) if (members[k].sum(axis=0) > 0).sum() > 1 else None for k in labels_by_k
    }  # fmt: skip


def _silhouettes(to_clusters: Matrix, labels: Labels, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Silhouette of each point from its mean distance to the points of every cluster (its own included)."""
    rows = np.arange(len(labels))
    own_count = counts[labels]
    own = to_clusters[rows, labels] * own_count / np.maximum(own_count - 1, 1)
    others = to_clusters.copy()
    others[rows, labels] = np.inf
    nearest_other = others.min(axis=1)
    larger = np.maximum(own, nearest_other)
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(larger > 0, (nearest_other - own) / larger, 0.0)
    return np.where(own_count > 1, result, 0.0)
