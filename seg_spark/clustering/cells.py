"""A large table as a few thousand weighted points, on which a search for centres costs little.

Space is cut into cells, always where the points differ most: a cell with a large sum of squares is cut
at the mean of its widest axis, as in variance-based colour quantisation (Wan, Prusinkiewicz & Wong 1990);
k-means on the means of such cells is the recursive-partition approximation of Capo, Perez & Lozano
(2017). Equal points share a cell, and a far outlier soon has one of its own.
"""

import numpy as np
from numpy.typing import NDArray

from seg_spark.clustering.points import Labels, Matrix


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
