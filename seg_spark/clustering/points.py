"""Points, centres and labels as numpy arrays. No Spark here."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Matrix = NDArray[np.float64]
"""Customers (or centres) x axes; training customers stand in hash order."""
Labels = NDArray[np.intp]
"""Index of a centre per customer, from 0."""

_BLOCK_ROWS: Final = 65_536


def nearest_centre(matrix: Matrix, centres: Matrix) -> tuple[Labels, NDArray[np.float64]]:
    """Index of each point's nearest centre (the lowest of equals), and the squared distance to it."""
    labels = np.empty(len(matrix), dtype=np.intp)
    least = np.empty(len(matrix))
    for start in range(0, len(matrix), _BLOCK_ROWS):  # so that memory does not grow with points x centres
        rows = slice(start, start + _BLOCK_ROWS)
        squared = cdist(matrix[rows], centres, "sqeuclidean")
        labels[rows] = squared.argmin(axis=1)
        least[rows] = squared.min(axis=1)
    return labels, least


def two_nearest(matrix: Matrix, centres: Matrix) -> tuple[Labels, NDArray[np.float64], NDArray[np.float64]]:
    """Index of each point's nearest centre, the squared distance to it, and to the second nearest (of two or more)."""
    labels, least = nearest_centre(matrix, centres)
    second = np.empty(len(matrix))
    for start in range(0, len(matrix), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        second[rows] = np.partition(cdist(matrix[rows], centres, "sqeuclidean"), 1, axis=1)[:, 1]
    return labels, least, second


def cheapest_other(
    matrix: Matrix, centres: Matrix, labels: Labels, factors: NDArray[np.float64]
) -> tuple[Labels, NDArray[np.float64]]:
    """For each point the centre other than its own with the least factor x squared distance, and that product."""
    chosen = np.empty(len(matrix), dtype=np.intp)
    cost = np.empty(len(matrix))
    for start in range(0, len(matrix), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        costs = cdist(matrix[rows], centres, "sqeuclidean") * factors
        costs[np.arange(len(costs)), labels[rows]] = np.inf
        chosen[rows] = costs.argmin(axis=1)
        cost[rows] = costs.min(axis=1)
    return chosen, cost


def cluster_means(matrix: Matrix, labels: Labels, k: int) -> tuple[Matrix, NDArray[np.intp]]:
    """Mean point and size of each cluster 0 to k - 1; the mean of an empty one is nan."""
    sizes = np.bincount(labels, minlength=k)
    sums = np.column_stack([np.bincount(labels, weights=axis, minlength=k) for axis in matrix.T])
    with np.errstate(invalid="ignore"):
        return sums / sizes[:, None], sizes


def distinct_points(matrix: Matrix) -> int:
    """How many different points there are."""
    return len(np.unique(matrix, axis=0))


def skewness_of(matrix: Matrix) -> NDArray[np.float64]:
    """Skewness of each axis, the third standardised moment; 0 for a constant one."""
    centred = matrix - matrix.mean(axis=0)
    spread = centred.std(axis=0)
    skewness = np.zeros(matrix.shape[1])
    np.divide((centred**3).mean(axis=0), spread**3, out=skewness, where=spread > 0)
    return skewness
