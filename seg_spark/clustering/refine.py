"""Improving a fit on the training matrix. No Spark here.

MLlib pays a Spark job per Lloyd iteration, and where it ends depends on where it started. On the
driver's matrix both are cheap to mend: iterate to convergence, then look for a centre that is worth
more elsewhere. Taking away centre i costs what its points pay for their second nearest centre;
splitting cluster j in two gains what its halves have nearer to their own means. The pairs that promise
most are tried, and the best stands if it is better. Nothing here is random, and the within sum of squares never rises.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seg_spark.clustering.points import Matrix, cheapest_other, cluster_means, nearest_centre, two_nearest

MAX_ITERATIONS: Final = 1_000
MAX_SWAPS: Final = 100
MAX_MOVES: Final = 100
_CANDIDATES: Final = 5
_TRIAL_ITERATIONS: Final = 4
_LEAST_GAIN: Final = 1e-7
"""What a swap or a move must gain, as a share of the within sum of squares."""


def refine(matrix: Matrix, centres: Matrix) -> Matrix:
    """Centres (k x axes) with a within sum of squares at most that of `centres`: converged, and no swap helps."""
    best = _settle(matrix, converge(matrix, centres))
    cost = _cost(matrix, best)
    for _ in range(MAX_SWAPS):
        trials = [converge(matrix, swapped, _TRIAL_ITERATIONS) for swapped in _promising_swaps(matrix, best)]
        if not trials:
            break
        closest = min(trials, key=lambda trial: _cost(matrix, trial))
        candidate = _settle(matrix, converge(matrix, closest))
        candidate_cost = _cost(matrix, candidate)
        if candidate_cost >= cost * (1 - _LEAST_GAIN):
            break
        best, cost = candidate, candidate_cost
    return best


def converge(matrix: Matrix, centres: Matrix, iterations: int = MAX_ITERATIONS) -> Matrix:
    """Lloyd iterations from `centres` (k x axes) until no point changes its cluster.

    A centre that loses its last point stays where it is. Returns the means of the final clusters.
    """
    labels, _ = nearest_centre(matrix, centres)
    for _ in range(iterations):
        means, sizes = cluster_means(matrix, labels, len(centres))
        centres = np.where(sizes[:, None] > 0, means, centres)
        moved, _ = nearest_centre(matrix, centres)
        if np.array_equal(moved, labels):
            break
        labels = moved
    return centres


def _settle(matrix: Matrix, centres: Matrix) -> Matrix:
    """Move single points while that lowers the cost, then converge again (Hartigan & Wong 1979).

    Lloyd compares distances to the means as they are; a point that leaves or joins a small cluster
    shifts its mean, which can be worth a move that Lloyd does not see.
    """
    k = len(centres)
    for _ in range(MAX_MOVES):
        labels, least = nearest_centre(matrix, centres)
        sizes = np.bincount(labels, minlength=k).astype(np.float64)
        if not sizes.all():
            break  # a centre without points has no mean to speak of
        own = sizes[labels]
        leaving = np.where(own > 1, least * own / np.maximum(own - 1, 1), 0.0)
        target, joining = cheapest_other(matrix, centres, labels, sizes / (sizes + 1))
        gains = leaving - joining
        point = int(gains.argmax())
        if gains[point] <= _LEAST_GAIN * least.sum():
            break
        labels[point] = target[point]
        centres = converge(matrix, cluster_means(matrix, labels, k)[0])
    return centres


def _promising_swaps(matrix: Matrix, centres: Matrix) -> Iterator[Matrix]:
    """Centres with one taken away and another split, for the pairs that promise most.

    Also those that promise a loss: both figures are estimates that leave the other centres where
    they are, and a few Lloyd iterations often turn a small loss into a gain.
    """
    k = len(centres)
    labels, least, second = two_nearest(matrix, centres)
    costs = np.bincount(labels, weights=second - least, minlength=k)
    halves = [_split(matrix[labels == cluster]) for cluster in range(k)]
    gains = np.array([gain for gain, _ in halves])
    removable = np.argsort(costs, kind="stable")[:_CANDIDATES]
    splittable = np.argsort(-gains, kind="stable")[:_CANDIDATES]
    pairs = sorted((costs[i] - gains[j], int(i), int(j)) for i in removable for j in splittable if i != j)
    for _, i, j in pairs:
        swapped = centres.copy()
        swapped[j], swapped[i] = halves[j][1]
        yield swapped


def _split(members: Matrix) -> tuple[float, NDArray[np.float64]]:
    """The gain of splitting a cluster in two, and the two means: along its principal axis, then three 2-means steps."""
    mean = members.mean(axis=0) if len(members) else np.zeros(members.shape[1])
    if len(members) < 2:
        return 0.0, np.array([mean, mean])
    centred = members - mean
    _, axes = np.linalg.eigh(centred.T @ centred)
    right = centred @ axes[:, -1] > 0
    halves = np.array([mean, mean])
    for _ in range(3):
        if right.all() or not right.any():
            return 0.0, np.array([mean, mean])
        halves = np.array([members[~right].mean(axis=0), members[right].mean(axis=0)])
        nearest, _ = nearest_centre(members, halves)
        right = nearest == 1
    if right.all() or not right.any():
        return 0.0, np.array([mean, mean])
    halves = np.array([members[~right].mean(axis=0), members[right].mean(axis=0)])
    sizes = np.array([(~right).sum(), right.sum()])
    return float((sizes * ((halves - mean) ** 2).sum(axis=1)).sum()), halves


def _cost(matrix: Matrix, centres: Matrix) -> float:
    return float(nearest_centre(matrix, centres)[1].sum())
