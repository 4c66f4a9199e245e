"""Two segmentations laid on one another, by the customers they share."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from seg_spark.segments.matching import ComparedSegment, adjusted_rand_index, compared_segments, match_segments

LABELS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=2, max_size=60)


def test_equal_segments_under_other_ids_match_and_nobody_moves() -> None:
    matching = match_segments({(1, 2): 30, (2, 3): 25, (3, 1): 20})
    assert matching.partner == {1: 3, 2: 1, 3: 2}
    assert (matching.in_both, matching.moved, matching.moved_share) == (75, 0, 0.0)
    assert matching.adjusted_rand_index == 1.0


def test_the_best_matching_is_not_the_greedy_one() -> None:
    # taking the largest overlap first, 10, would leave 0 for the others
    matching = match_segments({(1, 1): 10, (1, 2): 9, (2, 1): 9})
    assert matching.partner == {1: 2, 2: 1}
    assert matching.moved == 10


def test_a_segment_that_shares_nobody_with_its_match_has_none() -> None:
    assert match_segments({(1, 1): 5, (1, 2): 3}).partner == {1: 1}
    assert match_segments({(1, 1): 5, (2, 1): 1, (1, 2): 2}).partner == {1: 1}
    assert match_segments({(1, 1): 5, (None, 2): 3, (3, None): 2}).partner == {1: 1}


def test_who_enters_and_who_leaves_does_not_move() -> None:
    matching = match_segments({(1, 1): 10, (1, 2): 1, (2, 2): 4, (None, 1): 3, (None, 2): 2, (2, None): 7})
    assert (matching.in_both, matching.moved, matching.entered, matching.left) == (15, 1, 5, 7)
    assert matching.moved_share == pytest.approx(1 / 15)


def test_without_common_customers_there_is_nothing_to_agree_on() -> None:
    matching = match_segments({(1, None): 4, (None, 1): 5})
    assert (matching.partner, matching.in_both, matching.moved_share) == ({}, 0, 0.0)
    assert matching.adjusted_rand_index is None


@pytest.mark.parametrize(
    "pairs",
    [
        [(1, 1), (1, 1)],
        [(1, 1), (2, 2)],
        [(1, 1), (1, 2)],
        [(1, 1), (1, 2), (2, 1), (2, 2)],
        [(1, 1), (1, 1), (1, 2), (2, 2), (2, 2), (3, 2)],
    ],
)
def test_the_adjusted_rand_index_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    assert adjusted_rand_index(Counter(pairs)) == pytest.approx(adjusted_rand_score(*zip(*pairs, strict=True)))


@given(LABELS)
@examples(max_examples=200, deadline=None)
def test_any_two_labellings_agree_as_scikit_learn_says_and_match_as_well_as_can_be(
    pairs: list[tuple[int, int]],
) -> None:
    table = Counter(pairs)
    matching = match_segments(dict(table))
    assert matching.adjusted_rand_index == pytest.approx(adjusted_rand_score(*zip(*pairs, strict=True)), abs=1e-12)
    ones, others = range(1, 6), [1, 2, 3, 4, None]
    best = max(
        sum(table[one, other] for one, other in zip(ones, order, strict=True) if other is not None)
        for order in permutations(others)
    )
    assert matching.in_both - matching.moved == best
    assert len(set(matching.partner.values())) == len(matching.partner)


@given(LABELS)
@examples(max_examples=50, deadline=None)
def test_both_directions_say_the_same(pairs: list[tuple[int, int]]) -> None:
    there = match_segments(dict(Counter(pairs)))
    back = match_segments(dict(Counter((other, one) for one, other in pairs)))
    assert (there.moved, there.in_both) == (back.moved, back.in_both)
    assert there.adjusted_rand_index == pytest.approx(back.adjusted_rand_index)


def test_both_sides_list_their_segments_with_sizes_and_partners() -> None:
    table = {(1, 1): 6, (1, 2): 1, (2, 2): 2, (3, 2): 1, (3, None): 2, (None, 1): 10}
    published, tried, _ = compared_segments({1: "A", 2: "B", 3: "C"}, {1: "X", 2: "Y"}, table)
    assert published == (
        ComparedSegment(1, "A", 7, 7 / 12, 1, 6),
        ComparedSegment(2, "B", 2, 2 / 12, 2, 2),
        ComparedSegment(3, "C", 3, 3 / 12, None, 0),
    )
    assert tried == (ComparedSegment(1, "X", 16, 0.8, 1, 6), ComparedSegment(2, "Y", 4, 0.2, 2, 2))


def test_partners_point_both_ways() -> None:
    published, tried, _ = compared_segments(
        {1: "A", 2: "B", 3: "C"}, {1: "B", 2: "C", 3: "A"}, {(1, 3): 3, (2, 1): 2, (3, 2): 1}
    )
    assert [one.matched_segment_id for one in published] == [3, 1, 2]
    assert [one.matched_segment_id for one in tried] == [2, 3, 1]


def test_a_segment_without_customers_is_listed_all_the_same() -> None:
    published, _, _ = compared_segments({1: "A", 2: "B"}, {1: "X"}, {(1, 1): 3})
    assert published[1] == ComparedSegment(2, "B", 0, 0.0, None, 0)
