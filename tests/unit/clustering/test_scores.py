"""Every score against scikit-learn, or against a plain sum over pairs."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn import metrics

from seg_spark.clustering.points import Labels, Matrix, nearest_centre
from seg_spark.clustering.scores import (
    EUCLIDEAN_CUSTOMERS,
    Moments,
    Scores,
    euclidean_silhouettes,
    moments_of,
    score_training_set,
    scores_from,
    squared_silhouette,
)

CLOSE = 1e-9
FIXTURE = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]])
FIXTURE_LABELS = np.array([0, 0, 1, 1])


def all_scores(points: Matrix, labels: Labels) -> Scores:
    k = int(labels.max()) + 1
    return score_training_set(points, labels, k, euclidean_silhouettes(points, {k: labels})[k])


def pairwise_silhouette(distances: Matrix, labels: Labels) -> float:
    """The mean silhouette from the distances of all pairs, straight from its definition."""
    total = 0.0
    for i, own_cluster in enumerate(labels):
        members = {j: np.flatnonzero(labels == j) for j in np.unique(labels)}
        own = [other for other in members[own_cluster] if other != i]
        if not own:
            continue
        a = np.mean([distances[i, other] for other in own])
        b = min(np.mean([distances[i, other] for other in members[j]]) for j in members if j != own_cluster)
        total += 0.0 if max(a, b) == 0 else (b - a) / max(a, b)
    return total / len(labels)


def random_points(customers: int, axes: int, seed: int) -> Matrix:
    """Points on a grid of 1/1024, so that moving them by a million loses no bit."""
    return np.round(np.random.default_rng(seed).normal(0, 3, (customers, axes)) * 1024) / 1024


def near_random_centres(points: Matrix, k: int) -> Labels:
    return nearest_centre(points, points[:: max(len(points) // k, 1)][:k])[0]


def random_labels(customers: int, k: int, seed: int) -> Labels:
    labels = np.random.default_rng(seed).integers(0, k, customers)
    labels[:k] = np.arange(k)
    return labels


POINTS = random_points(300, 4, 1)
MANY = random_points(1_300, 3, 2)
DOUBLED = np.repeat(random_points(30, 2, 3), 8, axis=0)
CASES: dict[str, tuple[Matrix, Labels]] = {
    "clusters": (POINTS, near_random_centres(POINTS, 5)),
    "labels without sense": (POINTS, random_labels(300, 5, 4)),
    "two clusters": (POINTS, near_random_centres(POINTS, 2)),
    "one axis": (POINTS[:, :1], near_random_centres(POINTS[:, :1], 3)),
    "more axes than customers": (random_points(30, 60, 5), random_labels(30, 4, 6)),
    "forty clusters, several blocks of rows": (MANY, near_random_centres(MANY, 40)),
    "duplicates": (DOUBLED, near_random_centres(DOUBLED, 6)),
    "nothing but duplicates in a cluster": (DOUBLED, np.repeat(np.arange(30) % 29, 8)),
    "singletons": (POINTS, np.r_[np.arange(10), np.full(290, 10)]),
    "one customer less in clusters than customers": (POINTS[:20], np.r_[np.arange(19), 18]),
    "a cluster far away": (np.r_[POINTS, POINTS[:50] + 1024], np.r_[near_random_centres(POINTS, 4), np.full(50, 4)]),
    "very unequal units": (POINTS * [1.0, 2.0**10, 2.0**-10, 1.0], near_random_centres(POINTS, 4)),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Matrix, Labels]:
    return CASES[request.param]


def test_the_four_points_that_everybody_can_check_by_hand() -> None:
    scores = all_scores(FIXTURE, FIXTURE_LABELS)
    assert scores.k == 2
    assert scores.within_ss == pytest.approx(2.0, rel=1e-12)
    assert scores.silhouette == pytest.approx(0.7230769230769231, rel=1e-12)
    assert scores.silhouette_euclidean == pytest.approx(0.4666666666666667, rel=1e-12)
    assert scores.calinski_harabasz == pytest.approx(8.0, rel=1e-12)
    assert scores.davies_bouldin == pytest.approx(0.5, rel=1e-12)
    assert scores.smallest_share == 0.5


def test_calinski_harabasz_is_that_of_scikit_learn(case: tuple[Matrix, Labels]) -> None:
    assert all_scores(*case).calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(*case), rel=CLOSE)


def test_davies_bouldin_is_that_of_scikit_learn(case: tuple[Matrix, Labels]) -> None:
    assert all_scores(*case).davies_bouldin == pytest.approx(metrics.davies_bouldin_score(*case), rel=CLOSE)


def test_the_euclidean_silhouette_is_that_of_scikit_learn(case: tuple[Matrix, Labels]) -> None:
    points, labels = case
    # from exact distances: scikit-learn's own lose digits where points coincide
    expected = metrics.silhouette_score(cdist(points, points), labels, metric="precomputed")
    assert all_scores(points, labels).silhouette_euclidean == pytest.approx(expected, rel=CLOSE)


def test_the_squared_silhouette_is_that_of_all_pairs(case: tuple[Matrix, Labels]) -> None:
    points, labels = case
    squared = cdist(points, points, "sqeuclidean")
    expected = metrics.silhouette_score(squared, labels, metric="precomputed")
    assert all_scores(points, labels).silhouette == pytest.approx(expected, rel=CLOSE)
    if len(points) <= 300:
        assert all_scores(points, labels).silhouette == pytest.approx(pairwise_silhouette(squared, labels), rel=CLOSE)


def test_the_within_sum_of_squares_is_the_sum_over_the_clusters(case: tuple[Matrix, Labels]) -> None:
    points, labels = case
    members = [points[labels == j] for j in np.unique(labels)]
    expected = sum(float(((own - own.mean(axis=0)) ** 2).sum()) for own in members)
    assert all_scores(points, labels).within_ss == pytest.approx(expected, rel=CLOSE)


def test_the_smallest_share_is_the_smallest_cluster_among_all_customers(case: tuple[Matrix, Labels]) -> None:
    points, labels = case
    assert all_scores(points, labels).smallest_share == min(np.bincount(labels)) / len(points)


@pytest.mark.parametrize("shift", [1e6, -1e6])
def test_far_from_the_origin_every_score_is_as_near_it(case: tuple[Matrix, Labels], shift: float) -> None:
    points, labels = case
    moved = points + shift
    np.testing.assert_array_equal(moved - shift, points)  # moved without rounding
    near, far = all_scores(points, labels), all_scores(moved, labels)
    for score in ("within_ss", "silhouette", "silhouette_euclidean", "davies_bouldin", "calinski_harabasz"):
        assert getattr(far, score) == pytest.approx(getattr(near, score), rel=CLOSE), score


def test_the_order_of_the_customers_does_not_matter(case: tuple[Matrix, Labels]) -> None:
    points, labels = case
    order = np.random.default_rng(8).permutation(len(points))
    one, other = all_scores(points, labels), all_scores(points[order], labels[order])
    for score in ("within_ss", "silhouette", "silhouette_euclidean", "davies_bouldin", "calinski_harabasz"):
        assert getattr(other, score) == pytest.approx(getattr(one, score), rel=CLOSE), score


distinct_points = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=4, max_size=25, unique=True
).map(lambda rows: np.array(rows, dtype=float))


@given(points=distinct_points, seed=st.integers(0, 1000), data=st.data())
@examples(max_examples=100, derandomize=True, deadline=None)
def test_both_silhouettes_are_those_of_all_pairs_on_any_points(points: Matrix, seed: int, data: st.DataObject) -> None:
    labels = random_labels(len(points), data.draw(st.integers(2, len(points) - 1)), seed)
    scores = all_scores(points, labels)
    squared = pairwise_silhouette(cdist(points, points, "sqeuclidean"), labels)
    euclidean = pairwise_silhouette(cdist(points, points), labels)
    assert scores.silhouette == pytest.approx(squared, rel=CLOSE, abs=1e-12)
    assert scores.silhouette_euclidean == pytest.approx(euclidean, rel=CLOSE, abs=1e-12)


@given(points=distinct_points, seed=st.integers(0, 1000), k=st.integers(2, 3), doublings=st.integers(-20, 20))
@examples(max_examples=50, derandomize=True, deadline=None)
def test_only_the_within_sum_of_squares_knows_the_unit(points: Matrix, seed: int, k: int, doublings: int) -> None:
    labels, unit = random_labels(len(points), k, seed), 2.0**doublings
    one, other = all_scores(points, labels), all_scores(points * unit, labels)
    assert other.within_ss == pytest.approx(one.within_ss * unit**2, rel=1e-12)
    for score in ("silhouette", "silhouette_euclidean", "davies_bouldin", "calinski_harabasz", "smallest_share"):
        assert getattr(other, score) == pytest.approx(getattr(one, score), rel=1e-12), score


def test_several_clusterings_share_their_distances_and_keep_their_own_silhouette() -> None:
    labels = {k: near_random_centres(POINTS, k) for k in (2, 3, 7)}
    together = euclidean_silhouettes(POINTS, labels)
    assert list(together) == [2, 3, 7]
    alone = {k: euclidean_silhouettes(POINTS, {k: own})[k] for k, own in labels.items()}
    assert together == pytest.approx(alone, rel=CLOSE)
    assert all(abs(one - other) > 1e-6 for one, other in pairwise(together[k] or 0.0 for k in labels))


def test_the_euclidean_silhouette_is_taken_over_the_first_customers_only() -> None:
    points = random_points(EUCLIDEAN_CUSTOMERS + 500, 1, 9)
    labels = near_random_centres(points, 3)
    others = np.r_[labels[:EUCLIDEAN_CUSTOMERS], np.full(500, 3)]
    silhouettes = euclidean_silhouettes(points, {3: labels, 4: others})
    assert silhouettes[3] == silhouettes[4]


def test_a_cluster_without_customers_among_the_first_is_left_out() -> None:
    labels = near_random_centres(POINTS, 3)
    labels[labels == 1] = 4
    silhouette = euclidean_silhouettes(POINTS, {5: labels})[5]
    assert silhouette == pytest.approx(
        metrics.silhouette_score(cdist(POINTS, POINTS), labels, metric="precomputed"), rel=CLOSE
    )


def test_with_one_cluster_among_the_first_there_is_no_euclidean_silhouette() -> None:
    assert euclidean_silhouettes(POINTS, {2: np.zeros(len(POINTS), dtype=int)}) == {2: None}


def test_moments_of_parts_add_up_to_those_of_the_whole() -> None:
    labels = near_random_centres(POINTS, 3)
    whole = moments_of(POINTS, labels, 3)
    parts = [moments_of(POINTS[part], labels[part], 3) for part in (slice(0, 200), slice(200, 300))]
    for name in ("customers", "sums", "squares"):
        added: NDArray[np.float64] = getattr(parts[0], name) + getattr(parts[1], name)
        np.testing.assert_allclose(added, getattr(whole, name), rtol=1e-12)


def test_scores_follow_from_moments_alone() -> None:
    labels = near_random_centres(POINTS, 4)
    centred = POINTS - POINTS.mean(axis=0)
    moments = moments_of(centred, labels, 4)
    copied = Moments(*(np.array(part) for part in vars(moments).values()))
    silhouette = squared_silhouette(centred, labels, moments)
    assert scores_from(copied, silhouette, None) == score_training_set(POINTS, labels, 4, None)


def test_as_many_clusters_as_customers_leave_nothing_to_explain() -> None:
    scores = all_scores(POINTS[:5], np.arange(5))
    assert scores.within_ss == pytest.approx(0, abs=1e-12)
    assert scores.silhouette == 0.0
    assert scores.silhouette_euclidean == 0.0
    assert scores.smallest_share == 0.2
