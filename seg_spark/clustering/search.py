"""The best centres known for every k of a range: a search on the training matrix, without chance.

A single k-means start ends up to a fifth above the best sum of squares that is known for a real table.
Here every k is reached from several sides - from k - 1 by splitting, from k + 1 by removing, from larger
k by merging, and from drawn starts that are always the same - and improved by moves (see `moves`) until none
of them gains. A table of many rows is searched on weighted cells (see `points`); Lloyd's iterations on all
rows finish it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from seg_spark.clustering.lloyd import Stack, WeightedPoints, best_intervals, converge, drawn_starts, finish
from seg_spark.clustering.moves import (
    Survey,
    breaths,
    cheapest_merges,
    jumps,
    merge,
    point_moves,
    removals,
    split_many,
    splits,
    survey,
    swaps,
)
from seg_spark.clustering.points import Labels, Matrix, cluster_means, nearest_centre, weighted_cells

CELLS: Final = (4_000, 10_000)
"""A table of more rows is searched on so many weighted cells: more where there are more axes to cut."""
_CELLS_PER_AXIS: Final = 350
_FEW_CELLS: Final = 1_000
_BEYOND: Final = 3
"""The search goes so far above the largest k: what is learned there helps the ks below."""
_LEAST_GAIN: Final = 1e-6
"""A move must lower the within sum of squares by such a share."""
_LEAST_POINT_GAIN: Final = 1e-4
"""The move of one point such a share: in a large table less is not worth the steps that follow."""
_ROUNDING: Final = 1e-13
"""Differences below such a share of the total sum of squares are rounding."""
_EXCHANGE_ROUNDS: Final = 2
_LARGER: Final = 12
"""So many larger k offer their centres, joined, to a k."""
_DRAWN: Final = (20, 1_000)
"""So many starts are drawn for each k: more where they cost little because there are few points."""
_DRAWN_TIMES_POINTS: Final = 500_000
_FEW_POINTS: Final = 64
_MOST_IN_JUMPS: Final = 500_000
"""Up to so many distinct points, as answers on a scale have, every jump of a centre to a point is tried (of so many
coordinates in all): the moves that suffice elsewhere end in one of many optima."""
_FIRST_HEAT: Final = 10
_SECOND_HEAT: Final = 3
_STEPS_PER_HEAT: Final = 2


@dataclass(frozen=True, eq=False)
class Solution:
    """Centres (k x axes) at the means of their clusters of `points`, and the within sum of squares about them."""

    points: WeightedPoints
    centres: Matrix
    cost: float

    @cached_property
    def survey(self) -> Survey:
        """What moves of single centres promise."""
        return survey(self.points, self.centres)

    @cached_property
    def joined(self) -> Mapping[int, Matrix]:
        """Centres for smaller k: the cheapest pair of clusters merged again and again (Ward 1963)."""
        centres, sizes = self.centres, self.survey.sizes
        joined = {}
        while len(centres) > 1:
            centres, sizes = merge(centres, sizes, *cheapest_merges(centres, sizes, 1)[0])
            joined[len(centres)] = centres
        return joined


def search_centres(matrix: Matrix, ks: Sequence[int]) -> dict[int, Matrix]:
    """The best centres (k x axes) found for every k of `ks`, each at the mean of its customers.

    No k may be above the number of distinct points of the matrix. A larger k never has a higher within sum of squares.
    Empty where the sums of squares of the matrix are not finite. The same matrix gives the same centres: linear
    algebra is held to one thread meanwhile, because what is added up first depends on their number.
    """
    with threadpool_limits(1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
        origin = matrix.mean(axis=0)
        centred = matrix - origin
        everybody = WeightedPoints.of(centred)
        if not np.isfinite(everybody.total_ss):
            return {}
        axes = matrix.shape[1]
        cells = int(np.clip(_CELLS_PER_AXIS * axes, *CELLS)) if axes > 1 else _FEW_CELLS
        found = _search(_fewer_points(centred, cells), max(ks))
        starts = {k: found[min(k, max(found))].centres for k in sorted(ks)}
        return {k: centres + origin for k, centres in _finish_each(centred, everybody, starts).items()}


def approximate_centres(matrix: Matrix, largest_k: int) -> dict[int, Matrix]:
    """Good centres (k x axes) for every k from 1 in a fraction of the time: one split at a time on few cells, and
    Lloyd's iterations on all rows.

    Ends before `largest_k` where there are no more distinct points.
    """
    with threadpool_limits(1, user_api="blas"):
        origin = matrix.mean(axis=0)
        centred = matrix - origin
        chain = _growing_chain(_fewer_points(centred, _FEW_CELLS), largest_k)
        everybody = WeightedPoints.of(centred)
        return {k: finish(everybody, solution.centres) + origin for k, solution in chain.items()}


def continued_centres(matrix: Matrix, labels: Labels) -> Matrix | None:
    """The converged centres that a partition of the rows (any labels) leads to, in the order of the labels.

    None if a part loses all its points on the way.
    """
    parts, positions = np.unique(labels, return_inverse=True)
    with threadpool_limits(1, user_api="blas"):
        origin = matrix.mean(axis=0)
        moved = matrix - origin
        centres = finish(WeightedPoints.of(moved), cluster_means(moved, positions, len(parts)))
        nearest, _ = nearest_centre(moved, centres)
        if len(np.unique(nearest)) < len(parts):
            return None
        found: Matrix = cluster_means(moved, nearest, len(parts)) + origin
        return found


def _fewer_points(matrix: Matrix, limit: int) -> WeightedPoints:
    """The distinct points of a matrix, or the cells of one with more than `limit` rows."""
    if len(matrix) > limit:
        return WeightedPoints.of(*weighted_cells(matrix, limit))
    points, customers = np.unique(matrix, axis=0, return_counts=True)
    return WeightedPoints.of(points, customers.astype(np.float64))


def _finish_each(matrix: Matrix, everybody: WeightedPoints, starts: Mapping[int, Matrix]) -> dict[int, Matrix]:
    """The converged centres of every k, none without points, and none with a higher cost than a smaller k."""
    finished: dict[int, Matrix] = {}
    least, smaller = np.inf, None
    for k, start in starts.items():
        centres = _fill(matrix, everybody, start, k)
        cost = _within_ss(matrix, centres)
        if smaller is not None and cost >= least:
            centres = _fill(matrix, everybody, smaller, k)
            cost = _within_ss(matrix, centres)
        if smaller is not None and cost >= least:  # rounding spoils Lloyd's products
            centres = _with_furthest(matrix, smaller)
            cost = _within_ss(matrix, centres)
        finished[k] = smaller = centres
        least = cost
    return finished


def _within_ss(matrix: Matrix, centres: Matrix) -> float:
    return float(nearest_centre(matrix, centres)[1].sum())


def _with_furthest(matrix: Matrix, centres: Matrix) -> Matrix:
    """One more centre, on the point furthest from its own, and the means of the clusters about them all."""
    centres = np.vstack([centres, matrix[nearest_centre(matrix, centres)[1].argmax()]])
    labels, _ = nearest_centre(matrix, centres)
    used, positions = np.unique(labels, return_inverse=True)
    return cluster_means(matrix, positions, len(used))


def _fill(matrix: Matrix, everybody: WeightedPoints, centres: Matrix, k: int) -> Matrix:
    """Converged centres, k of them: a missing one, or one without points, is put on the point furthest from its own.

    They are fewer where no further point can be told from its centre but by rounding.
    """
    most_used, least = 0, np.inf
    while True:
        centres = finish(everybody, centres)
        labels, squared = nearest_centre(matrix, centres)
        used = np.bincount(labels, minlength=len(centres)) > 0
        if used.all() and len(centres) == k:
            return cluster_means(matrix, labels, k)
        cost = squared.sum()
        if squared.max() == 0 or (used.sum() <= most_used and cost >= least):
            return centres[used]
        most_used, least = max(most_used, used.sum()), min(least, cost)
        centres = np.vstack([centres[used], matrix[squared.argmax()]])


def _search(points: WeightedPoints, largest_k: int) -> dict[int, Solution]:
    """The best solution found for every k from 1 to the largest, and a few beyond."""
    largest = min(largest_k + _BEYOND, len(points))
    growing = _growing_chain(points, largest)
    shrinking = _shrinking_chain(points, growing)
    best = {k: min(solution, shrinking[k], key=lambda one: one.cost) for k, solution in growing.items()}
    for starts in _starts(points, max(best)):
        k, candidate = starts.shape[1], _best_of(points, starts)
        if _gains(candidate, best[k]):
            best[k] = _improve(points, candidate)
    offered: dict[int, list[Solution]] = {}
    for _ in range(_EXCHANGE_ROUNDS):
        if not _exchange(points, best, offered):
            break
    return best


def _starts(points: WeightedPoints, largest: int) -> Iterator[Stack]:
    if len(points.columns) == 2:  # one axis
        return best_intervals(points, largest)
    return drawn_starts(points, largest, int(np.clip(_DRAWN_TIMES_POINTS // len(points), *_DRAWN)))


def _growing_chain(points: WeightedPoints, largest: int) -> dict[int, Solution]:
    """From the mean of everybody one split at a time."""
    solution = _best_converged(points, np.zeros((1, 1, len(points.columns) - 1)))
    chain = {1: solution}
    while len(solution.centres) < largest:
        trials = splits(solution.survey)
        if not len(trials):
            break
        solution = _improve(points, _best_of(points, trials))
        chain[len(solution.centres)] = solution
    return chain


def _shrinking_chain(points: WeightedPoints, growing: dict[int, Solution]) -> dict[int, Solution]:
    """To the largest k by many splits at a time, and down again by one removal or merge at a time."""
    solution = growing[1]
    largest = max(growing)
    while len(solution.centres) < largest:
        k = len(solution.centres)
        solution = _best_converged(points, split_many(solution.survey, min(max(k // 2, 1), largest - k)))
        if len(solution.centres) == k:
            return growing
    chain = dict(growing)
    solution = chain[largest] = _improve(points, solution)
    for k in range(largest - 1, 1, -1):
        solution = chain[k] = _improve(points, _best_of(points, removals(solution.survey)))
    return chain


def _exchange(points: WeightedPoints, best: dict[int, Solution], offered: dict[int, list[Solution]]) -> bool:
    """Offer every k splits of k - 1, removals of k + 1 and joined centres of larger k; whether any k became better.

    `offered` remembers the solutions whose offers a k has already had.
    """
    improved = False
    for k in [*range(2, max(best) + 1), *range(max(best) - 1, 1, -1)]:
        larger = [best[other] for other in range(k + 1, k + 1 + _LARGER) if other in best]
        sources = [best[k - 1], *larger]
        if offered.get(k) == sources:
            continue
        offered[k] = sources
        offers = [splits(best[k - 1].survey)]
        if larger:
            offers += [removals(larger[0].survey), *(solution.joined[k][None] for solution in larger[1:])]
        candidate = _best_of(points, np.concatenate(offers))
        if _gains(candidate, best[k]):
            best[k] = _improve(points, candidate)
            improved = True
    return improved


def _improve(points: WeightedPoints, solution: Solution) -> Solution:
    """Swaps, breaths, moves of single points and, where points are few, jumps, while one of them gains."""
    while True:
        found = solution.survey
        offers = [swaps(found), breaths(points, found), point_moves(points, found, _LEAST_POINT_GAIN * solution.cost)]
        if len(points) <= _FEW_POINTS and len(points) * found.centres.size * len(found.centres) <= _MOST_IN_JUMPS:
            offers.append(jumps(points, found))
        for trials in offers:
            if len(trials) and _gains(candidate := _best_of(points, trials), solution):
                solution = candidate
                break
        else:
            return solution


def _gains(candidate: Solution, solution: Solution) -> bool:
    rounding = _ROUNDING * solution.points.total_ss
    return solution.cost - candidate.cost > max(_LEAST_GAIN * solution.cost, rounding)


def _best_of(points: WeightedPoints, trials: Stack) -> Solution:
    """The trial that ends best, converged: after a few steps only the best go on, as in a race with heats."""
    for keep in (_FIRST_HEAT, _SECOND_HEAT):
        if len(trials) > keep:
            costs, trials = converge(points, trials, 0.0, _STEPS_PER_HEAT)
            trials = trials[np.argsort(costs, kind="stable")[:keep]]
    return _best_converged(points, trials)


def _best_converged(points: WeightedPoints, trials: Stack) -> Solution:
    costs, centres = converge(points, trials, _LEAST_GAIN)
    best = int(costs.argmin())
    return Solution(points, centres[best], float(costs[best]))
