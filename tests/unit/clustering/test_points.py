"""The nearest centre that everything rests on."""

import numpy as np
from scipy.spatial.distance import cdist

from seg_spark.clustering.points import cluster_means, distinct_points, nearest_centre


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


def test_the_mean_of_a_cluster_is_that_of_its_points() -> None:
    means = cluster_means(np.array([[1.0, 5.0], [3.0, 5.0], [9.0, 0.0]]), np.array([1, 1, 0]), 2)
    np.testing.assert_array_equal(means, [[9.0, 0.0], [2.0, 5.0]])


def test_points_that_are_equal_on_every_axis_count_once() -> None:
    assert distinct_points(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 3.0], [2.0, 1.0], [2.0, 2.0]])) == 4
