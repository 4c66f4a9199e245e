"""Lloyd's iterations on weighted points, and the cells that stand for many points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from seg_spark.clustering.lloyd import WeightedPoints, converge, finish, lloyd_step
from seg_spark.clustering.points import Matrix, nearest_centre, weighted_cells


def groups(per_group: int = 60, axes: int = 3, seed: int = 1) -> Matrix:
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, 6, (5, axes))
    points = np.concatenate([generator.normal(centre, 1.0, (per_group, axes)) for centre in centres])
    return points - points.mean(axis=0)


def plain_step(matrix: Matrix, weights: NDArray[np.float64], centres: Matrix) -> tuple[float, Matrix]:
    labels, _ = nearest_centre(matrix, centres)
    means = centres.copy()
    cost = 0.0
    for cluster in np.unique(labels):
        own = labels == cluster
        means[cluster] = np.average(matrix[own], axis=0, weights=weights[own])
        cost += float((weights[own] * ((matrix[own] - means[cluster]) ** 2).sum(axis=1)).sum())
    return cost, means


points_and_k = st.tuples(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=5, max_size=40).map(
        lambda rows: np.array(rows, dtype=float) - np.array(rows, dtype=float).mean(axis=0)
    ),
    st.integers(2, 5),
)


def test_a_step_moves_every_centre_of_every_set_to_the_mean_of_its_points() -> None:
    generator = np.random.default_rng(2)
    matrix = generator.normal(size=(3_000, 4))
    weights = generator.integers(1, 9, 3_000).astype(float)
    matrix -= np.average(matrix, axis=0, weights=weights)
    stack = generator.normal(size=(7, 6, 4))
    costs, moved = lloyd_step(WeightedPoints.of(matrix, weights), stack)
    for cost, after, before in zip(costs, moved, stack, strict=True):
        expected_cost, expected = plain_step(matrix, weights, before)
        np.testing.assert_allclose(after, expected, rtol=1e-12, atol=1e-12)
        assert cost == pytest.approx(expected_cost, rel=1e-10)


def test_a_point_between_two_centres_belongs_to_the_first_alone() -> None:
    matrix = np.array([[-2.0], [0.0], [2.0]])
    costs, moved = lloyd_step(WeightedPoints.of(matrix), np.array([[[-1.0], [1.0], [1.0]]]))
    np.testing.assert_array_equal(moved, [[[-1.0], [2.0], [1.0]]])
    assert costs.tolist() == [2.0]


def test_a_centre_without_points_stays_where_it_is() -> None:
    matrix = np.array([[-5.5], [-4.5], [4.5], [5.5]])
    _, moved = lloyd_step(WeightedPoints.of(matrix), np.array([[[-5.0], [500.0], [6.0]]]))
    np.testing.assert_array_equal(moved, [[[-5.0], [500.0], [5.0]]])


def test_steps_end_when_they_gain_too_little_and_the_stack_is_left_as_it_was() -> None:
    matrix = groups()
    points, stack = WeightedPoints.of(matrix), np.stack([matrix[:4], matrix[::75]])
    before = stack.copy()
    first, _ = lloyd_step(points, stack)
    costs, centres = converge(points, stack, 1e-9)
    np.testing.assert_array_equal(stack, before)
    assert (costs < first).all()
    next_costs, _ = lloyd_step(points, centres)
    np.testing.assert_allclose(next_costs, costs, rtol=1e-8)
    one_step, _ = converge(points, stack, 0.0, max_steps=1)
    np.testing.assert_array_equal(one_step, first)


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_it_finishes_where_scikit_learn_ends_from_the_same_start(k: int) -> None:
    points = groups()
    start = points[:: len(points) // k][:k]
    expected = KMeans(k, init=start, n_init=1, max_iter=1000, tol=0, algorithm="lloyd").fit(points)
    np.testing.assert_allclose(finish(WeightedPoints.of(points), start), expected.cluster_centers_, rtol=1e-9)


@given(points_and_k)
@examples(max_examples=100, derandomize=True, deadline=None)
def test_when_it_finishes_every_centre_with_points_is_their_mean(drawn: tuple[Matrix, int]) -> None:
    matrix, k = drawn
    centres = finish(WeightedPoints.of(matrix), matrix[:k])
    labels, squared = nearest_centre(matrix, centres)
    assert squared.sum() <= nearest_centre(matrix, matrix[:k])[1].sum() + 1e-9
    for cluster in np.unique(labels):
        np.testing.assert_allclose(centres[cluster], matrix[labels == cluster].mean(axis=0), rtol=1e-12, atol=1e-12)


def test_finishing_from_far_away_looks_at_all_points_as_often_as_it_must() -> None:
    matrix = np.random.default_rng(8).normal(size=(20_000, 3))
    start = matrix[:6] * 0.1  # the centres spread slowly, far beyond what any point's lead allows
    centres = finish(WeightedPoints.of(matrix), start)
    labels, _ = nearest_centre(matrix, centres)
    means = np.array([matrix[labels == cluster].mean(axis=0) for cluster in range(6)])
    np.testing.assert_allclose(centres, means, rtol=1e-10, atol=1e-12)


def test_cells_hold_every_point_at_their_means() -> None:
    matrix = np.random.default_rng(3).lognormal(0, 1, size=(5_000, 3))
    means, sizes = weighted_cells(matrix, 400)
    assert means.shape == (400, 3)
    assert sizes.sum() == 5_000
    np.testing.assert_allclose((means * sizes[:, None]).sum(axis=0), matrix.sum(axis=0), rtol=1e-12)


def test_an_outlier_has_a_cell_of_its_own() -> None:
    matrix = np.random.default_rng(3).normal(size=(5_000, 3))
    matrix[17] = [900.0, 0.0, 0.0]
    means, sizes = weighted_cells(matrix, 50)
    assert sizes[means[:, 0] == 900.0].tolist() == [1.0]


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e9 + 0.1])
def test_equal_points_share_a_cell_however_they_round(value: float) -> None:
    matrix = np.repeat([[value, 0.7], [value + 1, 0.7], [value, 0.9]], [700, 33, 3], axis=0)
    means, sizes = weighted_cells(matrix, 100)
    assert sorted(sizes.tolist()) == [3, 33, 700]
    np.testing.assert_allclose(sorted(means[:, 0]), [value, value, value + 1], rtol=1e-12)
