"""The search for the best centres of every k: against exact optima, scikit-learn's many starts, and itself."""

import hashlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.cluster import KMeans

from seg_spark.clustering.lloyd import WeightedPoints
from seg_spark.clustering.points import Matrix, distinct_points, nearest_centre
from seg_spark.clustering.search import CELLS, _finish_each, approximate_centres, search_centres

STATED_LIMIT = 1.005


def cost(points: Matrix, centres: Matrix) -> float:
    return float(nearest_centre(points, centres)[1].sum())


def standardised(points: Matrix) -> Matrix:
    spread = points.std(axis=0)
    return (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def tables() -> dict[str, Matrix]:
    generator = np.random.default_rng(0)
    far = generator.normal(0, 1e4, (6, 3))
    return {
        "iris": standardised(datasets.load_iris().data),
        "wine": standardised(datasets.load_wine().data),
        "diabetes": datasets.load_diabetes().data,
        "heavy tails": standardised(generator.lognormal(0, 1.5, (800, 4))),
        "few distinct points": np.repeat(generator.normal(0, 1, (11, 2)), 20, axis=0),
        "many duplicates": generator.integers(0, 4, (900, 3)).astype(float),
        "answers on a scale": np.random.default_rng(15).integers(1, 6, (2_000, 2)).astype(float),
        "one axis": np.round(np.random.default_rng(16).gamma(1, 10, (900, 1))),
        "a tiny group": np.vstack([generator.normal(0, 1, (600, 3)), generator.normal(8, 0.1, (3, 3))]),
        "tight groups far apart": np.vstack([generator.normal(centre, 1, (80, 3)) for centre in far]),
        "more than there are cells": generator.normal(0, 1, (2 * CELLS[0], 2)) ** 3,
    }


@pytest.mark.parametrize("name", tables())
def test_every_k_comes_within_the_stated_limit_of_many_starts(name: str) -> None:
    points = tables()[name]
    ks = range(2, 9)
    found = search_centres(points, ks)
    starts = 5 if len(points) > CELLS[0] else 30
    for k in ks:
        many = KMeans(k, n_init=starts, max_iter=1000, tol=0, random_state=0).fit(points).inertia_
        assert cost(points, found[k]) <= many * STATED_LIMIT, f"k = {k}"


def least_cost(points: Matrix, weights: NDArray[np.float64], k: int) -> float:
    """The lowest within sum of squares of any partition into k clusters, by trying them all."""
    labels = np.array([[0, *rest] for rest in itertools.product(range(k), repeat=len(points) - 1)])
    between = np.zeros(len(labels))
    for cluster in range(k):
        members = (labels == cluster) * weights
        sizes = members.sum(axis=1)
        between += np.divide(((members @ points) ** 2).sum(axis=1), sizes, out=np.zeros(len(labels)), where=sizes > 0)
    return float((weights * (points**2).sum(axis=1)).sum() - between.max())


@pytest.mark.parametrize("seed", range(12))
def test_of_few_distinct_points_it_finds_the_best_of_all_partitions(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = [generator.lognormal(0, 1.5, (8, 2)), generator.normal(0, 1, (8, 3))][seed % 2]
    customers = generator.integers(1, 40, 8)
    points -= np.average(points, axis=0, weights=customers)
    table = np.repeat(points, customers, axis=0)
    found = search_centres(table, range(2, 5))
    for k, centres in found.items():
        assert cost(table, centres) <= least_cost(points, customers.astype(float), k) * STATED_LIMIT, f"k = {k}"


points_and_largest_k = st.tuples(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=40).map(
        lambda rows: np.array(rows, dtype=float) * 0.1
    ),
    st.integers(2, 6),
).filter(lambda drawn: distinct_points(drawn[0]) >= 2)


@given(points_and_largest_k)
@examples(max_examples=60, derandomize=True, deadline=None)
def test_the_cost_falls_with_k_and_every_centre_is_the_mean_of_its_customers(drawn: tuple[Matrix, int]) -> None:
    points, largest = drawn
    ks = range(2, min(largest, distinct_points(points)) + 1)
    found = search_centres(points, ks)
    assert list(found) == list(ks)
    costs = [cost(points, centres) for centres in found.values()]
    assert all(later < earlier for earlier, later in itertools.pairwise(costs))
    for k, centres in found.items():
        labels, _ = nearest_centre(points, centres)
        assert np.unique(labels).tolist() == list(range(k))
        for cluster in range(k):
            np.testing.assert_allclose(centres[cluster], points[labels == cluster].mean(axis=0), atol=1e-12)


def test_as_many_centres_as_distinct_points_end_on_them() -> None:
    points = np.repeat([[0.1, 0.0], [5.3, 5.0], [9.7, 0.0]], 4, axis=0)
    assert cost(points, search_centres(points, [3])[3]) == pytest.approx(0, abs=1e-25)


def test_a_range_that_begins_above_two_has_the_same_centres() -> None:
    points = standardised(datasets.load_iris().data)
    np.testing.assert_array_equal(search_centres(points, range(5, 7))[5], search_centres(points, range(2, 7))[5])


@pytest.mark.parametrize("start", [[[-5.0], [5.0], [900.0]], [[-5.0], [5.0]]], ids=["without points", "missing"])
def test_a_centre_without_points_or_a_missing_one_is_put_on_the_furthest_point(start: list[list[float]]) -> None:
    points = np.array([[-6.0], [-4.0], [1.0], [9.0]])
    finished = _finish_each(points, WeightedPoints.of(points), {3: np.array(start)})
    np.testing.assert_array_equal(np.sort(finished[3], axis=0), [[-5.0], [1.0], [9.0]])


def test_where_a_larger_k_costs_no_less_it_begins_again_from_the_smaller() -> None:
    points = np.array([[0.0], [1.0], [2.0], [100.0], [101.0], [200.0], [201.0]])
    better, worse = np.array([[1.0], [100.5], [200.5]]), np.array([[0.0], [1.0], [2.0], [150.5]])
    finished = _finish_each(points, WeightedPoints.of(points), {3: better, 4: worse})
    assert cost(points, finished[4]) < cost(points, finished[3]) == pytest.approx(3.0)


NOISE = [0.3, 0.1 + 0.2, 0.7, 0.1 * 7, 0.1 + 0.6, 1.1, 0.8, 0.1 * 8, 0.5 + 0.3]
"""Five numbers, some of them also with another last digit."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(12))
def test_it_ends_where_points_differ_by_rounding_alone(seed: int) -> None:
    generator = np.random.default_rng(seed)
    drawn = generator.choice(NOISE[: 3 + seed % 7], (1_000, 1))
    points = standardised(np.hstack([drawn, generator.integers(0, 2, (1_000, 1))]) if seed % 2 else drawn)
    found = search_centres(points, range(2, distinct_points(points) + 1))
    really_distinct = distinct_points(points.round(6))
    for k, centres in found.items():
        assert min(k, really_distinct) <= len(centres) <= k
    assert cost(points, found[max(found)]) < 1e-20
    assert approximate_centres(points, distinct_points(points))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("rows", "value"), [(1, 1e12), (10, 3e9), (300, 6e8), (300, 1e10)])
def test_it_ends_beside_points_that_lie_a_billion_times_further_out(rows: int, value: float) -> None:
    points = np.random.default_rng(rows).normal(size=(1_000, 2))
    points[:rows, 0] = value
    found = search_centres(points, range(2, 9))
    costs = [cost(points, centres) for centres in found.values()]
    assert sorted(costs, reverse=True) == costs
    assert costs[0] < 1e-6 * ((points - points.mean(axis=0)) ** 2).sum()


def test_sums_of_squares_that_overflow_give_no_centres() -> None:
    assert search_centres(np.array([[1e200, 0.0], [-1e200, 0.0], [1e200, 1.0]]), [2]) == {}


_DIGEST_OF_A_SEARCH = """
import hashlib, numpy as np
from seg_spark.clustering.search import search_centres
points = np.random.default_rng(1).lognormal(0, 1, (12_000, 20))
found = search_centres(points, range(2, 6))
print(hashlib.sha256(b"".join(centres.tobytes() for centres in found.values())).hexdigest())
"""


def test_the_centres_are_the_same_to_the_bit_whatever_the_number_of_threads() -> None:
    digests = [
        subprocess.run(
            [sys.executable, "-c", _DIGEST_OF_A_SEARCH], capture_output=True, text=True, check=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2")
    ]  # fmt: skip
    assert len(digests[0].strip()) == hashlib.sha256().digest_size * 2
    assert digests[0] == digests[1]
