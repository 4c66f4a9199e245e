"""Prediction strength: what one half of the customers says about the other."""

import itertools

import numpy as np
import pytest

from seg_spark.clustering.points import Labels, Matrix, nearest_centre
from seg_spark.clustering.scores import _least_share_kept, prediction_strengths
from seg_spark.clustering.search import approximate_centres


def groups(count: int, spread: float, per_group: int = 100) -> Matrix:
    generator = np.random.default_rng(4)
    centres = np.array([[10.0 * i, 25.0 * (i % 2)] for i in range(count)])
    points = np.concatenate([generator.normal(centre, spread, (per_group, 2)) for centre in centres])
    return points[generator.permutation(len(points))]


def test_both_halves_agree_on_groups_that_are_there_and_on_no_more() -> None:
    strengths = prediction_strengths(groups(4, 1.0), range(2, 9))
    assert strengths[4] == 1.0
    assert all(strength is not None and strength < 0.8 for k, strength in strengths.items() if k > 4)


def test_the_centres_of_a_half_are_as_good_on_many_axes_of_noise() -> None:
    generator = np.random.default_rng(0)
    group = generator.choice(4, 2_000)
    told = [np.array([0, 3, 6, 9])[generator.permutation(4)][group] + generator.normal(size=2_000) for _ in range(10)]
    points = np.column_stack([*told, generator.normal(size=(2_000, 46)) * 3])
    own = np.array([points[group == one].mean(axis=0) for one in range(4)])
    least = nearest_centre(points, own)[1].sum()
    assert nearest_centre(points, approximate_centres(points, 6)[4])[1].sum() <= least


def test_both_halves_disagree_where_there_are_no_groups() -> None:
    strengths = prediction_strengths(np.random.default_rng(1).normal(size=(3_000, 4)), range(3, 7))
    assert all(strength is not None and strength < 0.7 for strength in strengths.values())


def share_of_pairs(clusters: Labels, others: Labels) -> float:
    shares = []
    for cluster in np.unique(clusters):
        pairs = list(itertools.combinations(others[clusters == cluster], 2))
        if pairs:
            shares.append(sum(one == other for one, other in pairs) / len(pairs))
    return min(shares)


@pytest.mark.parametrize("seed", range(5))
def test_the_share_is_that_of_counted_pairs(seed: int) -> None:
    generator = np.random.default_rng(seed)
    clusters, others = generator.integers(0, 4, 60), generator.integers(0, 4, 60)
    clusters[0], clusters[clusters == 3] = 3, 2  # one customer alone has no pair
    assert _least_share_kept(clusters, others, 4) == pytest.approx(share_of_pairs(clusters, others), rel=1e-12)


def test_a_half_with_fewer_distinct_points_than_k_says_nothing() -> None:
    points = np.repeat([[0.0], [1.0], [5.0]], 10, axis=0)
    assert prediction_strengths(points, range(2, 6)) == {2: 1.0, 3: 1.0, 4: None, 5: None}
    assert prediction_strengths(points[:3], range(2, 4)) == {2: None, 3: None}


def test_it_is_the_same_when_run_again() -> None:
    points = groups(3, 6.0)
    assert prediction_strengths(points, range(2, 6)) == prediction_strengths(points, range(2, 6))
