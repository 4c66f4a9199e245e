"""Moves out of the local optima in which Lloyd's iterations end.

What a move is worth is estimated for all clusters at once, while every other centre stays: a survey says
what removing each centre costs and what splitting each cluster gains. The most promising moves become
trial centres; which of them is really better is for Lloyd's iterations to say.

Splits grow a solution (Likas, Vlassis & Verbeek 2003, the global k-means), removals and merges shrink one
(Equitz 1989; merging two clusters costs what Ward 1963 says), a swap does one of each (Franti & Kivijarvi
2000), and breathing adds several centres before it takes as many away (Fritzke 2020). The smallest move
counts one point to another cluster (Hartigan & Wong 1979); the largest puts a centre on any point, where there are
few.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seg_spark.clustering.lloyd import Stack, WeightedPoints, converge, with_offsets
from seg_spark.clustering.points import Labels, Matrix

CANDIDATES: Final = 8
"""So many of the most promising splits, removals and merges are tried."""
_SWAPS: Final = 24
_POWER_STEPS: Final = 2
_TWO_MEANS_STEPS: Final = 3
SMALLEST: Final = float(np.finfo(np.float64).tiny)
"""Instead of 0 as a divisor."""
_BREATHS: Final = (2, 3)
_STEPS_BETWEEN_BREATHS: Final = 3


@dataclass(frozen=True, eq=False)
class Survey:
    """What removing each of k centres would cost and what splitting its cluster would gain, others staying.

    labels: n, the nearest centre of each point. sizes, removal_costs, split_gains: k. halves: k x 2 x axes,
    the means of the two halves of each cluster.
    """

    centres: Matrix
    labels: Labels
    sizes: NDArray[np.float64]
    removal_costs: NDArray[np.float64]
    split_gains: NDArray[np.float64]
    halves: Stack


def survey(points: WeightedPoints, centres: Matrix) -> Survey:
    """The survey of centres (k x axes). Removing the only centre costs infinitely much."""
    labels, removal_costs = _removal_costs(points, centres)
    members = np.zeros((len(centres), len(labels)))
    members[labels, np.arange(len(labels))] = points.weights
    sizes = members.sum(axis=1)
    halves, gains = _halves(points.columns[:-1] - centres.T[:, labels], labels, members, sizes)
    return Survey(centres, labels, sizes, removal_costs, gains, centres[:, None, :] + halves)


def _removal_costs(points: WeightedPoints, centres: Matrix) -> tuple[Labels, NDArray[np.float64]]:
    """Each point's nearest centre, and what every cluster's points would pay for their second nearest."""
    scores = with_offsets(centres) @ points.columns
    everyone = np.arange(scores.shape[1])
    labels: Labels = scores.argmax(axis=0)
    best = scores[labels, everyone]
    scores[labels, everyone] = -np.inf
    costs = np.zeros(len(centres))
    np.add.at(costs, labels, 2 * points.weights * (best - scores.max(axis=0)))
    return labels, costs


def _halves(
    residuals: Matrix, labels: Labels, members: Matrix, sizes: NDArray[np.float64]
) -> tuple[Stack, NDArray[np.float64]]:
    """Means of the two halves of every cluster, relative to its centre (k x 2 x axes), and what the splits gain.

    A cluster is cut at its centre across about its principal axis (two steps of power iteration, begun with its
    widest axis); three steps of 2-means follow. residuals: axes x n. members: k x n, the weights of a cluster's points.
    """
    k, axes = len(sizes), len(residuals)
    held = np.maximum(sizes, SMALLEST)[:, None]
    direction = np.zeros((k, axes))
    direction[np.arange(k), (members @ (residuals**2).T).argmax(axis=1)] = 1.0
    for _ in range(_POWER_STEPS):
        along = (residuals * direction.T[:, labels]).sum(axis=0)
        direction = members @ (residuals * along).T
        lengths = np.sqrt((direction**2).sum(axis=1, keepdims=True))
        direction = np.divide(direction, lengths, out=np.zeros_like(direction), where=lengths > 0)
    totals = members @ residuals.T
    threshold = np.zeros(k)
    for _ in range(_TWO_MEANS_STEPS + 1):
        right = (residuals * direction.T[:, labels]).sum(axis=0) > threshold[labels]
        right_members = members * right
        right_sizes = right_members.sum(axis=1)[:, None]
        left_sizes = held - right_sizes
        right_sums = right_members @ residuals.T
        both = (right_sizes > 0) & (left_sizes > 0)
        right_means = np.divide(right_sums, right_sizes, out=np.zeros((k, axes)), where=both)
        left_means = np.divide(totals - right_sums, left_sizes, out=np.zeros((k, axes)), where=both)
        direction = right_means - left_means
        threshold = ((right_means + left_means) / 2 * direction).sum(axis=1)
    gains = (left_sizes * right_sizes / held)[:, 0] * (direction**2).sum(axis=1)
    return np.stack([left_means, right_means], axis=1), gains


def splits(found: Survey, count: int = CANDIDATES) -> Stack:
    """Sets of k + 1 centres: one cluster split, the best `count` of those that gain."""
    chosen = _best_splits(found, count)
    return _stack([_split(found, [cluster]) for cluster in chosen], len(found.centres) + 1, found)


def split_many(found: Survey, count: int) -> Stack:
    """One set of centres with the `count` best clusters split at once; fewer where fewer gain."""
    return _split(found, _best_splits(found, count))[None]


def removals(found: Survey) -> Stack:
    """Sets of k - 1 centres: one of the cheapest removed, or two of the cheapest merged."""
    k = len(found.centres)
    cheapest = np.argsort(found.removal_costs, kind="stable")[:CANDIDATES]
    without = [np.delete(found.centres, centre, axis=0) for centre in cheapest]
    merged = [merge(found.centres, found.sizes, *pair)[0] for pair in cheapest_merges(found.centres, found.sizes)]
    return _stack(without + merged, k - 1, found)


def swaps(found: Survey) -> Stack:
    """Sets of k centres: one of the cheapest removed and another cluster split, the most promising pairs."""
    removable = np.argsort(found.removal_costs, kind="stable")[:CANDIDATES]
    pairs = [
        (found.removal_costs[centre] - found.split_gains[cluster], int(centre), cluster)
        for centre in removable
        for cluster in _best_splits(found, CANDIDATES)
        if centre != cluster
    ]
    swapped = [np.delete(_split(found, [cluster]), centre, axis=0) for _, centre, cluster in sorted(pairs)[:_SWAPS]]
    return _stack(swapped, len(found.centres), found)


def jumps(points: WeightedPoints, found: Survey) -> Stack:
    """k times n sets of k centres: each of them put on each of the points. For few points."""
    k, n = len(found.centres), len(points)
    sets = np.tile(found.centres, (k, n, 1, 1))
    centre = np.arange(k)
    sets[centre, :, centre] = points.columns[:-1].T
    return sets.reshape(k * n, k, -1)


def point_moves(points: WeightedPoints, found: Survey, least_gain: float) -> Stack:
    """Sets of k centres: one point counted to another cluster, where that lowers the cost by more than `least_gain`.

    A point that leaves or joins a small cluster shifts its mean, which can be worth a move that Lloyd's
    iterations, with their means as they are, do not see (Hartigan & Wong 1979).
    """
    weights, own, everyone = points.weights, found.labels, np.arange(len(points))
    squared = np.maximum(points.squares - 2 * (with_offsets(found.centres) @ points.columns), 0.0)
    left = found.sizes[own] - weights
    shifted = np.divide(weights * found.sizes[own], left, out=np.zeros(len(points)), where=left > 0)
    leaving = shifted * squared[own, everyone]
    joining = squared * (weights * found.sizes[:, None] / (weights + found.sizes[:, None]))
    joining[own, everyone] = np.inf
    target = joining.argmin(axis=0)
    gains = leaving - joining[target, everyone]
    moved = []
    for point in np.argsort(-gains, kind="stable")[:CANDIDATES]:
        if gains[point] > max(least_gain, 0.0):  # rounding may give a cost below zero
            centres, here, there = found.centres.copy(), own[point], target[point]
            coordinates, joined = points.columns[:-1, point], weights[point] + found.sizes[there]
            centres[here] += weights[point] / left[point] * (centres[here] - coordinates)
            centres[there] += weights[point] / joined * (coordinates - centres[there])
            moved.append(centres)
    return _stack(moved, len(found.centres), found)


def breaths(points: WeightedPoints, found: Survey) -> Stack:
    """Sets of k centres: two or three clusters split, a few steps, then the cheapest centres removed one by one."""
    results = []
    for count in _BREATHS:
        _, larger = converge(points, split_many(found, count), 0.0, _STEPS_BETWEEN_BREATHS)
        centres = larger[0]
        while len(centres) > len(found.centres):
            centres = np.delete(centres, _removal_costs(points, centres)[1].argmin(), axis=0)
        results.append(centres)
    return np.array(results)


def cheapest_merges(centres: Matrix, sizes: NDArray[np.float64], count: int = CANDIDATES) -> list[tuple[int, int]]:
    """The pairs of clusters whose merging costs least: n_i n_j / (n_i + n_j) |m_i - m_j|^2."""
    first, second = np.triu_indices(len(centres), 1)
    apart = ((centres[first] - centres[second]) ** 2).sum(axis=1)
    costs = sizes[first] * sizes[second] / np.maximum(sizes[first] + sizes[second], SMALLEST) * apart
    return [(int(first[pair]), int(second[pair])) for pair in np.argsort(costs, kind="stable")[:count]]


def merge(centres: Matrix, sizes: NDArray[np.float64], one: int, other: int) -> tuple[Matrix, NDArray[np.float64]]:
    """The centres and sizes with two clusters merged into one at their common mean."""
    both = sizes[one] + sizes[other]
    joined = centres.copy()
    if both > 0:
        joined[one] = (sizes[one] * centres[one] + sizes[other] * centres[other]) / both
    grown = sizes.copy()
    grown[one] = both
    return np.delete(joined, other, axis=0), np.delete(grown, other)


def _best_splits(found: Survey, count: int) -> list[int]:
    order = np.argsort(-found.split_gains, kind="stable")[:count]
    return [int(cluster) for cluster in order if found.split_gains[cluster] > 0]


def _split(found: Survey, clusters: list[int]) -> Matrix:
    """The centres with these clusters split: the first halves in the places of the clusters, the second at the end."""
    centres = found.centres.copy()
    centres[clusters] = found.halves[clusters, 0]
    return np.vstack([centres, found.halves[clusters, 1]])


def _stack(sets: list[Matrix], k: int, found: Survey) -> Stack:
    return np.array(sets) if sets else np.empty((0, k, found.centres.shape[1]))
