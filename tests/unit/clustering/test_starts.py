"""The centres at which a search begins: exact ones on one axis, drawn ones elsewhere."""

import itertools

import numpy as np
import pytest

from seg_spark.clustering.lloyd import WeightedPoints, best_intervals, drawn_starts


def weighted(seed: int, axes: int) -> WeightedPoints:
    generator = np.random.default_rng(seed)
    points, customers = generator.lognormal(0, 1.5, (9, axes)), generator.integers(1, 40, 9).astype(float)
    return WeightedPoints.of(points - np.average(points, axis=0, weights=customers), customers)


@pytest.mark.parametrize("seed", range(6))
def test_on_one_axis_they_are_the_means_of_the_best_of_all_intervals(seed: int) -> None:
    points = weighted(seed, 1)
    ordered = points.moments[points.columns[0].argsort()]
    found = [starts[0] for starts in best_intervals(points, 9)]
    assert [len(centres) for centres in found] == list(range(1, 10))
    for k, centres in enumerate(found, start=1):
        ways = [np.split(ordered, cuts) for cuts in itertools.combinations(range(1, 9), k - 1)]
        best = max(ways, key=lambda way: sum(part[:, 0].sum() ** 2 / part[:, 1].sum() for part in way))
        means = [part[:, 0].sum() / part[:, 1].sum() for part in best]
        np.testing.assert_allclose(centres[:, 0], means, rtol=1e-12, atol=1e-15)


def test_drawn_ones_are_different_points_and_the_same_in_every_run() -> None:
    points = weighted(0, 3)
    known = {tuple(place) for place in points.columns[:-1].T}
    for k, (starts, again) in enumerate(zip(drawn_starts(points, 9, 50), drawn_starts(points, 9, 50), strict=True), 1):
        np.testing.assert_array_equal(starts, again)
        assert starts.shape == (50, k, 3)
        for centres in starts:
            assert len({tuple(one) for one in centres} & known) == k


def test_far_groups_are_drawn_one_by_one() -> None:
    groups = np.repeat([[-100.0, 0.0], [0.0, 100.0], [100.0, -100.0]], 20, axis=0)
    spread = groups + np.random.default_rng(1).normal(0, 0.1, groups.shape)
    *_, starts = drawn_starts(WeightedPoints.of(spread - spread.mean(axis=0)), 3, 50)
    in_groups = ((starts[:, :, None] + spread.mean(axis=0) - groups[::20]) ** 2).sum(axis=3).argmin(axis=2)
    assert (np.sort(in_groups, axis=1) == [0, 1, 2]).all()
