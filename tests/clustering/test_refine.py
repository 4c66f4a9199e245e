"""Refinement on the matrix, and the nearest centre that everything rests on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from seg_spark.clustering.points import (
    Matrix,
    cheapest_other,
    cluster_means,
    distinct_points,
    nearest_centre,
    two_nearest,
)
from seg_spark.clustering.refine import converge, refine


def cost(points: Matrix, centres: Matrix) -> float:
    return float(nearest_centre(points, centres)[1].sum())


def groups(per_group: int = 60, axes: int = 3, seed: int = 1) -> Matrix:
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, 6, (5, axes))
    return np.concatenate([generator.normal(centre, 1.0, (per_group, axes)) for centre in centres])


points_and_k = st.tuples(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=5, max_size=40).map(
        lambda rows: np.array(rows, dtype=float)
    ),
    st.integers(2, 5),
)


@given(points_and_k)
@examples(max_examples=80, derandomize=True, deadline=None)
def test_converging_never_costs_more_and_ends_where_nothing_moves(drawn: tuple[Matrix, int]) -> None:
    points, k = drawn
    start = points[:k] + np.arange(k)[:, None] * 0.25
    centres = converge(points, start)
    assert centres.shape == (k, 2)
    assert np.isfinite(centres).all()
    assert cost(points, centres) <= cost(points, start) * (1 + 1e-12)
    np.testing.assert_array_equal(converge(points, centres), centres)


@given(points_and_k)
@examples(max_examples=100, derandomize=True, deadline=None)
def test_every_centre_with_customers_is_their_mean(drawn: tuple[Matrix, int]) -> None:
    points, k = drawn
    centres = converge(points, points[:k])
    labels, _ = nearest_centre(points, centres)
    for cluster in np.unique(labels):
        np.testing.assert_allclose(centres[cluster], points[labels == cluster].mean(axis=0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_it_ends_where_scikit_learn_ends_from_the_same_start(k: int) -> None:
    points = groups()
    start = points[:: len(points) // k][:k]
    expected = KMeans(k, init=start, n_init=1, max_iter=1000, tol=0, algorithm="lloyd").fit(points)
    np.testing.assert_allclose(converge(points, start), expected.cluster_centers_, rtol=1e-9)


def test_a_bad_start_is_improved() -> None:
    points = groups()
    start = points[:5]  # all in one group
    assert cost(points, converge(points, start)) < cost(points, start) / 2


def test_a_centre_that_loses_its_customers_stays_where_it_is() -> None:
    points = np.array([[0.0], [1.0], [10.0], [11.0]])
    lost = 500.0
    centres = converge(points, np.array([[0.0], [lost], [11.0]]))
    np.testing.assert_array_equal(centres, [[0.5], [lost], [10.5]])


def test_the_start_is_left_as_it_was() -> None:
    points = groups()
    start = points[:3].copy()
    before = start.copy()
    converge(points, start)
    np.testing.assert_array_equal(start, before)


def test_the_same_customers_in_another_order_give_the_same_centres() -> None:
    points, order = groups(), np.random.default_rng(3).permutation(300)
    start = points[::60]
    np.testing.assert_allclose(converge(points[order], start), converge(points, start), rtol=1e-12)


@given(points_and_k)
@examples(max_examples=80, derandomize=True, deadline=None)
def test_refining_never_costs_more_than_converging_and_ends_where_nothing_moves(drawn: tuple[Matrix, int]) -> None:
    points, k = drawn
    start = points[:k] + np.arange(k)[:, None] * 0.25
    centres = refine(points, start)
    assert centres.shape == (k, 2)
    assert np.isfinite(centres).all()
    assert cost(points, centres) <= cost(points, converge(points, start)) * (1 + 1e-12)
    np.testing.assert_array_equal(converge(points, centres), centres)
    np.testing.assert_array_equal(refine(points, centres), centres)


def test_a_centre_is_swapped_to_where_it_is_worth_more() -> None:
    far_apart = np.array([[0.0], [1.0], [50.0], [51.0], [100.0], [101.0]])
    start = np.array([[0.0], [1.0], [75.0]])  # two centres in one group, one between the two others
    np.testing.assert_array_equal(np.sort(converge(far_apart, start), axis=0), [[0.0], [1.0], [75.5]])
    np.testing.assert_array_equal(np.sort(refine(far_apart, start), axis=0), [[0.5], [50.5], [100.5]])


def test_a_single_customer_is_moved_where_that_shifts_both_means_for_the_better() -> None:
    points = np.array([[0.0], [5.0], [7.0], [8.0], [10.0]])
    start = points[:3]
    assert cost(points, converge(points, start)) == pytest.approx(14 / 3)  # {7, 8, 10} stays together
    assert cost(points, refine(points, start)) == pytest.approx(4.0)  # {5, 7} {8, 10}


@pytest.mark.parametrize("k", [3, 6, 9])
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_from_a_bad_start_it_comes_as_far_as_scikit_learn_with_many_starts(k: int, seed: int) -> None:
    points = groups(per_group=40, seed=seed)
    many = KMeans(k, n_init=20, random_state=0).fit(points).inertia_
    assert cost(points, refine(points, points[:k])) <= many * 1.01


@pytest.mark.parametrize("seed", [59, 73])
def test_a_swap_that_costs_more_is_not_kept(seed: int) -> None:
    points = np.random.default_rng(seed).integers(-9, 10, (20, 2)).astype(float)
    many = KMeans(2, n_init=20, random_state=0).fit(points).inertia_
    assert cost(points, refine(points, points[:2])) == pytest.approx(many, rel=1e-9)


def test_refining_is_the_same_to_the_bit_when_done_again_and_leaves_its_start() -> None:
    points = groups(seed=2)
    start = points[:6].copy()
    np.testing.assert_array_equal(refine(points, start), refine(points, start))
    np.testing.assert_array_equal(start, points[:6])


def test_as_many_centres_as_distinct_points_end_on_them() -> None:
    points = np.repeat([[0.0, 0.0], [5.0, 5.0], [9.0, 0.0]], 4, axis=0)
    centres = refine(points, np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]]))
    assert sorted(map(tuple, centres)) == [(0.0, 0.0), (5.0, 5.0), (9.0, 0.0)]


def test_the_two_nearest_centres_of_more_customers_than_one_block() -> None:
    generator = np.random.default_rng(5)
    points, centres = generator.normal(size=(70_000, 2)), generator.normal(size=(6, 2))
    labels, least, second = two_nearest(points, centres)
    ordered = np.sort(cdist(points, centres, "sqeuclidean"), axis=1)
    np.testing.assert_array_equal(labels, nearest_centre(points, centres)[0])
    np.testing.assert_array_equal(least, ordered[:, 0])
    np.testing.assert_array_equal(second, ordered[:, 1])


def test_the_cheapest_other_centre_is_never_the_own_one() -> None:
    generator = np.random.default_rng(6)
    points, centres, factors = generator.normal(size=(70_000, 2)), generator.normal(size=(5, 2)), np.arange(1.0, 6.0)
    labels, _ = nearest_centre(points, centres)
    chosen, product = cheapest_other(points, centres, labels, factors)
    costs = cdist(points, centres, "sqeuclidean") * factors
    assert (chosen != labels).all()
    np.testing.assert_array_equal(product, costs[np.arange(len(points)), chosen])
    others = np.where(np.arange(5) == labels[:, None], np.inf, costs)
    np.testing.assert_array_equal(product, others.min(axis=1))


def test_the_nearest_centre_of_equals_is_the_first() -> None:
    labels, squared = nearest_centre(
        np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[2.0, 0.0], [-2.0, 0.0], [2.0, 0.0]])
    )
    assert labels.tolist() == [0, 0]
    assert squared.tolist() == [4.0, 1.0]


def test_the_nearest_centre_is_found_for_more_customers_than_one_block() -> None:
    generator = np.random.default_rng(4)
    points, centres = generator.normal(size=(70_000, 2)), generator.normal(size=(7, 2))
    labels, squared = nearest_centre(points, centres)
    distances = cdist(points, centres, "sqeuclidean")
    np.testing.assert_array_equal(labels, distances.argmin(axis=1))
    np.testing.assert_array_equal(squared, distances.min(axis=1))


def test_means_and_sizes_of_clusters_with_an_empty_one_between() -> None:
    means, sizes = cluster_means(np.array([[1.0, 5.0], [3.0, 5.0], [9.0, 0.0]]), np.array([0, 0, 2]), 4)
    assert sizes.tolist() == [2, 0, 1, 0]
    np.testing.assert_array_equal(means[[0, 2]], [[2.0, 5.0], [9.0, 0.0]])
    assert np.isnan(means[[1, 3]]).all()


def test_points_that_are_equal_on_every_axis_count_once() -> None:
    assert distinct_points(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 3.0], [2.0, 1.0], [2.0, 2.0]])) == 4
