"""Centres at which a search begins, k by k: drawn from the points, or on a single axis the best there are."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seg_spark.clustering.lloyd import Stack, WeightedPoints


def drawn_starts(points: WeightedPoints, largest: int, count: int) -> Iterator[Stack]:
    """For k = 1, 2, ... to the largest `count` sets of k of the points, drawn as k-means++ does: each with a chance in
    proportion to its weight and its squared distance to the nearest one before (Arthur & Vassilvitskii 2007).

    They are always the same: the generator is fixed, and numpy promises that its numbers never change (NEP 19).
    """
    generator = np.random.RandomState(0)
    places = points.columns[:-1].T
    chances = np.tile(points.weights, (count, 1))
    nearest = np.full(chances.shape, np.inf)
    drawn: list[NDArray[np.intp]] = []
    for _ in range(largest):
        upto = np.cumsum(chances, axis=1)
        reached = (upto <= generator.random_sample((count, 1)) * upto[:, -1:]).sum(axis=1)
        drawn.append(np.minimum(reached, len(places) - 1))
        own = places[drawn[-1]]
        apart = points.squares + (own**2).sum(axis=1, keepdims=True) - 2 * own @ points.columns[:-1]
        nearest = np.minimum(nearest, np.maximum(apart, 0.0))
        chances = nearest * points.weights
        yield places[np.stack(drawn, axis=1)]


def best_intervals(points: WeightedPoints, largest: int) -> Iterator[Stack]:
    """For k = 1, 2, ... to the largest one set of k centres on a single axis: the means of the best clusters.

    On one axis clusters are intervals, and the best k of them are the last one and the best k - 1 of the points before
    it (Fisher 1958). n points take n times n numbers.
    """
    ordered = points.moments[np.argsort(points.columns[0], kind="stable")]
    upto = np.vstack([np.zeros(2), np.cumsum(ordered, axis=0)])
    n = len(points)
    begins, ends = np.triu_indices(n)
    held = upto[ends + 1] - upto[begins]
    between = np.full((n, n), -np.inf)  # by the first and the last point of an interval
    between[begins, ends] = held[:, 0] ** 2 / held[:, 1]
    best, first_of_last = between[0], [np.zeros(n, dtype=np.intp)]
    for k in range(1, largest + 1):
        if k > 1:
            totals = best[:-1, None] + between[1:]
            first_of_last.append(totals.argmax(axis=0) + 1)
            best = totals.max(axis=0)
        bounds = [n]
        for firsts in reversed(first_of_last):
            bounds.append(firsts[bounds[-1] - 1])
        sums = np.diff(upto[bounds[::-1]], axis=0)
        yield (sums[:, :1] / sums[:, 1:])[None]
