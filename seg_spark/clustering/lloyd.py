"""Lloyd's iterations for many sets of centres at once, on weighted points, and the centres at which they begin.

One step assigns every point to its nearest centre and moves each centre to the mean of its points
(Lloyd 1982). For a point x the nearest centre c is the one with the largest x.c - |c|^2 / 2, so a
matrix product scores all centres of all sets, and a second product of "is the largest" with the
weighted points gives the sums and sizes of the clusters. Both are taken in blocks that stay in the
processor's cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seg_spark.clustering.points import Matrix

Stack = NDArray[np.float64]
"""Several sets of centres: sets x k x axes."""

MAX_STEPS: Final = 1_000
_BLOCK_SCORES: Final = 65_536
_SMALLEST_BLOCK: Final = 64
_IDLE_STEPS: Final = 100
_DOUBTFUL_SHARE: Final = 8
"""Most steps of `finish` use one in so many points."""


@dataclass(frozen=True, eq=False)
class WeightedPoints:
    """Points around their weighted mean, in the forms that the products need.

    columns: (axes + 1) x n, the coordinates and a row of ones. moments: n x (axes + 1), weight times
    coordinates, and the weight. squares: n, the squared length of each.
    """

    columns: Matrix
    moments: Matrix
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, matrix: Matrix, weights: NDArray[np.float64] | None = None) -> "WeightedPoints":
        """The points of a matrix (n x axes) whose weighted mean is 0; without `weights` each has weight 1."""
        given = np.ones(len(matrix)) if weights is None else weights
        columns = np.vstack([matrix.T, np.ones(len(matrix))])
        return cls(columns, np.ascontiguousarray((columns * given).T), (columns[:-1] ** 2).sum(axis=0))

    def __len__(self) -> int:
        return len(self.squares)

    @property
    def weights(self) -> NDArray[np.float64]:
        """How many customers each point represents."""
        return self.moments[:, -1]

    @cached_property
    def total_ss(self) -> float:
        """The weighted sum of squares about the mean."""
        return float((self.weights * self.squares).sum())

    def where(self, chosen: NDArray[np.bool_]) -> "WeightedPoints":
        """Some of the points."""
        rows = np.flatnonzero(chosen)
        return WeightedPoints(self.columns.take(rows, axis=1), self.moments.take(rows, axis=0), self.squares[rows])


def lloyd_step(points: WeightedPoints, stack: Stack) -> tuple[NDArray[np.float64], Stack]:
    """One step for every set: the within sum of squares of each set's clusters about their means, and the means.

    A centre without points stays where it is.
    """
    sets, k, axes = stack.shape
    sums = _cluster_sums(points, stack).reshape(sets, k, axes + 1)
    means = _means(sums, stack)
    between = (sums[..., :-1] * means).sum(axis=(1, 2))
    return points.total_ss - between, means


def _cluster_sums(points: WeightedPoints, stack: Stack) -> Matrix:
    """Weighted sums of the points nearest to each centre, and their weight: (sets * k) x (axes + 1)."""
    sets, k, axes = stack.shape
    scorers = with_offsets(stack.reshape(sets * k, axes))
    sums = np.zeros((sets * k, axes + 1))
    rows_per_block = max(_BLOCK_SCORES // (sets * k), _SMALLEST_BLOCK)
    for start in range(0, len(points), rows_per_block):
        rows = slice(start, start + rows_per_block)
        scores = (scorers @ points.columns[:, rows]).reshape(sets, k, -1)
        nearest = scores == scores.max(axis=1, keepdims=True)
        if np.count_nonzero(nearest) > sets * scores.shape[2]:
            _break_ties(nearest)
        sums += nearest.reshape(sets * k, -1).astype(np.float64) @ points.moments[rows]
    return sums


def _means(sums: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    sizes = sums[..., -1:]
    return np.divide(sums[..., :-1], sizes, out=centres.copy(), where=sizes > 0)


def converge(
    points: WeightedPoints, stack: Stack, least_gain: float, max_steps: int = MAX_STEPS
) -> tuple[NDArray[np.float64], Stack]:
    """Steps for every set until one lowers its sum of squares by less than the share `least_gain`.

    Returns the within sum of squares and the centres of each set.
    """
    costs, stack = lloyd_step(points, stack)
    moving = np.arange(len(stack))
    for _ in range(max_steps - 1):
        moved_costs, moved = lloyd_step(points, stack[moving])
        gains = costs[moving] - moved_costs
        costs[moving], stack[moving] = moved_costs, moved
        moving = moving[gains > least_gain * np.maximum(moved_costs, 0.0)]  # rounding may give one below zero
        if not len(moving):
            break
    return costs, stack


def finish(points: WeightedPoints, centres: Matrix) -> Matrix:
    """Steps until no point changes its cluster: the centres (k x axes) are then the means of their points.

    Where rounding decides, as between points that differ in the last digit or beside one that lies a billion times
    further out, they need not end there: they end when the sum of squares has not fallen for a while.

    A point whose second nearest centre is further away than its nearest by `lead` stays where it is until a
    centre has moved by half of that (the triangle inequality, as in Elkan 2003 and Hamerly 2010). The last steps
    move the centres by ever less, so most of them look only at the few points with the smallest leads.
    """
    most_between, idle = -np.inf, 0
    while True:
        start = centres
        sums, leads = _sums_and_leads(points, centres)
        one_in_so_many = len(leads) // _DOUBTFUL_SHARE
        reach = np.partition(leads, one_in_so_many)[one_in_so_many] / 2
        doubtful = points.where(leads <= 2 * reach)
        settled = sums - _cluster_sums(doubtful, centres[None])
        while True:
            sums = settled + _cluster_sums(doubtful, centres[None])
            moved = _means(sums, centres)
            between = float((sums[:, :-1] * moved).sum())
            idle = 0 if between > most_between else idle + 1
            if np.array_equal(moved, centres) or idle > _IDLE_STEPS:
                return centres
            most_between, centres = max(between, most_between), moved
            if not ((centres - start) ** 2).sum(axis=1).max() <= reach**2:
                break


def _sums_and_leads(points: WeightedPoints, centres: Matrix) -> tuple[Matrix, NDArray[np.float64]]:
    """The sums of the clusters of two or more centres, and for every point how much further away the second nearest
    centre is than the nearest."""
    scorers = with_offsets(centres)
    sums = np.zeros_like(scorers)
    leads = np.empty(len(points))
    rows_per_block = max(_BLOCK_SCORES // len(centres), _SMALLEST_BLOCK)
    for start in range(0, len(points), rows_per_block):
        rows = slice(start, start + rows_per_block)
        scores = scorers @ points.columns[:, rows]
        best = scores.max(axis=0)
        nearest = (scores == best)[None]
        if np.count_nonzero(nearest) > len(best):
            _break_ties(nearest)
        sums += nearest[0].astype(np.float64) @ points.moments[rows]
        np.copyto(scores, -np.inf, where=nearest[0])
        squared = np.maximum(points.squares[rows] - 2 * np.stack([scores.max(axis=0), best]), 0.0)
        second, first = np.sqrt(squared)
        leads[rows] = second - first
    return sums, leads


def with_offsets(centres: Matrix) -> Matrix:
    """Centres (k x axes) with -|c|^2 / 2 as one more column: times `columns` they score every point."""
    return np.hstack([centres, -(centres**2).sum(axis=1, keepdims=True) / 2])


def _break_ties(nearest: NDArray[np.bool_]) -> None:
    """Leave a point that is equally near to several centres of a set (sets x k x points) to the first of them."""
    tied_sets, tied_points = np.nonzero(nearest.sum(axis=1) > 1)
    first = nearest[tied_sets, :, tied_points].argmax(axis=1)
    nearest[tied_sets, :, tied_points] = False
    nearest[tied_sets, first, tied_points] = True


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
