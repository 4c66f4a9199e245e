"""Points, centres and labels as numpy arrays. No Spark here."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Matrix = NDArray[np.float64]
"""Customers (or centres) x axes; training customers are in hash order."""
Labels = NDArray[np.intp]
"""Index of a centre per customer, from 0."""
SegmentIds = NDArray[np.intp]
"""Segment id per customer, from 1; 0 for a customer without one."""

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


def cluster_means(matrix: Matrix, labels: Labels, k: int) -> Matrix:
    """Mean point of each cluster 0 to k - 1 (k x axes), none empty; added in row order, alike on every machine."""
    sums = np.column_stack([np.bincount(labels, weights=axis, minlength=k) for axis in matrix.T])
    means: Matrix = sums / np.bincount(labels, minlength=k)[:, None]
    return means


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
