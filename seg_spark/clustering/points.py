"""Points, centres and labels as numpy arrays, and a large table as a few thousand weighted points. No Spark here.

For those, space is cut into cells, always where the points differ most: a cell with a large sum of squares is cut
at the mean of its widest axis, as in variance-based colour quantisation (Wan, Prusinkiewicz & Wong 1990);
k-means on the means of such cells is the recursive-partition approximation of Capo, Perez & Lozano
(2017). Equal points share a cell, and a far outlier soon has one of its own.
"""

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


def weighted_cells(matrix: Matrix, limit: int) -> tuple[Matrix, NDArray[np.float64]]:
    """Means (cells x axes) and sizes of at most `limit` cells that hold all points of a matrix (n x axes)."""
    cell = np.zeros(len(matrix), dtype=np.intp)
    sizes, means, spread = _moments(matrix, cell, 1)
    while len(sizes) < limit:
        within = spread.sum(axis=1)
        room = min(limit - len(sizes), max(len(sizes) // 2, 1))
        cut = np.argsort(-within, kind="stable")[:room]
        cut = cut[within[cut] > 0]
        if not len(cut):
            break
        place = np.full(len(sizes), -1)
        place[cut] = np.arange(len(cut))
        rows = np.flatnonzero(place[cell] >= 0)
        own = cell[rows]
        widest = spread.argmax(axis=1)
        above = matrix[rows, widest[own]] > means[own, widest[own]]
        halves = _moments(matrix[rows], 2 * place[own] + above, 2 * len(cut))
        divided = (halves[0][::2] > 0) & (halves[0][1::2] > 0)
        spread[cut[~divided]] = 0.0  # equal but for rounding
        new = np.cumsum(divided) - 1 + len(sizes)
        moving = above & divided[place[own]]
        cell[rows[moving]] = new[place[own[moving]]]
        for whole, half in zip((sizes, means, spread), halves, strict=True):
            whole[cut[divided]] = half[::2][divided]
        sizes, means, spread = (
            np.concatenate([whole, half[1::2][divided]])
            for whole, half in zip((sizes, means, spread), halves, strict=True)
        )
    return means, sizes


def _moments(matrix: Matrix, cell: Labels, cells: int) -> tuple[NDArray[np.float64], Matrix, Matrix]:
    """Size of every cell, and along each axis its mean and sum of squares; 0 for a cell without points."""
    sizes = np.bincount(cell, minlength=cells).astype(np.float64)
    means = np.empty((cells, matrix.shape[1]))
    spread = np.empty_like(means)
    for axis, values in enumerate(matrix.T):
        means[:, axis] = np.bincount(cell, weights=values, minlength=cells) / np.maximum(sizes, 1)
        spread[:, axis] = np.bincount(cell, weights=(values - means[cell, axis]) ** 2, minlength=cells)
    return sizes, means, spread
