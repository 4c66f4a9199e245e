"""Scores of one clustering, from the points themselves; of a k, how far two halves of them agree.

`silhouette` is that of squared distances, as Spark's ClusteringEvaluator reports it;
`silhouette_euclidean` is the one of Rousseeuw (1987) that scikit-learn and most textbooks show.
The two can prefer different k.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from seg_spark.clustering.points import Labels, Matrix, cluster_means, nearest_centre
from seg_spark.clustering.search import approximate_centres

EUCLIDEAN_CUSTOMERS: Final = 10_000
"""The Euclidean silhouette needs all pairs, so it is taken over the first so many training customers."""
_STRENGTH_CUSTOMERS: Final = 20_000
_BLOCK_ROWS: Final = 256


@dataclass(frozen=True)
class Scores:
    """How good one k is. Ranges: within_ss >= 0 (lower is better), both silhouettes -1 to 1 (higher),
    davies_bouldin >= 0 (lower), calinski_harabasz >= 0 (higher), smallest_share 0 to 1/k.
    prediction_strength 0 to 1 (higher) is how well clusters of one half of the customers predict the other's, and
    mllib_within_ss what MLlib's own fit of this k reached; both belong to the training set, None elsewhere."""

    k: int
    within_ss: float
    silhouette: float
    silhouette_euclidean: float | None
    davies_bouldin: float
    calinski_harabasz: float
    smallest_share: float
    prediction_strength: float | None = None
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

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(labels, weights=values, minlength=k), dtype=np.float64)

    customers = np.bincount(labels, minlength=k).astype(np.float64)
    means = cluster_means(matrix, labels, k)
    to_mean = ((matrix - means[labels]) ** 2).sum(axis=1)
    squares = (matrix**2).sum(axis=1)
    return Moments(
        customers, means * customers[:, None], summed(squares), summed(to_mean), summed(np.sqrt(to_mean))
    )  # fmt: skip


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
    sums = np.split(_summed_distances(points, np.hstack(list(members.values()))), np.cumsum(list(members))[:-1], axis=1)
    silhouettes: dict[int, float | None] = {}
    for (k, one_hot), to_members in zip(members.items(), sums, strict=True):
        counts = one_hot.sum(axis=0)
        means = np.divide(to_members, counts, out=np.full_like(to_members, np.inf), where=counts > 0)
        found = _silhouettes(means, labels_by_k[k][: len(points)], counts)
        silhouettes[k] = float(found.mean()) if (counts > 0).sum() > 1 else None
    return silhouettes


def customer_silhouettes(points: Matrix, labels: Labels, k: int) -> NDArray[np.float64]:
    """The Euclidean silhouette of each point (n x axes) in clusters 0 to k - 1, each of which has points."""
    one_hot = np.eye(k)[labels]
    counts = one_hot.sum(axis=0)
    return _silhouettes(_summed_distances(points, one_hot) / counts, labels, counts)


def _summed_distances(points: Matrix, one_hot: Matrix) -> Matrix:
    """Sum of the Euclidean distances from each point (n x axes) to those marked by each column of `one_hot` (n x sets).

    Distances are taken as |x|^2 - 2xy + |y|^2 about the common mean, each pair once.
    """
    centred = points - points.mean(axis=0)
    squares = (centred**2).sum(axis=1)
    rounding = 8 * np.finfo(np.float64).eps * squares.max()
    sums = np.zeros(one_hot.shape)
    with threadpool_limits(1, user_api="blas"):
        for start in range(0, len(points), _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, len(points))
            distances = centred[start:stop] @ (-2 * centred[start:].T)
            distances += squares[start:stop, None]
            distances += squares[start:]
            np.copyto(distances, 0.0, where=distances < rounding)  # equal points
            np.sqrt(distances, out=distances)
            sums[start:stop] += distances @ one_hot[start:]
            sums[stop:] += distances[:, stop - start :].T @ one_hot[start:stop]
    return sums


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


def prediction_strengths(matrix: Matrix, ks: Sequence[int]) -> dict[int, float | None]:
    """Prediction strength of every k, 0 to 1 (Tibshirani & Walther 2005): 1 if both halves agree on every pair.

    Both halves of the first 20,000 customers (every second one each; they are in hash order) are clustered. For
    each cluster of a half: the share of its pairs of customers that the centres of the other half keep together;
    the least of these shares is the figure of the half, and the mean of both halves that of the k. None where a
    half has fewer distinct points than k, or no cluster with two customers.
    """
    halves = matrix[:_STRENGTH_CUSTOMERS:2], matrix[1:_STRENGTH_CUSTOMERS:2]
    if min(map(len, halves)) < min(ks):
        return dict.fromkeys(ks)
    centres = [approximate_centres(half, max(ks)) for half in halves]
    strengths: dict[int, float | None] = {}
    for k in ks:
        both = [centre[k] for centre in centres if k in centre]
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
