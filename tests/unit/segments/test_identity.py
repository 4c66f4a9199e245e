"""Segments that keep their ids and names from fit to fit, by the customers they share."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from seg_spark.clustering.points import Labels, Matrix
from seg_spark.features.fitted import FittedNumber
from seg_spark.segments.identity import Clusters, Identity, IdRules, Past, identify, with_names
from seg_spark.segments.matching import NOTHING_BEFORE, Succession, follow_segments
from seg_spark.segments.model import Model, NamedTrait, Segment, SegmentEvent, born_on, unused_ids
from seg_spark.segments.names import still_holds

DAY, NEXT = date(2026, 11, 23), date(2026, 11, 24)
SIMILAR = 0.4
INCOME, SCORE = (
    FittedNumber(name, name, None, None, reject_missing=False, fill=0.0, clip=None, transform="none")
    for name in ("income", "score")
)


def customers(*groups: tuple[int, int]) -> Labels:
    """The labels of groups of customers, each given as (label, how many)."""
    return np.repeat([label for label, _ in groups], [count for _, count in groups])


def points(labels: Labels) -> Matrix:
    """Customers on a line, each at the number of its label."""
    return labels[:, None].astype(float)


def follow(before: Labels, clusters: Labels) -> Succession:
    return follow_segments([before], clusters, points(clusters), SIMILAR)


def test_a_cluster_carries_on_the_segment_whose_customers_it_has_whatever_its_index() -> None:
    before = customers((7, 50), (3, 30), (9, 20))
    found = follow(before, customers((2, 50), (0, 30), (1, 20)))
    assert found == Succession({2: 7, 0: 3, 1: 9}, {}, {}, 1.0)


def test_below_the_similarity_nothing_is_carried_on() -> None:
    before = customers((1, 100), (2, 100))
    assert follow(before, customers((0, 39), (1, 61), (1, 39), (0, 61))).kept == {0: 2, 1: 1}
    thirds = customers((0, 34), (1, 33), (2, 33), (0, 34), (1, 33), (2, 33))
    assert follow(before, thirds).kept == {}


def test_customers_without_a_label_before_say_nothing() -> None:
    before = customers((1, 50), (0, 200), (2, 50))
    assert follow(before, customers((0, 50), (2, 200), (1, 50))).kept == {0: 1, 1: 2}
    assert follow(customers((0, 10)), customers((0, 5), (1, 5))) == NOTHING_BEFORE


def test_a_labelling_that_knows_few_does_not_decide() -> None:
    clusters = customers((0, 50), (1, 50))
    by_model, few = customers((2, 48), (1, 52)), customers((0, 98), (1, 2))
    assert follow_segments([by_model, few], clusters, points(clusters), SIMILAR).kept == {0: 2, 1: 1}


def test_the_labelling_that_agrees_more_decides() -> None:
    clusters = customers((0, 50), (1, 50))
    by_model, published = customers((1, 100)), customers((2, 50), (1, 50))
    assert follow_segments([by_model, published], clusters, points(clusters), SIMILAR).kept == {0: 2, 1: 1}
    assert follow_segments([published, published[::-1]], clusters, points(clusters), SIMILAR).kept == {0: 2, 1: 1}


def test_of_even_parts_the_one_nearest_to_the_whole_keeps_the_id_whatever_its_index() -> None:
    before = customers((5, 100), (6, 20))
    halves = customers((0, 50), (1, 50), (2, 20))
    places = np.repeat([[0.0], [9.0], [100.0]], [50, 50, 20], axis=0)
    assert follow_segments([before], halves, places, SIMILAR).kept == {0: 5, 2: 6}
    assert follow_segments([before], np.array([1, 0, 2])[halves], places, SIMILAR).kept == {1: 5, 2: 6}
    thirds, near = customers((0, 40), (1, 20), (2, 40)), np.repeat([[0.0], [9.0], [6.0]], [40, 20, 40], axis=0)
    assert follow_segments([customers((5, 100))], thirds, near, SIMILAR).kept == {2: 5}


def test_a_split_has_parts_that_come_from_one_segment_and_make_up_most_of_it() -> None:
    before = customers((1, 100), (2, 50))
    assert follow(before, customers((0, 70), (1, 30), (2, 50))).splits == {1: (0, 1)}
    small_part = customers((0, 91), (1, 9), (2, 50))
    assert follow(before, small_part).splits == {}
    part_of_both = customers((0, 60), (1, 40), (1, 20), (2, 30))
    assert follow(before, part_of_both).splits == {}
    scattered = customers((0, 40), (1, 30), (2, 30), (2, 50))
    assert follow(before, scattered).splits == {}


def test_a_merge_is_a_split_looked_at_from_the_other_side() -> None:
    assert follow(customers((1, 70), (2, 30), (3, 50)), customers((0, 100), (1, 50))).merges == {0: (1, 2)}


@given(seed=st.integers(0, 10_000), k=st.integers(2, 6), old=st.integers(2, 6))
@examples(max_examples=60, derandomize=True, deadline=None)
def test_neither_the_order_of_customers_nor_the_indices_of_clusters_matter(seed: int, k: int, old: int) -> None:
    random = np.random.default_rng(seed)
    clusters = np.concatenate([np.arange(k), random.integers(0, k, 60)])
    before = np.where(random.random(60 + k) < 0.7, clusters % old, random.integers(0, old, 60 + k)) + 1
    matrix = random.normal(size=(60 + k, 2))
    plain = follow_segments([before], clusters, matrix, SIMILAR)
    rows, index = random.permutation(60 + k), random.permutation(k)
    moved = follow_segments([before[rows]], index[clusters][rows], matrix[rows], SIMILAR)
    assert {int(index[one]): segment for one, segment in plain.kept.items()} == moved.kept
    assert moved.agreement == pytest.approx(plain.agreement)


def test_new_ids_are_above_all_that_were_ever_used_and_reserved_ones_come_first() -> None:
    assert unused_ids(2, (), ()) == (1, 2)
    assert unused_ids(2, (), (1, 5, 3)) == (6, 7)
    assert unused_ids(3, (4,), (1, 2, 4, 9)) == (4, 10, 11)
    assert unused_ids(1, (4, 8), (1, 4, 8)) == (4,)
    assert unused_ids(0, (4,), (1, 4)) == ()


def fitted(*groups: tuple[float, float, int]) -> Clusters:
    """Clusters of equal customers, each given as (income, score, how many)."""
    matrix = np.repeat([(income, score) for income, score, _ in groups], [count for *_, count in groups], axis=0)
    labels = customers(*((cluster, count) for cluster, (*_, count) in enumerate(groups)))
    order = sorted(range(len(groups)), key=lambda one: -groups[one][2])
    return Clusters((INCOME, SCORE), matrix, labels, order)


def past_of(identity: Identity) -> Past:
    """What the next fit goes on from."""
    segments = [
        Segment(segment_id, name.text, cluster, (0.0,), 1, 0.1, 1.0, named_for=name.traits)
        for cluster, (segment_id, name) in enumerate(zip(identity.ids, identity.names, strict=True))
    ]
    return Past(tuple(segments), identity.history)


FIRST = fitted((-1, -1, 40), (1, 1, 60))


def first(names: Mapping[int, str] | None = None) -> Identity:
    return identify(FIRST, Past(), NOTHING_BEFORE, IdRules(DAY, names or {}))


def then(clusters: Clusters, before: Sequence[int], past: Identity, names: Mapping[int, str] | None = None) -> Identity:
    """The identity on the next day, where each customer had one of the labels before."""
    succession = follow_segments([np.array(before)], clusters.labels, clusters.matrix, SIMILAR)
    return identify(clusters, past_of(past), succession, IdRules(NEXT, names or {}))


def test_the_first_ids_go_by_size() -> None:
    found = first()
    assert found.ids == (2, 1)
    assert [one.text for one in found.names] == ["Low income, low score", "High income, high score"]
    assert set(found.history) == {
        SegmentEvent(DAY, 1, "born", "High income, high score"),
        SegmentEvent(DAY, 2, "born", "Low income, low score"),
    }


def test_a_refit_on_the_same_customers_changes_no_id_and_no_name_and_is_no_event() -> None:
    before = first()
    turned = fitted((1, 1, 60), (-1, -1, 40))
    found = then(turned, customers((1, 60), (2, 40)), before)
    assert found.ids == (1, 2)
    assert [one.text for one in found.names] == ["High income, high score", "Low income, low score"]
    assert found.history == before.history


def test_a_split_gives_the_smaller_part_a_new_id_and_a_merge_retires_one() -> None:
    before = first()
    split = then(fitted((-1, -1, 40), (2, 3, 35), (3, 2, 25)), customers((2, 40), (1, 60)), before)
    assert split.ids == (2, 1, 3)
    [cut, born] = split.history[2:]
    assert cut == SegmentEvent(NEXT, 1, "split", "High income, high score", (1, 3))
    assert (born.segment_id, born.what, born.others) == (3, "born", (1,))
    joined = then(fitted((-1, -1, 40), (1, 1, 60)), customers((2, 40), (1, 35), (3, 25)), split)
    assert joined.ids == (2, 1)
    assert joined.history[len(split.history) :] == (SegmentEvent(NEXT, 3, "merged", born.name, (1,)),)


def test_a_retired_id_is_not_given_again() -> None:
    before = first()
    only_one = then(fitted((-1, -1, 40), (5, 5, 10)), customers((2, 40), (0, 10)), before)
    assert only_one.ids == (2, 3)
    assert SegmentEvent(NEXT, 1, "retired", "High income, high score") in only_one.history
    assert born_on(only_one.history, NEXT) == (3,)


def test_a_name_stays_while_what_it_tells_is_so_and_changes_when_it_is_not() -> None:
    before = first()
    drifted = then(fitted((-1, -0.4, 40), (1, 0.4, 60)), customers((2, 40), (1, 60)), before)
    assert [one.text for one in drifted.names] == ["Low income, low score", "High income, high score"]
    turned = then(fitted((-1, 1, 40), (1, -1, 60)), customers((2, 40), (1, 60)), before)
    assert turned.ids == (2, 1)
    assert [one.text for one in turned.names] == ["Low income, high score", "High income, low score"]
    assert turned.history[2:] == (
        SegmentEvent(NEXT, 1, "renamed", "High income, low score"),
        SegmentEvent(NEXT, 2, "renamed", "Low income, high score"),
    )


def test_a_name_set_by_hand_stands_whatever_the_segment_becomes_until_it_is_taken_back() -> None:
    names = {1: "Loyal savers"}
    before = first(names)
    assert [one.text for one in before.names] == ["Low income, low score", "Loyal savers"]
    turned = then(fitted((-1, 1, 40), (1, -1, 60)), customers((2, 40), (1, 60)), before, names)
    assert turned.names[1].text == "Loyal savers"
    back = then(FIRST, customers((2, 40), (1, 60)), before)
    assert back.names[1].text == "High income, high score"


def test_a_new_segment_does_not_take_the_name_of_another() -> None:
    before = first({2: "High income, high score"})
    assert [one.text for one in before.names] == ["High income, high score", "High income, high score (2)"]


def test_a_segment_that_goes_on_does_not_keep_a_name_that_is_given_to_another_by_hand() -> None:
    found = then(FIRST, customers((2, 40), (1, 60)), first(), {2: "High income, high score"})
    assert [one.text for one in found.names] == ["High income, high score", "High income, high score (2)"]


def test_names_that_get_a_number_take_that_of_no_other_segment() -> None:
    names = ["X", "Low income", "Low income (2)"]
    segments = [Segment(number, name, number, (0.0,), 1, 0.1, 1.0) for number, name in enumerate(names, 1)]
    model, _ = with_names(Model((INCOME,), "standard", tuple(segments), 3), {1: "Low income"}, NEXT)
    assert [one.name for one in model.segments] == ["Low income", "Low income (3)", "Low income (2)"]


def test_segments_of_the_same_traits_are_numbered_on_whenever_they_come() -> None:
    alike = fitted((-1, -1, 40), (1, 1, 60), (1, 1, 50), (1, 1, 30))
    found = identify(alike, Past(), NOTHING_BEFORE, IdRules(DAY, {}))
    high = "High income, high score"
    assert [one.text for one in found.names] == ["Low income, low score", high, f"{high} (2)", f"{high} (3)"]
    more = fitted((-1, -1, 40), (1, 1, 60), (1, 1, 50), (1, 1, 30), (1, 1, 20))
    labels = customers((found.ids[0], 40), (found.ids[1], 60), (found.ids[2], 50), (found.ids[3], 30), (0, 20))
    again = then(more, labels, found)
    assert again.names[4].text == f"{high} (4)"


def test_what_a_name_tells_holds_down_to_a_quarter_of_a_standard_deviation() -> None:
    everybody = np.array([[-1.0, 0.0], [1.0, 0.0]] * 50)
    low = (NamedTrait("income", None, is_high=False),)
    for mean, holds in ((-0.3, True), (-0.2, False), (0.5, False)):
        assert still_holds(low, (INCOME, SCORE), everybody, np.array([[mean, 0.0]])) is holds
    for mean, holds in ((0.9, True), (-1.1, False)):
        assert still_holds((), (INCOME, SCORE), everybody, np.array([[mean, 0.0]])) is holds
    assert not still_holds(None, (INCOME, SCORE), everybody, everybody)
    assert not still_holds((NamedTrait("gone", None, is_high=True),), (INCOME, SCORE), everybody, everybody)


@given(matrix=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=6, max_size=30), k=st.integers(2, 6))
@examples(max_examples=80, derandomize=True, deadline=None)
def test_no_two_segments_have_one_name(matrix: list[tuple[int, int]], k: int) -> None:
    points = np.array(matrix, dtype=float)
    labels = np.arange(len(points)) % k
    found = identify(Clusters((INCOME, SCORE), points, labels, range(k)), Past(), NOTHING_BEFORE, IdRules(DAY, {}))
    assert len({one.text for one in found.names}) == k
